// Somebody who goes by readiness alone, as the controller of a StatefulSet does, on simulated sets: docs/adr/0008-probes.md.
import { describe, expect, test } from '@jest/globals';
import { readinessChecks, type Check } from '@sentinel-micro/core';
import { run, type Scenario } from '../src/index.ts';

const SEEDS = 8;

type Story = Parameters<Scenario['play']>[0];
type Pod = Story['world']['pods'][number];
type Script = ReturnType<Scenario['play']>;

/** What the readiness probe of a pod sees: of connections nothing, DNS as the pod sees it. */
function checksOf({ world }: Story, pod: Pod): readonly Check[] {
  const { sidecar } = pod;
  if (sidecar?.isAlive !== true) return [{ name: 'loop', ok: false, text: 'its sidecar does not run' }];
  const ips = world.resolve(pod);
  const named = world.pods
    .filter(({ exists, machine }) => exists && ips?.includes(machine.ip) === true)
    .map(({ machine, name }) => ({ ip: machine.ip, podName: name }));
  const around = { named: ips === null ? null : named, connected: [], lag: null };
  return readinessChecks(sidecar.state, sidecar.localNow(), around);
}

const isReady = (story: Story, pod: Pod): boolean => checksOf(story, pod).every(({ ok }) => ok);

function untilReady(story: Story, pod: Pod, withinMs = 30_000): ReturnType<Story['until']> {
  return story.until(`${pod.name} is ready`, withinMs, () => isReady(story, pod));
}

/** From the last pod to the first: each is replaced when the one before it is ready. */
function* roll(story: Story, pods: readonly Pod[]): Script {
  for (const pod of [...pods].reverse()) {
    story.damage.stopSidecar(pod, 3500);
    yield story.until(`${pod.name} has handed over`, 5000, () => pod.sidecar?.isAlive !== true);
    story.damage.deletePod(pod, story.random.between(100, 1500));
    yield story.until(`${pod.name} is made anew`, 5000, () => pod.exists);
    yield untilReady(story, pod);
  }
}

const plain: NonNullable<Scenario['settings']> = (drawn) => ({
  ...drawn,
  priorities: drawn.priorities.map(() => 100),
  startsWithData: false,
});

const scenarios: readonly Scenario[] = [
  {
    name: 'ordered start',
    follows: 'each pod is made when all before it are ready, and in the end all are',
    pods: [1, 2, 3, 5, 7],
    settings: plain,
    *start(story) {
      const { pods } = story.world;
      for (const pod of pods) {
        for (const earlier of pods.slice(0, pod.index)) yield untilReady(story, earlier);
        pod.create();
      }
      yield* story.settled();
      for (const pod of pods) yield untilReady(story, pod);
    },
    *play() {
      // All of it is in the start.
    },
  },
  {
    name: 'ordered start with data on disk, which nobody may throw away',
    follows: 'all pods are made, also where a person has to decide in the end',
    pods: [3, 5],
    settings: (drawn, random) => ({ ...plain(drawn, random), durability: 'strict' }),
    *start(story) {
      const { pods } = story.world;
      const replid = story.random.id();
      for (const pod of pods) {
        for (const earlier of pods.slice(0, pod.index)) yield untilReady(story, earlier);
        pod.create({ data: [-1, -2], replid, offset: 1000 + pod.index * 60 });
      }
    },
    *play() {
      // What becomes of it is the story of others.
    },
  },
  {
    name: 'rolling update',
    follows: 'nothing that was acknowledged is lost, and a pod that is ready has its data',
    pods: [3, 3, 5],
    settings: plain,
    *play(story) {
      yield* roll(story, story.world.pods);
      yield* story.settled();
      story.expectNothingLost();
    },
  },
  {
    name: 'rolling update to pods that hear nobody',
    follows: 'it stops at the first of them',
    pods: [3, 5],
    settings: plain,
    *play(story) {
      const last = story.world.pods.at(-1) as Pod;
      story.damage.deletePod(last, 500);
      const reconnect = story.isolate(last, null);
      yield story.until(`${last.name} is made anew`, 5000, () => last.exists && last.sidecar !== null);
      const untilMs = story.nowMs + story.failoverMs * 2;
      yield story.until('time has passed, and it never was ready', story.failoverMs * 3, () => {
        story.expect(!isReady(story, last), `${last.name} is ready`);
        return story.nowMs > untilMs;
      });
      reconnect();
      yield untilReady(story, last);
      yield* story.settled();
    },
  },
  {
    name: 'growing from 3 to 5',
    follows: 'the new pods are ready before anybody counts them, and nothing is lost',
    pods: [5],
    settings: (drawn, random) => ({ ...plain(drawn, random), durability: 'available' }),
    *start(story) {
      for (const pod of story.world.pods) {
        pod.replicas = 3;
        pod.isWanted = pod.index < 3;
        if (pod.isWanted) pod.create();
      }
      yield* story.settled();
    },
    *play(story) {
      const { pods } = story.world;
      for (const pod of pods) pod.replicas = 5;
      for (const pod of pods.slice(3)) {
        pod.isWanted = true;
        pod.create();
        yield story.until(`${pod.name} exists`, 5000, () => pod.sidecar !== null);
        yield untilReady(story, pod);
      }
      yield* roll(story, pods.slice(0, 3));
      yield* story.settled();
      story.expectNothingLost();
      for (const pod of pods) yield untilReady(story, pod);
    },
  },
];

describe('going by readiness alone, over some seeds', () => {
  test.each(scenarios.map((scenario) => [scenario.name, scenario.follows, scenario] as const))(
    '%s: %s',
    (_name, _follows, scenario) => {
      const broken: string[] = [];
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const result = run({ seed, steps: 0, pods: null, scenario });
        for (const { invariant, text } of result.violations) broken.push(`seed ${seed}: ${invariant}: ${text}`);
      }
      expect(broken).toEqual([]);
    },
    120_000,
  );
});
