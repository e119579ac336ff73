import type { DnsMode } from '../world.ts';
import type { Scenario } from './scenario.ts';
import type { Script } from './script.ts';
import { AFTERMATH_MS, type Story } from './story.ts';
import { fast, ODD, plain } from './worlds.ts';

/** DNS answers wrongly, for everybody or one pod, while a pod is made anew. */
function* underDns(story: Story, mode: DnsMode): Script {
  const { dns, pods } = story.world;
  const [mark, term, fromMs] = [story.mark(), story.term, story.nowMs];
  const replica = story.anyReplica();
  if (mode === 'stale') story.world.rememberDns();
  for (const pod of pods) if (pod === replica || story.random.chance(0.7)) dns[pod.index] = mode;
  const forMs = story.random.between(8000, 15_000);
  story.damage.for(forMs, () => dns.fill('right'));
  if (story.random.chance(0.5)) story.damage.killSidecar(replica, story.random.between(50, 2000));
  else story.damage.deletePod(replica, story.random.between(50, 2000));
  yield story.wait(forMs);
  story.expectNoElection(mark, term);
  story.expect(story.acknowledgedSince(fromMs) > 0, 'nothing was written meanwhile');
  yield story.wait(AFTERMATH_MS);
  yield* story.settled();
  story.expectNoElection(mark, term);
  story.expectNothingLost();
}

/** Names and addresses that say something else than the truth; and somebody else in the same network. */
export const nameScenarios: readonly Scenario[] = [
  {
    name: 'dns-fails',
    follows: 'running set unharmed; a fresh pod waits in limbo',
    pods: ODD,
    settings: plain,
    play: (story) => underDns(story, 'silent'),
  },
  {
    name: 'dns-returns-self-only',
    follows: 'no self-promotion',
    pods: ODD,
    settings: plain,
    play: (story) => underDns(story, 'self-only'),
  },
  {
    name: 'dns-stale',
    follows: 'refused',
    pods: ODD,
    settings: plain,
    play: (story) => underDns(story, 'stale'),
  },
  {
    name: 'ip-reuse-foreign-redis',
    follows: 'never followed',
    pods: ODD,
    settings: plain,
    *play(story) {
      const victim = story.random.chance(0.7) ? story.master : story.anyReplica();
      const { ip } = victim.machine;
      story.damage.deletePod(victim, story.random.between(2000, 8000));
      // Without a password Redis itself may try the old address once more: README, "It does not give you".
      yield story.wait(story.settings.redis.hasPassword ? story.random.between(0, 100) : 300);
      story.damage.admit(ip, null, story.random.pick(['none', 'honest', 'disguised']), victim.index);
      yield story.wait(12_000);
      story.expect(story.masterOrNull() !== null, 'there is no master');
      // That nobody follows or feeds it, and that it is never ordered about, is checked all the time (S5).
      yield story.wait(AFTERMATH_MS);
    },
  },
  {
    name: 'renewal-outlives-its-pod',
    follows: 'a renewal that arrives when its sender is gone leads nobody to the address that it had',
    pods: ODD,
    settings: (drawn) => ({ ...fast(drawn), redis: { ...drawn.redis, hasPassword: false } }),
    *play(story) {
      const { master, world, damage, timings, random } = story;
      const { ip } = master.machine;
      world.network.conditions.duplicateRate = 1;
      const asBefore = damage.for(null, () => {
        world.network.conditions.duplicateRate = 0;
      });
      // Now all that the master has sent comes once more, up to so long after it came first.
      yield story.wait(1500);
      damage.deletePod(master, 12_000);
      asBefore();
      // Redis itself may try the old address once more.
      yield story.wait(random.between(300, timings.leaseMs));
      damage.admit(ip, null, random.pick(['none', 'honest', 'disguised']), master.index);
      yield story.wait(12_000);
      story.expect(story.masterOrNull() !== null, 'there is no master');
      yield story.wait(AFTERMATH_MS);
    },
  },
  {
    name: 'foreign-sidecar',
    follows: 'refused, counted',
    pods: ODD,
    settings: (drawn) => ({ ...plain(drawn), redis: { ...drawn.redis, hasPassword: false } }),
    *play(story) {
      const { dns, pods } = story.world;
      const [mark, term] = [story.mark(), story.term];
      const named = story.anyReplica();
      story.damage.admit('10.7.0.1', null, story.random.pick(['honest', 'disguised']), named.index);
      for (const pod of pods) dns[pod.index] = 'foreign';
      story.damage.for(null, () => dns.fill('right'));
      yield story.wait(10_000);
      story.expectNoElection(mark, term);
      const refused = pods.reduce((sum, { sidecar }) => sum + (sidecar?.state.refusedMessages ?? 0), 0);
      story.expect(refused > 0, 'nobody has counted its messages');
      // Its votes do not count either when they are the ones that are missing: the pod of its name is gone, the master cut off.
      const voters = story.replicas.filter((pod) => pod !== named).slice(story.world.core.quorumOf(pods.length) - 1);
      for (const pod of voters) story.damage.killSidecar(pod, null);
      story.damage.deletePod(named, 12_000);
      story.isolate(story.master, 12_000);
      yield story.wait(11_500);
      story.expectEqual(story.promotionsSince(mark), 0, 'promotions without a quorum');
    },
  },
];
