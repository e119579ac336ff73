// Which label the pod of a sidecar gets, and what comes before: stories of single moments.
import { describe, expect, test } from '@jest/globals';
import { asPodName, type Moment } from '@sentinel-micro/core';
import { configOf, follower, identity, LIMBO, PODS, requestOf, TIMINGS } from '../../core/test/support.ts';
import { startLabels, type LabelCall, type LabelReply, type LabelState } from '../src/kube/label-state.ts';
import { ROLE_LABEL, type PodFacts } from '../src/kube/pod-facts.ts';
import { mayCarryMaster, planLabels, takeReply } from '../src/kube/role-labels.ts';
import { roleViewOf, type RoleView } from '../src/kube/role-view.ts';
import { leader } from './commands-support.ts';

const [FIRST, SELF, LAST] = PODS as [(typeof PODS)[number], (typeof PODS)[number], (typeof PODS)[number]];
const GRACE_MS = 2000;
const OTHERS = [
  { pod: FIRST, isMember: true },
  { pod: LAST, isMember: true },
];

const FOLLOWING: RoleView = { wanted: 'replica', lease: null, isFencing: false, term: 1, others: OTHERS };
const NOBODY: RoleView = { ...FOLLOWING, wanted: 'none' };
const leading = (term = 2, renewedAtMs = 0): RoleView => ({
  ...FOLLOWING,
  ...{ wanted: 'master', lease: { term, renewedAtMs }, isFencing: true, term },
});

const factsOf = (change: Partial<PodFacts> = {}): PodFacts => ({
  ...{ uid: 'uid-1', resourceVersion: '10', role: null, fencedTerm: null, fencedBy: null },
  ...change,
});

/** One sidecar's labels, and what the API is asked. */
class LabelStory {
  state: LabelState = startLabels({
    pod: SELF,
    uid: 'uid-1',
    incarnation: 'a'.repeat(40),
    graceMs: GRACE_MS,
    startedAtMs: 0,
  });
  nowMs = 0;
  calls: readonly LabelCall[] = [];
  wakeAtMs = Infinity;

  get moment(): Moment {
    return { nowMs: this.nowMs, random: 1 };
  }

  look(view: RoleView): string[] {
    const { state, calls, wakeAtMs } = planLabels(this.state, view, this.nowMs);
    this.state = state;
    this.calls = calls;
    this.wakeAtMs = wakeAtMs;
    return calls.map(({ kind, pod }) => `${kind} ${pod}`);
  }

  answer(view: RoleView, pod: string, reply: LabelReply | PodFacts): void {
    const call = this.calls.find((made) => made.pod === asPodName(pod));
    if (call === undefined) throw new Error(`nothing was asked of ${pod}`);
    this.state = takeReply(this.state, call, 'ok' in reply ? reply : { ok: true, pod: reply }, view, this.moment);
  }

  patchOf(pod: string): unknown {
    return this.calls.find((made) => made.pod === asPodName(pod))?.patch;
  }

  /** Reads the own pod as this, and looks again. */
  reads(view: RoleView, facts: PodFacts = factsOf()): string[] {
    this.look(view);
    this.answer(view, SELF, facts);
    return this.look(view);
  }
}

const failure = (status: number | null, retryAfterMs: number | null = null): LabelReply => ({
  ok: false,
  status,
  retryAfterMs,
});

/** redis-1 leads under term 2, has fenced both others and carries the label. */
function labelled(): LabelStory {
  const story = new LabelStory();
  const view = leading();
  expect(story.look(view)).toEqual(['read redis-0', 'read redis-2', 'read redis-1']);
  story.answer(view, FIRST, factsOf({ uid: 'uid-0', role: 'master' }));
  story.answer(view, LAST, factsOf({ uid: 'uid-2', role: 'replica' }));
  story.answer(view, SELF, factsOf());
  expect(story.look(view)).toEqual(['fence redis-0', 'fence redis-2']);
  const fencedBy = 'redis-1/aaaaaaaaaaaa/1';
  story.answer(view, FIRST, factsOf({ uid: 'uid-0', fencedTerm: 2, fencedBy }));
  story.answer(view, LAST, factsOf({ uid: 'uid-2', role: 'replica', fencedTerm: 2, fencedBy }));
  expect(story.look(view)).toEqual(['label redis-1']);
  story.answer(view, SELF, factsOf({ resourceVersion: '11', role: 'master' }));
  expect(story.look(view)).toEqual([]);
  return story;
}

