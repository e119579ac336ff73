import { TestkitError, messageOf } from './errors.ts';
import type { Pod } from './pod.ts';
import type { RedisRole } from './redis-info.ts';

/** What can be asked for its role: a Pod, a pod of containers. */
export interface RolePod {
  readonly name: string;
  readonly exists: boolean;
  /** Throws while it does not exist. */
  readonly ip: string;
  role(): Promise<RedisRole>;
}

/** What one pod's Redis said of itself, or why it did not. */
export interface PodRole<P extends RolePod = Pod> {
  readonly pod: P;
  /** The pod's address when it was asked; undefined when the pod did not exist. */
  readonly ip: string | undefined;
  readonly role: RedisRole | undefined;
  readonly error: string | undefined;
}

/** A verdict on a set of pods: who the master is, or why the set is not healthy. */
export type Verdict<P extends RolePod = Pod> =
  { readonly healthy: true; readonly master: P } | { readonly healthy: false; readonly reason: string };

/** Asks the Redis of each pod for its role, all at once. Never throws. */
export function readRoles<P extends RolePod = Pod>(pods: readonly P[]): Promise<PodRole<P>[]> {
  return Promise.all(
    pods.map(async (pod): Promise<PodRole<P>> => {
      const ip = pod.exists ? pod.ip : undefined;
      try {
        return { pod, ip, role: await pod.role(), error: undefined };
      } catch (error) {
        return { pod, ip, role: undefined, error: messageOf(error) };
      }
    }),
  );
}

/**
 * Healthy: every pod answers, exactly one is master, every other one replicates directly from it in the same history
 * with the link up, and the master says the same of them.
 */
export function judge<P extends RolePod = Pod>(roles: readonly PodRole<P>[], redisPort: number): Verdict<P> {
  const silent = roles.find(({ role }) => role === undefined);
  if (silent !== undefined) return unhealthy(`${silent.pod.name} does not answer: ${silent.error ?? ''}`);
  const masters = roles.filter(({ role }) => role?.role === 'master');
  const [master] = masters;
  if (master?.role === undefined) return unhealthy('no master');
  if (masters.length > 1)
    return unhealthy(`${masters.length} masters: ${masters.map(({ pod }) => pod.name).join(', ')}`);
  for (const { pod, ip, role } of roles) {
    if (pod === master.pod || role === undefined) continue;
    if (role.masterHost !== master.ip || role.masterPort !== redisPort) {
      return unhealthy(`${pod.name} follows ${role.masterHost ?? ''}:${role.masterPort ?? 0}, not ${master.pod.name}`);
    }
    if (role.linkUp !== true) return unhealthy(`the link of ${pod.name} is down`);
    if (role.replid !== master.role.replid)
      return unhealthy(`${pod.name} is in another history than ${master.pod.name}`);
    const seen = master.role.replicas.find((replica) => replica.ip === ip && replica.port === redisPort);
    if (seen?.state !== 'online') {
      return unhealthy(`${master.pod.name} sees ${pod.name} as ${seen?.state ?? 'absent'}`);
    }
  }
  return { healthy: true, master: master.pod };
}

/** One line per pod: "redis-0  127.1.2.1  replica of 127.1.2.2:6379, link up, offset 1234". */
export function describeRoles<P extends RolePod = Pod>(roles: readonly PodRole<P>[]): string[] {
  return roles.map(({ pod, ip, role, error }) => `${pod.name}  ${ip ?? '-'}  ${describeRole(role, error)}`);
}

function describeRole(role: RedisRole | undefined, error: string | undefined): string {
  if (role === undefined) return `no answer (${error ?? ''})`;
  if (role.role === 'master') {
    const replicas = role.replicas.map(({ ip, state }) => `${ip} ${state}`).join(', ');
    return `master, offset ${role.offset}, replicas: ${replicas === '' ? 'none' : replicas}`;
  }
  const link = role.linkUp === true ? 'up' : 'down';
  return `replica of ${role.masterHost ?? ''}:${role.masterPort ?? 0}, link ${link}, offset ${role.offset}`;
}

/** Everything that helps to see why a cluster is not as expected: roles, what the sidecars say, and the ends of the logs. */
export async function dump(pods: readonly Pod[], logLines = 15): Promise<string> {
  const lines = ['Redis:', ...describeRoles(await readRoles(pods)), 'Sidecars:'];
  const statuses = await Promise.allSettled(pods.map((pod) => pod.peerStatus()));
  for (const [index, pod] of pods.entries()) {
    const status = statuses[index];
    const text =
      status?.status === 'fulfilled' ? JSON.stringify(status.value.raw) : `no answer (${messageOf(status?.reason)})`;
    lines.push(`${pod.name}  ${text}`);
  }
  for (const pod of pods) {
    lines.push(...section(`make-slave of ${pod.name}`, pod.makeSlaveLogTail(5)));
    lines.push(...section(`redis-server of ${pod.name}`, pod.redisLogTail(logLines)));
    lines.push(...section(`sentinel of ${pod.name}`, pod.sidecarLogTail(logLines)));
  }
  return lines.join('\n');
}

/** An error that carries a dump. */
export async function timeoutError(what: string, pods: readonly Pod[]): Promise<TestkitError> {
  return new TestkitError('TIMEOUT', `${what}\n${await dump(pods)}`);
}

function section(title: string, lines: readonly string[]): string[] {
  return [`--- ${title}`, ...lines];
}

function unhealthy(reason: string): { readonly healthy: false; readonly reason: string } {
  return { healthy: false, reason };
}
