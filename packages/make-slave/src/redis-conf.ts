/**
 * One argument of a redis.conf line, quoted so that Redis reads back exactly these bytes (sdssplitargs() in Redis's sds.c):
 * inside double quotes `\"`, `\\` and `\xHH` are escapes, so line breaks, control characters and everything that is not ASCII
 * go as `\xHH`, byte by byte in UTF-8.
 */
export function quoteArgument(text: string): string {
  if (/^[A-Za-z0-9_./:%@+,=-]+$/.test(text)) return text;
  const bytes = [...Buffer.from(text, 'utf8')].map((byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
/** One argument as Redis splits them: parts in double quotes, in single quotes, or bare. */
const ARGUMENT = /\s*((?:"(?:\\.|[^"\\])*"|'(?:\\'|[^'])*'|[^\s"'])+)/y;
const PART = /"((?:\\.|[^"\\])*)"|'((?:\\'|[^'])*)'|([^\s"']+)/g;

function unescape(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|[^])/g, (_, escape: string) =>
    escape.length === 3 ? String.fromCharCode(Number.parseInt(escape.slice(1), 16)) : (ESCAPES[escape] ?? escape),
  );
}

/** Splits one line of a redis.conf into its arguments, as Redis does; null when its quotes do not match up. */
export function splitArguments(line: string): string[] | null {
  const found: string[] = [];
  const text = line.trim();
  ARGUMENT.lastIndex = 0;
  while (ARGUMENT.lastIndex < text.length) {
    const match = ARGUMENT.exec(text);
    if (match === null) return null;
    // Escapes make single bytes; what they spell is read as UTF-8 when all are together.
    const parts = [...String(match[1]).matchAll(PART)].map(([, double, single, bare]) => {
      if (double !== undefined) return unescape(Buffer.from(double, 'utf8').toString('latin1'));
      const plain = single === undefined ? String(bare) : single.replaceAll("\\'", "'");
      return Buffer.from(plain, 'utf8').toString('latin1');
    });
    found.push(Buffer.from(parts.join(''), 'latin1').toString('utf8'));
  }
  return found;
}

/** Old names that Redis still takes. */
const NEW_NAMES: Readonly<Record<string, string>> = {
  slaveof: 'replicaof',
  'slave-priority': 'replica-priority',
  'slave-announce-ip': 'replica-announce-ip',
  'slave-announce-port': 'replica-announce-port',
  'min-slaves-to-write': 'min-replicas-to-write',
  'min-slaves-max-lag': 'min-replicas-max-lag',
};

/** The present name of a directive, whatever its case and age. */
function directiveName(written: string): string {
  const name = written.toLowerCase();
  return NEW_NAMES[name] ?? name;
}

/** One line of a redis.conf that says something. */
export interface Setting {
  /** The present name, in lower case. */
  readonly name: string;
  /** The name as it stands there. */
  readonly written: string;
  readonly args: readonly string[];
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** All settings of the text of one file. Lines that Redis itself would refuse are left out: it will say so. */
export function parseSettings(text: string, file: string): Setting[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    const [written, ...args] = splitArguments(line) ?? [];
    return written === undefined ? [] : [{ name: directiveName(written), written, args, file, line: index + 1 }];
  });
}
