import { LIMBO_HOST, type ReplicationInfo } from '@sentinel-micro/core';
import { SERVERS, type Server } from './vocabulary.ts';

/** What one server says of itself and its data. */
export interface Testimony {
  readonly info: ReplicationInfo;
  /** The values written, in any order; null when it does not show them (loading). */
  readonly data: readonly number[] | null;
  /** Full syncs that it began to serve, partial ones that it served and refused. */
  readonly syncs: { readonly full: number; readonly partial: number; readonly refused: number };
  /** Replicas that count for min-replicas-to-write; null when none are asked for. */
  readonly goodReplicas: number | null;
}

export type State = 'absent' | 'frozen' | Testimony;

/** Everything that can be seen at one moment. */
export interface Look {
  readonly servers: ReadonlyMap<Server, State>;
  readonly clients: ReadonlyMap<string, 'open' | 'closed'>;
  readonly nameOf: (ip: string) => Server | null;
}

/** Names for replication ids, in the order in which they were seen: the ids themselves are random. */
export type Labels = ReadonlyMap<string, string>;

export type View = Readonly<Record<string, string>>;

function label(labels: Map<string, string>, id: string | null): string {
  if (id === null) return 'none';
  const known = labels.get(id) ?? `#${labels.size + 1}`;
  labels.set(id, known);
  return known;
}

function known(value: number | null): string {
  return value === null ? 'unknown' : 'known';
}

function compare(left: number, right: number): string {
  return left === right ? '=' : left < right ? '<' : '>';
}

function masterOf(look: Look, info: ReplicationInfo): string {
  if (info.masterHost === null) return 'nobody';
  return info.masterHost === LIMBO_HOST ? 'limbo' : (look.nameOf(info.masterHost) ?? info.masterHost);
}

function describeServer(look: Look, { info, data, syncs, goodReplicas }: Testimony, labels: Map<string, string>): View {
  // Versions have different words for the steps of a full sync.
  const step = (state: string): string => (state === 'online' ? state : 'syncing');
  const replicas = info.replicas.map(({ ip, state }) => `${look.nameOf(ip) ?? ip} ${step(state)}`).sort();
  return {
    role: info.role,
    follows: masterOf(look, info),
    link: info.role === 'master' ? '-' : info.linkUp ? 'up' : info.syncInProgress ? 'syncing' : 'down',
    'last io': known(info.lastIoSecondsAgo),
    'down since': known(info.linkDownSinceSeconds),
    replid: label(labels, info.replid),
    replid2: label(labels, info.replid2),
    loading: String(info.loading),
    data: data === null ? 'hidden' : `[${[...data].sort((a, b) => a - b).join(' ')}]`,
    replicas: replicas.length === 0 ? 'none' : replicas.join(', '),
    syncs: `${syncs.full} full, ${syncs.partial} partial, ${syncs.refused} refused`,
    'good replicas': goodReplicas === null ? '-' : String(goodReplicas),
  };
}

/** Offsets differ between the two worlds; what matters is who is ahead of whom within one history. */
function relations(testimonies: ReadonlyMap<Server, Testimony>): View {
  const view: Record<string, string> = {};
  for (const [name, { info }] of testimonies) {
    const ids = [info.replid, info.replid2];
    for (const [otherName, { info: other }] of testimonies) {
      if (!ids.includes(other.replid)) continue;
      if (name < otherName) view[`offset of ${name} to ${otherName}`] = compare(info.offset, other.offset);
      if (info.secondReplOffset === null) continue;
      view[`branch of ${name} to ${otherName}`] = compare(info.secondReplOffset, other.offset + 1);
    }
  }
  return view;
}

/** A look in words that two worlds can have in common. @returns also the labels known after it. */
export function describeLook(look: Look, labels: Labels): { view: View; labels: Labels } {
  const after = new Map(labels);
  const view: Record<string, string> = {};
  const testimonies = new Map<Server, Testimony>();
  for (const name of SERVERS) {
    const state = look.servers.get(name) ?? 'absent';
    if (state === 'absent') continue;
    if (state === 'frozen') {
      view[name] = 'frozen';
      continue;
    }
    testimonies.set(name, state);
    for (const [key, text] of Object.entries(describeServer(look, state, after))) view[`${name}: ${key}`] = text;
  }
  Object.assign(view, relations(testimonies));
  for (const [name, state] of look.clients) view[`client ${name}`] = state;
  return { view, labels: after };
}

/** One line for each thing that is not the same. */
export function differences(real: View, model: View): string[] {
  const keys = [...new Set([...Object.keys(real), ...Object.keys(model)])];
  return keys
    .filter((key) => real[key] !== model[key])
    .map((key) => `${key}: real ${real[key] ?? '(nothing)'}, model ${model[key] ?? '(nothing)'}`);
}
