import { describe, expect, test } from '@jest/globals';
import {
  lossOf,
  planPromotion,
  sourceOf,
  type Instance,
  type PromotionPlan,
  type ReplicationInfo,
} from '../src/index.ts';
import { brief, gone, linked, locked, master, orphan, type Facts } from './promotion-support.ts';

const plan = (...instances: Instance[]): PromotionPlan => planPromotion(instances, { force: false });
const forced = (...instances: Instance[]): PromotionPlan => planPromotion(instances, { force: true });

describe('a living master stays', () => {
  test.each<[string, Instance[], string]>([
    ['all follow it', [master('m:1'), linked('a:1', 'm:1'), linked('b:1', 'm:1')], 'healthy m:1'],
    ['one of them is unreachable', [master('m:1'), linked('a:1', 'm:1'), gone('b:1')], 'healthy m:1'],
    ['all others are unreachable', [master('m:1'), gone('a:1'), gone('b:1')], 'healthy m:1'],
    ['it is alone', [master('m:1')], 'healthy m:1'],
    ['one lags', [master('m:1', { offset: 9_000_000 }), linked('a:1', 'm:1', { offset: 1 })], 'healthy m:1'],
    ['one link is down', [master('m:1'), linked('a:1', 'm:1'), orphan('b:1', 'm:1')], 'repair m:1 <- (b:1)'],
    ['one follows another', [master('m:1'), linked('a:1', 'm:1'), orphan('b:1', 'x:1')], 'repair m:1 <- b:1'],
    ['one is chained', [master('m:1'), linked('a:1', 'm:1'), linked('b:1', 'a:1')], 'repair m:1 <- b:1'],
    ['one in limbo', [master('m:1'), linked('a:1', 'm:1'), orphan('b:1', '127.0.0.1:1')], 'repair m:1 <- b:1'],
    [
      'the others lost their way, with nothing that it has not',
      [master('m:1'), orphan('a:1', 'x:1'), orphan('b:1', 'x:1', { offset: 900 })],
      'repair m:1 <- a:1 b:1',
    ],
    ['the others are empty', [master('m:1'), orphan('a:1', 'x:1', { history: 'y', keys: 0 })], 'repair m:1 <- a:1'],
    [
      'its followers are not among those given',
      [master('m:1', { feeds: ['z:1'] }), orphan('a:1', 'x:1', { history: 'y' })],
      'repair m:1 <- a:1',
    ],
    ['one can not be asked', [master('m:1'), linked('a:1', 'm:1'), locked('b:1')], 'healthy m:1'],
  ])('%s', (_, instances, expected) => {
    expect(brief(planPromotion(instances, { force: false }))).toBe(expected);
    expect(brief(planPromotion([...instances].reverse(), { force: true })).split(' ')[1]).toBe('m:1');
  });

  test('what a stray loses is told', () => {
    const result = plan(master('m:1'), linked('a:1', 'm:1'), orphan('b:1', 'x:1', { history: 'y', keys: 7 }));
    expect(result.warnings).toEqual(['b:1 loses its whole data set: 7 keys, by following m:1']);
  });

  test('those that could not be asked are told too', () => {
    expect(plan(master('m:1'), linked('a:1', 'm:1'), gone('b:1')).warnings.join()).toContain('b:1 can not be asked');
  });
});

