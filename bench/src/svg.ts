const STYLE =
  '<style>text{font:12px sans-serif;fill:#222}.head{font-weight:bold}.end{text-anchor:end}.mid{text-anchor:middle;fill:#666}.own{fill:#0a6e4f}.peer{fill:#b3541e}.light{fill:#fff;text-anchor:middle}.line{fill:none;stroke:#0a6e4f;stroke-width:1.5}.grid{stroke:#ddd}.median{stroke:#222;stroke-width:2}</style>';

/** A line of text; what it says may contain anything. */
export function text(x: number, y: number, content: string, kind: string): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text class="${kind}" x="${x}" y="${y}">${safe}</text>`;
}

/** A whole SVG document with these parts on white. */
export function documentOf(
  { title, widthPx, heightPx }: { readonly title: string; readonly widthPx: number; readonly heightPx: number },
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${heightPx}" width="${widthPx}" height="${heightPx}" role="img">`,
    `<title>${title}</title>`,
    STYLE,
    `<rect width="${widthPx}" height="${heightPx}" fill="#fff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
