import { asTerm, type PodName } from './brand.ts';
import { startHandover } from './handover.ts';
import { quorumOf, standingGrant } from './lease.ts';
import type { PodIdentity } from './messages.ts';
import { ordinalOf, podNames } from './pod-names.ts';
import { leaderStep, startingSize, stuckStep, type SizeReport, type StatefulSetView } from './size-rule.ts';
import type { HeardSize, Input, Memory, NodeConfig, NodeState, Resizing } from './state.ts';
import { rankOthers } from './lead.ts';
import { whyNotReady } from './successor.ts';
import { ask, isUncounted, knowsItsSize, note, patch, peerView, wakeAt, type HolderRole, type Turn } from './turn.ts';
import { heldUntilMs, isAnnouncementFresh } from './view.ts';

/** As a sidecar starts whose N follows the StatefulSet. */
export const NOT_RESIZED: Resizing = {
  view: null,
  readAtMs: -Infinity,
  countedSinceMs: -Infinity,
  heard: {},
  keeps: null,
  mark: null,
  leaderlessSinceMs: null,
  nextTryAtMs: 0,
  waitsSinceMs: Infinity,
  waitsFor: 'the Kubernetes API has not told how many pods there are to be, and no other pod either',
};

function sizedConfig(config: NodeConfig, replicas: number): NodeConfig {
  const { self } = config;
  const members = podNames(self.pod, replicas);
  return { ...config, self: { ...self, replicas }, members, quorum: quorumOf(replicas) };
}

/**
 * What a former life of this sidecar counted by still holds: nobody has moved on by more than one step since, for this pod exists and
 * was not heard.
 */
export function rememberedSize(flags: NodeConfig, memory: Memory | null): NodeConfig {
  const replicas = memory?.replicas ?? 0;
  return flags.isResizable === true && replicas > 0 ? sizedConfig(flags, replicas) : flags;
}

function patchResizing(turn: Turn, change: Partial<Resizing>): void {
  const { resizing } = turn.state;
  if (resizing !== null) patch(turn, { resizing: { ...resizing, ...change } });
}

/** Counts by another N from now on: its quorum, and its pods. */
function countBy(turn: Turn, replicas: number, why: string): void {
  const before = turn.state.config.self.replicas;
  patch(turn, { config: sizedConfig(turn.state.config, replicas) });
  patchResizing(turn, { mark: null, keeps: null, waitsFor: null, countedSinceMs: turn.nowMs });
  const from = before === 0 ? '' : `, no longer by ${String(before)}`;
  note(turn, 'info', 'resized', `counting by ${String(replicas)} pods from now on${from}: ${why}`, { replicas });
}

/** Told when it has lasted for a lease: most of it is over within a heartbeat or two. */
function waitFor(turn: Turn, why: string | null): void {
  const { resizing, config } = turn.state;
  if (resizing === null) return;
  if (resizing.waitsFor !== why) {
    patchResizing(turn, { waitsFor: why, waitsSinceMs: turn.nowMs });
    return;
  }
  if (why === null || turn.nowMs - resizing.waitsSinceMs < config.timings.leaseMs) return;
  patchResizing(turn, { waitsSinceMs: Infinity });
  const { replicas } = config.self;
  const wanted = resizing.view?.wanted ?? null;
  const what = replicas === 0 ? 'N is not known' : `N is ${String(replicas)}, and is to be ${String(wanted)}`;
  note(turn, 'info', 'resize-waits', `${what}: ${why}`);
}

/** What the StatefulSet says now. */
export function takeResize(turn: Turn, { view, readAtMs }: Extract<Input, { type: 'resize' }>): void {
  // Nobody is left to count when there are to be none.
  patchResizing(turn, { view: { ...view, wanted: Math.max(1, view.wanted) }, readAtMs });
}

/**
 * What the StatefulSet says, as far as that can be built upon: a pod that is new since the look before the last step may count by the
 * number before it. The look has to be a recent one as well, or the pods that it counted may be others by now.
 */
function freshView(turn: Turn, { view, readAtMs, countedSinceMs }: Resizing): StatefulSetView | null {
  const leastMs = Math.max(countedSinceMs, turn.nowMs - turn.state.config.timings.grantMs);
  return readAtMs >= leastMs ? view : null;
}

/** Without knowing by what to count this sidecar promises nothing. */
export function stayMute(turn: Turn): void {
  const { resizing, voter, config } = turn.state;
  if (resizing === null || knowsItsSize(turn.state)) return;
  const mutedUntilMs = Math.max(voter.mutedUntilMs, turn.nowMs + config.timings.heartbeatMs);
  patch(turn, { voter: { ...voter, mutedUntilMs } });
}

