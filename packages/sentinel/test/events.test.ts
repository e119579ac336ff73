import { describe, expect, test } from '@jest/globals';
import { asPodName, asRunId } from '@sentinel-micro/core';
import { eventsBetween, nothingSeen, tellable } from '../src/events.ts';
import type { ReplicaView, SentinelView, SetView } from '../src/sentinel-view.ts';

/** Three pods: A is master, B and C follow; this sidecar is that of C. Addresses end in 1, 2 and 3. */
const A = { pod: asPodName('redis-0'), ip: '10.0.0.1', port: 6379, runId: asRunId('a'.repeat(40)) };
const B = { pod: asPodName('redis-1'), ip: '10.0.0.2', port: 6379, runId: asRunId('b'.repeat(40)) };
const C = { pod: asPodName('redis-2'), ip: '10.0.0.3', port: 6379, runId: asRunId('c'.repeat(40)) };

const replica = ({ ip, port, runId }: typeof A, change: Partial<ReplicaView> = {}): ReplicaView => {
  return { name: `${ip}:${String(port)}`, ip, port, runId, isUp: true, isLinked: true, ...change };
};
const sentinel = ({ pod, ip }: typeof A, change: Partial<SentinelView> = {}): SentinelView => {
  const known = { isConnected: true, isUp: true, agreesThatDown: false, answeredAgoMs: 0 };
  return { id: `id-of-${pod}`, pod, ip, port: 26379, ...known, ...change };
};

/** A leads, everybody is well. */
const WELL: SetView = {
  masterName: 'mymaster',
  quorum: 2,
  term: 4,
  master: A,
  isNamed: true,
  isDown: false,
  isAgreedDown: false,
  stage: 'done',
  self: 'id-of-redis-2',
  replicas: [replica(B), replica(C)],
  sentinels: [sentinel(A), sentinel(B)],
};
/** A is not heard of any more. */
const SILENT: SetView = { ...WELL, isNamed: false, isDown: true, stage: 'none' };
/** A has given its lease back. */
const GONE: SetView = { ...SILENT, isAgreedDown: true };
/** B has been elected; A is not back. */
const B_LEADS: SetView = { ...WELL, term: 5, master: B, replicas: [replica(C, { isLinked: false })] };

function lines(before: SetView, after: SetView): string[] {
  return eventsBetween(before, after).map(({ channel, message }) => `${channel} ${message}`);
}

/** The events of a story told in views, one after the other. */
function told(...views: SetView[]): string[][] {
  let before = nothingSeen(views[0]!);
  return views.map((view) => {
    const after = tellable(before, view);
    const events = lines(before, after);
    before = after;
    return events;
  });
}

const A_TEXT = 'master mymaster 10.0.0.1 6379';
const B_TEXT = 'master mymaster 10.0.0.2 6379';
const AT_A = '@ mymaster 10.0.0.1 6379';
const AT_B = '@ mymaster 10.0.0.2 6379';
const CHOSEN_B = `slave 10.0.0.2:6379 10.0.0.2 6379 ${AT_A}`;

/** What leads to another master, from the start of an election on. */
const ELECTION_OF_B = [
  '+new-epoch 5',
  `+try-failover ${A_TEXT}`,
  '+vote-for-leader id-of-redis-1 5',
  `+elected-leader ${A_TEXT}`,
  `+failover-state-select-slave ${A_TEXT}`,
  `+selected-slave ${CHOSEN_B}`,
  `+failover-state-send-slaveof-noone ${CHOSEN_B}`,
  `+failover-state-wait-promotion ${CHOSEN_B}`,
  `+promoted-slave ${CHOSEN_B}`,
  `+failover-state-reconf-slaves ${A_TEXT}`,
  `+failover-end ${A_TEXT}`,
];
const SWITCH_TO_B = [
  `+config-update-from sentinel id-of-redis-1 10.0.0.2 26379 ${AT_A}`,
  '+switch-master mymaster 10.0.0.1 6379 10.0.0.2 6379',
  `+slave slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_B}`,
];

