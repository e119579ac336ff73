import { beforeEach } from '@jest/globals';
import {
  asPodName,
  asTerm,
  type PeerAnswer,
  type PeerRequest,
  type PeerStatus,
  type PodIdentity,
} from '@sentinel-micro/core';
import {
  bulk,
  decodeRequest,
  encodeMessage,
  failed,
  OK,
  PeerTransport,
  serveResp,
  type PeerTransportOptions,
  type Reply,
  type RespServer,
  type Session,
} from '../src/index.ts';
import { place, until, usePlace } from './support.ts';

export const PORT = 26379;
export const CLUSTER = 'redis.shop/mymaster';
/** Three addresses, new ones for each test. */
export let hosts: string[];

/** To be called once in each test file: a place, with addresses for peers. */
export function usePeers(): void {
  usePlace();
  beforeEach(async () => {
    hosts = [await place.host(PORT), await place.host(PORT), await place.host(PORT)];
  });
}

export function identityOf(index: number): PodIdentity {
  const pod = asPodName(`redis-${index}`);
  return {
    pod,
    uid: `uid-${index}`,
    incarnation: String(index),
    ip: hosts[index]!,
    redisPort: 6379,
    port: PORT,
    replicas: 3,
  };
}

export function statusOf(index: number, change: Partial<PeerStatus> = {}): PeerStatus {
  return {
    v: 1,
    cluster: CLUSTER,
    from: identityOf(index),
    term: asTerm(1),
    role: 'follower',
    phase: null,
    reason: 'a stand-in',
    leaseHolder: null,
    leaseRemainingMs: 0,
    mutedForMs: 0,
    master: null,
    masterIsFresh: false,
    redis: { health: 'up', reason: '', position: null },
    members: [],
    ranking: [],
    refusedMessages: 0,
    ...change,
  };
}

export function prevote(from: number): PeerRequest {
  return { v: 1, cluster: CLUSTER, from: identityOf(from), term: asTerm(2), type: 'PREVOTE' };
}

export function grantFrom(index: number): Extract<PeerAnswer, { type: 'granted' }> {
  const body = { type: 'granted', position: null, announcement: null, promises: [], members: [] } as const;
  return { v: 1, cluster: CLUSTER, from: identityOf(index), term: asTerm(2), ...body };
}

interface StandIn {
  readonly server: RespServer;
  readonly requests: PeerRequest[];
  /** Connections so far. */
  readonly sessions: Set<Session>;
}

interface Behaviour {
  readonly status?: Partial<PeerStatus> | null;
  readonly password?: string;
  readonly answer?: (request: PeerRequest) => Reply | Promise<Reply>;
}

/** A sidecar's port as far as transports see it. */
export async function standIn(index: number, behaviour: Behaviour = {}): Promise<StandIn> {
  const requests: PeerRequest[] = [];
  const sessions = new Set<Session>();
  const { status = {}, password, answer = () => bulk(encodeMessage(grantFrom(index))) } = behaviour;
  const server = await serveResp(hosts[index]!, PORT, (session, words) => {
    sessions.add(session);
    if (words[0] === 'AUTH') {
      if (words.at(-1) !== password) return failed('WRONGPASS invalid username-password pair or user is disabled.');
      session.isAuthenticated = true;
      return OK;
    }
    if (password !== undefined && !session.isAuthenticated) return failed('NOAUTH Authentication required.');
    if (words[1] === 'STATUS') return status === null ? bulk('{}') : bulk(encodeMessage(statusOf(index, status)));
    const request = decodeRequest(words[2]!);
    requests.push(request);
    return answer(request);
  });
  place.closing(server, () => server.close());
  return { server, requests, sessions };
}

interface Wired {
  readonly transport: PeerTransport;
  readonly met: PeerStatus[];
  readonly lost: string[];
  readonly troubles: string[];
}

/** The transport of one pod, told of all addresses. */
export function wire(index: number, change: Partial<PeerTransportOptions> = {}): Wired {
  const met: PeerStatus[] = [];
  const lost: string[] = [];
  const troubles: string[] = [];
  const transport = new PeerTransport({
    self: identityOf(index),
    cluster: CLUSTER,
    username: undefined,
    password: undefined,
    timeoutMs: 2000,
    leaseMs: 4000,
    newestTerm: () => asTerm(1),
    onMet: (status) => met.push(status),
    onLost: (gone) => lost.push(gone.pod),
    onTrouble: ({ ip, port }, text) => troubles.push(`${ip}:${port} ${text}`),
    ...change,
  });
  place.closing(transport, () => transport.close());
  transport.setAddresses(hosts.map((ip) => ({ ip, port: PORT })));
  return { transport, met, lost, troubles };
}

export const pod = (index: number) => asPodName(`redis-${index}`);
export const connects = (wired: Wired, ...indices: number[]): Promise<void> =>
  until(`connections to ${indices.join(', ')}`, () => wired.transport.connected().length === indices.length);