/** One that does not know by what to count believes any other pod of the set that does: no two of those are more than a step apart. */
export function learnSize(turn: Turn, { pod, replicas }: PodIdentity): void {
  if (turn.state.resizing === null || knowsItsSize(turn.state)) return;
  if (replicas > 0 && isUncounted(turn.state, { pod })) countBy(turn, replicas, `${pod} does`);
}

/** Takes in what a pod counts by that has answered. */
export function hearSize(turn: Turn, { answer, request, sentAtMs }: Extract<Input, { type: 'answer' }>): void {
  const { resizing } = turn.state;
  if (resizing === null || answer === null) return;
  const { pod, replicas } = answer.from;
  const before = resizing.heard[pod];
  const isRenewal = request.type === 'RENEW' && answer.type === 'granted';
  if (before === undefined || before.sentAtMs <= sentAtMs)
    patchResizing(turn, { heard: { ...resizing.heard, [pod]: { replicas, sentAtMs, isRenewal } } });
  learnSize(turn, answer.from);
}

/** The holder of the lease decides; everybody whom it reaches counts as it does. */
export function countAsLeader(turn: Turn, { pod, replicas }: PodIdentity, keeps: number | null): void {
  const { resizing, config } = turn.state;
  // One that knows nothing hears it in answer to a question: a renewal may have been on its way for long.
  if (resizing === null || replicas === 0 || !knowsItsSize(turn.state)) return;
  if (replicas !== config.self.replicas) countBy(turn, replicas, `${pod}, which leads, does`);
  if (turn.state.resizing?.keeps !== keeps) patchResizing(turn, { keeps });
}

/** What the others have told since `sinceMs`, and not longer ago than a lease. */
function reportsSince(turn: Turn, sinceMs: number, isOfUse: (one: HeardSize) => boolean): SizeReport[] {
  const { resizing, config } = turn.state;
  const leastMs = Math.max(sinceMs, turn.nowMs - config.timings.leaseMs);
  return Object.entries(resizing?.heard ?? {}).flatMap(([name, one]) =>
    one !== undefined && one.sentAtMs >= leastMs && isOfUse(one)
      ? [{ ordinal: ordinalOf(name as PodName), replicas: one.replicas }]
      : [],
  );
}

const own = ({ config }: NodeState): SizeReport => ({
  ordinal: ordinalOf(config.self.pod),
  replicas: config.self.replicas,
});

/** Asks all pods that were met what they count by, once a heartbeat: a pre-vote changes nothing. */
function askAround(turn: Turn): void {
  const { resizing, config, peers, term } = turn.state;
  const nextTryAtMs = resizing?.nextTryAtMs ?? Infinity;
  wakeAt(turn, nextTryAtMs);
  if (turn.nowMs < nextTryAtMs) return;
  patchResizing(turn, { nextTryAtMs: turn.nowMs + config.timings.heartbeatMs });
  for (const peer of Object.values(peers)) {
    const pod = peer?.identity?.pod;
    if (pod !== undefined) ask(turn, pod, asTerm(term + 1), { type: 'PREVOTE' });
  }
}

/** Nobody has told this sidecar by what to count. */
function findSize(turn: Turn, resizing: Resizing): void {
  const { startedAtMs, config } = turn.state;
  const isDue = turn.nowMs >= startedAtMs + config.timings.grantMs;
  const view = freshView(turn, resizing);
  if (view !== null && isDue) {
    const step = startingSize(
      own(turn.state).ordinal,
      view,
      reportsSince(turn, startedAtMs, () => true),
    );
    if (step.kind === 'step') {
      countBy(turn, step.to, 'so the StatefulSet says, and nobody is heard who knows of another number');
      return;
    }
    waitFor(turn, step.kind === 'wait' ? step.why : null);
  }
  askAround(turn);
}

/** A write that was confirmed before the step must be on enough pods to be found after it, so all that stay have to have it. */
function whyNotCarriedOver(turn: Turn, to: number, others: readonly SizeReport[]): string | null {
  const { own: redis, config, resizing } = turn.state;
  const { info } = redis;
  if (info === null) return 'its own Redis is not seen';
  const nameOf = ({ ordinal }: SizeReport): PodName => podNames(config.self.pod, ordinal + 1).at(-1) as PodName;
  const leaving = others.filter(({ ordinal }) => ordinal >= to).map(nameOf);
  const linked = leaving.find((pod) => {
    const identity = peerView(turn.state, pod).identity;
    return info.replicas.some(({ ip, port }) => ip === identity?.ip && port === identity.redisPort);
  });
  if (linked !== undefined) {
    patchResizing(turn, { mark: null });
    return `${linked} still follows, and would have a say in WAIT`;
  }
  const mark = resizing?.mark?.to === to ? resizing.mark : { to, offset: info.offset };
  if (mark !== resizing?.mark) patchResizing(turn, { mark });
  const behind = others
    .filter(({ ordinal }) => ordinal < Math.min(to, config.self.replicas))
    .map(nameOf)
    .find((pod) => {
      const { position } = peerView(turn.state, pod);
      return position?.linkUp !== true || position.masterHost !== config.self.ip || position.offset < mark.offset;
    });
  return behind === undefined ? null : `${behind} has not caught up`;
}