describe('nobody wipes data without being told to', () => {
  const reborn = master('m:1', { history: 'new', offset: 0, keys: 0 });

  test('a master reborn empty is replaced by a replica that has the data, and follows it', () => {
    for (const replicas of [
      [orphan('a:1', 'm:1'), orphan('b:1', 'm:1', { offset: 900 })],
      [orphan('a:1', '127.0.0.1:1'), orphan('b:1', '127.0.0.1:1', { offset: 900 })],
    ]) {
      const result = plan(reborn, ...replicas);
      expect(brief(result)).toBe('promote a:1 <- m:1 b:1');
      expect(brief(forced(reborn, ...replicas))).toBe(brief(result));
    }
  });

  test('when it has wiped some already, those that still have data are not pointed at it', () => {
    const wiped = linked('a:1', 'm:1', { history: 'new', keys: 0 });
    const result = plan(reborn, wiped, orphan('b:1', 'm2:1', { keys: 7 }));
    expect(brief(result)).toBe('refuse');
    expect(result.reason).toContain('b:1 loses its whole data set: 7 keys');
  });

  test('a master that nobody follows and replicas with data of another history: a person decides', () => {
    const instances = [master('m:1', { history: 'y' }), orphan('a:1', 'x:1')];
    expect(brief(plan(...instances))).toBe('refuse');
    expect(brief(forced(...instances))).toBe('repair m:1 <- a:1');
  });

  test('so it is for an old master that came back with less than its replicas have', () => {
    const old = master('m:1', { offset: 80 });
    const result = plan(old, orphan('a:1', 'x:1', { history: 'y', from: 'x<90', offset: 200 }));
    expect(brief(result)).toBe('refuse');
    expect(result.reason).toContain('a:1 loses the last 120 bytes');
  });

  test('a master that is still loading is waited for', () => {
    const loading = master('m:1', { loading: true });
    expect(plan(loading, orphan('a:1', 'm:1')).reason).toContain('still loading');
    expect(brief(forced(loading, orphan('a:1', 'm:1')))).toBe('promote a:1 <- m:1');
  });
});

describe('several masters', () => {
  const few = master('few:1', { history: 'y', from: 'x<900', offset: 5000 });
  const many = master('many:1', { offset: 1000 });
  const set = [few, many, linked('a:1', 'many:1'), linked('b:1', 'many:1'), linked('c:1', 'few:1', { history: 'y' })];

  test('are refused, with what --force would do', () => {
    const result = plan(...set);
    expect(brief(result)).toBe('refuse');
    expect(result.reason).toBe(
      '2 masters: few:1, many:1. --force would keep many:1 (2 followers); few:1 a master with 1 followers, offset 5000: would lose the last 4100 bytes of its history',
    );
  });

  test('--force keeps the one with more followers, also when the other has the greater offset', () => {
    const result = forced(...set);
    expect(brief(result)).toBe('repair many:1 <- few:1 c:1');
    const cut = 'orders' in result ? result.orders.map(({ cutClients }) => cutClients) : [];
    expect(cut).toEqual([true, false]);
    expect(result.warnings.join()).toContain('few:1 loses the last 4100 bytes of its history');
  });

  test('at the same number of followers, the greater offset', () => {
    expect(brief(forced(few, many))).toBe('repair few:1 <- many:1');
    expect(brief(forced(many, few))).toBe('repair few:1 <- many:1');
  });

  test('followers that were not given count', () => {
    expect(brief(forced(few, { ...many, feeds: ['z:1'] }))).toBe('repair many:1 <- few:1');
  });

  test('an empty second one is refused as well: it may be about to be used', () => {
    expect(brief(plan(many, linked('a:1', 'many:1'), master('e:1', { history: 'z', keys: 0 })))).toBe('refuse');
  });
});

