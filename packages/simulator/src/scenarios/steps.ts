import type { Scenario } from './scenario.ts';
import { ODD, plain } from './worlds.ts';

/** More steps than an election and a failover have. */
const MOST_STEPS = 30;

/** Whoever coordinates dies after one single step: which one is the seed's. */
export const stepScenarios: readonly Scenario[] = [
  {
    name: 'crash-after-each-step',
    follows: 'the next term completes it',
    pods: ODD,
    // Whoever loses a majority's data under `strict` waits for a person; that is another story.
    settings: (drawn) => ({ ...plain(drawn), durability: 'available' }),
    *play(story) {
      const step = story.seed % MOST_STEPS;
      const diesWhole = story.random.chance(0.3);
      const isPlanned = story.random.chance(0.3);
      story.damage.trap(step, 20_000, (pod) => {
        story.world.log(`*** the coordinator ${pod.name} dies after step ${step}`);
        if (diesWhole) story.damage.killRedis(pod, { forMs: 3000, kept: 'empty' });
        story.damage.killSidecar(pod, 3000);
      });
      if (isPlanned) story.damage.stopSidecar(story.master, 3500);
      else story.damage.killRedis(story.master, { forMs: 3000, kept: 'empty' });
      yield story.wait(5000 + story.timings.dataWaitMs);
      yield* story.settled();
    },
  },
];