describe('what is wanted', () => {
  test('of the master, while its lease is valid', () => {
    const story = leader();
    expect(roleViewOf(story.state, story.nowMs)).toMatchObject({
      wanted: 'master',
      lease: { term: 2 },
      isFencing: true,
      others: OTHERS,
    });
    const later = story.nowMs + TIMINGS.leaseMs + 1;
    expect(roleViewOf(story.state, later)).toMatchObject({ wanted: 'none', lease: null, isFencing: false });
  });

  test('of a replica in step, and of one that is detached', () => {
    const story = follower();
    expect(roleViewOf(story.state, story.nowMs).wanted).toBe('replica');
    story.redis({ linkUp: false });
    expect(roleViewOf(story.state, story.nowMs).wanted).toBe('none');
    story.redis(LIMBO);
    expect(roleViewOf(story.state, story.nowMs).wanted).toBe('none');
  });

  test('of a replica whose master has given its lease back: nobody is led to it', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: PODS[2]!, cause: 'redis-dead' }));
    expect(roleViewOf(story.state, story.nowMs).wanted).toBe('none');
  });

  test('while it hands over, and while it stops: not master', () => {
    const story = leader();
    story.feed({ type: 'command', ref: 1, command: { kind: 'switchover', to: null } });
    expect(story.state.role).toMatchObject({ phase: { name: 'handover' } });
    expect(roleViewOf(story.state, story.nowMs)).toMatchObject({ wanted: 'keep', isFencing: false });
    const stopping = follower();
    stopping.feed({ type: 'stop' });
    expect(roleViewOf(stopping.state, stopping.nowMs).wanted).toBe('keep');
  });

  test('a master that is none of the configured pods any more is fenced as well', () => {
    const { state, nowMs } = follower();
    const smaller = { ...state, config: configOf(1, { members: PODS.slice(1) }) };
    expect(state.announcement?.pod).toBe(identity(0).pod);
    expect(roleViewOf(smaller, nowMs).others).toEqual([
      { pod: LAST, isMember: true },
      { pod: FIRST, isMember: false },
    ]);
  });
});