describe('no master: the next one', () => {
  test.each<[string, Instance[], string]>([
    ['lowest priority', [orphan('a:1', 'm:1'), orphan('b:1', 'm:1', { priority: 10 })], 'b:1'],
    [
      'never priority 0',
      [orphan('a:1', 'm:1', { priority: 0, offset: 5000 }), orphan('b:1', 'm:1', { priority: 200 })],
      'b:1',
    ],
    ['greatest offset', [orphan('a:1', 'm:1'), orphan('b:1', 'm:1', { offset: 1001 })], 'b:1'],
    ['most recent I/O', [orphan('a:1', 'm:1', { io: 9 }), orphan('b:1', 'm:1', { io: 3 })], 'b:1'],
    ['unknown I/O (-1) is the least recent', [orphan('a:1', 'm:1'), orphan('b:1', 'm:1', { io: 99 })], 'b:1'],
    ['run id', [orphan('b:1', 'm:1'), orphan('a:1', 'm:1')], 'a:1'],
    [
      'not in the middle of a full sync',
      [orphan('a:1', 'm:1', { syncing: true, offset: 5000 }), orphan('b:1', 'm:1')],
      'b:1',
    ],
    ['not while loading', [orphan('a:1', 'm:1', { loading: true, offset: 5000 }), orphan('b:1', 'm:1')], 'b:1'],
    [
      'the history that most share, not the greatest offset of all',
      [
        orphan('a:1', 'm:1', { history: 'y', offset: 9000 }),
        orphan('b:1', 'm:1', { offset: 10 }),
        orphan('c:1', 'm:1', { offset: 20 }),
      ],
      'c:1',
    ],
    [
      'the greater offset among histories that are shared by as many',
      [orphan('a:1', 'm:1', { history: 'y', offset: 9000 }), orphan('b:1', 'm:1', { offset: 10, priority: 1 })],
      'a:1',
    ],
    [
      'data before none, whatever the number',
      [
        orphan('a:1', 'm:1', { history: 'y', keys: 0, offset: 9000 }),
        orphan('b:1', 'm:1', { history: 'y', keys: 0, offset: 9000 }),
        orphan('c:1', 'm:1', { offset: 10 }),
      ],
      'c:1',
    ],
    [
      'an older part of the same history counts for the younger one',
      [
        orphan('a:1', 'm:1', { history: 'y', from: 'x<90', offset: 100 }),
        orphan('b:1', 'm:1', { offset: 50 }),
        orphan('c:1', 'm:1', { history: 'z', offset: 9000 }),
      ],
      'a:1',
    ],
    [
      'never between two that went different ways from there',
      [
        orphan('a:1', 'm:1', { history: 'y', from: 'x<90', offset: 100, priority: 1 }),
        orphan('b:1', 'm:1', { offset: 50 }),
        orphan('c:1', 'm:1', { history: 'z', from: 'x<80', offset: 200 }),
      ],
      'c:1',
    ],
    [
      'without any data at all, the priority',
      [
        orphan('a:1', 'm:1', { history: 'y', keys: 0, offset: 9000 }),
        orphan('b:1', 'm:1', { history: 'z', keys: 0, offset: 1, priority: 5 }),
      ],
      'b:1',
    ],
    ['the only one left', [orphan('a:1', 'm:1')], 'a:1'],
  ])('%s', (_, replicas, winner) => {
    for (const order of [replicas, [...replicas].reverse()]) {
      const result = plan(gone('m:1'), ...order);
      expect(result).toMatchObject({ kind: 'promote', winner });
    }
  });

  test('all others are pointed at the winner, those behind it already only waited for', () => {
    const result = plan(
      gone('m:1'),
      orphan('a:1', 'm:1', { offset: 2000 }),
      orphan('b:1', 'm:1'),
      linked('c:1', 'a:1'),
    );
    expect(brief(result)).toBe('promote a:1 <- b:1 (c:1)');
  });

  test('every candidate is judged, with the reason', () => {
    const result = plan(
      gone('m:1'),
      orphan('w:1', 'm:1', { priority: 10 }),
      orphan('p:1', 'm:1'),
      orphan('z:1', 'm:1', { priority: 0 }),
      orphan('s:1', 'm:1', { syncing: true }),
      orphan('l:1', 'm:1', { loading: true }),
      orphan('f:1', 'm:1', { history: 'y' }),
      orphan('o:1', 'm:1', { priority: 10, offset: 999 }),
      orphan('q:1', 'm:1', { priority: 10, io: null }),
    );
    const verdicts = 'verdicts' in result ? result.verdicts : [];
    expect(verdicts.map(({ endpoint, chosen, reason }) => `${chosen ? '*' : ''}${endpoint} ${reason}`)).toEqual([
      'm:1 can not be asked: connection refused',
      'w:1 comes later: equal in all but the run id, which decides',
      'p:1 comes later: priority 10 comes before 100',
      'z:1 priority 0: never promoted',
      's:1 is in the middle of a full sync: its data is not complete',
      'l:1 is still loading its data',
      'f:1 its data is of another history than that of most, or it has none',
      'o:1 comes later: offset 1000 comes before 999',
      '*q:1 equal in all but the run id, which decides',
    ]);
  });

  test('bytes that the priority costs are named, also those of an instance that is never promoted', () => {
    const result = plan(
      orphan('w:1', 'm:1', { priority: 1 }),
      orphan('a:1', 'm:1', { offset: 1500 }),
      orphan('z:1', 'm:1', { offset: 1700, priority: 0 }),
      orphan('f:1', 'm:1', { history: 'y', keys: 3 }),
    );
    expect(result.warnings).toEqual([
      'w:1 lacks 500 bytes that a:1 (priority 100) has: THEY ARE LOST',
      'w:1 lacks 700 bytes that z:1 (priority 0) has: THEY ARE LOST',
      'f:1 loses its whole data set: 3 keys, by following w:1',
    ]);
  });

  test('one that has refused is passed over', () => {
    const unusable = new Map([['a:1', 'did not become master']]);
    const instances = [orphan('a:1', 'm:1'), orphan('b:1', 'm:1')];
    expect(brief(planPromotion(instances, { force: false, unusable }))).toBe('promote b:1 <- a:1');
  });

  test.each<[string, Instance[]]>([
    ['nobody at all', [gone('a:1'), gone('b:1')]],
    ['only such as can not be asked', [locked('a:1')]],
    ['only priority 0', [orphan('a:1', 'm:1', { priority: 0 })]],
    [
      'the data only with priority 0, the rest being of another history',
      [
        orphan('a:1', 'm:1', { priority: 0 }),
        orphan('b:1', 'm:1', { priority: 0 }),
        orphan('c:1', 'm:1', { history: 'y' }),
      ],
    ],
    ['only one in a full sync', [orphan('a:1', 'm:1', { syncing: true })]],
  ])('%s: refused, also by force', (_, instances) => {
    const result = planPromotion(instances, { force: true });
    expect(result).toMatchObject({ kind: 'refuse', settleMs: 0 });
    for (const { endpoint } of instances) expect(result.reason).toContain(endpoint);
  });
});

