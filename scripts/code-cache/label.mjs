/** Of a program that stands alone in its file: `NAME.cjs` for the text, `NAME.cache` for what V8 has made of it. */
export const LABEL_BYTES = 128;

/**
 * Which text of which program, and for whom V8 has compiled it. V8 itself looks at its own version, its flags and the length of the text.
 * @param text its first line names it: a comment with the hash of all that follows
 */
export function labelOf(text) {
  return `${text.slice(2, text.indexOf('\n'))} ${process.version} ${process.arch}`.padEnd(LABEL_BYTES);
}