describe('a new leader', () => {
  test('fences all others, then labels itself with what it has read under its own lease', () => {
    const story = labelled();
    expect(mayCarryMaster(story.state)).toBe(true);
  });

  test('the fence takes master away, and moves the resourceVersion of a pod that did not have it', () => {
    const story = new LabelStory();
    const view = leading();
    story.look(view);
    story.answer(view, FIRST, factsOf({ uid: 'uid-0', role: 'master' }));
    story.answer(view, LAST, factsOf({ uid: 'uid-2', role: 'replica' }));
    story.look(view);
    const annotations = {
      'sentinel-micro.io/fenced-term': '2',
      'sentinel-micro.io/fenced-by': 'redis-1/aaaaaaaaaaaa/1',
    };
    expect(story.patchOf(FIRST)).toEqual({
      metadata: { uid: 'uid-0', resourceVersion: '10', annotations, labels: { [ROLE_LABEL]: null } },
    });
    expect(story.patchOf(LAST)).toEqual({ metadata: { uid: 'uid-2', resourceVersion: '10', annotations } });
  });

  test('a pod that is gone needs no fence; one that can not be read holds everything up', () => {
    const story = new LabelStory();
    const view = leading();
    story.look(view);
    story.answer(view, FIRST, failure(404));
    story.answer(view, LAST, failure(null));
    story.answer(view, SELF, factsOf());
    expect(story.look(view)).toEqual([]);
    story.nowMs = story.wakeAtMs;
    expect(story.look(view)).toEqual(['read redis-2']);
  });

  test('another lease: all fences begin anew, and the own pod is read again', () => {
    const story = labelled();
    story.nowMs = 5;
    expect(story.look(leading(4, 5))).toEqual(['read redis-0', 'read redis-2', 'read redis-1']);
  });

  test('what was read when the lease had run out does not count', () => {
    const story = new LabelStory();
    expect(story.look(leading())).toContain('read redis-1');
    story.answer(NOBODY, SELF, factsOf());
    story.answer(NOBODY, FIRST, failure(404));
    story.answer(NOBODY, LAST, failure(404));
    expect(story.look(leading())).toEqual(['read redis-1']);
  });

  test('a newer term has fenced it: it waits until a quorum has renewed its lease after that was read', () => {
    const story = new LabelStory();
    const view = leading(2, 0);
    story.look(view);
    story.answer(view, FIRST, failure(404));
    story.answer(view, LAST, failure(404));
    story.nowMs = 50;
    story.answer(view, SELF, factsOf({ fencedTerm: 7, fencedBy: 'redis-2/bbbbbbbbbbbb/3' }));
    expect(story.look(view)).toEqual([]);
    expect(story.look(leading(2, 51))).toEqual(['label redis-1']);
  });

  test('the kubelet was quicker: it reads again and asks again, at first at once, then more and more seldom', () => {
    const story = new LabelStory();
    const view = leading();
    story.look(view);
    for (const pod of [FIRST, LAST]) story.answer(view, pod, failure(404));
    story.answer(view, SELF, factsOf());
    for (let conflict = 0; conflict < 4; conflict++) {
      expect(story.look(view)).toEqual(['label redis-1']);
      story.answer(view, SELF, failure(409));
      expect(story.look(view)).toEqual(['read redis-1']);
      story.answer(view, SELF, factsOf());
    }
    expect(story.look(view)).toEqual(['label redis-1']);
    story.answer(view, SELF, failure(409));
    expect(story.look(view)).toEqual([]);
    expect(story.wakeAtMs).toBeGreaterThan(0);
  });

  test('the API asks to be left alone: it is', () => {
    const story = new LabelStory();
    const view = leading();
    story.look(view);
    story.answer(view, SELF, failure(429, 7000));
    story.answer(view, FIRST, failure(404));
    story.answer(view, LAST, failure(404));
    expect(story.look(view)).toEqual([]);
    expect(story.wakeAtMs).toBe(7000);
  });

  test('what is not permitted is asked for every half minute; of a pod that is none of the set any more it is let be', () => {
    const story = new LabelStory();
    const others = [
      { pod: FIRST, isMember: true },
      { pod: LAST, isMember: false },
    ];
    const view = { ...leading(), others };
    story.look(view);
    story.answer(view, FIRST, failure(403));
    story.answer(view, LAST, failure(403));
    story.answer(view, SELF, factsOf());
    expect(story.look(view)).toEqual([]);
    expect(story.wakeAtMs).toBe(30_000);
    expect(story.state.others[LAST]?.isFenced).toBe(true);
  });
});

