// SENTINEL SWITCHOVER and its like: what is ordered of the core, what is passed on, and what is answered.
import { describe, expect, test } from '@jest/globals';
import { OK, simple, type Reply } from '@sentinel-micro/runtime';
import type { Command, CommandResult } from '@sentinel-micro/core';
import { identity } from '../../core/test/support.ts';
import { place, usePlace } from '../../runtime/test/support.ts';
import { decodeResult, encodeOrder, forwardCommand, type ForwardingOptions } from '../src/forwarding.ts';
import { contextOf, follower, isError, leader, loginsOf, newcomer, PORT, serveCommands } from './commands-support.ts';

const PASSWORD = 'open-sesame-7';
usePlace();

describe('orders', () => {
  const asked: Command[] = [];
  const forwarded: [string, Command][] = [];
  const moved: CommandResult = { ok: true, text: 'redis-2 is master of term 5' };
  const serve = (result: CommandResult, elsewhere: CommandResult = moved) => {
    asked.length = 0;
    forwarded.length = 0;
    return serveCommands(place, contextOf(follower()), {
      command: (command) => (asked.push(command), Promise.resolve(result)),
      forward: (to, command) => (forwarded.push([to.pod, command]), Promise.resolve(elsewhere)),
    }).then((served) => served.client());
  };
  const notLeader: CommandResult = { ok: false, code: 'NOTLEADER', text: 'redis-1 does not hold the lease' };

  const commands: readonly (readonly [string[], Command, Reply])[] = [
    [['FAILOVER', 'mymaster'], { kind: 'switchover', to: null }, OK],
    [['FAILOVER', 'mymaster', 'coordinated'], { kind: 'switchover', to: null }, OK],
    [['SWITCHOVER', 'mymaster'], { kind: 'switchover', to: null }, simple(`OK ${moved.text}`)],
    [['switchover', 'mymaster', 'redis-2'], { kind: 'switchover', to: identity(2).pod }, simple(`OK ${moved.text}`)],
    [['FORCE-FAILOVER', 'mymaster'], { kind: 'failover' }, simple(`OK ${moved.text}`)],
    [['HANDOVER', 'mymaster'], { kind: 'handover' }, simple(`OK ${moved.text}`)],
    [['PAUSE', 'mymaster'], { kind: 'pause' }, simple(`OK ${moved.text}`)],
    [['RESUME', 'mymaster'], { kind: 'resume' }, simple(`OK ${moved.text}`)],
  ];
  test.each(commands)(
    'SENTINEL %j is carried out here, and answered when it has ended',
    async (words, command, answer) => {
      expect(await (await serve(moved)).ask('SENTINEL', ...words)).toEqual(answer);
      expect(asked).toEqual([command]);
      expect(forwarded).toEqual([]);
    },
  );

  test.each([['SWITCHOVER'], ['FAILOVER'], ['FORCE-FAILOVER']])(
    '%s of a sidecar that does not lead is passed on to the one that does, once',
    async (name) => {
      const raw = await serve(notLeader);
      expect((await raw.ask('SENTINEL', name, 'mymaster')).type).toBe('simple');
      expect(forwarded).toEqual([['redis-0', asked[0]]]);
      const refusing = await serve(notLeader, notLeader);
      expect(await refusing.ask('SENTINEL', name, 'mymaster')).toEqual(isError('^NOTLEADER '));
      expect(forwarded).toHaveLength(1);
    },
  );

  test('one for this pod alone is not passed on', async () => {
    expect(await (await serve(notLeader)).ask('SENTINEL', 'HANDOVER', 'mymaster')).toEqual(isError('^NOTLEADER '));
    expect(forwarded).toEqual([]);
  });

  test('nobody holds the lease: it says so', async () => {
    const served = await serveCommands(place, contextOf(newcomer()), { command: () => Promise.resolve(notLeader) });
    const answer = await (await served.client()).ask('SENTINEL', 'SWITCHOVER', 'mymaster');
    expect(answer).toEqual(isError('^ERR nobody holds the lease$'));
  });

  test.each([
    [['FAILOVER', 'other'], '^ERR No such master with that name'],
    [['SWITCHOVER', 'mymaster', 'redis-9'], "^ERR there is no pod 'redis-9'; the pods are redis-0, redis-1, redis-2"],
    [['SWITCHOVER', 'mymaster', 'a', 'b'], "^ERR wrong number of arguments for 'sentinel.switchover'"],
    [['FAILOVER', 'mymaster', 'FAST'], '^ERR syntax error'],
    [['HANDOVER'], "^ERR wrong number of arguments for 'sentinel.handover'"],
  ])('SENTINEL %j: nothing is ordered', async (words, error) => {
    expect(await (await serve(moved)).ask('SENTINEL', ...words)).toEqual(isError(error));
    expect(asked).toEqual([]);
  });

  test('PEER ORDER, by which they are passed on: for the own cluster alone, and never passed on again', async () => {
    const raw = await serve(notLeader);
    const { cluster } = follower().state.config;
    const command: Command = { kind: 'switchover', to: identity(2).pod };
    const answer = await raw.ask('PEER', 'ORDER', encodeOrder(cluster, command));
    expect(decodeResult(answer.type === 'bulk' ? answer.text : null)).toEqual(notLeader);
    expect([asked, forwarded]).toEqual([[command], []]);
    for (const text of [
      encodeOrder('redis.other/mymaster', command),
      '{}',
      '{',
      '"x"',
      `{"cluster":"${cluster}","kind":"wipe"}`,
    ]) {
      expect(await raw.ask('PEER', 'ORDER', text)).toEqual(isError('^ERR the order is none that this set knows'));
    }
    expect(asked).toHaveLength(1);
  });
});

describe('forwarding', () => {
  const options = (change: Partial<ForwardingOptions> = {}): ForwardingOptions => {
    const timeouts = { connectTimeoutMs: 500, commandTimeoutMs: 500 };
    return { cluster: 'redis.ns/mymaster', username: undefined, password: undefined, timeouts, ...change };
  };
  const command: Command = { kind: 'switchover', to: null };

  test('the other sidecar does it, with and without a password', async () => {
    const done: CommandResult = { ok: true, text: 'done' };
    for (const password of [undefined, PASSWORD]) {
      const { host } = await serveCommands(place, contextOf(leader()), {
        logins: loginsOf(password),
        command: () => Promise.resolve(done),
      });
      expect(await forwardCommand({ ...identity(1), ip: host }, command, options({ password }))).toEqual(done);
    }
  });

  test('nobody there, no password, no answer, nonsense: it says so, and ends in time', async () => {
    const text = expect.stringMatching(/redis-1 holds the lease and could not be asked: /);
    const nobody = { ...identity(1), ip: await place.host(PORT) };
    expect(await forwardCommand(nobody, command, options())).toEqual({ ok: false, code: 'ERR', text });
    const locked = await serveCommands(place, contextOf(leader()), { logins: loginsOf(PASSWORD) });
    expect(await forwardCommand({ ...identity(1), ip: locked.host }, command, options())).toMatchObject({ text });
    const silent = await serveCommands(place, contextOf(leader()), { command: () => new Promise(() => undefined) });
    expect(await forwardCommand({ ...identity(1), ip: silent.host }, command, options())).toMatchObject({ text });
    expect(decodeResult('{"ok":true}')).toMatchObject({ ok: false });
    expect(decodeResult(['x'])).toMatchObject({ ok: false });
  });
});
