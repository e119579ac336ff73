import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { asOffset, statusOf, type AskedPod, type PeerStatus, type Position } from '@sentinel-micro/core';
import { OperationError, UsageError } from '@sentinel-micro/runtime';
import { pod, silent } from '../../core/test/asked-pods.ts';
import { identity, LIMBO, positionOf } from '../../core/test/support.ts';
import { runStatus, statusTable } from '../src/status.ts';
import { contextOf, follower, leader, loginsOf, newcomer, PORT, serveCommands } from './commands-support.ts';
import { Stage } from './control-support.ts';

const LEADER = leader();
const FOLLOWER = follower();

const FOLLOWER_REDIS = statusOf(FOLLOWER.state, FOLLOWER.nowMs).redis;

function statusWith(index: number, change: Partial<PeerStatus>, position: Partial<Position> | null = {}): AskedPod {
  const status = statusOf(FOLLOWER.state, FOLLOWER.nowMs);
  const redis = { ...status.redis, position: position === null ? null : positionOf(position) };
  const from = identity(index);
  return { ip: from.ip, pod: from.pod, status: { ...status, from, redis, ...change }, error: null };
}

describe('the table', () => {
  const master = { role: 'master', masterHost: null, masterPort: null, offset: asOffset(150) } as const;

  test('one row for each pod: what it is, how far behind, and what it knows of the lease', () => {
    const holder = { pod: identity(0).pod, uid: identity(0).uid };
    const silent = {
      ip: '10.0.0.9',
      pod: null,
      status: null,
      error: 'connecting to 10.0.0.9:26379: no answer in time',
    };
    const pods = [
      statusWith(0, { role: 'holder', leaseRemainingMs: 1800, leaseHolder: holder, mutedForMs: 0 }, master),
      statusWith(1, { leaseHolder: holder, mutedForMs: 0 }, { offset: asOffset(140) }),
      statusWith(2, { leaseHolder: null, mutedForMs: 900, term: newcomer().state.term }, LIMBO),
      statusWith(3, {
        leaseHolder: null,
        mutedForMs: 0,
        redis: { health: 'down', reason: 'connection refused', position: null },
      }),
      silent,
    ];
    expect(statusTable(pods).split('\n')).toEqual([
      'POD      ADDRESS        ROLE     TERM  OFFSET  LAG  LINK                LEASE',
      'redis-0  10.0.0.1:6379  master   1     150     0    -                   holder, 1800 ms',
      'redis-1  10.0.0.2:6379  replica  1     140     10   up                  granted to redis-0',
      'redis-2  10.0.0.3:6379  limbo    0     100     50   down                mute, 900 ms',
      'redis-3  10.0.0.4:6379  down     1     -       -    connection refused  -',
      '?        10.0.0.9       ?        -     -       -    -                   connecting to 10.0.0.9:26379: no answer in time',
    ]);
  });

  test('without a holder nobody lags', () => {
    expect(statusTable([statusWith(1, {})])).toMatch(/redis-1 +10\.0\.0\.2:6379 +replica +1 +100 +- +up/);
  });

  test('a pause is the first thing that is seen', () => {
    const [banner, ...rest] = statusTable([pod(0, { pauses: 3 }), pod(1, { pauses: 3 }), pod(2)]).split('\n');
    expect(banner).toBe(
      '*** AUTOMATIC FAILOVER IS PAUSED, as redis-0, redis-1 say: nobody takes over when the master is lost. To end it: sentinel resume ***',
    );
    expect(rest.join('\n')).toMatch(/^\nPOD /);
    expect(statusTable([pod(0, { pauses: 4 }), pod(1, { pauses: 3 })])).toMatch(/^POD /);
  });

  test('who answers and yet is not well is told below it', () => {
    const reason = 'answers, but could not save its data';
    const sick = statusWith(1, { redis: { ...FOLLOWER_REDIS, reason } });
    expect(
      statusTable([statusWith(0, {}), sick])
        .split('\n')
        .slice(-2),
    ).toEqual(['', `redis-1: Redis ${reason}`]);
  });

  test('no pods: only the head', () => {
    expect(statusTable([])).toBe('POD  ADDRESS  ROLE  TERM  OFFSET  LAG  LINK  LEASE');
  });
});