/** Somebody who stays has to lead before this pod can be left out. */
function moveAway(turn: Turn, role: HolderRole, wanted: number): void {
  const { resizing, config } = turn.state;
  waitFor(turn, 'this pod, which leads, is one of those that go');
  if (turn.nowMs < (resizing?.nextTryAtMs ?? 0)) return;
  const heir = rankOthers(turn).find((pod) => ordinalOf(pod) < wanted && whyNotReady(turn, pod) === null);
  if (heir === undefined) return;
  patchResizing(turn, { nextTryAtMs: turn.nowMs + config.timings.leaseMs });
  startHandover(turn, role, heir, 'switchover');
}

/** The leader takes the next step towards what the StatefulSet wants, when it is safe. */
function leadOn(turn: Turn, role: HolderRole, sinceMs: number, view: StatefulSetView): void {
  const heard = reportsSince(turn, sinceMs, ({ isRenewal }) => isRenewal);
  const { config } = turn.state;
  const step = leaderStep(own(turn.state), view, heard);
  if (step.kind !== 'step') {
    patchResizing(turn, { mark: null, keeps: null });
    if (step.kind === 'leave') moveAway(turn, role, view.wanted);
    else waitFor(turn, step.kind === 'wait' ? step.why : null);
    return;
  }
  const { to } = step;
  if (to < config.members.length && turn.state.resizing?.keeps !== to) {
    patchResizing(turn, { keeps: to });
    patch(turn, { role: { ...role, renewAtMs: turn.nowMs } });
    wakeAt(turn, turn.nowMs);
  }
  const next = sizedConfig(config, to);
  const { leaseMs } = config.timings;
  // What holds the lease must do by the new number as well, and for a while.
  const isHeld = heldUntilMs({ ...turn.state, config: next }) > turn.nowMs + leaseMs / 2;
  const why = isHeld ? whyNotCarriedOver(turn, to, heard) : 'too few renew the lease at the moment';
  if (why !== null) {
    waitFor(turn, why);
    return;
  }
  countBy(turn, to, `the StatefulSet is to have ${String(view.wanted)}, and all pods that there are counted alike`);
  // A newer term tells what is sent from now on from a renewal of before, which may be on its way for long.
  const term = asTerm(Math.max(role.term, turn.state.term) + 1);
  patch(turn, { term, role: { ...role, term, renewAtMs: turn.nowMs } });
  wakeAt(turn, turn.nowMs);
}

/** Nobody leads. When those that are left can not be a quorum, the number has to come down to them. */
function escape(turn: Turn, resizing: Resizing, view: StatefulSetView): void {
  const { state, nowMs } = turn;
  if (standingGrant(state.voter, nowMs) !== null || isAnnouncementFresh(state, nowMs)) {
    patchResizing(turn, { leaderlessSinceMs: null });
    return;
  }
  const sinceMs = resizing.leaderlessSinceMs ?? nowMs;
  if (resizing.leaderlessSinceMs === null) patchResizing(turn, { leaderlessSinceMs: nowMs });
  const { replicas } = state.config.self;
  if (view.wanted >= replicas || view.existing === null || view.existing >= quorumOf(replicas)) return;
  askAround(turn);
  if (nowMs < sinceMs + state.config.timings.grantMs) return;
  const step = stuckStep(
    own(state),
    view,
    reportsSince(turn, sinceMs, () => true),
  );
  if (step.kind === 'wait') waitFor(turn, step.why);
  if (step.kind === 'step') countBy(turn, step.to, 'those that are left can not be a quorum, and no others exist');
}

/** Takes the next step of a change of N, as far as it can be taken now. */
export function progressResize(turn: Turn): void {
  const { resizing, role } = turn.state;
  if (resizing === null) return;
  if (!knowsItsSize(turn.state)) {
    findSize(turn, resizing);
    return;
  }
  const view = freshView(turn, resizing);
  if (role.kind === 'holder') {
    if (resizing.leaderlessSinceMs !== null) patchResizing(turn, { leaderlessSinceMs: null });
    if (role.phase.name === 'lead' && view !== null) leadOn(turn, role, role.phase.sinceMs, view);
    else if (resizing.mark !== null || resizing.keeps !== null) patchResizing(turn, { mark: null, keeps: null });
    return;
  }
  if (resizing.mark !== null) patchResizing(turn, { mark: null });
  if (view !== null) escape(turn, resizing, view);
}
