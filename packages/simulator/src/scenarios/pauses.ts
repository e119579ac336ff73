import type { Scenario } from './scenario.ts';
import { AFTERMATH_MS } from './story.ts';
import { ODD, plain } from './worlds.ts';

const FIRST = ['io', 'timer'] as const;

/** Processes and machines that stand still. That overlaps end in time is checked in every run (writers.ts). */
export const pauseScenarios: readonly Scenario[] = [
  {
    name: 'pause-redis',
    follows: 'failover; on SIGCONT fenced, acknowledged-then-lost writes counted',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master, timings } = story;
      const forMs = timings.downAfterMs * 2 + story.random.between(1500, 8000);
      story.damage.pause(master.redis, forMs, story.random.pick(FIRST));
      const withinMs = timings.downAfterMs * 2 + story.electionMs;
      yield* story.succeeded(master, withinMs);
      yield story.until('it goes on', forMs, () => master.redis?.isPaused === false);
      yield story.wait(story.timings.heartbeatMs + 200);
      story.expect(master.redis?.acceptsWrites !== true, 'the old master takes writes after SIGCONT');
      yield* story.settled();
    },
  },
  {
    name: 'pause-sidecar-only',
    follows: 'overlap within the bound of the second fence',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      story.damage.pause(master.sidecar, story.electionMs + story.random.between(1000, 6000), story.random.pick(FIRST));
      yield* story.succeeded(master, story.electionMs);
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      // Redis was reachable all the time: a switchover, and not a failover.
      story.expectNothingLost();
    },
  },
  {
    name: 'pause-both-then-resume',
    follows: 'overlap within the bound of the second fence',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const first = story.random.pick(FIRST);
      const forMs = story.electionMs + story.random.between(500, 8000);
      story.damage.pause(master.redis, forMs, first);
      story.damage.pause(master.sidecar, forMs + story.random.pick([0, 0, 300]), first);
      yield* story.succeeded(master, story.electionMs);
      yield story.until('both go on', forMs + 400, () => master.sidecar?.isPaused === false);
      yield story.wait(200);
      story.expect(master.redis?.acceptsWrites !== true, 'the old master takes writes after SIGCONT');
      yield* story.settled();
    },
  },
  {
    name: 'pause-shorter-than-lease',
    follows: 'nothing',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master, timings } = story;
      const [mark, term] = [story.mark(), story.term];
      const pod = story.random.pick([master, ...story.replicas]);
      const isSidecar = story.random.chance(0.5);
      // A Redis that does not answer for down-after is hung: half a lease may be as long.
      const forMs = isSidecar
        ? timings.leaseMs / 2
        : Math.min(timings.leaseMs / 2, timings.downAfterMs - 2 * timings.heartbeatMs);
      story.damage.pause(isSidecar ? pod.sidecar : pod.redis, forMs, story.random.pick(FIRST));
      yield story.wait(forMs + AFTERMATH_MS);
      story.expectNoElection(mark, term);
      story.expectNothingLost();
    },
  },
  {
    name: 'event-loop-stall',
    follows: 'lease checked first on resume',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master, timings } = story;
      const forMs = timings.leaseMs + story.random.between(0, timings.guardMs + 2000);
      story.damage.pause(master.sidecar, forMs, story.random.pick(FIRST));
      yield story.until('the loop goes on', forMs + 1, () => master.sidecar?.isPaused === false);
      story.expect(!(master.sidecar?.state.role.kind === 'holder'), 'it still believes in its lease');
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
    },
  },
  {
    name: 'suspended-machine',
    follows: 'the holder knows that its lease has run out: its clock has counted the time',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master, timings } = story;
      story.damage.suspend(master, story.electionMs + story.random.between(0, 9000), story.random.pick(FIRST));
      yield* story.succeeded(master, story.electionMs);
      yield story.until('it wakes up', 20_000, () => master.sidecar?.isPaused === false);
      yield story.wait(timings.heartbeatMs + 200);
      story.expect(master.redis?.acceptsWrites !== true, 'the old master takes writes after it woke up');
      yield* story.settled();
    },
  },
  {
    name: 'clock-step',
    follows: 'nothing',
    pods: ODD,
    settings: plain,
    *play(story) {
      const [mark, term] = [story.mark(), story.term];
      const pod = story.random.pick([story.master, ...story.replicas]);
      story.damage.stepWallClock(pod, story.random.pick([-1, 1]) * 3_600_000, story.random.pick([2000, null]));
      yield story.wait(2000 + AFTERMATH_MS);
      yield* story.settled();
      story.expectNoElection(mark, term);
      story.expectNothingLost();
    },
  },
  {
    name: 'clock-drift',
    follows: 'nothing',
    pods: ODD,
    settings: (drawn) => ({ ...plain(drawn), driftPpm: 500 }),
    *play(story) {
      const [mark, term] = [story.mark(), story.term];
      yield story.wait(60_000);
      story.expectNoElection(mark, term);
      story.expect(story.changesSince(mark) === 0, 'a healthy set was ordered about');
      story.expectNothingLost();
    },
  },
];
