import type { FollowOrder, Instance, PromotionPlan, ReplicationInfo } from '@sentinel-micro/core';
import { askInfo, messageOf, OperationError, sendToMaster, type Clock } from '@sentinel-micro/runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observer, Session } from './observe.ts';

/** What became of one instance. */
export interface StepResult {
  readonly endpoint: string;
  readonly step: 'promote' | 'follow' | 'wait' | 'check';
  readonly ok: boolean;
  readonly detail: string;
}

export interface ExecuteSettings {
  readonly clock: Clock;
  /** How long a promotion, and then the links to the master, may take until they count as failed. */
  readonly verifyTimeoutMs: number;
}

interface Deadline {
  readonly clock: Clock;
  readonly deadlineMs: number;
}

/** How a promotion ended: `refused` is certain to have changed nothing, `unknown` may still happen. */
export type PromotionOutcome = { readonly kind: 'done' | 'refused' | 'unknown'; readonly detail: string };

const POLL_MS = 50;
/** A replica counts as online for its master only with its first acknowledgement, up to a second after its link is up. */
const ONLINE_MS = 3000;

/** True when it is not known whether Redis has carried out the command. */
function isUncertain(error: unknown): boolean {
  return !(error instanceof OperationError) || /^(E[A-Z]{3,}|TIMEOUT|CLOSED)$/.test(error.code);
}

/** Makes one replica a master, and believes it only when its own INFO says so. Never throws. */
export async function promote(session: Session | null, settings: ExecuteSettings): Promise<PromotionOutcome> {
  if (session === null) return { kind: 'refused', detail: 'the connection to it is lost; nothing was sent' };
  const deadlineMs = settings.clock.now() + settings.verifyTimeoutMs;
  let refusal: unknown = null;
  try {
    await session.connection.call('REPLICAOF', 'NO', 'ONE');
  } catch (error) {
    if (!isUncertain(error)) refusal = error;
  }
  for (;;) {
    let last = 'it still says that it is a replica';
    try {
      const { role } = await askInfo(session.connection);
      if (role === 'master') return { kind: 'done', detail: 'is master now' };
      if (refusal !== null) return { kind: 'refused', detail: `did not become master: ${messageOf(refusal)}` };
    } catch (error) {
      last = messageOf(error);
    }
    if (!session.connection.isOpen || settings.clock.now() >= deadlineMs) {
      return { kind: 'unknown', detail: `it is not known whether it has become master: ${last}` };
    }
    await sleep(POLL_MS);
  }
}

/** What is still missing until a replica follows the master with the link up; null when it does. */
function missingIn(info: ReplicationInfo, order: FollowOrder, master: Session): string | null {
  const { role, masterHost, masterPort, linkUp, syncInProgress } = info;
  if (role === 'master') return 'it is still a master';
  const source = `${String(masterHost)}:${String(masterPort)}`;
  // One that is only waited for may know its master by another address.
  if (order.kind === 'follow' && (masterHost !== master.ip || masterPort !== master.port)) {
    return `it still follows ${source}`;
  }
  if (linkUp) return null;
  return syncInProgress ? `its full sync from ${source} is still going on` : `its link to ${source} is down`;
}

/** Waits until a replica says that it follows with the link up. @returns null, or what is still missing at the deadline */
async function awaitLink(
  order: FollowOrder,
  session: Session,
  master: Session,
  until: Deadline,
): Promise<string | null> {
  for (;;) {
    const missing = await askInfo(session.connection).then((info) => missingIn(info, order, master), messageOf);
    const isPointless = !session.connection.isOpen || !master.connection.isOpen;
    if (missing === null || isPointless || until.clock.now() >= until.deadlineMs) return missing;
    await sleep(POLL_MS);
  }
}

/** Sends the order; a Redis that is loading refuses it until it has finished. @throws OperationError */
async function sendOrder(order: FollowOrder, session: Session, master: Session, until: Deadline): Promise<void> {
  for (;;) {
    try {
      await sendToMaster(session.connection, master.ip, master.port, order.cutClients);
      return;
    } catch (error) {
      const isLoading = error instanceof OperationError && error.code === 'LOADING';
      if (!isLoading || until.clock.now() >= until.deadlineMs) throw error;
      await sleep(POLL_MS);
    }
  }
}

async function follow(order: FollowOrder, session: Session, master: Session, until: Deadline): Promise<string | null> {
  let unanswered = false;
  if (order.kind === 'follow') {
    try {
      await sendOrder(order, session, master, until);
    } catch (error) {
      if (!isUncertain(error)) return messageOf(error);
      // Without an answer it may have happened all the same: what its INFO says from now on decides.
      unanswered = true;
    }
  }
  const missing = await awaitLink(order, session, master, until);
  // Said once more it changes nothing, except that clients are cut which the first time may have spared.
  if (missing === null && unanswered && order.cutClients)
    await sendOrder(order, session, master, until).catch(() => undefined);
  return missing;
}

async function carryOut(order: FollowOrder, observer: Observer, master: Session, until: Deadline): Promise<StepResult> {
  const { endpoint, kind } = order;
  const session = observer.session(endpoint);
  if (session === null)
    return { endpoint, step: kind, ok: false, detail: 'the connection to it is lost; nothing was sent' };
  const missing = await follow(order, session, master, until);
  return { endpoint, step: kind, ok: missing === null, detail: missing ?? 'follows with the link up' };
}

/** Those among `followers` that the master does not feed yet. By number where addresses mean nothing here (NAT). */
function notOnline(instances: readonly Instance[], master: string, followers: readonly string[]): readonly string[] {
  const source = instances.find((instance) => instance.endpoint === master);
  if (source?.state !== 'reachable') return followers;
  if (source.feeds.length >= followers.length) return [];
  return followers.filter((endpoint) => {
    const follower = instances.find((instance) => instance.endpoint === endpoint);
    return follower?.addresses.some((address) => source.feeds.includes(address)) !== true;
  });
}

/**
 * Carries out all orders of a plan at once; each is verified by what the instance itself and the master say.
 * Never throws: one that fails does not keep the others from being tried.
 * @returns one result per order
 */
export async function followAll(
  plan: Extract<PromotionPlan, { orders: readonly FollowOrder[] }>,
  observer: Observer,
  settings: ExecuteSettings,
): Promise<readonly StepResult[]> {
  const master = plan.kind === 'promote' ? plan.winner : plan.master;
  const masterSession = observer.session(master);
  const until = { clock: settings.clock, deadlineMs: settings.clock.now() + settings.verifyTimeoutMs };
  if (masterSession === null) {
    return plan.orders.map(({ endpoint, kind }) => ({
      endpoint,
      step: kind,
      ok: false,
      detail: `the connection to ${master} is lost; nothing was sent`,
    }));
  }
  const results = await Promise.all(plan.orders.map((order) => carryOut(order, observer, masterSession, until)));
  const linked = results.filter((result) => result.ok).map((result) => result.endpoint);
  const onlineByMs = Math.max(until.deadlineMs, settings.clock.now() + ONLINE_MS);
  let missing = notOnline(await observer.observe(), master, linked);
  while (missing.length > 0 && settings.clock.now() < onlineByMs) {
    await sleep(POLL_MS);
    missing = notOnline(await observer.observe(), master, linked);
  }
  const detail = `its link is up, but ${master} does not show it as online`;
  return results.map((result) => (missing.includes(result.endpoint) ? { ...result, ok: false, detail } : result));
}
