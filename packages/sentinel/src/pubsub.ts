import { bulk, integer, type Reply, type Session } from '@sentinel-micro/runtime';

const MAX_SUBSCRIPTIONS = 64;
const MAX_NAME_LENGTH = 256;

function confirmation(kind: string, channel: string | null, session: Session): Reply {
  const name: Reply = channel === null ? { type: 'null' } : bulk(channel);
  return { type: 'push', items: [bulk(kind), name, integer(session.channels.size + session.patterns.size)] };
}

/** SUBSCRIBE, PSUBSCRIBE and their opposites; confirms each channel, as Redis does. */
export function subscription(session: Session, words: readonly string[]): Reply {
  const [command = '', ...names] = words;
  const kind = command.toLowerCase();
  const set = kind.startsWith('p') ? session.patterns : session.channels;
  const isAdding = kind === 'subscribe' || kind === 'psubscribe';
  if (isAdding && names.length === 0)
    return { type: 'error', text: `ERR wrong number of arguments for '${kind}' command` };
  if (isAdding && set.size + names.length > MAX_SUBSCRIPTIONS) {
    return {
      type: 'error',
      text: `ERR at most ${String(MAX_SUBSCRIPTIONS)} subscriptions are allowed on one connection`,
    };
  }
  if (isAdding && names.some((name) => name.length > MAX_NAME_LENGTH)) {
    return { type: 'error', text: `ERR a channel's name has at most ${String(MAX_NAME_LENGTH)} characters` };
  }
  const affected = isAdding || names.length > 0 ? names : [...set];
  if (affected.length === 0) session.push(confirmation(kind, null, session));
  for (const name of affected) {
    if (isAdding) set.add(name);
    else set.delete(name);
    session.push(confirmation(kind, name, session));
  }
  return { type: 'none' };
}

/** One place of a pattern: anything, however long, or one byte out of some. */
type Token = { readonly isMany: true } | { readonly isMany: false; readonly accepts: (byte: number) => boolean };

const BYTE = {
  star: 0x2a,
  question: 0x3f,
  open: 0x5b,
  close: 0x5d,
  backslash: 0x5c,
  caret: 0x5e,
  minus: 0x2d,
} as const;

interface Parsed {
  readonly token: Token;
  readonly next: number;
}

const one = (accepts: (byte: number) => boolean): Token => ({ isMany: false, accepts });

/** `[abc]`, `[^a-c]`, with the same oddities as in Redis: a set without an end goes to the end, and ranges work in both directions. */
function parseSet(pattern: Buffer, from: number): Parsed {
  const isNegated = pattern[from] === BYTE.caret;
  let at = isNegated ? from + 1 : from;
  const ranges: (readonly [number, number])[] = [];
  while (at < pattern.length) {
    let byte = pattern[at] ?? 0;
    const last = pattern[at + 2];
    if (byte === BYTE.backslash && at + 1 < pattern.length) {
      at += 1;
      byte = pattern[at] ?? 0;
      ranges.push([byte, byte]);
    } else if (byte === BYTE.close) break;
    else if (pattern[at + 1] === BYTE.minus && last !== undefined) {
      ranges.push([Math.min(byte, last), Math.max(byte, last)]);
      at += 2;
    } else ranges.push([byte, byte]);
    at += 1;
  }
  const isIn = (byte: number): boolean => ranges.some(([low, high]) => byte >= low && byte <= high);
  return { token: one((byte) => isIn(byte) !== isNegated), next: at + 1 };
}

function parseToken(pattern: Buffer, at: number): Parsed {
  const byte = pattern[at] ?? 0;
  if (byte === BYTE.star) return { token: { isMany: true }, next: at + 1 };
  if (byte === BYTE.question) return { token: one(() => true), next: at + 1 };
  if (byte === BYTE.open) return parseSet(pattern, at + 1);
  const escaped = byte === BYTE.backslash ? pattern[at + 1] : undefined;
  const literal = escaped ?? byte;
  return { token: one((other) => other === literal), next: at + (escaped === undefined ? 1 : 2) };
}

function tokensOf(pattern: Buffer): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length;) {
    const { token, next } = parseToken(pattern, at);
    tokens.push(token);
    at = next;
  }
  return tokens;
}

/**
 * Does the pattern match, as in Redis (stringmatchlen in util.c)? Not made of regular expressions: some patterns would take for
 * ever then, and any client may send one.
 */
export function globMatches(pattern: string, text: string): boolean {
  const tokens = tokensOf(Buffer.from(pattern));
  const bytes = Buffer.from(text);
  let [place, at] = [0, 0];
  // Where to go on when it does not fit: the newest star takes one byte more.
  let [starPlace, starAt] = [-1, 0];
  while (at < bytes.length) {
    const token = tokens[place];
    if (token?.isMany === true) {
      [starPlace, starAt] = [place, at];
      place += 1;
    } else if (token?.accepts(bytes[at] ?? 0) === true) {
      place += 1;
      at += 1;
    } else if (starPlace === -1) return false;
    else {
      starAt += 1;
      [place, at] = [starPlace + 1, starAt];
    }
  }
  return tokens.slice(place).every(({ isMany }) => isMany);
}

/** Sends a message to everybody who has subscribed to its channel. */
export function publish(sessions: Iterable<Session>, channel: string, message: string): void {
  for (const session of sessions) {
    if (session.channels.has(channel)) {
      session.push({ type: 'push', items: [bulk('message'), bulk(channel), bulk(message)] });
    }
    for (const pattern of session.patterns) {
      if (!globMatches(pattern, channel)) continue;
      session.push({ type: 'push', items: [bulk('pmessage'), bulk(pattern), bulk(channel), bulk(message)] });
    }
  }
}
