import { asOffset, type PodName } from './brand.ts';
import { isNeverPromoted } from './candidates.ts';
import { chooseMaster, rank, type Choice } from './choose.ts';
import {
  pausedBy,
  plural,
  quorumReport,
  setTheScene,
  silenceOf,
  votesNeeded,
  type AskedPod,
  type Member,
  type QuorumReport,
  type Scene,
  type VoteReport,
} from './explain-scene.ts';
import { hindranceOf } from './hindrance.ts';
import type { Position } from './messages.ts';
import { dataQuorumOf, vouchFor, worthOf, type DataWorth } from './position.ts';
import type { Frozen } from './state.ts';
import { newestHistory } from './unheard.ts';

/** One pod that could become master, and why it would or would not. */
export interface CandidateReport {
  readonly pod: string;
  readonly priority: number | null;
  readonly offset: number | null;
  /** How far behind the present master it was when it was asked, in bytes; null when that can not be told. */
  readonly lagBytes: number | null;
  readonly data: DataWorth | null;
  readonly isChosen: boolean;
  readonly reason: string;
}

export interface ElectionReport {
  /** Who would be promoted; null for nobody. */
  readonly winner: string | null;
  /** Who might be promoted as well, being in step too: among equals it is whoever asks for the lease first. */
  readonly orElse: readonly string[];
  /** Confirmed writes may be missing: it is waited for more data first, and with `--durability strict` nobody is promoted. */
  readonly isDataAtRisk: boolean;
  readonly reason: string;
  /** Who would be promoted if only the Redis of the master died, and its sidecar went on voting. */
  readonly winnerIfSidecarLives: string | null;
  /** Who would be promoted if automatic failover were not paused. */
  readonly winnerIfResumed: string | null;
  readonly candidates: readonly CandidateReport[];
}

export interface SwitchoverReport {
  readonly target: string | null;
  readonly reason: string;
  readonly candidates: readonly CandidateReport[];
}

/** What would happen in the present topology, as far as the sidecars have told of it. */
export interface Explanation {
  readonly master: { readonly pod: string; readonly term: number; readonly leaseRemainingMs: number } | null;
  /** Sidecars that say that automatic failover is paused. */
  readonly pausedBy: readonly string[];
  readonly quorum: QuorumReport;
  /** If the whole pod of the master were lost now; without a master: the election that is due. */
  readonly election: ElectionReport;
  readonly switchover: SwitchoverReport;
}

/** What a replica shows after it was detached from its master: nothing of it is heard any more. */
function detached(position: Position): Position {
  return {
    ...position,
    role: 'replica',
    masterHost: '127.0.0.1',
    masterPort: 1,
    linkUp: false,
    lastIoSecondsAgo: null,
  };
}

/** Why this pod's sidecar would not ask for the lease; null when it would. */
function whyNotCandidate({ status }: Member): string | null {
  const { position, health, reason } = status.redis;
  if (position === null) return `its Redis is ${health}: ${reason}`;
  if (isNeverPromoted(position)) return 'priority 0: never promoted';
  return position.intact ? null : 'its full sync has not ended';
}

/** In which order the survivors ask for the lease: the later, the greater. As `campaignDelayMs` has it. */
function placeOf({ pod, status }: Member, scene: Scene): number {
  const { position } = status.redis;
  const known = scene.announcement?.history ?? null;
  const rank = status.ranking.indexOf(pod);
  const place = rank === -1 ? status.ranking.length + scene.names.indexOf(pod) : rank;
  const lacksData = position === null || (known !== null && worthOf(position, known) !== 'full');
  return place + (lacksData ? scene.names.length : 0);
}

function lagOf(position: Position, scene: Scene): number | null {
  const master = scene.leader?.status.redis.position ?? null;
  return master === null ? null : Math.max(0, master.offset - position.offset);
}

/** What a freeze would bring to light, and the choice that the winner of the lease would make of it. */
interface Outlook {
  readonly replicas: number;
  readonly needed: number;
  /** Null when nobody would ask for the lease. */
  readonly choice: Choice | null;
  readonly orElse: readonly PodName[];
  readonly isDataAtRisk: boolean;
}

function choiceOf(scene: Scene, survivors: readonly Member[], first: Member): Choice {
  const frozen: Record<PodName, Position> = {};
  for (const { pod, status } of survivors) {
    const { position } = status.redis;
    if (position !== null) frozen[pod] = vouchFor(pod, detached(position), first.status.members);
  }
  const { replicas } = first.status.from;
  const known = newestHistory(scene.announcement, first.status.members, frozen satisfies Frozen, replicas);
  const reachable = survivors.map(({ pod }) => pod);
  return chooseMaster(frozen, known, {
    reachable,
    holder: first.pod,
    replicas,
    failedDonors: [],
    lastMaster: scene.announcement?.pod ?? null,
  });
}

/**
 * Each sidecar has asked its Redis at another moment, so what differs between those that are linked may only be what the master has
 * sent meanwhile: here they all have what one of them has.
 */