describe('sentinel status, with a real DNS', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.make();
  });
  afterEach(() => stage.tidy());
  afterAll(() => stage.remove());

  async function status(change: Readonly<Record<string, unknown>> = {}): Promise<{ exitCode: number; text: string }> {
    const { exitCode, stdout } = await stage.run(runStatus, change);
    return { exitCode, text: stdout };
  }

  test('the set is whole: exit code 0, and nothing on stderr', async () => {
    await stage.serve([pod(0), pod(1), pod(2)]);
    const { exitCode, stdout, stderr } = await stage.run(runStatus);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^POD .*\nredis-0 +.* master .*holder.*\nredis-1 .*granted to redis-0\nredis-2 /);
  });

  test('pods are sorted as people count', async () => {
    const [ten, two] = [await serveCommands(stage.place, contextOf(LEADER)), await stage.place.host(PORT)];
    await stage.dns.setPods([
      { name: 'redis-10', ip: two },
      { name: 'redis-2', ip: ten.host },
    ]);
    const rows = (await status()).text.split('\n').slice(1);
    expect(rows.map((row) => row.split(' ', 1)[0])).toEqual(['redis-1', 'redis-10']);
  });

  test('as JSON: one object, with everything that the sidecars told', async () => {
    const { host } = await serveCommands(stage.place, contextOf(LEADER));
    await stage.dns.setPods([{ name: 'redis-1', ip: host }]);
    const { exitCode, text } = await status({ output: 'json' });
    expect(exitCode).toBe(1);
    const missing = 'DNS does not name it, or its sidecar did not say who it is';
    expect(JSON.parse(text)).toEqual({
      ok: false,
      isPaused: false,
      problems: [`redis-0: ${missing}`, `redis-2: ${missing}`],
      pods: [{ ip: host, pod: 'redis-1', error: null, status: statusOf(LEADER.state, LEADER.nowMs) }],
    });
  });

  test('a pod that does not answer is listed under the name that DNS has: exit code 1', async () => {
    const [, , gone] = await stage.serve([pod(0), pod(1), silent(2)]);
    const { exitCode, stdout, stderr } = await stage.run(runStatus);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(new RegExp(`redis-2 +${String(gone)} +\\? .*ECONNREFUSED`));
    expect(stderr).toMatch(/^sentinel: the set is not whole: redis-2: its sidecar does not answer: .*ECONNREFUSED/);
  });

  test('a Redis that is down, and two more that do not follow: one line on stderr, also with --json', async () => {
    await stage.serve([pod(0), pod(1, { position: null }), pod(2, { position: LIMBO })]);
    const why =
      'sentinel: the set is not whole: redis-1: its Redis is down: connection refused; redis-2: its Redis is in limbo, a replica of nobody';
    expect(await stage.run(runStatus)).toMatchObject({ exitCode: 1, stderr: why });
    expect(await stage.run(runStatus, { json: true })).toMatchObject({ exitCode: 1, stderr: why });
  });

  test('with a password; a wrong one is an answer, and is not shown', async () => {
    const { host } = await serveCommands(stage.place, contextOf(LEADER), { logins: loginsOf('open-sesame-7') });
    await stage.dns.setPods([{ name: 'redis-1', ip: host }]);
    expect((await status({ 'redis-password': 'open-sesame-7' })).text).toMatch(/redis-1 .* master .*holder/);
    const { exitCode, text } = await status({ 'redis-password': 'wrong-one-8' });
    expect(exitCode).toBe(1);
    expect(text).toContain('WRONGPASS');
    expect(text).not.toContain('wrong-one-8');
  });

  test('DNS knows nobody, and flags that are wrong', async () => {
    await stage.dns.setPods([]);
    await expect(status()).rejects.toThrow(OperationError);
    await expect(status({ output: 'xml' })).rejects.toThrow(UsageError);
    await expect(status({ 'probe-timeout-ms': '0' })).rejects.toThrow(UsageError);
    await expect(status({ service: undefined })).rejects.toThrow(UsageError);
  });
});
