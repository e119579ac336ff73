import type { Action, Outcome, RemoteAction } from '@sentinel-micro/core';
import type { Core } from './core.ts';
import type { Machine, Network } from './network.ts';
import type { Process } from './process.ts';
import { RedisClient } from './redis-client.ts';
import { pauseWrites, pointAt, sendToLimbo } from './redis-orders.ts';

type RemoteTarget = Extract<Action, { type: 'remote' }>;

/** What an order to another pod's Redis is carried out with. */
export interface RemoteOptions {
  /** It says whether a Redis is one of the set's. */
  readonly core: Core;
  readonly network: Network;
  readonly process: Process;
  readonly machine: Machine;
  readonly timeoutMs: number;
  readonly now: () => number;
}

function act(
  client: RedisClient,
  { core, now }: RemoteOptions,
  target: RemoteTarget,
  action: RemoteAction,
  done: (outcome: Outcome) => void,
): void {
  client.call({ name: 'INFO' }, (result) => {
    const info = result.ok ? result.info : null;
    if (info === null) {
      done({ ok: false, error: result.ok ? 'BADINFO' : result.code, late: false });
      return;
    }
    const isMeant = info.runId !== null && info.runId === target.runId;
    if (!isMeant && (target.history === null || !core.sharesAncestry(info, target.history))) {
      done({ ok: false, error: 'another process answers at this address', late: false });
      return;
    }
    if (now() >= target.deadlineMs) {
      done({ ok: false, error: 'the lease ran out before it was sent', late: true });
      return;
    }
    const settle = (after: typeof info | null, error: string | null): void =>
      done(error === null ? { ok: true, info: after } : { ok: false, error, late: false });
    switch (action.kind) {
      case 'probe':
        done({ ok: true, info });
        return;
      case 'pause-writes':
        if (info.role !== 'master') {
          done({ ok: false, error: 'it is not a master any more', late: false });
          return;
        }
        pauseWrites(client, action.budgetMs, settle);
        return;
      case 'limbo':
        sendToLimbo(client, info.role === 'master', settle);
        return;
      case 'follow':
        if (info.role === 'replica' && info.masterHost === action.ip && info.masterPort === action.port) {
          done({ ok: true, info });
        } else {
          pointAt(client, action.ip, action.port, info.role === 'master', (after, error) =>
            done(error === null ? { ok: true, info: after, before: info } : { ok: false, error, late: false }),
          );
        }
        return;
    }
  });
}

/** Does one thing to the Redis of another pod, if it is the process that is meant, as packages/runtime/src/remote-redis.ts does. */
export function actOnRemote(options: RemoteOptions, target: RemoteTarget, done: (outcome: Outcome) => void): void {
  const { network, process, machine, timeoutMs } = options;
  const timeouts = { connectMs: timeoutMs, commandMs: timeoutMs };
  RedisClient.connect(network, process, machine, target.ip, timeouts, (client, error) => {
    if (client === null) {
      done({ ok: false, error: `could not connect: ${error}`, late: false });
      return;
    }
    act(client, options, target, target.action, (outcome) => {
      client.close();
      done(outcome);
    });
  });
}