function levelled(survivors: readonly Member[]): readonly Member[] {
  const offsets = survivors.flatMap(({ status: { redis } }) => (redis.position?.linkUp ? [redis.position.offset] : []));
  const offset = asOffset(Math.max(0, ...offsets));
  return survivors.map(({ pod, status }) => {
    const { position } = status.redis;
    if (position?.linkUp !== true) return { pod, status };
    return { pod, status: { ...status, redis: { ...status.redis, position: { ...position, offset } } } };
  });
}

function lookAhead(scene: Scene, survivors: readonly Member[]): Outlook {
  const asking = survivors
    .filter((member) => whyNotCandidate(member) === null)
    .sort((a, b) => placeOf(a, scene) - placeOf(b, scene));
  // The order of asking changes with every renewal among those that have the same, so each of them is looked at as the first.
  const choices = [survivors, levelled(survivors)].flatMap((some) =>
    asking.map((first) => choiceOf(scene, some, first)),
  );
  const winners = new Set(choices.flatMap(({ winner }) => (winner === null ? [] : [winner])));
  const [choice = null] = choices;
  const replicas = asking[0]?.status.from.replicas ?? scene.replicas;
  const needed = votesNeeded({ replicas, members: scene.members });
  const isDataAtRisk = choice !== null && !showsAll(choice, replicas);
  return { replicas, needed, choice, orElse: [...winners].filter((pod) => pod !== choice?.winner), isDataAtRisk };
}

const fullOf = (choice: Choice): number => choice.verdicts.filter(({ worth }) => worth === 'full').length;

/** True when it is certain that nothing that was confirmed would be missing. As `readiness` in failover.ts has it. */
function showsAll(choice: Choice, replicas: number): boolean {
  const source = choice.verdicts.find(({ pod }) => pod === (choice.donor ?? choice.winner));
  const isNewSet = choice.known === null && choice.verdicts.every(({ position }) => position.keys === 0);
  const isWhole = source?.worth === 'full' && choice.bytesMissing === 0;
  return isNewSet || (isWhole && fullOf(choice) >= dataQuorumOf(replicas));
}

function dataText({ choice, isDataAtRisk, replicas }: Outlook): string {
  if (choice === null || !isDataAtRisk) return '';
  const shown = `${String(fullOf(choice))} of the ${String(dataQuorumOf(replicas))} pods that are needed can show all their data`;
  const lacks = choice.bytesMissing === 0 ? '' : `, and it lacks ${plural(choice.bytesMissing, 'byte', 'bytes')}`;
  return `; but ${shown}${lacks}: only after --data-wait-ms, and not at all with --durability strict`;
}

interface Verdict {
  readonly winner: PodName | null;
  readonly reason: string;
}

/** Whether the lease could be won, and by whom it would be used in the end. */
function judgeElection(outlook: Outlook, voters: readonly VoteReport[]): Verdict {
  const { choice, orElse, needed } = outlook;
  const able = voters.filter(({ vote }) => vote !== 'no').map(({ pod }) => pod);
  if (able.length < needed) {
    const left = able.length === 0 ? 'nobody' : `only ${able.join(', ')}`;
    return { winner: null, reason: `${left} would be left to vote, and ${String(needed)} votes are needed` };
  }
  if (choice === null) return { winner: null, reason: 'nobody would be left who could ask for the lease' };
  if (choice.winner === null) return { winner: null, reason: choice.reason };
  const now = voters.filter(({ vote }) => vote === 'yes').length;
  const late = now < needed ? '; not before those vote who are mute now' : '';
  const equals = orElse.length === 0 ? '' : `; or ${orElse.join(' or ')}, in step as well, by who asks first`;
  return { winner: choice.winner, reason: `${choice.reason}${equals}${dataText(outlook)}${late}` };
}

function whilePaused({ winner, reason }: Verdict): Verdict {
  return {
    winner: null,
    reason: `automatic failover is paused; if it were not: ${winner ?? 'nobody'}, ${reason}`,
  };
}

function candidateReport(scene: Scene, pod: PodName, isChosen: boolean, reason: string): CandidateReport {
  const position = scene.members.find((member) => member.pod === pod)?.status.redis.position ?? null;
  if (position === null) return { pod, priority: null, offset: null, lagBytes: null, data: null, isChosen, reason };
  const { priority, offset } = position;
  const data = worthOf(
    vouchFor(pod, position, scene.leader?.status.members ?? []),
    scene.announcement?.history ?? null,
  );
  return { pod, priority, offset, lagBytes: lagOf(position, scene), data, isChosen, reason };
}

/** Everybody but the present master. */
const successors = ({ names, leader }: Scene): PodName[] => names.filter((name) => name !== leader?.pod);

