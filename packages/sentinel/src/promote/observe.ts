import type { Instance, ReachableInstance, ReplicationInfo } from '@sentinel-micro/core';
import {
  askInfo,
  connectRedis,
  messageOf,
  OperationError,
  UsageError,
  type RedisConnection,
} from '@sentinel-micro/runtime';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isLoopback, joinHostPort, normalizeIp, type Endpoint } from './endpoint.ts';

export interface ProbeSettings {
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Bound of one look at one instance: name, connection, login and INFO together. */
  readonly probeTimeoutMs: number;
}

/** An open connection to one instance: as long as it is open, it is the same process that is spoken to. */
export interface Session {
  readonly ip: string;
  readonly port: number;
  readonly connection: RedisConnection;
}

export interface Observer {
  /**
   * Asks all instances at once, each within the probe time-out; those that do not answer are part of the result.
   * Read-only commands only.
   * Never throws.
   */
  observe(): Promise<readonly Instance[]>;
  /** The connection over which the instance was last observed; null when it could not be asked. */
  session(endpoint: string): Session | null;
  close(): void;
}

interface Answer {
  readonly session: Session;
  readonly info: ReplicationInfo;
  readonly announced: string | null;
}

type MasterOf = Pick<ReplicationInfo, 'role' | 'masterHost' | 'masterPort'>;

/** A replica acknowledges every second: one that has been silent for longer than this is not fed any more. */
const SILENT_FEED_SECONDS = 12;

/** The promise's result, or an OperationError TIMEOUT; `discard` gets a result that comes too late. */
async function within<T>(promise: Promise<T>, timeoutMs: number, discard: (late: T) => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new OperationError('TIMEOUT', `no answer within ${String(timeoutMs)} ms`));
    }, timeoutMs);
  });
  promise.then(
    (value) => {
      if (isLate) discard(value);
    },
    () => undefined,
  );
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

async function resolveHost(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [normalizeIp(host)];
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => normalizeIp(address)))];
}

/** Where an instance says that it can be reached, and the priority that a master does not tell in INFO. */
async function askConfig(
  connection: RedisConnection,
  port: number,
): Promise<{ announced: string | null; priority: number | null }> {
  // Not everybody may read the configuration, and nothing depends on it in a set without announced addresses.
  const answer = await connection.call('CONFIG', 'GET', 'replica-*').catch(() => []);
  const flat: unknown[] = Array.isArray(answer) ? answer : [];
  const valueOf = (key: string): string => {
    const index = flat.indexOf(key);
    const value = index < 0 ? undefined : flat[index + 1];
    return typeof value === 'string' ? value : '';
  };
  const ip = valueOf('replica-announce-ip');
  const announcedPort = Number(valueOf('replica-announce-port')) || port;
  const priority = valueOf('replica-priority');
  return {
    announced: ip === '' ? null : joinHostPort(normalizeIp(ip), announcedPort),
    priority: /^\d+$/.test(priority) ? Number(priority) : null,
  };
}

async function ask(session: Session): Promise<Answer> {
  const [info, config] = await Promise.all([askInfo(session.connection), askConfig(session.connection, session.port)]);
  return { session, info: { ...info, priority: info.priority ?? config.priority }, announced: config.announced };
}