describe('a master that is not seen may be alive', () => {
  const hears = [linked('a:1', 'm:1'), orphan('b:1', 'm:1')];

  test('a link that is up speaks for it: look again, then leave it to a person', () => {
    const result = plan(gone('m:1'), ...hears);
    expect(result).toMatchObject({ kind: 'refuse' });
    expect(result.kind === 'refuse' && result.settleMs).toBeGreaterThan(12_000);
    expect(brief(forced(gone('m:1'), ...hears))).toBe('promote a:1 <- b:1');
  });

  test('so it does for one that was not named', () => {
    expect(plan(...hears).reason).toContain('m:1, which is not among the endpoints');
  });

  test('a link that has been silent for longer than a ping takes does not', () => {
    expect(brief(plan(gone('m:1'), linked('a:1', 'm:1', { io: 13 }), orphan('b:1', 'm:1')))).toBe('promote a:1 <- b:1');
    expect(brief(plan(gone('m:1'), linked('a:1', 'm:1', { io: 12 })))).toBe('refuse');
    expect(brief(plan(gone('m:1'), linked('a:1', 'm:1', { io: null })))).toBe('refuse');
  });

  test('a link to a replica that was named speaks for nobody', () => {
    expect(brief(plan(orphan('a:1', 'm:1', { offset: 2000 }), linked('b:1', 'a:1')))).toBe('promote a:1 <- (b:1)');
  });

  test('an instance that answers but can not be asked may be the master', () => {
    const result = plan(locked('m:1'), orphan('a:1', 'm:1'));
    expect(brief(result)).toBe('refuse');
    expect(result.reason).toContain('m:1 (wrong password)');
    expect(brief(forced(locked('m:1'), orphan('a:1', 'm:1')))).toBe('promote a:1 <- ');
    expect(brief(plan(master('s:1'), locked('m:1'), orphan('a:1', 'm:1')))).toBe('refuse');
  });
});