describe('one change', () => {
  const cases: readonly (readonly [string, SetView, SetView, readonly string[]])[] = [
    ['nothing has changed', WELL, WELL, []],
    ['only the term has grown', WELL, { ...WELL, term: 9 }, []],
    ['the master is not heard of', WELL, SILENT, [`+sdown ${A_TEXT}`]],
    ['the master has gone', WELL, GONE, [`+sdown ${A_TEXT}`, `+odown ${A_TEXT} #quorum 2/2`]],
    ['others find so too', SILENT, GONE, [`+odown ${A_TEXT} #quorum 2/2`]],
    ['they do not find so any more', GONE, SILENT, [`-odown ${A_TEXT}`]],
    ['it was only silent', SILENT, WELL, [`-sdown ${A_TEXT}`]],
    ['it is back', GONE, WELL, [`-sdown ${A_TEXT}`, `-odown ${A_TEXT}`]],
    [
      'another one leads: everything up to it, the switch, the replicas, and then that nobody is down',
      GONE,
      B_LEADS,
      [...ELECTION_OF_B, ...SWITCH_TO_B, `-sdown ${B_TEXT}`, `-odown ${B_TEXT}`],
    ],
    ['another one leads, and nobody was found down', WELL, B_LEADS, [...ELECTION_OF_B, ...SWITCH_TO_B]],
    [
      'the master moves as ordered: nobody is down, and nothing is told until it has moved',
      WELL,
      { ...WELL, isNamed: false, stage: 'none' },
      [],
    ],
    [
      'it has moved as ordered',
      { ...WELL, isNamed: false, stage: 'none' },
      B_LEADS,
      [...ELECTION_OF_B, ...SWITCH_TO_B],
    ],
    [
      'this sidecar tries to be elected',
      GONE,
      { ...GONE, stage: 'try', term: 5 },
      ['+new-epoch 5', `+try-failover ${A_TEXT}`],
    ],
    [
      'it is elected',
      { ...GONE, stage: 'try', term: 5 },
      { ...GONE, stage: 'elected', term: 5 },
      ['+vote-for-leader id-of-redis-2 5', `+elected-leader ${A_TEXT}`, `+failover-state-select-slave ${A_TEXT}`],
    ],
    ['it is not elected', { ...GONE, stage: 'try' }, GONE, [`-failover-abort-not-elected ${A_TEXT}`]],
    [
      'the master has restarted under the same address',
      WELL,
      { ...WELL, master: { ...A, runId: asRunId('f'.repeat(40)) } },
      [`+reboot ${A_TEXT}`],
    ],
    ['its run id becomes known', { ...WELL, master: { ...A, runId: null } }, WELL, []],
    [
      'a replica is new',
      { ...WELL, replicas: [replica(B)] },
      WELL,
      [`+slave slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_A}`],
    ],
    [
      'a replica is new, and down',
      { ...WELL, replicas: [replica(B)] },
      { ...WELL, replicas: [replica(B), replica(C, { isUp: false })] },
      [`+slave slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_A}`, `+sdown slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_A}`],
    ],
    [
      'a replica is down',
      WELL,
      { ...WELL, replicas: [replica(B, { isUp: false }), replica(C)] },
      [`+sdown ${CHOSEN_B}`],
    ],
    ['it is up again', { ...WELL, replicas: [replica(B, { isUp: false }), replica(C)] }, WELL, [`-sdown ${CHOSEN_B}`]],
    [
      'it is linked again, under both names that clients know',
      { ...WELL, replicas: [replica(B, { isLinked: false }), replica(C)] },
      WELL,
      [`+slave-reconf-done ${CHOSEN_B}`, `+replica-reconf-done ${CHOSEN_B}`],
    ],
    ['its link breaks', WELL, { ...WELL, replicas: [replica(B, { isLinked: false }), replica(C)] }, []],
    [
      'it has restarted',
      WELL,
      { ...WELL, replicas: [replica(B, { runId: asRunId('e'.repeat(40)) }), replica(C)] },
      [`+reboot ${CHOSEN_B}`],
    ],
    ['it belongs to the set no more', WELL, { ...WELL, replicas: [replica(C)] }, []],
    [
      'a sidecar is new',
      { ...WELL, sentinels: [sentinel(A)] },
      WELL,
      [`+sentinel sentinel id-of-redis-1 10.0.0.2 26379 ${AT_A}`],
    ],
    [
      'a sidecar is gone',
      WELL,
      { ...WELL, sentinels: [sentinel(A), sentinel(B, { isUp: false })] },
      [`+sdown sentinel id-of-redis-1 10.0.0.2 26379 ${AT_A}`],
    ],
    [
      'it is back, in another life',
      { ...WELL, sentinels: [sentinel(A), sentinel(B, { isUp: false })] },
      { ...WELL, sentinels: [sentinel(A), sentinel(B, { id: 'id-2' })] },
      [`+sentinel sentinel id-2 10.0.0.2 26379 ${AT_A}`],
    ],
    [
      'it is back, in the same life',
      { ...WELL, sentinels: [sentinel(A), sentinel(B, { isUp: false })] },
      WELL,
      [`-sdown sentinel id-of-redis-1 10.0.0.2 26379 ${AT_A}`],
    ],
  ];

  test.each(cases)('%s', (_, before, after, events) => {
    expect(lines(before, after)).toEqual(events);
  });
});