async function connectAndAsk(ip: string, port: number, settings: ProbeSettings): Promise<Answer> {
  const { username, password, probeTimeoutMs } = settings;
  const timeouts = { connectTimeoutMs: probeTimeoutMs, commandTimeoutMs: probeTimeoutMs };
  const connection = await connectRedis({ host: ip, port, username, password }, timeouts);
  try {
    return await ask({ ip, port, connection });
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** A name may stand for several addresses, such as 127.0.0.1 and ::1; all that answer must be the same instance. */
async function findInstance(endpoint: Endpoint, ips: readonly string[], settings: ProbeSettings): Promise<Answer> {
  const attempts = await Promise.allSettled(ips.map((ip) => connectAndAsk(ip, endpoint.port, settings)));
  const answers = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  const [first, ...others] = answers;
  for (const other of others) other.session.connection.close();
  if (first === undefined) {
    const [failed] = attempts;
    throw failed?.status === 'rejected' ? failed.reason : new OperationError('DNS', 'its name has no address');
  }
  if (others.some(({ info }) => info.runId !== first.info.runId)) {
    first.session.connection.close();
    const addresses = answers.map(({ session }) => session.ip).join(', ');
    throw new OperationError('AMBIGUOUS', `its name stands for several instances (${addresses}): name each by itself`);
  }
  return first;
}

const NETWORK_CODE = /^(E[A-Z]{3,}|TIMEOUT|CLOSED|DNS)$/;

/** The code of an error; that of its cause where it only says that the connection was closed. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'ERR';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'ERR';
  const cause = 'cause' in error ? codeOf(error.cause) : 'ERR';
  return code === 'CLOSED' && cause !== 'ERR' ? cause : code;
}

function describeFailure(error: unknown, probeTimeoutMs: number): { answers: boolean; reason: string } {
  const code = codeOf(error);
  const answers = error instanceof OperationError && !NETWORK_CODE.test(code);
  switch (code) {
    case 'ECONNREFUSED':
      return { answers, reason: 'connection refused' };
    case 'TIMEOUT':
      return { answers, reason: `no answer within ${String(probeTimeoutMs)} ms` };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { answers, reason: `its name can not be resolved (${code})` };
    case 'WRONGPASS':
      return { answers, reason: 'wrong password or user name (WRONGPASS)' };
    case 'NOAUTH':
      return { answers, reason: 'a password is needed (NOAUTH): --redis-password-file' };
    default:
      // The report names the endpoint itself.
      return { answers, reason: messageOf(error).replace(/^(connecting to )?\S+:\d+: /, '') };
  }
}

/** What `master_host:master_port` of an instance at the IP `ownIp` stands for, seen from here. Names are looked up. */
export async function masterAddressesOf(info: MasterOf, ownIp: string, timeoutMs: number): Promise<string[]> {
  const { masterHost, masterPort } = info;
  if (info.role === 'master' || masterHost === null || masterPort === null) return [];
  const ips = await within(resolveHost(masterHost), timeoutMs, () => undefined).catch((): string[] => []);
  // To an instance on another host, 127.0.0.1 is that other host.
  const seen = ips.map((ip) => (isLoopback(ip) && !isLoopback(ownIp) ? ownIp : ip));
  const hosts = new Set([masterHost.toLowerCase(), ...seen].map(normalizeIp));
  return [...hosts].map((host) => joinHostPort(host, masterPort));
}

/** @throws UsageError when two endpoints turn out to be one instance, e.g. a name and its IP address. */
export function refuseDuplicates(instances: readonly Instance[]): void {
  for (const [index, one] of instances.entries()) {
    for (const other of instances.slice(index + 1)) {
      const runId = one.state === 'reachable' ? one.info.runId : null;
      const isSameProcess = runId !== null && other.state === 'reachable' && other.info.runId === runId;
      const bothSilent = one.state === 'unreachable' && other.state === 'unreachable';
      if (isSameProcess || (bothSilent && one.addresses.some((address) => other.addresses.includes(address)))) {
        throw new UsageError(`endpoints ${one.endpoint} and ${other.endpoint} are the same instance: name it once`);
      }
    }
  }
}

async function toReachable(endpoint: Endpoint, answer: Answer, timeoutMs: number): Promise<ReachableInstance> {
  const { session, info, announced } = answer;
  const addresses = [endpoint.text, joinHostPort(session.ip, session.port), ...(announced === null ? [] : [announced])];
  const feeds = info.replicas.filter(
    ({ state, lagSeconds }) => state === 'online' && lagSeconds <= SILENT_FEED_SECONDS,
  );
  return {
    state: 'reachable',
    endpoint: endpoint.text,
    addresses,
    masterAddresses: await masterAddressesOf(info, session.ip, timeoutMs),
    feeds: feeds.map(({ ip, port }) => joinHostPort(normalizeIp(ip), port)),
    info,
  };
}

/** Looks at a set of instances, over one connection to each. */
export function createObserver(endpoints: readonly Endpoint[], settings: ProbeSettings): Observer {
  const sessions = new Map<string, Session>();
  const { probeTimeoutMs } = settings;
  const closeSession = (endpoint: string): void => {
    sessions.get(endpoint)?.connection.close();
    sessions.delete(endpoint);
  };

  async function observeOne(endpoint: Endpoint): Promise<Instance> {
    const open = sessions.get(endpoint.text);
    let ips: string[] = [];
    const look = async (): Promise<Answer> => {
      if (open?.connection.isOpen === true) return await ask(open);
      ips = await resolveHost(endpoint.host);
      return await findInstance(endpoint, ips, settings);
    };
    try {
      const answer = await within(look(), probeTimeoutMs, (late) => late.session.connection.close());
      sessions.set(endpoint.text, answer.session);
      return await toReachable(endpoint, answer, probeTimeoutMs);
    } catch (error) {
      closeSession(endpoint.text);
      const addresses = [endpoint.text, ...ips.map((ip) => joinHostPort(ip, endpoint.port))];
      return { state: 'unreachable', endpoint: endpoint.text, addresses, ...describeFailure(error, probeTimeoutMs) };
    }
  }

  return {
    async observe() {
      return await Promise.all(endpoints.map(observeOne));
    },
    session: (endpoint) => sessions.get(endpoint) ?? null,
    close() {
      for (const endpoint of [...sessions.keys()]) closeSession(endpoint);
    },
  };
}