describe('who follows whom', () => {
  test('by the list of the one that feeds it, where its address means nothing here', () => {
    const source = master('m:1', { feeds: ['a:1'] });
    const replica = linked('a:1', 'service:1');
    expect(sourceOf(replica, [source, replica])).toBe(source);
    expect(brief(plan(source, replica))).toBe('healthy m:1');
    // The list alone is not enough: it may be about another instance with the same address.
    expect(sourceOf(orphan('a:1', 'service:1'), [source])).toBeNull();
    expect(sourceOf(linked('a:1', 'service:1', { history: 'y' }), [source])).toBeNull();
  });

  test('a name that stands for several of them needs the list too', () => {
    const all = ['m:1', 'svc:1'];
    const source = { ...master('m:1', { feeds: ['a:1'] }), addresses: all };
    const other = { ...orphan('b:1', 'm:1'), addresses: ['b:1', 'svc:1'] };
    const replica = linked('a:1', 'svc:1');
    expect(sourceOf(replica, [other, source, replica])).toBe(source);
    expect(sourceOf(replica, [other, { ...source, feeds: [] }, replica])).toBeNull();
  });
});

describe('what is lost by following', () => {
  const info = (facts: Facts): ReplicationInfo => orphan('a:1', 'm:1', facts).info;
  test.each<[string, Facts, Facts, unknown]>([
    ['the same', {}, {}, { kind: 'none' }],
    ['what it has more', { offset: 1200 }, {}, { kind: 'bytes', bytes: 200 }],
    ['nothing, when it has less', { offset: 800 }, {}, { kind: 'none' }],
    ['nothing, when the keeper went on from it', { offset: 90 }, { history: 'y', from: 'x<90' }, { kind: 'none' }],
    ['what it wrote after the parting', { offset: 100 }, { history: 'y', from: 'x<90' }, { kind: 'bytes', bytes: 10 }],
    ['all since it was promoted', { history: 'y', from: 'x<90', offset: 200 }, {}, { kind: 'bytes', bytes: 110 }],
    [
      'all since the earlier parting of two that were promoted',
      { history: 'y', from: 'x<90', offset: 200 },
      { history: 'z', from: 'x<80' },
      { kind: 'bytes', bytes: 120 },
    ],
    ['everything of a strange history', { history: 'y', keys: 7 }, {}, { kind: 'everything', keys: 7 }],
    ['everything, of unknown size', { history: 'y', keys: null }, {}, { kind: 'everything', keys: null }],
    ['nothing, when it is empty', { history: 'y', keys: 0 }, {}, { kind: 'none' }],
  ])('%s', (_, loser, keeper, expected) => {
    expect(lossOf(info(loser), info(keeper))).toEqual(expected);
  });

  test('a replica is not ahead of its living master, only asked a moment later', () => {
    expect(lossOf(info({ offset: 1010 }), master('m:1', { offset: 1000 }).info)).toEqual({ kind: 'none' });
  });
});

describe('defects of the original that must not come back', () => {
  test('an unreachable instance re-elected over a live master', () => {
    for (const extra of [gone('b:1'), locked('b:1')]) {
      const set = [linked('a:1', 'm:1', { priority: 1, offset: 99_999 }), extra, master('m:1')];
      expect(brief(plan(...set))).toBe('healthy m:1');
      expect(brief(forced(...set))).toBe('healthy m:1');
    }
  });

  test('a choice that depended on the order in which instances were listed', () => {
    const all = [
      orphan('a:1', 'm:1', { priority: 10, offset: 5, io: null }),
      orphan('b:1', 'm:1', { priority: 10, offset: 5, io: 1 }),
      orphan('c:1', 'm:1', { priority: 10, offset: 4, io: 0 }),
    ];
    for (let turn = 0; turn < 3; turn++) {
      all.push(all.shift()!);
      expect(plan(...all)).toMatchObject({ winner: 'b:1' });
    }
  });

  test('last I/O -1 taken for the most recent, priority 0 for "no matter"', () => {
    expect(plan(orphan('a:1', 'm:1'), orphan('b:1', 'm:1', { io: 1000 }))).toMatchObject({ winner: 'b:1' });
    expect(plan(orphan('a:1', 'm:1', { priority: 0 }), orphan('b:1', 'm:1'))).toMatchObject({ winner: 'b:1' });
  });

  test('"I am the master" for want of knowledge', () => {
    expect(brief(plan(gone('a:1'), gone('b:1')))).toBe('refuse');
    expect(brief(plan(locked('a:1'), orphan('b:1', 'a:1')))).toBe('refuse');
  });
});
