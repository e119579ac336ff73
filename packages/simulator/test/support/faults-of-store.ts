import type { PlantedFault } from './planted.ts';

const leaseStore = 'kubernetes';

/** Whoever hears the holder neither looks at the record nor campaigns: that covers several of these mistakes as well. */
const LOOKING_EARLY: PlantedFault['also'] = [
  {
    file: 'storekeeping.ts',
    find: 'Math.max(overdueAtMs(turn.state, turn.nowMs), store.askedAtMs + storeEveryMs(config.timings));',
    replace: 'store.askedAtMs + storeEveryMs(config.timings) / 8;',
  },
  {
    file: 'requests.ts',
    find: 'standBack(turn, state.config.timings.grantMs + campaignDelayMs(turn));',
    replace: 'standBack(turn, state.config.timings.heartbeatMs * 3);',
  },
];

/** Mistakes about a lease that is kept in a store. */
export const STORE_FAULTS: readonly PlantedFault[] = [
  {
    name: 'a record that has run out is taken without a vote, though its holder may go on with the consent of all',
    file: 'store.ts',
    find: "return unchangedFor(sighting, waitMs, nowMs, holder.pod) ?? { free: true, votes: 'own' };",
    replace: "return unchangedFor(sighting, waitMs, nowMs, holder.pod) ?? { free: true, votes: 'none' };",
    also: LOOKING_EARLY,
    leaseStore,
    only: ['api-away-for-one', 'cut-pair', 'cut-one-way'],
    pods: 2,
  },
  {
    name: 'without the store the holder goes on with a quorum instead of all',
    file: 'view.ts',
    find: 'return Math.max(members.length, stored?.replicas ?? 0);',
    replace: 'return Math.floor(Math.max(members.length, stored?.replicas ?? 0) / 2) + 1;',
    leaseStore,
    only: ['api-away-for-one', 'cut-pair', 'isolate'],
    pods: 3,
  },
  {
    name: 'a record that was renewed since it was first seen has run out all the same (its own time stamps are believed)',
    file: 'store.ts',
    find: 'return a !== null && a.kind === b.kind && a.version === b.version;',
    replace:
      "return a !== null && a.kind === b.kind && (a.version === b.version || (a.kind === 'lease' && b.kind === 'lease' && a.lease.term === b.lease.term));",
    also: [
      {
        file: 'storekeeping.ts',
        find: 'if (isSameRecord(sighting?.record ?? null, record)) return;',
        replace:
          'if (sighting !== null && isSameRecord(sighting.record, record)) { patchStore(turn, { sighting: { record, seenAtMs: sighting.seenAtMs } }); return; }',
      },
    ],
    leaseStore,
    only: ['isolate', 'cut-pair', 'cut-one-way'],
    pods: 3,
  },
  {
    name: 'a renewal that had no answer in time has succeeded',
    file: 'storekeeping.ts',
    find: "const isUnknown = outcome.kind === 'away' && purpose !== 'read';",
    replace:
      "const isUnknown = outcome.kind === 'away' && purpose !== 'read'; if (isUnknown && role.kind === 'holder') patch(turn, { role: { ...role, stored: { atMs: store.askedAtMs, replicas: config.members.length } } });",
    leaseStore,
    only: ['api-away-for-one', 'isolate', 'cut-pair'],
    pods: 2,
  },
  {
    name: 'the term of the record is not learnt',
    file: 'storekeeping.ts',
    find: 'if (lease.term > turn.state.term) patch(turn, { term: asTerm(lease.term) });',
    replace: 'if (lease.term < 0) patch(turn, { term: asTerm(lease.term) });',
    leaseStore,
    pods: 2,
  },
  {
    name: 'a later pod of the same name takes the lease of the former one as its own',
    file: 'store.ts',
    find: 'if (isGivenBack(lease, givenBack) || isSameHolder(holder, self))',
    replace: 'if (isGivenBack(lease, givenBack) || holder.pod === self.pod)',
    leaseStore,
    only: ['force-delete', 'delete-pod'],
    pods: 3,
  },
  {
    name: 'a record that is gone is made anew at once',
    file: 'store.ts',
    find: "unchangedFor(sighting, timings.grantMs, nowMs, 'somebody whose record was deleted') ?? {",
    replace: 'null ?? {',
    also: [{ file: 'store.ts', find: "          votes: 'quorum',", replace: "          votes: 'none'," }],
    leaseStore,
    only: ['record-deleted', 'isolate', 'cut-pair'],
    pods: 3,
  },
];
