/** What is looked at when there are more connections than allowed. */
export interface Admitted {
  /** Grows with each connection. */
  readonly id: number;
  readonly address: string;
  /** Name of the pod that it has shown to be; null for everybody else. */
  readonly peer: string | null;
  readonly isSubscribed: boolean;
  /** Milliseconds since it has asked something, or come. */
  readonly idleMs: number;
}

/** For so long a new connection goes before those that are idle or only listen. */
const GRACE_MS = 2000;

/** Who is of the own set: up to `perPeer` connections for each pod and each address, the newest. */
function kept<Connection extends Admitted>(
  connections: readonly Connection[],
  perPeer: number,
  isPeerAddress: (address: string) => boolean,
): Set<Connection> {
  const counts = new Map<string, number>();
  const all = new Set<Connection>();
  for (const connection of connections.toReversed()) {
    const { peer, address } = connection;
    const key = peer === null ? (isPeerAddress(address) ? `at ${address}` : null) : `of ${peer}`;
    if (key === null) continue;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count <= perPeer) all.add(connection);
  }
  return all;
}

function longestIdle<Connection extends Admitted>(connections: readonly Connection[]): Connection | undefined {
  return connections.reduce<Connection | undefined>(
    (worst, one) => (worst === undefined || one.idleMs > worst.idleMs ? one : worst),
    undefined,
  );
}

/** Of one address: whoever is idle, then who only listens, then the one that asked longest ago. */
function leastMissed<Connection extends Admitted>(connections: readonly Connection[]): Connection | undefined {
  const idle = longestIdle(connections.filter(({ isSubscribed, idleMs }) => !isSubscribed && idleMs >= GRACE_MS));
  return idle ?? longestIdle(connections.filter(({ isSubscribed }) => isSubscribed)) ?? longestIdle(connections);
}

/**
 * Who has to go when there are too many connections? Peers are kept. Of the others the address that has the most loses one,
 * so that one client with a thousand connections displaces itself and nobody else. There is no fixed number for each address:
 * behind a NAT or a service mesh all clients have the same one.
 * @param connections in the order in which they came; the newest is the last
 * @returns null when nobody has to go; the newest itself when everybody has as little as it
 */
export function whoHasToGo<Connection extends Admitted>(
  connections: readonly Connection[],
  limits: { readonly connections: number; readonly perPeer: number },
  isPeerAddress: (address: string) => boolean,
): Connection | null {
  if (connections.length <= limits.connections) return null;
  const peers = kept(connections, limits.perPeer, isPeerAddress);
  const others = connections.filter((connection) => !peers.has(connection));
  const newest = connections.at(-1);
  if (others.length <= limits.connections || newest === undefined) return null;
  const byAddress = new Map<string, Connection[]>();
  for (const connection of others) {
    const same = byAddress.get(connection.address);
    if (same === undefined) byAddress.set(connection.address, [connection]);
    else same.push(connection);
  }
  const most = Math.max(...[...byAddress.values()].map(({ length }) => length));
  if (most === 1) return newest;
  const own = byAddress.get(newest.address);
  const greediest = own?.length === most ? own : [...byAddress.values()].find(({ length }) => length === most);
  return leastMissed(greediest ?? []) ?? newest;
}
