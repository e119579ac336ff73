import { expect, test } from '@jest/globals';
import { explain, statusOf, type AskedPod, type ElectionReport } from '@sentinel-micro/core';
import { run, type Scenario } from '../src/index.ts';

type Story = Parameters<Scenario['play']>[0];

const SEEDS = 60;

/** What `sentinel explain` would be told now: a dead sidecar is silent. */
function ask(story: Story): AskedPod[] {
  return story.world.pods.map(({ name, machine, sidecar }): AskedPod => {
    const status = sidecar?.isAlive === true ? statusOf(sidecar.state, sidecar.localNow()) : null;
    return { ip: machine.ip, pod: name, status, error: status === null ? 'refused' : null };
  });
}

const isAlive = (process: { readonly isAlive: boolean } | null): boolean => process?.isAlive === true;

interface Foretold {
  readonly election: ElectionReport;
  readonly loss: 'pod' | 'redis';
}

/** Takes some pods away, asks who would be elected, and then lets the master die. */
function fate(told: Foretold[]): Scenario {
  return {
    name: 'explain',
    follows: 'what was foretold',
    pods: [3, 5, 7],
    // Nobody writes: what was asked is what there still is when the master dies.
    settings: (drawn) => ({ ...drawn, clients: 0, startsWithData: true, mostDelayMs: 1 }),
    *play(story) {
      const { random, damage, master } = story;
      const damaged = random.int(0, Math.ceil(story.replicas.length / 2));
      for (const pod of story.replicas.slice(0, damaged)) {
        const kind = random.pick(['sidecar', 'redis', 'pod'] as const);
        if (kind === 'sidecar') damage.killSidecar(pod, null);
        else if (kind === 'redis') damage.killRedis(pod, { forMs: null, kept: 'empty' });
        else damage.deletePod(pod, null);
      }
      yield story.wait(story.timings.grantMs + 2000);
      const { election } = explain(ask(story));
      const loss = random.pick(['pod', 'redis'] as const);
      told.push({ election, loss });
      const winner = loss === 'pod' ? election.winner : election.winnerIfSidecarLives;
      const waits = election.isDataAtRisk && story.settings.durability === 'strict';
      // An election asks a Redis whose sidecar is silent by itself; what that one has is more than anybody can foretell.
      const isOneUnheard = story.replicas.some(({ sidecar, redis }) => !isAlive(sidecar) && isAlive(redis));
      const nobody = winner === null || waits ? [null] : [];
      const somebody = winner === null || (waits && !isOneUnheard) ? [] : [winner, ...election.orElse];
      const foretold: readonly (string | null)[] = [...nobody, ...somebody];
      const mark = story.mark();
      if (loss === 'pod') damage.deletePod(master, null);
      else damage.killRedis(master, { forMs: null, kept: 'empty' });
      yield story.wait(story.electionMs + story.timings.dataWaitMs * 2 + 1000);
      const promoted = story.masterOrNull()?.name ?? null;
      story.expect(
        foretold.includes(promoted),
        `foretold was ${foretold.join(' or ')} (${election.reason}), and it is ${String(promoted)} after ${String(story.promotionsSince(mark))} promotions`,
      );
    },
  };
}

test('what explain foretells is what the election does', () => {
  const told: Foretold[] = [];
  const wrong: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violations, settings } = run({ seed, steps: 0, pods: null, scenario: fate(told) });
    for (const { invariant, text } of violations)
      wrong.push(`seed ${String(seed)}, ${settings.durability}: ${invariant}: ${text}`);
  }
  expect(wrong).toEqual([]);
  // Otherwise it would be about nothing.
  const nobody = told.filter(({ election }) => election.winner === null).length;
  const saved = told.filter(
    ({ election, loss }) => loss === 'redis' && election.winner !== election.winnerIfSidecarLives,
  );
  expect([nobody > 5, told.length - nobody > 30, saved.length > 2]).toEqual([true, true, true]);
}, 300_000);
