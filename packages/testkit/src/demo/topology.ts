import type { Cluster } from '../cluster.ts';
import type { PodRole } from '../cluster-health.ts';
import type { PeerStatus } from '../peer-status.ts';
import { sleep } from '../time.ts';
import type { Display } from './display.ts';

const INTERVAL_MS = 100;
/** An hour of `--keep` and more; a bound because every loop has one. */
const MAX_ROUNDS = 10_000_000;

/** Shows the topology while something else goes on. */
export class TopologyWatch {
  readonly #cluster: Cluster;
  readonly #display: Display;
  readonly #footer: () => string;
  #stopped = false;
  readonly #finished: Promise<void>;

  /** Starts watching; `footer` is shown below the pods on a terminal. */
  constructor(cluster: Cluster, display: Display, footer: () => string) {
    this.#cluster = cluster;
    this.#display = display;
    this.#footer = footer;
    this.#finished = this.#run();
  }

  /** Stops, and resolves when nothing more will be shown. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#finished;
  }

  async #run(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS && !this.#stopped; round++) {
      const [roles, statuses] = await Promise.all([this.#cluster.redisRoles(), this.#cluster.status()]);
      const lines = roles.map((role, index) => podLine(role, statuses[index]?.status, roles));
      const summary = roles.map((role) => `${role.pod.name} ${roleText(role, roles)}`).join(' | ');
      this.#display.state([...lines, this.#footer()], summary);
      await sleep(INTERVAL_MS);
    }
  }
}

function podLine(podRole: PodRole, status: PeerStatus | undefined, roles: readonly PodRole[]): string {
  const { pod, ip, role } = podRole;
  const lease = status === undefined ? 'sidecar down' : leaseText(status);
  const offset = role === undefined ? '' : `offset ${role.offset}`;
  // The least important last: a narrow terminal cuts it off.
  return [pod.name.padEnd(8), (ip ?? 'no address').padEnd(15), roleText(podRole, roles).padEnd(29), lease, offset].join(
    '  ',
  );
}

function roleText({ pod, role }: PodRole, roles: readonly PodRole[]): string {
  if (!pod.exists) return 'gone';
  if (role === undefined) return pod.isRedisAlive() ? 'silent' : 'down';
  if (role.role === 'master') return 'master';
  const followed = roles.find(({ ip }) => ip !== undefined && ip === role.masterHost)?.pod;
  // A pod without a master is parked on an address where nothing answers.
  if (followed === undefined) return role.masterHost === '127.0.0.1' ? 'limbo' : `replica of ${role.masterHost ?? '?'}`;
  return `replica of ${followed === pod ? 'itself' : followed.name}${role.linkUp === true ? '' : ', link down'}`;
}

function leaseText(status: PeerStatus): string {
  const holder = status.leaseHolder === undefined ? 'nobody' : status.leaseHolder.pod;
  return `term ${status.term}, lease ${holder}`;
}
