// CLIENT, INFO and COMMAND: what a port tells of itself and of who is connected.
import { describe, expect, test } from '@jest/globals';
import { bulk, encodeMessage, OK, simple, type Reply } from '@sentinel-micro/runtime';
import { identity, renewal } from '../../core/test/support.ts';
import type { RawClient } from '../../runtime/test/raw-client.ts';
import { place, usePlace } from '../../runtime/test/support.ts';
import { contextOf, follower, keysOf, leader, serveCommands } from './commands-support.ts';

usePlace();

describe('CLIENT', () => {
  const idOf = async (raw: RawClient): Promise<string> => {
    const reply = await raw.ask('CLIENT', 'ID');
    return reply.type === 'integer' ? String(reply.value) : '';
  };
  const textOf = (reply: Reply): string => (reply.type === 'bulk' || reply.type === 'verbatim' ? reply.text : '');

  test('LIST and INFO tell who is connected, from where, under which name, and what it asked last', async () => {
    const served = await serveCommands(place, contextOf(leader()));
    const [me, subscriber] = [await served.client(), await served.client()];
    await subscriber.send(['CLIENT', 'SETNAME', 'listener'], ['SUBSCRIBE', 'a', 'b'], ['PSUBSCRIBE', '*']).replies(4);
    const lines = textOf(await me.ask('CLIENT', 'LIST'))
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /^id=\d+ addr=127\.[\d.]+:\d+ laddr=127\.[\d.]+:26379 name=listener age=0 idle=0 flags=P /,
    );
    expect(lines[1]).toMatch(/ sub=2 psub=1 cmd=psubscribe user=default resp=2$/);
    expect(textOf(await me.ask('CLIENT', 'INFO'))).toMatch(/ flags=N .* cmd=client\|info /);
    expect(textOf(await me.ask('CLIENT', 'LIST', 'TYPE', 'pubsub')).trimEnd()).toMatch(/^id=.*name=listener.*$/);
  });

  test('KILL ends connections of clients by id, address or type; oneself only when asked to, and a peer never', async () => {
    const served = await serveCommands(place, contextOf(follower()), {
      peerRequest: (request) =>
        Promise.resolve({ v: 1, cluster: request.cluster, from: identity(1), term: request.term, type: 'ok' }),
    });
    const [me, first, second, third, peer] = await Promise.all([0, 1, 2, 3, 4].map(() => served.client()));
    await peer!.ask('PEER', 'RENEW', encodeMessage(renewal(0, 1)));
    expect(await me!.ask('CLIENT', 'KILL', 'ID', await idOf(first!))).toEqual({ type: 'integer', value: 1 });
    await first!.closed();
    const address = /addr=(\S+)/.exec(textOf(await second!.ask('CLIENT', 'INFO')))![1]!;
    expect(await me!.ask('CLIENT', 'KILL', address)).toEqual(OK);
    await second!.closed();
    await third!.ask('SUBSCRIBE', 'a');
    expect(await me!.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')).toEqual({ type: 'integer', value: 1 });
    await third!.closed();
    expect(await me!.ask('CLIENT', 'KILL', 'TYPE', 'normal')).toEqual({ type: 'integer', value: 0 });
    expect(await me!.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no')).toEqual({ type: 'integer', value: 1 });
    await me!.closed();
    expect(await peer!.ask('PING')).toEqual(simple('PONG'));
  });

  test('REPLY: answers are left out as asked, and messages come all the same', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    raw.send(['CLIENT', 'REPLY', 'SKIP'], ['PING', 'one'], ['PING', 'two']);
    expect(await raw.reply()).toEqual(bulk('two'));
    raw.send(
      ['CLIENT', 'REPLY', 'OFF'],
      ['PING', 'three'],
      ['SENTINEL', 'MYID'],
      ['CLIENT', 'REPLY', 'ON'],
      ['PING', 'four'],
    );
    expect(await raw.replies(2)).toEqual([OK, bulk('four')]);
  });
});

describe('INFO', () => {
  test.each([
    [['INFO'], ['Server', 'Clients', 'Stats', 'Sentinel']],
    [
      ['INFO', 'all'],
      ['Server', 'Clients', 'Stats', 'Sentinel'],
    ],
    [['INFO', 'SENTINEL'], ['Sentinel']],
    [
      ['INFO', 'server', 'sentinel'],
      ['Server', 'Sentinel'],
    ],
    [['INFO', 'nope'], []],
  ])('%j has the sections %j', async (words, sections) => {
    const reply = await (await (await serveCommands(place, contextOf(leader()))).client()).ask(...words);
    const titles = [...(reply.type === 'bulk' ? reply.text : '?').matchAll(/^# (\w+)\r$/gm)].map(([, title]) => title);
    expect(titles).toEqual(sections);
  });
});

describe('COMMAND', () => {
  test('COUNT, LIST, INFO and DOCS are of the same commands', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    const [all, count, list, docs] = await raw
      .send(['COMMAND'], ['COMMAND', 'COUNT'], ['COMMAND', 'LIST'], ['COMMAND', 'DOCS'])
      .replies(4);
    const names = all!.type === 'array' ? all.items.map((spec) => (spec.type === 'array' ? spec.items[0] : spec)) : [];
    expect(count).toEqual({ type: 'integer', value: names.length });
    expect(keysOf(docs!)).toEqual(names.map((name) => (name?.type === 'bulk' ? name.text : '')));
    expect(list!.type === 'array' ? list.items : []).toEqual(expect.arrayContaining(names));
  });

  test('every command of the list is one that is understood, and every subcommand too', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    const list = await raw.ask('COMMAND', 'LIST');
    for (const item of list.type === 'array' ? list.items : []) {
      const name = item.type === 'bulk' ? item.text : '';
      if (name === 'quit' || name.includes('subscribe') || name === 'client|reply') continue;
      const reply = await raw.ask(...name.split('|'));
      expect([name, JSON.stringify(reply)]).not.toEqual([name, expect.stringMatching(/unknown (sub)?command/)]);
    }
  });
});