describe('stories', () => {
  test('from the start: the master, its replicas and the other sidecars are made known once', () => {
    const unknown = { ...WELL, master: null, isNamed: false, stage: 'none' } as const;
    expect(told(unknown, WELL, WELL)).toEqual([
      [],
      [
        `+monitor ${A_TEXT} quorum 2`,
        `+slave ${CHOSEN_B}`,
        `+slave slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_A}`,
        `+sentinel sentinel id-of-redis-0 10.0.0.1 26379 ${AT_A}`,
        `+sentinel sentinel id-of-redis-1 10.0.0.2 26379 ${AT_A}`,
      ],
      [],
    ]);
  });

  test('who is elected itself tells each step once, when it takes it', () => {
    const mine: SetView = { ...WELL, term: 5, master: C, replicas: [replica(B)] };
    const chosen = `slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_A}`;
    const [, down, trying, elected, leading] = told(
      WELL,
      GONE,
      { ...GONE, stage: 'try', term: 5 },
      { ...GONE, stage: 'elected', term: 5 },
      mine,
    );
    expect(down).toEqual([`+sdown ${A_TEXT}`, `+odown ${A_TEXT} #quorum 2/2`]);
    expect(trying).toEqual(['+new-epoch 5', `+try-failover ${A_TEXT}`]);
    expect(elected).toHaveLength(3);
    expect(leading).toEqual([
      `+selected-slave ${chosen}`,
      `+failover-state-send-slaveof-noone ${chosen}`,
      `+failover-state-wait-promotion ${chosen}`,
      `+promoted-slave ${chosen}`,
      `+failover-state-reconf-slaves ${A_TEXT}`,
      `+failover-end ${A_TEXT}`,
      '+switch-master mymaster 10.0.0.1 6379 10.0.0.3 6379',
      '+slave slave 10.0.0.2:6379 10.0.0.2 6379 @ mymaster 10.0.0.3 6379',
      '-sdown master mymaster 10.0.0.3 6379',
      '-odown master mymaster 10.0.0.3 6379',
    ]);
  });

  test('the old master comes back: it is a new replica, told when it is in the answers', () => {
    const back: SetView = { ...B_LEADS, replicas: [replica(C), replica(A)] };
    expect(told(WELL, GONE, B_LEADS, back).at(-1)).toEqual([
      `+slave-reconf-done slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_B}`,
      `+replica-reconf-done slave 10.0.0.3:6379 10.0.0.3 6379 ${AT_B}`,
      `+slave slave 10.0.0.1:6379 10.0.0.1 6379 ${AT_B}`,
    ]);
  });

  test('what happens to replicas while nobody is named is told when somebody is again', () => {
    const changed = [replica(B, { isUp: false }), replica(C)];
    expect(told(WELL, { ...SILENT, replicas: changed }, { ...WELL, replicas: changed })).toEqual([
      expect.any(Array),
      [`+sdown ${A_TEXT}`],
      [`+sdown ${CHOSEN_B}`, `-sdown ${A_TEXT}`],
    ]);
  });

  test('each +sdown and +odown has its counterpart, whatever the order of things', () => {
    const stories = [
      [WELL, SILENT, WELL],
      [WELL, SILENT, GONE, WELL],
      [WELL, GONE, B_LEADS],
      [WELL, SILENT, B_LEADS],
      [WELL, GONE, SILENT, GONE, B_LEADS],
    ];
    for (const story of stories) {
      const names = told(...story)
        .flat()
        .filter((line) => / master mymaster/.test(line))
        .map((line) => line.split(' ', 1)[0]!);
      const count = (name: string): number => names.filter((known) => known === name).length;
      expect([count('+sdown'), count('+odown')]).toEqual([count('-sdown'), count('-odown')]);
    }
  });
});
