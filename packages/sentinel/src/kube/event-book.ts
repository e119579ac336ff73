import type { Moment } from '@sentinel-micro/core';
import type { EventObject, ObjectReference } from '@sentinel-micro/kubernetes';
import type { EventReason, Happening } from './happenings.ts';
import { failed, FREE, isFree, succeeded, taken, type Failure, type Slot } from './slots.ts';

// Which Events are to be written, and when: pure. What happens again while the one before is still young is counted in that one, and
// all of them together share a budget: a set that flaps writes a bounded number.

/** So many writes may come in a row, and so often one more. */
const BURST = 10;
const EVERY_MS = 10_000;
/** What happens so long after the last of its kind begins a new Event. */
const YOUNG_MS = 600_000;
const MOST_CHARACTERS = 1000;

/** What an Event is about. */
export type About = 'pod' | 'set';

export interface BookConfig {
  readonly podName: string;
  /** New in each life of the sidecar. */
  readonly incarnation: string;
  readonly namespace: string;
}

/** All that happened of one kind, to one object, while the Event was young. */
interface Line {
  readonly about: About;
  readonly reason: EventReason;
  readonly type: Happening['type'];
  readonly message: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly lastAtMs: number;
  readonly name: string;
  /** How many of them the API has been told; 0 while there is no such Event. */
  readonly told: number;
}

export interface EventBook {
  readonly config: BookConfig;
  readonly lines: Readonly<Partial<Record<string, Line>>>;
  readonly tokens: number;
  readonly filledAtMs: number;
  readonly slot: Slot;
  readonly nextId: number;
}

/** One call of the API, for the line `key`. */
export interface EventCall {
  readonly id: number;
  readonly key: string;
  /** How many of its line the API knows of when it went well. */
  readonly count: number;
  readonly write:
    | { readonly kind: 'create'; readonly event: EventObject }
    | { readonly kind: 'patch'; readonly name: string; readonly event: Partial<EventObject> };
}

export type EventReply = { readonly ok: true } | ({ readonly ok: false } & Failure);

export function startBook(config: BookConfig, nowMs: number): EventBook {
  return { config, lines: {}, tokens: BURST, filledAtMs: nowMs, slot: FREE, nextId: 1 };
}

/** Never used twice: the incarnation is new in each life, the number within it. */
function eventName({ podName, incarnation }: BookConfig, id: number): string {
  return `${podName}.${incarnation.slice(0, 8)}${id.toString(16).padStart(4, '0')}`;
}

function noteOne(book: EventBook, about: About, happening: Happening, nowMs: number, wallMs: number): EventBook {
  const { reason, type, message } = happening;
  const { config, nextId } = book;
  const key = `${about} ${reason} ${type}`;
  const before = book.lines[key];
  const isYoung = before !== undefined && nowMs - before.lastAtMs < YOUNG_MS;
  const at = new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const name = eventName(config, nextId);
  const begun = isYoung ? before : { about, reason, type, count: 0, firstAt: at, name, told: 0 };
  const text = message.length > MOST_CHARACTERS ? `${message.slice(0, MOST_CHARACTERS - 3)}...` : message;
  const line = { ...begun, message: text, count: begun.count + 1, lastAt: at, lastAtMs: nowMs };
  return { ...book, nextId: isYoung ? nextId : nextId + 1, lines: { ...book.lines, [key]: line } };
}

/** Writes down what has happened, on the pod and on its StatefulSet. @param wallMs milliseconds since 1970 */
export function noteHappenings(
  book: EventBook,
  happenings: readonly Happening[],
  nowMs: number,
  wallMs: number,
): EventBook {
  const abouts: readonly About[] = ['pod', 'set'];
  return happenings.reduce(
    (sum, happening) => abouts.reduce((one, about) => noteOne(one, about, happening, nowMs, wallMs), sum),
    book,
  );
}

function eventOf({ config }: EventBook, line: Line, involvedObject: ObjectReference): EventObject {
  const { namespace, podName } = config;
  const { reason, type, message, count, firstAt, lastAt, name } = line;
  return {
    metadata: { name, namespace },
    involvedObject,
    ...{ reason, type, message, count, firstTimestamp: firstAt, lastTimestamp: lastAt },
    source: { component: 'sentinel-micro', host: podName },
    reportingComponent: 'sentinel-micro',
    reportingInstance: podName,
  };
}

function refilled(book: EventBook, nowMs: number): EventBook {
  const more = Math.floor((nowMs - book.filledAtMs) / EVERY_MS);
  if (more <= 0) return book;
  const tokens = Math.min(BURST, book.tokens + more);
  return { ...book, tokens, filledAtMs: tokens === BURST ? nowMs : book.filledAtMs + more * EVERY_MS };
}

export interface BookPlan {
  readonly book: EventBook;
  readonly call: EventCall | null;
  /** When to plan again, at the latest. */
  readonly wakeAtMs: number;
}

/**
 * What is to be written now, if anything: one at a time, the oldest first.
 * @param objects whom the Events are about; null for those about which none can be written
 */
export function planEvents(
  before: EventBook,
  objects: Readonly<Record<About, ObjectReference | null>>,
  nowMs: number,
): BookPlan {
  const book = refilled(before, nowMs);
  const due = Object.entries(book.lines)
    .flatMap(([key, line]) => (line === undefined || objects[line.about] === null ? [] : [{ key, line }]))
    .filter(({ line }) => line.count > line.told)
    .sort((a, b) => a.line.lastAtMs - b.line.lastAtMs);
  const [next] = due;
  const involved = next === undefined ? null : objects[next.line.about];
  if (next === undefined || involved === null || book.slot.callId !== null) {
    return { book, call: null, wakeAtMs: Infinity };
  }
  if (!isFree(book.slot, nowMs)) return { book, call: null, wakeAtMs: book.slot.notBeforeMs };
  if (book.tokens < 1) return { book, call: null, wakeAtMs: book.filledAtMs + EVERY_MS };
  const { key, line } = next;
  const id = book.nextId;
  const { message, count, lastAt: lastTimestamp } = line;
  const write: EventCall['write'] =
    line.told === 0
      ? { kind: 'create', event: eventOf(book, line, involved) }
      : { kind: 'patch', name: line.name, event: { message, count, lastTimestamp } };
  const after = { ...book, tokens: book.tokens - 1, nextId: id + 1, slot: taken(book.slot, id) };
  return { book: after, call: { id, key, count, write }, wakeAtMs: Infinity };
}

/** Takes in what a write has come to. */
export function takeEventReply(book: EventBook, call: EventCall, reply: EventReply, moment: Moment): EventBook {
  if (book.slot.callId !== call.id) return book;
  const line = book.lines[call.key];
  const put = (slot: Slot, change: Partial<Line>): EventBook =>
    line === undefined
      ? { ...book, slot }
      : { ...book, slot, lines: { ...book.lines, [call.key]: { ...line, ...change } } };
  if (reply.ok) return put(succeeded(book.slot, true), { told: call.count });
  // An answer was lost: it is there already. What it tells may be old by now.
  if (call.write.kind === 'create' && reply.status === 409) return put(FREE, { told: Math.max(1, call.count - 1) });
  // The API forgets Events after an hour. This one begins anew.
  if (call.write.kind === 'patch' && reply.status === 404) {
    const name = eventName(book.config, book.nextId);
    return { ...put(FREE, { told: 0, name }), nextId: book.nextId + 1 };
  }
  return put(failed(book.slot, reply, moment), {});
}
