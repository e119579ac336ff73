// The YAML that kubeconfig files are made of: mappings and lists in block style, plain and quoted scalars, comments; or all of
// it as JSON. Whatever else YAML has (anchors, tags, folded text, flow collections with something in them) is refused by its line, never guessed.

export type Yaml = string | null | Yaml[] | { [key: string]: Yaml };

export class YamlError extends Error {
  override readonly name = 'YamlError';
}

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

/** Deeper than any kubeconfig. */
const MOST_LEVELS = 20;

/** @throws YamlError with the number of the line; never with what stands in it, which may be a secret. */
export function parseYaml(text: string): Yaml {
  if (text.trimStart().startsWith('{')) return parseJson(text);
  const lines = linesOf(text);
  const reader = new Reader(lines);
  const value = reader.block(lines[0]?.indent ?? 0, 0);
  reader.expectEnd();
  return value;
}

function parseJson(text: string): Yaml {
  try {
    return asYaml(JSON.parse(text) as unknown);
  } catch {
    throw new YamlError('it begins like JSON, but is none');
  }
}

function asYaml(value: unknown): Yaml {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map(asYaml);
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, asYaml(of)]));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function linesOf(text: string): Line[] {
  const lines = text.split(/\r?\n/).map((line, index) => {
    if (/^\s*\t/.test(line)) throw new YamlError(`line ${index + 1}: indented with a tab`);
    return { number: index + 1, indent: /^ */.exec(line)?.[0].length ?? 0, text: line.trim() };
  });
  const start = lines.findIndex(({ text: it }) => it !== '' && !it.startsWith('#'));
  const isMarker = lines[start]?.text === '---';
  return lines.slice(isMarker ? start + 1 : 0).filter(({ text: it }) => it !== '' && !it.startsWith('#'));
}

class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  expectEnd(): void {
    const line = this.#lines[this.#at];
    if (line) throw new YamlError(`line ${line.number}: does not fit the indentation of those before it`);
  }

  /** What begins at the present line, all of which is indented by `indent`. */
  block(indent: number, level: number): Yaml {
    const line = this.#lines[this.#at];
    if (!line || line.indent < indent) return null;
    if (level > MOST_LEVELS) throw new YamlError(`line ${line.number}: nested too deep`);
    return isItem(line.text) ? this.#list(line.indent, level) : this.#mapping(line.indent, level);
  }

  #list(indent: number, level: number): Yaml[] {
    const items: Yaml[] = [];
    for (let line = this.#lines[this.#at]; line?.indent === indent && isItem(line.text); line = this.#lines[this.#at]) {
      const rest = line.text.slice(1).trimStart();
      if (rest === '') {
        this.#at += 1;
        items.push(this.block(indent + 1, level + 1));
      } else if (!isItem(rest) && keyOf(rest, line.number) === null) {
        this.#at += 1;
        items.push(scalar(rest, line.number));
      } else {
        // `- name: x` is a mapping that begins where the name does, and `- - x` a list in a list.
        this.#lines[this.#at] = { ...line, indent: indent + line.text.length - rest.length, text: rest };
        items.push(this.block(indent + 1, level + 1));
      }
    }
    return items;
  }

  #mapping(indent: number, level: number): Yaml {
    const entries = new Map<string, Yaml>();
    for (
      let line = this.#lines[this.#at];
      line?.indent === indent && !isItem(line.text);
      line = this.#lines[this.#at]
    ) {
      const found = keyOf(line.text, line.number);
      if (!found) throw new YamlError(`line ${line.number}: a key and a colon were expected`);
      if (entries.has(found.key)) throw new YamlError(`line ${line.number}: the key is there twice`);
      this.#at += 1;
      entries.set(found.key, found.rest === '' ? this.#below(indent, level) : scalar(found.rest, line.number));
    }
    return Object.fromEntries(entries);
  }

  /** The value of a key that has nothing behind its colon. A list may stand as far left as its key. */
  #below(indent: number, level: number): Yaml {
    const line = this.#lines[this.#at];
    return this.block(line?.indent === indent && isItem(line.text) ? indent : indent + 1, level + 1);
  }
}

function isItem(text: string): boolean {
  return text === '-' || text.startsWith('- ');
}

function keyOf(text: string, number: number): { key: string; rest: string } | null {
  const match = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\w./][\w./-]*)\s*:(?:\s+(.*))?$/.exec(text);
  if (!match) return null;
  const [, key = '', rest = ''] = match;
  return { key: /^["']/.test(key) ? quoted(key, number) : key, rest: rest.startsWith('#') ? '' : rest };
}

function scalar(text: string, number: number): Yaml {
  if (/^["']/.test(text)) return quoted(text, number);
  const plain = text.replace(/\s+#.*$/, '');
  if (plain === '{}') return {};
  if (plain === '[]') return [];
  if (plain === '' || plain === '~' || plain === 'null') return null;
  if (/^[&*!|>%@`{[]/.test(plain)) throw new YamlError(`line ${number}: YAML of a kind that is not understood here`);
  return plain;
}

function quoted(text: string, number: number): string {
  const single = /^'((?:[^']|'')*)'(?:\s+#.*)?$/.exec(text);
  if (single) return (single[1] ?? '').replaceAll("''", "'");
  const double = /^("(?:[^"\\]|\\.)*")(?:\s+#.*)?$/.exec(text);
  try {
    return JSON.parse(double?.[1] ?? '') as string;
  } catch {
    throw new YamlError(`line ${number}: the quotation does not end, or is none as in JSON`);
  }
}
