import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, OperationError, simple, UsageError, type Reply } from '@sentinel-micro/runtime';
import type { AskedPod } from '@sentinel-micro/core';
import { pod, silent } from '../../core/test/asked-pods.ts';
import { LIMBO } from '../../core/test/support.ts';
import { runFailover, runHandover, runPause, runResume, runSwitchover } from '../src/control/order.ts';
import { PORT } from './commands-support.ts';
import { Stage } from './control-support.ts';

let stage: Stage;
/** Who was ordered what. */
let heard: string[];

beforeAll(async () => {
  stage = await Stage.make();
});
beforeEach(() => {
  heard = [];
});
afterEach(() => stage.tidy());
afterAll(() => stage.remove());

function serve(pods: readonly AskedPod[], ...replies: readonly (Reply | Promise<Reply>)[]): Promise<string[]> {
  const left = [...replies];
  return stage.serve(pods, (words) => {
    heard.push(words.join(' '));
    return left.shift() ?? failed('ERR no more answers');
  });
}

const SET = [pod(0), pod(1), pod(2)];
const MOVED = simple('OK redis-1 is master of term 5, after 31 ms');
const NEVER = new Promise<Reply>(() => undefined);

/** Nobody holds the lease, and redis-2 has the most data. */
const MASTERLESS = [0, 1, 2].map((index) => {
  const role = { role: 'follower', phase: null, leaseHolder: null, leaseRemainingMs: 0 } as const;
  const position = { ...LIMBO, role: 'replica', priority: 100, lastIoSecondsAgo: 2 - index } as const;
  return pod(index, { ...role, ranking: [2, 1, 0].map((one) => pod(one).pod as never), position });
});

describe('sentinel switchover', () => {
  test('asks the one who leads, and prints its sentence', async () => {
    await serve(SET, MOVED);
    const run = await stage.run(runSwitchover);
    expect(run).toEqual({ exitCode: 0, stdout: 'redis-1 is master of term 5, after 31 ms', stderr: '' });
    expect(heard).toEqual(['redis-0 SENTINEL SWITCHOVER mymaster']);
  });

  test('--to names the pod, and --master-name the set', async () => {
    await serve(SET, MOVED);
    await stage.run(runSwitchover, { to: 'redis-2', 'master-name': 'cache' });
    expect(heard).toEqual(['redis-0 SENTINEL SWITCHOVER cache redis-2']);
  });

  test('--to a pod that there is not: nobody is asked', async () => {
    await serve(SET, MOVED);
    await expect(stage.run(runSwitchover, { to: 'redis-7' })).rejects.toThrow(
      new UsageError('--to is "redis-7", which is no pod of this set; there are redis-0 (master), redis-1, redis-2'),
    );
    expect(heard).toEqual([]);
  });

  test('--to the master itself is done already, as over the port: an order may be repeated', async () => {
    await serve(SET, simple('OK redis-0 is master already'));
    const run = await stage.run(runSwitchover, { to: 'redis-0' });
    expect(run).toEqual({ exitCode: 0, stdout: 'redis-0 is master already', stderr: '' });
    expect(heard).toEqual(['redis-0 SENTINEL SWITCHOVER mymaster redis-0']);
  });

  test('a master that does not answer here is reached through somebody who knows it', async () => {
    await serve([silent(0), pod(1), pod(2)], MOVED);
    expect(await stage.run(runSwitchover)).toMatchObject({ exitCode: 0 });
    expect(heard).toEqual(['redis-1 SENTINEL SWITCHOVER mymaster']);
  });

  test('the refusal is shown without the code, which JSON has', async () => {
    const refusal = failed('NOGOODSLAVE No suitable replica to promote: redis-1: its link is down');
    await serve(SET, refusal, refusal);
    const text = 'redis-0: No suitable replica to promote: redis-1: its link is down';
    expect(await stage.run(runSwitchover)).toEqual({ exitCode: 1, stdout: '', stderr: `sentinel: ${text}` });
    const { exitCode, stdout, stderr } = await stage.run(runSwitchover, { json: true });
    expect([exitCode, stderr]).toEqual([1, `sentinel: ${text}`]);
    expect(JSON.parse(stdout)).toEqual({ ok: false, code: 'NOGOODSLAVE', text });
  });

  test('no answer in time is no success, and no failure either', async () => {
    await serve(SET, NEVER);
    const { exitCode, stderr } = await stage.run(runSwitchover, { 'timeout-ms': 100 });
    expect(exitCode).toBe(1);
    expect(stderr).toBe('sentinel: redis-0 has not said within 100 ms how it ended; see sentinel status');
  });

  test('a time-out that the sidecar itself tells of is its answer', async () => {
    await serve(SET, failed('TIMEOUT handing over to redis-1: it did not catch up in time; redis-0 stays master'));
    const { stderr } = await stage.run(runSwitchover);
    expect(stderr).toBe(
      'sentinel: redis-0: handing over to redis-1: it did not catch up in time; redis-0 stays master',
    );
  });

  test('without a lease there is nothing to switch', async () => {
    await serve(MASTERLESS, MOVED);
    const { exitCode, stderr } = await stage.run(runSwitchover);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/no sidecar that answers knows of a lease/);
    expect(heard).toEqual([]);
  });

  test('DNS knows nobody, and wrong flags', async () => {
    await stage.dns.setPods([]);
    await expect(stage.run(runSwitchover)).rejects.toThrow(OperationError);
    await expect(stage.run(runSwitchover, { 'timeout-ms': '0' })).rejects.toThrow(/--timeout-ms is "0"/);
    await expect(stage.run(runSwitchover, { 'master-name': '' })).rejects.toThrow(/--master-name/);
    await expect(stage.run(runSwitchover, { output: 'xml' })).rejects.toThrow(/--output is "xml"/);
  });
});

