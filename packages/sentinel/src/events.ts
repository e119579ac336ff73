import { STAGES, type ReplicaView, type SentinelView, type SetView, type Stage } from './sentinel-view.ts';

/** One message of pub/sub; the channel is the name of the event. */
export interface SentinelEvent {
  readonly channel: string;
  readonly message: string;
}

type Master = NonNullable<SetView['master']>;

const event = (channel: string, message: string): SentinelEvent => ({ channel, message });

function masterText(view: SetView, { ip, port }: Master): string {
  return `master ${view.masterName} ${ip} ${String(port)}`;
}

/** How Redis Sentinel names an instance beside the master: clients look for `@ name`. */
function besideText(view: SetView, { ip, port }: Master, what: string): string {
  return `${what} @ ${view.masterName} ${ip} ${String(port)}`;
}

function replicaText(
  view: SetView,
  master: Master,
  { ip, port }: { readonly ip: string; readonly port: number },
): string {
  return besideText(view, master, `slave ${ip}:${String(port)} ${ip} ${String(port)}`);
}

function sentinelText(view: SetView, master: Master, { id, ip, port }: SentinelView): string {
  return besideText(view, master, `sentinel ${id} ${ip} ${String(port)}`);
}

const isSameAddress = (one: Master, other: Master): boolean => one.ip === other.ip && one.port === other.port;

/** The events of one step of an election, after which `old` is no longer master; `next` is null until it is known. */
function stageEvents(stage: Stage, view: SetView, old: Master, next: Master | null): SentinelEvent[] {
  const oldText = masterText(view, old);
  const chosen = next === null ? null : replicaText(view, old, next);
  const leader = view.sentinels.find(({ pod }) => pod === next?.pod)?.id ?? view.self;
  switch (stage) {
    case 'none':
      return [];
    case 'try':
      return [event('+new-epoch', String(view.term)), event('+try-failover', oldText)];
    case 'elected':
      return [
        event('+vote-for-leader', `${leader} ${String(view.term)}`),
        event('+elected-leader', oldText),
        event('+failover-state-select-slave', oldText),
      ];
    case 'done':
      return chosen === null
        ? []
        : [
            event('+selected-slave', chosen),
            event('+failover-state-send-slaveof-noone', chosen),
            event('+failover-state-wait-promotion', chosen),
            event('+promoted-slave', chosen),
            event('+failover-state-reconf-slaves', oldText),
            event('+failover-end', oldText),
          ];
  }
}

/**
 * The steps of the election that were not told yet. Of those that this sidecar took itself it has told on the way; of another
 * pod's election it hears when it is over, and tells all of them in a row.
 */
function stepsBetween(before: SetView, after: SetView, old: Master, next: Master | null): SentinelEvent[] {
  const from = before.isNamed ? 0 : STAGES.indexOf(before.stage);
  const steps = STAGES.slice(from + 1, STAGES.indexOf(after.stage) + 1);
  return steps.flatMap((stage) => stageEvents(stage, after, old, next));
}

/** The master is not named any more, or an election has begun, gone on or come to nothing. */
function downEvents(before: SetView, after: SetView, master: Master): SentinelEvent[] {
  const text = masterText(after, master);
  const events: SentinelEvent[] = [];
  if (after.isDown && !before.isDown) events.push(event('+sdown', text));
  if (after.isAgreedDown && !before.isAgreedDown) {
    events.push(event('+odown', `${text} #quorum ${String(after.quorum)}/${String(after.quorum)}`));
  }
  if (before.isAgreedDown && !after.isAgreedDown) events.push(event('-odown', text));
  const isOver = !before.isNamed && before.stage !== 'none' && after.stage === 'none';
  if (isOver) return [...events, event('-failover-abort-not-elected', text)];
  return [...events, ...stepsBetween(before, after, master, null)];
}

/** The master is another one. */
function switchEvents(before: SetView, after: SetView, old: Master, master: Master): SentinelEvent[] {
  const leader = after.sentinels.find(({ pod }) => pod === master.pod);
  const from = leader === undefined ? [] : [event('+config-update-from', sentinelText(after, old, leader))];
  const addresses = [old.ip, String(old.port), master.ip, String(master.port)].join(' ');
  return [
    ...stepsBetween(before, after, old, master),
    ...from,
    event('+switch-master', `${after.masterName} ${addresses}`),
  ];
}

