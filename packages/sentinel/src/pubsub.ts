import { bulk, integer, type Reply, type Session } from '@sentinel-micro/runtime';

const MAX_SUBSCRIPTIONS = 64;

function confirmation(kind: string, channel: string | null, session: Session): Reply {
  const name: Reply = channel === null ? { type: 'null' } : bulk(channel);
  return { type: 'push', items: [bulk(kind), name, integer(session.channels.size + session.patterns.size)] };
}

/** SUBSCRIBE, PSUBSCRIBE and their opposites; confirms each channel, as Redis does. */
export function subscription(session: Session, words: readonly string[]): Reply {
  const [command = '', ...names] = words;
  const kind = command.toLowerCase();
  const set = kind.includes('psub') || kind.includes('punsub') ? session.patterns : session.channels;
  const isAdding = kind === 'subscribe' || kind === 'psubscribe';
  if (isAdding && names.length === 0)
    return { type: 'error', text: `ERR wrong number of arguments for '${kind}' command` };
  if (isAdding && set.size + names.length > MAX_SUBSCRIPTIONS) {
    return {
      type: 'error',
      text: `ERR at most ${String(MAX_SUBSCRIPTIONS)} subscriptions are allowed on one connection`,
    };
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

/** Redis's glob patterns, as far as channel names need them: `*`, `?` and `[...]`. */
export function globToRegExp(pattern: string): RegExp {
  const source = pattern.replace(
    /\[(\^?)([^\]]*)\]|[\\^$.|+(){}]|\*|\?/g,
    (match, negated: string | undefined, set: string | undefined) => {
      if (match === '*') return '[^]*';
      if (match === '?') return '[^]';
      if (set !== undefined) return `[${negated ?? ''}${set.replace(/[\\\]^]/g, '\\$&')}]`;
      return `\\${match}`;
    },
  );
  return new RegExp(`^${source}$`);
}

/** Sends a message to everybody who has subscribed to its channel. */
export function publish(sessions: Iterable<Session>, channel: string, message: string): void {
  for (const session of sessions) {
    if (session.channels.has(channel)) {
      session.push({ type: 'push', items: [bulk('message'), bulk(channel), bulk(message)] });
    }
    for (const pattern of session.patterns) {
      if (!globToRegExp(pattern).test(channel)) continue;
      session.push({ type: 'push', items: [bulk('pmessage'), bulk(pattern), bulk(channel), bulk(message)] });
    }
  }
}