describe('sentinel failover', () => {
  test('says what by force means', async () => {
    await serve(SET, MOVED);
    const { exitCode, stdout } = await stage.run(runFailover);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^redis-1 is master of term 5, after 31 ms; by force, so what only the old master had is thrown/,
    );
    expect(heard).toEqual(['redis-0 SENTINEL FORCE-FAILOVER mymaster']);
  });

  test('without a master: whoever would be elected is told, also while it is paused', async () => {
    const paused = MASTERLESS.map((one) => ({ ...one, status: one.status && { ...one.status, pauses: 1 } }));
    await serve(paused, MOVED);
    expect(await stage.run(runFailover)).toMatchObject({ exitCode: 0 });
    expect(heard).toEqual(['redis-2 SENTINEL FORCE-FAILOVER mymaster']);
  });

  test('a failure is not dressed up', async () => {
    await serve(SET, failed('ERR sorry'));
    expect(await stage.run(runFailover)).toEqual({ exitCode: 1, stdout: '', stderr: 'sentinel: redis-0: sorry' });
  });
});

describe('sentinel pause and resume', () => {
  test('the one who leads is told, and it is said what it means', async () => {
    await serve(SET, simple('OK automatic failover is paused'), simple('OK automatic failover is on'));
    const paused = await stage.run(runPause);
    expect(paused).toMatchObject({ exitCode: 0, stderr: '' });
    expect(paused.stdout).toMatch(
      /^automatic failover is paused: when the master is lost nobody takes over, until you say/,
    );
    const resumed = await stage.run(runResume);
    expect(resumed.stdout).toBe('automatic failover is on: when the master is lost, another pod takes over by itself');
    expect(heard).toEqual(['redis-0 SENTINEL PAUSE mymaster', 'redis-0 SENTINEL RESUME mymaster']);
  });

  test('without a master any sidecar will do; one that fails is not the end', async () => {
    await serve(MASTERLESS, failed('ERR not me'), simple('OK automatic failover is paused'));
    expect(await stage.run(runPause)).toMatchObject({ exitCode: 0 });
    expect(heard).toEqual(['redis-0 SENTINEL PAUSE mymaster', 'redis-1 SENTINEL PAUSE mymaster']);
  });

  test('nobody answers', async () => {
    await serve([silent(0), silent(1)]);
    const { exitCode, stderr } = await stage.run(runPause);
    expect([exitCode, stderr]).toEqual([1, 'sentinel: no sidecar answers; see sentinel status']);
  });
});

describe('sentinel handover', () => {
  test('asks the sidecar of the own pod only, without any DNS', async () => {
    const [listen] = await serve([pod(1)], simple('OK redis-1 is not master'));
    const flags = { listen, service: undefined, namespace: undefined, 'dns-servers': undefined };
    expect(await stage.run(runHandover, flags)).toEqual({ exitCode: 0, stdout: 'redis-1 is not master', stderr: '' });
    expect(heard).toEqual(['redis-1 SENTINEL HANDOVER mymaster']);
  });

  test('nobody can take over: the hook fails, and says why', async () => {
    const [listen] = await serve([pod(0)], failed('NOGOODSLAVE No suitable replica to promote'));
    const { exitCode, stderr } = await stage.run(runHandover, { listen });
    expect([exitCode, stderr]).toEqual([1, 'sentinel: the sidecar of this pod: No suitable replica to promote']);
  });

  test('its sidecar is gone already', async () => {
    const listen = await stage.place.host(PORT);
    const { exitCode, stderr } = await stage.run(runHandover, { listen });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^sentinel: the sidecar of this pod: connecting to .*ECONNREFUSED/);
  });
});
