import {
  LIMBO_HOST,
  LIMBO_PORT,
  UNREACHABLE_MIN_REPLICAS,
  type Outcome,
  type OwnAction,
  type ReplicationInfo,
} from '@sentinel-micro/core';
import type { CallResult, RedisClient } from './redis-client.ts';

type Done = (outcome: Outcome) => void;
type InfoDone = (info: ReplicationInfo | null, error: string | null, before?: ReplicationInfo) => void;

const failed = (error: string, late = false): Outcome => ({ ok: false, error, late });
const errorOf = (result: CallResult): string | null => (result.ok ? null : result.code);

/** INFO, REPLICAOF and INFO in one write, as packages/runtime has it: they tell of the moments right before and after the change. */
function replicaOf(client: RedisClient, host: string | null, port: number, done: InfoDone): void {
  let error: string | null = null;
  let isDone = false;
  let before: ReplicationInfo | undefined;
  const fail = (code: string): void => {
    if (isDone) return;
    isDone = true;
    done(null, code);
  };
  client.call({ name: 'INFO' }, (result) => {
    if (!result.ok) fail(result.code);
    else before = result.info ?? undefined;
  });
  client.call({ name: 'REPLICAOF', host, port }, (result) => {
    error = errorOf(result);
    if (error !== null) fail(error);
  });
  client.call({ name: 'INFO' }, (result) => {
    if (isDone) return;
    if (!result.ok) fail(result.code);
    else {
      isDone = true;
      done(result.info, null, before);
    }
  });
}

function cutClients(client: RedisClient, done: () => void): void {
  client.call({ name: 'CLIENT UNPAUSE' }, () => {
    // KILL TYPE normal and then pubsub, one after the other; the second one changes nothing here.
    client.call({ name: 'CLIENT KILL TYPE normal' }, () => client.call({ name: 'INFO' }, () => done()));
  });
}

/** Points a Redis at a master, or at nobody. */
export function pointAt(client: RedisClient, host: string, port: number, cut: boolean, done: InfoDone): void {
  replicaOf(client, host, port, (info, error, before) => {
    if (error !== null || !cut) done(info, error, before);
    else cutClients(client, () => done(info, null, before));
  });
}

/** Detaches a Redis from everybody. */
export function sendToLimbo(client: RedisClient, cut: boolean, done: InfoDone): void {
  pointAt(client, LIMBO_HOST, LIMBO_PORT, cut, done);
}

/** Holds writes back for a while. */
export function pauseWrites(client: RedisClient, budgetMs: number, done: InfoDone): void {
  let isDone = false;
  const finish: InfoDone = (info, error) => {
    if (isDone) return;
    isDone = true;
    done(info, error);
  };
  client.call({ name: 'CLIENT PAUSE', budgetMs }, (result) => {
    if (!result.ok) finish(null, result.code);
  });
  client.call({ name: 'INFO' }, (result) => (result.ok ? finish(result.info, null) : finish(null, result.code)));
}

type Step = (done: InfoDone) => void;

/** The lease is looked at when each step is sent, and again when the last one has returned. */
function whileLeased(
  client: RedisClient,
  now: () => number,
  deadlineMs: number,
  steps: readonly Step[],
  done: Done,
): void {
  if (now() >= deadlineMs) {
    done(failed('the lease had run out before it was sent', true));
    return;
  }
  const take = (index: number, info: ReplicationInfo | null): void => {
    const step = steps[index];
    if (step === undefined || (index > 0 && now() >= deadlineMs)) {
      if (now() < deadlineMs) done({ ok: true, info });
      else sendToLimbo(client, true, () => done(failed('the lease ran out while it was carried out: fenced', true)));
      return;
    }
    step((after, error) => {
      if (error === null) take(index + 1, after);
      else sendToLimbo(client, true, () => done(failed(error)));
    });
  };
  take(0, null);
}

function setMinReplicas(client: RedisClient, count: number): Step {
  return (done) => {
    client.call({ name: 'CONFIG SET min-replicas-to-write', count }, (result) => done(null, errorOf(result)));
  };
}

function promotion(client: RedisClient, minReplicas: number | null): Step[] {
  const become: Step = (done) => replicaOf(client, null, 0, done);
  return minReplicas === null ? [become] : [setMinReplicas(client, minReplicas), become];
}

/** A master that takes no writes. */
function becomeDonor(client: RedisClient, done: InfoDone): void {
  setMinReplicas(
    client,
    UNREACHABLE_MIN_REPLICAS,
  )((_, error) => {
    if (error === null) replicaOf(client, null, 0, done);
    else done(null, error);
  });
}

/** For a Redis that hangs: everything in one write, so that what was waiting in front of it is not acknowledged any more. */
function sendToLimboAtOnce(client: RedisClient, done: InfoDone): void {
  let isDone = false;
  const finish: InfoDone = (info, error) => {
    if (isDone) return;
    isDone = true;
    done(info, error);
  };
  const check = (result: CallResult): void => {
    if (!result.ok) finish(null, result.code);
  };
  client.call({ name: 'REPLICAOF', host: LIMBO_HOST, port: LIMBO_PORT }, check);
  client.call({ name: 'CLIENT KILL TYPE normal' }, check);
  client.call({ name: 'INFO' }, (result) => (result.ok ? finish(result.info, null) : finish(null, result.code)));
}

/** Carries out one order to the own Redis; `now` is the clock of the sidecar. */
export function carryOut(client: RedisClient, now: () => number, action: OwnAction, done: Done): void {
  const settle: InfoDone = (info, error, before) => {
    const told = before === undefined ? {} : { before };
    done(error === null ? { ok: true, info, ...told } : failed(error, error === 'TIMEOUT'));
  };
  switch (action.kind) {
    case 'limbo':
      if (action.atOnce) sendToLimboAtOnce(client, settle);
      else sendToLimbo(client, action.cutClients, settle);
      return;
    case 'follow':
      pointAt(client, action.ip, action.port, action.cutClients, settle);
      return;
    case 'promote':
      whileLeased(client, now, action.deadlineMs, promotion(client, action.minReplicas), done);
      return;
    case 'donate':
      becomeDonor(client, settle);
      return;
    case 'set-min-replicas':
      whileLeased(client, now, action.deadlineMs, [setMinReplicas(client, action.count)], done);
      return;
    case 'pause-writes':
      pauseWrites(client, action.budgetMs, settle);
      return;
    case 'unpause':
      client.call({ name: 'CLIENT UNPAUSE' }, (result) => settle(null, errorOf(result)));
      return;
    case 'sample':
      client.call({ name: 'INFO' }, (result) => (result.ok ? settle(result.info, null) : settle(null, result.code)));
      return;
  }
}
