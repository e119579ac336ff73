import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimAddressBlock, loadTools, RedisProcess, waitUntil, type AddressBlock } from '@sentinel-micro/testkit';
import { isInLimbo, LIMBO_HOST, LIMBO_PORT, parseReplicationInfo, type ReplicationInfo } from '../src/index.ts';

const REPLID = 'a1'.repeat(20);
const REPLID2 = 'b2'.repeat(20);

const MASTER = [
  '# Replication',
  'role:master',
  'connected_slaves:2',
  'slave0:ip=10.0.0.2,port=6379,state=online,offset=140,lag=1',
  'slave1:ip=fd00::3,port=6380,state=wait_bgsave,offset=0,lag=0',
  'master_failover_state:no-failover',
  `master_replid:${REPLID}`,
  `master_replid2:${'0'.repeat(40)}`,
  'master_repl_offset:154',
  'second_repl_offset:-1',
];

const REPLICA = [
  '# Replication',
  'role:slave',
  'master_host:10.0.0.1',
  'master_port:6379',
  'master_link_status:up',
  'master_last_io_seconds_ago:3',
  'master_sync_in_progress:0',
  'slave_read_repl_offset:999',
  'slave_repl_offset:140',
  'slave_priority:10',
  'slave_read_only:1',
  'connected_slaves:0',
  `master_replid:${REPLID}`,
  `master_replid2:${REPLID2}`,
  'master_repl_offset:154',
  'second_repl_offset:51',
];

function read(lines: readonly string[], lineBreak = '\r\n'): ReplicationInfo {
  const info = parseReplicationInfo(lines.join(lineBreak));
  if (info === null) throw new Error('not read');
  return info;
}

/** The lines with one of them replaced, or left out. */
function change(lines: readonly string[], key: string, value: string | null): string[] {
  return lines.flatMap((line) => (line.startsWith(`${key}:`) ? (value === null ? [] : [`${key}:${value}`]) : [line]));
}

describe('INFO of a master', () => {
  test('is read', () => {
    expect(read(MASTER)).toEqual({
      runId: null,
      role: 'master',
      masterHost: null,
      masterPort: null,
      linkUp: false,
      syncInProgress: false,
      lastIoSecondsAgo: null,
      linkDownSinceSeconds: null,
      priority: null,
      replid: REPLID,
      replid2: null,
      secondReplOffset: null,
      offset: 154,
      replicas: [
        { ip: '10.0.0.2', port: 6379, state: 'online', offset: 140, lagSeconds: 1 },
        { ip: 'fd00::3', port: 6380, state: 'wait_bgsave', offset: 0, lagSeconds: 0 },
      ],
      loading: false,
      keys: null,
    });
  });

  test('a second history', () => {
    const promoted = change(change(MASTER, 'master_replid2', REPLID2), 'second_repl_offset', '51');
    expect(read(promoted)).toMatchObject({ replid2: REPLID2, secondReplOffset: 51 });
  });
});

describe('INFO of a replica', () => {
  test('is read: its own offset, not the one that it has only received', () => {
    expect(read(REPLICA)).toMatchObject({
      role: 'replica',
      masterHost: '10.0.0.1',
      masterPort: 6379,
      linkUp: true,
      lastIoSecondsAgo: 3,
      linkDownSinceSeconds: null,
      priority: 10,
      offset: 140,
      replid2: REPLID2,
      secondReplOffset: 51,
    });
  });

  test.each([
    ['master_last_io_seconds_ago', '-1', { lastIoSecondsAgo: null }],
    ['master_last_io_seconds_ago', '0', { lastIoSecondsAgo: 0 }],
    ['master_last_io_seconds_ago', 'soon', { lastIoSecondsAgo: null }],
    ['master_link_status', 'down', { linkUp: false }],
    ['master_sync_in_progress', '1', { syncInProgress: true }],
    ['slave_priority', '0', { priority: 0 }],
    ['slave_priority', null, { priority: null }],
    ['slave_repl_offset', null, { offset: 154 }],
    ['slave_repl_offset', '-1', { offset: 154 }],
    ['master_host', 'fd00::1', { masterHost: 'fd00::1' }],
    ['master_host', 'redis-0.redis', { masterHost: 'redis-0.redis' }],
    ['master_port', '', { masterPort: null }],
  ])('%s:%s', (key, value, expected) => {
    expect(read(change(REPLICA, key, value))).toMatchObject(expected);
  });

  test('a link that is down says since when; -1 is unknown', () => {
    const down = change(REPLICA, 'master_link_status', 'down');
    expect(read([...down, 'master_link_down_since_seconds:7'])).toMatchObject({ linkDownSinceSeconds: 7 });
    expect(read([...down, 'master_link_down_since_seconds:-1'])).toMatchObject({ linkDownSinceSeconds: null });
  });

  test('limbo is a replica of nobody', () => {
    const limbo = change(change(REPLICA, 'master_host', LIMBO_HOST), 'master_port', String(LIMBO_PORT));
    expect(isInLimbo(read(limbo))).toBe(true);
    expect(isInLimbo(read(REPLICA))).toBe(false);
    expect(isInLimbo(read(MASTER))).toBe(false);
  });
});