describe('a leader that is none any more', () => {
  test('takes its label away at once, whatever has changed since it was read', () => {
    const story = labelled();
    expect(story.look(NOBODY)).toEqual(['drop redis-1']);
    expect(story.patchOf(SELF)).toMatchObject({ metadata: { uid: 'uid-1', labels: { [ROLE_LABEL]: null } } });
    expect(story.patchOf(SELF)).not.toHaveProperty('metadata.resourceVersion');
    story.answer(NOBODY, SELF, factsOf({ resourceVersion: '12' }));
    expect(mayCarryMaster(story.state)).toBe(false);
  });

  test('also while its request for the label is under way; each time with another mark, for what changes nothing moves nothing', () => {
    const story = labelled();
    story.look(NOBODY);
    const first = JSON.stringify(story.patchOf(SELF));
    story.answer(NOBODY, SELF, failure(null));
    story.nowMs = 60_000;
    expect(story.look(NOBODY)).toContain('drop redis-1');
    expect(JSON.stringify(story.calls.find(({ kind }) => kind === 'drop')?.patch)).not.toBe(first);
  });

  test('does not ask for it again before the request to take it away has ended', () => {
    const story = labelled();
    story.look(NOBODY);
    const back = leading(3, 1);
    expect(story.look(back)).toEqual(['read redis-0', 'read redis-2']);
  });

  test('another pod has its name: there is nothing left to do', () => {
    const story = labelled();
    story.look(NOBODY);
    story.answer(NOBODY, SELF, failure(409));
    expect(story.look(NOBODY)).toEqual(['read redis-1']);
    story.answer(NOBODY, SELF, factsOf({ uid: 'uid-9', role: 'master' }));
    expect(mayCarryMaster(story.state)).toBe(false);
    expect(story.look(NOBODY)).toEqual([]);
  });
});

describe('a sidecar that has just started', () => {
  test('leaves the label of its former life for as long as that lease may last', () => {
    const story = new LabelStory();
    expect(story.reads(NOBODY, factsOf({ role: 'master' }))).toEqual([]);
    expect(story.wakeAtMs).toBe(GRACE_MS);
    story.nowMs = GRACE_MS;
    expect(story.look(NOBODY)).toEqual(['drop redis-1']);
  });

  test('has its lease again before that: the label stays where it is', () => {
    const story = new LabelStory();
    story.reads(NOBODY, factsOf({ role: 'master' }));
    const view = leading();
    expect(story.look(view)).toEqual(['read redis-0', 'read redis-2', 'read redis-1']);
    story.answer(view, SELF, factsOf({ role: 'master' }));
    expect(story.look(view)).toEqual([]);
  });

  test('hears of another master: the label of its former life goes at once', () => {
    const story = new LabelStory();
    expect(story.reads(FOLLOWING, factsOf({ role: 'master' }))).toEqual(['drop redis-1']);
  });
});

describe('a replica', () => {
  test('is labelled when it follows, and keeps the label through a failover', () => {
    const story = new LabelStory();
    expect(story.reads(FOLLOWING)).toEqual(['label redis-1']);
    story.answer(FOLLOWING, SELF, factsOf({ role: 'replica' }));
    expect(story.look(NOBODY)).toEqual([]);
    story.nowMs = GRACE_MS - 1;
    expect(story.look(NOBODY)).toEqual([]);
    expect(story.look(FOLLOWING)).toEqual([]);
  });

  test('follows nobody for longer than a lease: no label', () => {
    const story = new LabelStory();
    story.reads(FOLLOWING, factsOf({ role: 'replica' }));
    story.look(NOBODY);
    story.nowMs = GRACE_MS;
    expect(story.look(NOBODY)).toEqual(['label redis-1']);
    expect(story.patchOf(SELF)).toMatchObject({ metadata: { resourceVersion: '10', labels: { [ROLE_LABEL]: null } } });
  });

  test('somebody labels it master by hand: that is noticed, and taken away', () => {
    const story = new LabelStory();
    story.reads(FOLLOWING, factsOf({ role: 'replica' }));
    expect(story.wakeAtMs).toBe(30_000);
    story.nowMs = 30_000;
    expect(story.reads(FOLLOWING, factsOf({ role: 'master' }))).toEqual(['drop redis-1']);
  });

  test('a set that is well costs one request per pod in half a minute', () => {
    const story = new LabelStory();
    story.reads(FOLLOWING, factsOf({ role: 'replica' }));
    let calls = 0;
    for (; story.nowMs < 600_000; story.nowMs += 200) {
      const made = story.look(FOLLOWING).length;
      calls += made;
      if (made > 0) story.answer(FOLLOWING, SELF, factsOf({ role: 'replica' }));
    }
    expect(calls).toBeLessThanOrEqual(20);
  });
});
