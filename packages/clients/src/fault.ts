import { orderFailover, sleep, type Cluster, type Pod } from '@sentinel-micro/testkit';

/** What a fault has to work with. */
export interface Scene {
  readonly cluster: Cluster;
  readonly master: Pod;
  /** The sidecar that the client is connected to, or would ask first. */
  readonly itsSidecar: Pod;
  /** Does it, and counts from the first time on. */
  readonly begin: (does: () => Promise<void> | void) => Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** One sentence. */
  readonly what: string;
  /** Redis and the sidecars ask for it. */
  readonly password?: string;
  /** No acknowledged write may be lost, confirmed or not. */
  readonly isLossless?: boolean;
  /** Ends when everything has been done and undone. */
  readonly run: (scene: Scene) => Promise<void>;
}

const PASSWORD = 'correct-horse';
/** How long a container stays down. */
const DOWN_MS = 1500;

async function killRedis({ cluster, master, begin }: Scene): Promise<void> {
  await begin(() => master.killRedis());
  await cluster.waitForMasterOtherThan(master);
  await sleep(DOWN_MS);
  await master.startRedis();
}

async function switchover({ cluster, master, begin }: Scene): Promise<void> {
  await begin(() => orderFailover(cluster, master));
  await cluster.waitForMasterOtherThan(master);
}

async function killSidecar({ itsSidecar, begin }: Scene): Promise<void> {
  await begin(() => itsSidecar.killSidecar());
  await sleep(2 * DOWN_MS);
  await itsSidecar.startSidecar();
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill-redis',
    what: "The master's redis-server is killed (SIGKILL), and comes back 1.5 s after the next master is there.",
    run: killRedis,
  },
  {
    name: 'kill-redis-password',
    what: 'The same, and Redis and the sidecars ask for a password.',
    password: PASSWORD,
    run: killRedis,
  },
  {
    name: 'switchover',
    what: 'A planned switchover: `SENTINEL FAILOVER mymaster`.',
    isLossless: true,
    run: switchover,
  },
  {
    name: 'kill-sidecar',
    what: 'The sidecar that the client is connected to is killed (the one that it asked first when it has no connection), for 3 s.',
    isLossless: true,
    run: killSidecar,
  },
  {
    name: 'kill-sidecar-then-redis',
    what: "The same sidecar is killed, and a second later the master's redis-server.",
    async run(scene) {
      const { itsSidecar, begin } = scene;
      await begin(() => itsSidecar.killSidecar());
      await sleep(1000);
      await killRedis({ ...scene, begin: async (does) => does() });
      await itsSidecar.startSidecar();
    },
  },
  {
    name: 'pause-redis',
    what: "The master's redis-server is stopped (SIGSTOP) and goes on 1.5 s after the next master is there: its connections stay open.",
    async run({ cluster, master, begin }) {
      await begin(() => master.pauseRedis());
      try {
        // The one that is stopped does not answer, so there is one master at most to be seen.
        await cluster.waitForMasterOtherThan(master);
        await sleep(DOWN_MS);
      } finally {
        master.resumeRedis();
      }
    },
  },
];