function masterEvents(before: SetView, after: SetView): SentinelEvent[] {
  const [old, { master }] = [before.master, after];
  if (master === null) return [];
  if (old === null) return [event('+monitor', `${masterText(after, master)} quorum ${String(after.quorum)}`)];
  if (!after.isNamed) return downEvents(before, after, master);
  if (!isSameAddress(old, master)) return switchEvents(before, after, old, master);
  const isRestarted = old.runId !== null && master.runId !== null && old.runId !== master.runId;
  return isRestarted ? [event('+reboot', masterText(after, master))] : [];
}

function replicaChanges(
  view: SetView,
  master: Master,
  old: ReplicaView | undefined,
  now: ReplicaView,
): SentinelEvent[] {
  const text = replicaText(view, master, now);
  if (old === undefined) return [event('+slave', text), ...(now.isUp ? [] : [event('+sdown', text)])];
  const events: SentinelEvent[] = [];
  if (old.runId !== null && now.runId !== null && old.runId !== now.runId) events.push(event('+reboot', text));
  if (old.isUp !== now.isUp) events.push(event(now.isUp ? '-sdown' : '+sdown', text));
  if (!old.isLinked && now.isLinked) {
    // go-redis listens for the second name, which no Redis Sentinel sends.
    events.push(event('+slave-reconf-done', text), event('+replica-reconf-done', text));
  }
  return events;
}

function replicaEvents(before: SetView, after: SetView): SentinelEvent[] {
  const { master } = after;
  if (master === null) return [];
  const isSameMaster = before.master !== null && isSameAddress(before.master, master);
  const known = new Map(isSameMaster ? before.replicas.map((replica) => [replica.name, replica]) : []);
  return after.replicas.flatMap((replica) => replicaChanges(after, master, known.get(replica.name), replica));
}

/** The master is named again: told last, for clients that hear nothing else, and ask for everything when they do. */
function recoveryEvents(before: SetView, after: SetView): SentinelEvent[] {
  if (after.master === null || !before.isDown || after.isDown) return [];
  const text = masterText(after, after.master);
  return [event('-sdown', text), ...(before.isAgreedDown ? [event('-odown', text)] : [])];
}

function sentinelEvents(before: SetView, after: SetView): SentinelEvent[] {
  const { master } = after;
  if (master === null) return [];
  const known = new Map(before.sentinels.map((sentinel) => [sentinel.id, sentinel]));
  return after.sentinels.flatMap((sentinel) => {
    const text = sentinelText(after, master, sentinel);
    const old = known.get(sentinel.id);
    const isNew = old === undefined ? [event('+sentinel', text)] : [];
    const wasUp = old?.isUp ?? true;
    return wasUp === sentinel.isUp ? isNew : [...isNew, event(sentinel.isUp ? '-sdown' : '+sdown', text)];
  });
}

/** Before anything is known, for the first comparison. */
export function nothingSeen(view: SetView): SetView {
  const none = {
    isNamed: false,
    isDown: false,
    isAgreedDown: false,
    stage: 'none',
    replicas: [],
    sentinels: [],
  } as const;
  return { ...view, ...none, master: null };
}

/**
 * What of a view may be told. Replicas are told of beside a master that is named, and sidecars beside one that has ever been: until
 * then both stay as they were told last, so that nothing is left out of what is told later.
 */
export function tellable(before: SetView, now: SetView): SetView {
  const replicas = now.isNamed ? now.replicas : before.replicas;
  return { ...now, replicas, sentinels: now.master === null ? before.sentinels : now.sentinels };
}

/**
 * The events that lead from one view to the next, in the order that serves every client (as Redis Sentinel has them, sentinelEvent in
 * sentinel.c): what led to a new master, +switch-master, one +slave for each replica, and last -sdown and -odown of the master.
 * They are to be published after the own answers are those of `after`.
 */
export function eventsBetween(before: SetView, after: SetView): SentinelEvent[] {
  return [
    ...masterEvents(before, after),
    ...replicaEvents(before, after),
    ...recoveryEvents(before, after),
    ...sentinelEvents(before, after),
  ];
}