describe('other sections', () => {
  const server = ['# Server', `run_id:${'c3'.repeat(20)}`, ''];

  test('run id, loading and keys come from theirs', () => {
    const text = [
      ...server,
      '# Persistence',
      'loading:1',
      '',
      ...MASTER,
      '',
      '# Keyspace',
      'db0:keys=3,expires=0',
      'db9:keys=4,expires=1,avg_ttl=5',
    ];
    expect(read(text)).toMatchObject({ runId: 'c3'.repeat(20), loading: true, keys: 7 });
  });

  test('an empty Keyspace is no key; a missing one is unknown', () => {
    expect(read([...MASTER, '', '# Keyspace']).keys).toBe(0);
    expect(read(MASTER).keys).toBeNull();
  });

  test('async_loading (a replica that swaps its data in) is loading too', () => {
    expect(read(['async_loading:1', ...REPLICA]).loading).toBe(true);
  });

  test('lines may end in LF only, and unknown ones (Valkey) are skipped', () => {
    const valkey = [
      ...server,
      'redis_version:7.2.4',
      'valkey_version:8.0.1',
      'server_name:valkey',
      ...REPLICA,
      'replicas_waiting_psync:0',
      'master_replid_future:x',
    ];
    expect(read(valkey, '\n')).toEqual(read(valkey, '\r\n'));
    expect(read(valkey)).toMatchObject({ role: 'replica', offset: 140 });
  });
});

test.each([
  ['nothing', []],
  ['an error', ["-NOPERM this user has no permissions to run the 'info' command"]],
  ['a Sentinel', ['# Server', 'redis_mode:sentinel', '', '# Sentinel', 'sentinel_masters:1']],
  ['no role', change(MASTER, 'role', null)],
  ['an unknown role', change(MASTER, 'role', 'handshake')],
  ['no history', change(MASTER, 'master_replid', null)],
  ['a history of zeros', change(MASTER, 'master_replid', '0'.repeat(40))],
  ['no offset', change(MASTER, 'master_repl_offset', null)],
  ['an offset that is no number', change(MASTER, 'master_repl_offset', '1e3')],
  ['an offset that a number can not hold', change(MASTER, 'master_repl_offset', '9007199254740993')],
])('%s is not read as an answer', (_, lines) => {
  expect(parseReplicationInfo(lines.join('\r\n'))).toBeNull();
});

describe('a real redis-server', () => {
  let addresses: AddressBlock;
  let dir: string;
  let master: RedisProcess;
  let replica: RedisProcess;

  beforeAll(async () => {
    addresses = await claimAddressBlock();
    dir = mkdtempSync(join(tmpdir(), 'core-info-'));
    const start = async (name: string, config: string[]): Promise<RedisProcess> => {
      const host = await addresses.take([6379]);
      return RedisProcess.start({ tool: loadTools().redisServer, host, port: 6379, dir: join(dir, name), config });
    };
    master = await start('master', []);
    replica = await start('replica', ['replica-priority 42']);
  });

  afterAll(async () => {
    await Promise.all([master.killAndWait(), replica.killAndWait()]);
    await addresses.release();
    rmSync(dir, { recursive: true, force: true });
  });

  const infoOf = async (redis: RedisProcess): Promise<ReplicationInfo> => read([await redis.text('INFO')]);

  test('from standalone to replica, through the death of the master, to promoted', async () => {
    await master.command('SET', 'k', 'v');
    const alone = await infoOf(replica);
    expect(alone).toMatchObject({ role: 'master', priority: null, replid2: null, secondReplOffset: null, keys: 0 });
    expect(alone.runId).toMatch(/^[0-9a-f]{40}$/);

    await replica.command('REPLICAOF', LIMBO_HOST, LIMBO_PORT);
    const limbo = await infoOf(replica);
    expect(limbo).toMatchObject({ linkUp: false, lastIoSecondsAgo: null });
    expect(isInLimbo(limbo)).toBe(true);

    await replica.command('REPLICAOF', master.target.host, 6379);
    const following = await waitUntil(
      async () => {
        const [source, copy] = await Promise.all([infoOf(master), infoOf(replica)]);
        return copy.linkUp && copy.offset === source.offset && source.replicas[0]?.state === 'online'
          ? copy
          : undefined;
      },
      { what: 'the link', timeoutMs: 10_000 },
    );
    const source = await infoOf(master);
    expect(following).toMatchObject({
      role: 'replica',
      masterHost: master.target.host,
      masterPort: 6379,
      lastIoSecondsAgo: expect.any(Number),
      priority: 42,
      replid: source.replid,
      keys: 1,
      runId: alone.runId,
    });
    expect(source.replicas).toMatchObject([{ ip: replica.target.host, port: 6379, state: 'online' }]);

    await master.killAndWait();
    const orphaned = await waitUntil(
      async () => {
        const info = await infoOf(replica);
        return info.linkUp ? undefined : info;
      },
      { what: 'the link to break', timeoutMs: 10_000 },
    );
    expect(orphaned).toMatchObject({
      role: 'replica',
      lastIoSecondsAgo: null,
      linkDownSinceSeconds: expect.any(Number),
    });

    await replica.command('REPLICAOF', 'NO', 'ONE');
    const promoted = await infoOf(replica);
    expect(promoted).toMatchObject({ role: 'master', replid2: source.replid, secondReplOffset: orphaned.offset + 1 });
    expect(promoted.replid).not.toBe(source.replid);
  });
});
