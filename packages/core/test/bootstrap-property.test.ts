import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decideBootstrap,
  strangersIn,
  asPodName,
  asTerm,
  type Answer,
  type ReplicationInfo,
  type SidecarView,
} from '../src/index.ts';
import {
  CLUSTER,
  SELF,
  IP_1,
  IP_2,
  runIdOf,
  silent,
  answered,
  master,
  follower,
  announcement,
  peer,
  seen,
} from './bootstrap-support.ts';

describe('whatever the pods say', () => {
  const ips = [SELF.ip, IP_1, IP_2, '10.0.0.13'];
  const pods = ['redis-0', 'redis-1', 'redis-2', 'redis-3'].map(asPodName);
  const someIp = fc.constantFrom(...ips);
  const somePod = fc.constantFrom(...pods);
  const someRun = fc.constantFrom('m', 'n', 'o').map(runIdOf);
  const someAnnouncement = fc
    .record({
      term: fc.integer({ min: 1, max: 3 }).map(asTerm),
      pod: somePod,
      ip: someIp,
      runId: fc.option(someRun),
    })
    .map(announcement);
  const someSidecar: fc.Arbitrary<Answer<SidecarView> | null> = fc.oneof(
    fc.constant(silent),
    fc.constant(null),
    fc
      .record({
        cluster: fc.constantFrom(CLUSTER, CLUSTER, CLUSTER, 'other'),
        from: fc.record({ pod: somePod }),
        master: fc.option(someAnnouncement, { freq: 4 }),
        masterIsFresh: fc.boolean(),
      })
      .map(answered),
  );
  const someRedis: fc.Arbitrary<Answer<ReplicationInfo>> = fc.oneof(
    fc.constant(silent),
    fc.record({ runId: someRun, loading: fc.constantFrom(false, false, true) }).map((change) => master('m', change)),
    fc.tuple(someIp, fc.boolean()).map(([ip, linkUp]) => follower(ip, { linkUp })),
  );
  const observations = fc
    .tuple(...ips.map(() => fc.tuple(someSidecar, someRedis, fc.option(somePod))))
    .map((all) =>
      seen(all.map(([sidecar, redis, podName], index) => ({ ...peer(ips[index] ?? '', sidecar, redis), podName }))),
    );

  test('it never follows itself, one that was not verified, or one of two', () => {
    let followed = 0;
    fc.assert(
      fc.property(observations, (observation) => {
        const decision = decideBootstrap(observation);
        if (decision.kind === 'limbo') return;
        followed += 1;
        const { master: chosen } = decision;
        expect(chosen.ip).not.toBe(SELF.ip);
        expect(chosen.pod).not.toBe(SELF.pod);
        const strangers = strangersIn(observation).map(({ ip }) => ip);
        expect(strangers).not.toContain(chosen.ip);
        const trusted = observation.peers.filter(({ ip }) => ip !== SELF.ip && !strangers.includes(ip));
        const redis = trusted.find(({ ip }) => ip === chosen.ip)?.redis;
        expect(redis).toMatchObject({ ok: true, value: { role: 'master', loading: false } });
        const views = trusted.flatMap(({ sidecar }) => (sidecar?.ok === true ? [sidecar.value] : []));
        const named = views.flatMap((view) => (view.masterIsFresh && view.master !== null ? [view.master] : []));
        const newestTerm = Math.max(0, ...views.map((view) => view.master?.term ?? 0));
        if (named.length > 0) {
          // Whoever is named in the newest term is the one that is followed, and nobody else is.
          const newest = named.filter(({ term }) => term === newestTerm);
          expect(decision.term).toBe(newestTerm);
          expect(new Set(newest.map(({ ip, pod }) => `${ip} ${pod}`))).toEqual(
            new Set([`${chosen.ip} ${String(chosen.pod)}`]),
          );
          for (const { runId } of newest.slice(0, 1)) {
            if (runId !== null) expect(redis).toMatchObject({ value: { runId } });
          }
          return;
        }
        // Masters that other trusted instances follow; one process at two addresses is one.
        const runs = trusted.flatMap(({ ip, redis: answer }) => {
          if (!answer.ok || answer.value.role !== 'master' || answer.value.loading) return [];
          const hasFollower = trusted.some(
            ({ ip: other, redis: its }) => other !== ip && its.ok && its.value.linkUp && its.value.masterHost === ip,
          );
          return hasFollower ? [answer.value.runId] : [];
        });
        expect(new Set(runs).size).toBe(1);
      }),
      { numRuns: 20_000 },
    );
    // The property would say nothing about a decision that is always limbo.
    expect(followed).toBeGreaterThan(100);
  });
});