function electionReport(scene: Scene, quorum: QuorumReport, isOff: boolean): ElectionReport {
  const { leader, members } = scene;
  const survivors = members.filter((member) => member !== leader);
  const outlook = lookAhead(scene, survivors);
  const voters = quorum.pods.filter(({ pod }) => pod !== leader?.pod);
  const verdict = judgeElection(outlook, voters);
  const { winner, reason } = isOff ? whilePaused(verdict) : verdict;
  const ifSidecarLives = isOff ? null : judgeElection(outlook, quorum.pods).winner;
  const candidates = successors(scene).map((pod) => {
    const member = members.find((one) => one.pod === pod);
    const judged = outlook.choice?.verdicts.find((one) => one.pod === pod);
    const why = member === undefined ? silenceOf(scene, pod) : (judged?.reason ?? whyNotCandidate(member) ?? 'answers');
    return candidateReport(scene, pod, pod === winner, why);
  });
  const { orElse, isDataAtRisk } = outlook;
  return {
    winner,
    reason,
    orElse,
    isDataAtRisk,
    winnerIfSidecarLives: ifSidecarLives,
    winnerIfResumed: verdict.winner,
    candidates,
  };
}

/** What keeps this pod from being the target of a switchover now; null for nothing. As `whyNotReady` in successor.ts has it. */
function whyNoTarget(scene: Scene, leader: Member, pod: PodName): string | null {
  const member = scene.members.find((one) => one.pod === pod);
  if (member === undefined) return silenceOf(scene, pod);
  const { position } = member.status.redis;
  if (position === null) return whyNotCandidate(member);
  const { from, master } = leader.status;
  const hindrance = hindranceOf(position, { ...from, history: master?.history ?? null });
  if (hindrance !== null) return hindrance;
  // It is the one who leads that decides, on what it has heard itself.
  const view = leader.status.members.find((one) => one.pod === pod);
  if (view === undefined) return `${leader.pod} has not met its sidecar yet`;
  if (!view.isReachable) return `${leader.pod} does not reach its sidecar`;
  return view.linkUp ? null : `its link to ${leader.pod} was down when ${leader.pod} heard of it last`;
}

function switchoverReport(scene: Scene, quorum: QuorumReport): SwitchoverReport {
  const { leader } = scene;
  if (leader === null) {
    const why = 'nobody leads';
    return {
      target: null,
      reason: why,
      candidates: successors(scene).map((pod) => candidateReport(scene, pod, false, why)),
    };
  }
  const hindrances = new Map(successors(scene).map((pod) => [pod, whyNoTarget(scene, leader, pod)]));
  const ready = scene.members.filter(({ pod }) => hindrances.get(pod) === null);
  const positions = ready.flatMap(({ pod, status }) =>
    status.redis.position === null ? [] : [[pod, status.redis.position]],
  );
  const [best = null] = rank(Object.fromEntries(positions) as Frozen, scene.announcement?.history ?? null);
  const isBusy = leader.status.phase !== 'lead';
  const target = isBusy || !quorum.hasQuorum ? null : best;
  const reasonOf = (): string => {
    if (isBusy) return `${leader.pod} is busy: ${leader.status.reason}`;
    if (!quorum.hasQuorum) return `no quorum: ${quorum.reason}`;
    return best === null ? 'no pod could take over' : `${best} is linked and in step`;
  };
  const candidates = successors(scene).map((pod) => {
    const reason = hindrances.get(pod) ?? (pod === best ? 'would take over' : 'could take over, with --to');
    return candidateReport(scene, pod, pod === target, reason);
  });
  return { target, reason: reasonOf(), candidates };
}

const NOBODY = 'no sidecar answers';

/**
 * Says what would happen in the present topology: who would be elected if the master were lost, whether there is a quorum, and
 * whether a switchover would succeed. Pure, and made of the same functions that the sidecars decide with.
 * @param asked every pod that DNS names, whether it has answered or not
 */
export function explain(asked: readonly AskedPod[]): Explanation {
  const scene = setTheScene(asked);
  if (scene === null) {
    const pods = asked.map(({ ip, pod, error }): VoteReport => ({
      pod: pod ?? ip,
      vote: 'no',
      reason: error ?? NOBODY,
    }));
    const nothing = { reason: NOBODY, candidates: [] };
    const noWinner = {
      winner: null,
      orElse: [],
      isDataAtRisk: false,
      winnerIfSidecarLives: null,
      winnerIfResumed: null,
    };
    return {
      master: null,
      pausedBy: [],
      quorum: { replicas: 0, needed: 0, votes: 0, hasQuorum: false, reason: NOBODY, pods },
      election: { ...nothing, ...noWinner },
      switchover: { ...nothing, target: null },
    };
  }
  const { leader } = scene;
  const paused = pausedBy(asked);
  const quorum = quorumReport(scene);
  const { pod, status } = leader ?? {};
  return {
    master:
      pod === undefined || status === undefined
        ? null
        : { pod, term: status.term, leaseRemainingMs: status.leaseRemainingMs },
    pausedBy: paused,
    quorum,
    election: electionReport(scene, quorum, paused.length > 0),
    switchover: switchoverReport(scene, quorum),
  };
}
