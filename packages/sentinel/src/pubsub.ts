import { bulk, integer, type Reply, type Session } from '@sentinel-micro/runtime';

const MAX_CHANNELS = 64;
const MAX_NAME_LENGTH = 256;
/**
 * Each message is compared with each pattern, in the very moment of a failover: with as many connections as are allowed, and the
 * worst patterns there are, that must take some milliseconds and no more. Clients use one to six of them.
 */
const MAX_PATTERNS = 16;
const MAX_PATTERN_LENGTH = 128;

export function isSubscriber({ channels, patterns }: Session): boolean {
  return channels.size + patterns.size > 0;
}

function confirmation(kind: string, channel: string | null, session: Session): Reply {
  const name: Reply = channel === null ? { type: 'null' } : bulk(channel);
  return { type: 'push', items: [bulk(kind), name, integer(session.channels.size + session.patterns.size)] };
}

/** SUBSCRIBE, PSUBSCRIBE and their opposites; confirms each channel, as Redis does. */
export function subscription(session: Session, words: readonly string[]): Reply {
  const [command = '', ...names] = words;
  const kind = command.toLowerCase();
  const isPattern = kind.startsWith('p');
  const set = isPattern ? session.patterns : session.channels;
  const [max, maxLength] = isPattern ? [MAX_PATTERNS, MAX_PATTERN_LENGTH] : [MAX_CHANNELS, MAX_NAME_LENGTH];
  const isAdding = kind === 'subscribe' || kind === 'psubscribe';
  if (isAdding && names.length === 0)
    return { type: 'error', text: `ERR wrong number of arguments for '${kind}' command` };
  if (isAdding && new Set([...set, ...names]).size > max) {
    const what = isPattern ? 'patterns' : 'channels';
    return { type: 'error', text: `ERR at most ${String(max)} ${what} are allowed on one connection` };
  }
  if (isAdding && names.some((name) => name.length > maxLength)) {
    return { type: 'error', text: `ERR a name has at most ${String(maxLength)} characters` };
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

const BYTE = {
  star: 0x2a,
  question: 0x3f,
  open: 0x5b,
  close: 0x5d,
  backslash: 0x5c,
  caret: 0x5e,
  minus: 0x2d,
} as const;

/** Whether the place of a pattern takes a byte, and where the next place begins. */
interface Look {
  readonly fits: boolean;
  readonly next: number;
}

/** `[abc]`, `[^a-c]`, with the same oddities as in Redis: a set without an end goes to the end, and ranges work in both directions. */
function lookAtSet(pattern: Buffer, from: number, wanted: number): Look {
  const isNegated = pattern[from] === BYTE.caret;
  let isIn = false;
  let at = isNegated ? from + 1 : from;
  while (at < pattern.length) {
    let byte = pattern[at] ?? 0;
    const last = pattern[at + 2];
    if (byte === BYTE.backslash && at + 1 < pattern.length) {
      at += 1;
      byte = pattern[at] ?? 0;
      isIn ||= byte === wanted;
    } else if (byte === BYTE.close) break;
    else if (pattern[at + 1] === BYTE.minus && last !== undefined) {
      isIn ||= wanted >= Math.min(byte, last) && wanted <= Math.max(byte, last);
      at += 2;
    } else isIn ||= byte === wanted;
    at += 1;
  }
  return { fits: isIn !== isNegated, next: at + 1 };
}

/** Any place but a star. */
function look(pattern: Buffer, at: number, wanted: number): Look {
  const byte = pattern[at] ?? 0;
  if (byte === BYTE.question) return { fits: true, next: at + 1 };
  if (byte === BYTE.open) return lookAtSet(pattern, at + 1, wanted);
  const escaped = byte === BYTE.backslash ? pattern[at + 1] : undefined;
  return { fits: (escaped ?? byte) === wanted, next: at + (escaped === undefined ? 1 : 2) };
}

/**
 * Does the pattern match, as in Redis (stringmatchlen in util.c)? Not made of regular expressions: some patterns would take for
 * ever then, and any client may send one.
 */
export function globMatches(pattern: string, text: string): boolean {
  const [places, bytes] = [Buffer.from(pattern), Buffer.from(text)];
  let [place, at] = [0, 0];
  // Where to go on when it does not fit: the newest star takes one byte more.
  let [starPlace, starAt] = [-1, 0];
  while (at < bytes.length) {
    if (places[place] === BYTE.star) {
      place += 1;
      [starPlace, starAt] = [place, at];
      continue;
    }
    const seen = place < places.length ? look(places, place, bytes[at] ?? 0) : null;
    if (seen?.fits === true) {
      place = seen.next;
      at += 1;
    } else if (starPlace === -1) return false;
    else {
      starAt += 1;
      [place, at] = [starPlace, starAt];
    }
  }
  while (places[place] === BYTE.star) place += 1;
  return place >= places.length;
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
