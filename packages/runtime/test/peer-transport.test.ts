import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { asTerm } from '@sentinel-micro/core';
import { bulk, encodeMessage, failed, OK, serveResp, type Reply } from '../src/index.ts';
import {
  CLUSTER,
  connects,
  grantFrom,
  hosts,
  identityOf,
  pod,
  PORT,
  prevote,
  standIn,
  statusOf,
  wire,
  usePeers,
} from './peer-stand-in.ts';
import { deferred, place, until } from './support.ts';

usePeers();

describe('two pods', () => {
  test('meet, learn from PEER STATUS who is who, and answer each other', async () => {
    const [left, right] = [await standIn(0), await standIn(1)];
    const [one, two] = [wire(0), wire(1)];
    await connects(one, 1);
    await connects(two, 0);
    expect(one.met).toEqual([statusOf(1)]);
    expect(one.transport.connected()).toEqual([pod(1)]);
    expect(await one.transport.ask(pod(1), prevote(0))).toEqual(grantFrom(1));
    expect(await two.transport.ask(pod(0), prevote(1))).toEqual(grantFrom(0));
    expect(right.requests).toEqual([prevote(0)]);
    expect(left.requests).toEqual([prevote(1)]);
    // Nobody connects to itself.
    expect([left.sessions.size, right.sessions.size]).toEqual([1, 1]);
  });

  test('DNS names are not believed: the pod is who its sidecar says', async () => {
    await standIn(1, { status: { from: { ...identityOf(1), pod: pod(2) } } });
    const wired = wire(0);
    await connects(wired, 2);
    expect(wired.transport.connected()).toEqual([pod(2)]);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
  });

  test('with a password', async () => {
    await standIn(1, { password: 'open-sesame-7' });
    const wired = wire(0, { password: 'open-sesame-7' });
    await connects(wired, 1);
    expect(await wired.transport.ask(pod(1), prevote(0))).toEqual(grantFrom(1));
  });

  test('an address that a peer told is connected too', async () => {
    await standIn(2);
    const wired = wire(0);
    wired.transport.setAddresses([]);
    wired.transport.learn({ ip: hosts[2]!, port: PORT });
    wired.transport.learn({ ip: hosts[2]!, port: PORT });
    await connects(wired, 2);
  });

  test('a peer that comes later is found', async () => {
    const wired = wire(0);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    await standIn(1);
    await connects(wired, 1);
    expect(wired.troubles).toEqual([]);
  });
});

describe('strangers', () => {
  test('of another cluster are not followed, not asked, and complained of once', async () => {
    const stranger = await standIn(1, { status: { cluster: 'other.shop/mymaster' } });
    await standIn(2);
    const wired = wire(0);
    await connects(wired, 2);
    await until('the complaint', () => wired.troubles.length > 0);
    const text = `it belongs to another cluster (other.shop/mymaster, this one is ${CLUSTER}): ignored`;
    expect(wired.troubles).toEqual([`${hosts[1]!}:${PORT} ${text}`]);
    expect(wired.met).toEqual([statusOf(2)]);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    expect(stranger.requests).toEqual([]);
    await until('the connection to be closed', () => stranger.server.sessions.size === 0);
  });

  test('that say they are this very pod are not followed, and complained of once', async () => {
    const ghost = await standIn(1, { status: { from: { ...identityOf(1), pod: pod(0) } } });
    const wired = wire(0);
    await until('the complaint', () => wired.troubles.length > 0);
    expect(wired.troubles).toEqual([
      expect.stringContaining('it says that it is redis-0, and so is this one: ignored'),
    ]);
    expect(wired.met).toEqual([]);
    await until('the connection to be closed', () => ghost.server.sessions.size === 0);
  });

  test.each([
    [1_000_001, 1],
    [1_000_002, 0],
    [Number.MAX_SAFE_INTEGER, 0],
  ])('that name term %d where it is 1 here: %d met', async (term, count) => {
    await standIn(1, { status: { term: asTerm(term) } });
    await standIn(2);
    const wired = wire(0);
    await connects(wired, ...(count === 0 ? [2] : [1, 2]));
    await until('the complaint', () => wired.troubles.length === 1 - count);
    expect(wired.met).toHaveLength(1 + count);
  });

  test.each([
    ['a wrong password', 'wrong-one-8'],
    ['no password', undefined],
  ])('that refuse %s: one complaint, however often it is tried; it never names the password', async (_, password) => {
    const peer = await standIn(1, { password: 'open-sesame-7' });
    const wired = wire(0, { password });
    await until('several attempts', () => peer.sessions.size >= 3);
    expect(wired.troubles).toEqual([expect.stringContaining('it refuses the password: ')]);
    expect(wired.troubles[0]).not.toMatch(/wrong-one-8|open-sesame-7/);
    expect(wired.met).toEqual([]);
  });

  test('that have no password although the set has one: one complaint', async () => {
    const refusal = 'ERR AUTH <password> called without any password configured for the default user.';
    let asked = 0;
    const server = await serveResp(hosts[1]!, PORT, () => (asked++, failed(refusal)));
    place.closing(server, () => server.close());
    const wired = wire(0, { password: 'open-sesame-7' });
    await until('several attempts', () => asked >= 3);
    expect(wired.troubles).toEqual([expect.stringContaining('it has no password, but this set has one')]);
  });

  test('that are no sidecars, or of another version: one complaint', async () => {
    const peer = await standIn(1, { status: null });
    const wired = wire(0);
    await until('several attempts', () => peer.sessions.size >= 3);
    expect(wired.troubles).toEqual([expect.stringContaining('the status is not valid at ')]);
    expect(wired.transport.connected()).toEqual([]);
    expect(wired.met).toEqual([]);
  });
});

describe('a peer', () => {
  test('that dies and comes back is met again', async () => {
    const first = await standIn(1);
    const wired = wire(0);
    await connects(wired, 1);
    await first.server.close();
    await until('its loss to be seen', () => wired.transport.connected().length === 0);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    await standIn(1, { status: { term: asTerm(7) } });
    await connects(wired, 1);
    expect(wired.met.map(({ term }) => term)).toEqual([1, 7]);
    expect(wired.lost).toEqual([pod(1)]);
    expect(await wired.transport.ask(pod(1), prevote(0))).toEqual(grantFrom(1));
  });

  test('that has two addresses is lost with the last of them', async () => {
    const stand = [await standIn(1), await standIn(2, { status: { from: identityOf(1) } })] as const;
    const wired = wire(0);
    await connects(wired, 1, 1);
    await stand[0].server.close();
    await until('one to be closed', () => wired.transport.connected().length === 1);
    expect(wired.lost).toEqual([]);
    await stand[1].server.close();
    await until('its loss to be seen', () => wired.transport.connected().length === 0);
    expect(wired.lost).toEqual([pod(1)]);
  });

  test('that is gone for good is forgotten when DNS does not name it any more', async () => {
    const peer = await standIn(1);
    const wired = wire(0);
    await connects(wired, 1);
    wired.transport.setAddresses([{ ip: hosts[2]!, port: PORT }]);
    expect(wired.transport.connected()).toEqual([pod(1)]);
    await peer.server.close();
    await until('its loss to be seen', () => wired.transport.connected().length === 0);
    const back = await standIn(1);
    await standIn(2);
    await connects(wired, 2);
    expect(back.sessions.size).toBe(0);
  });

  test('that is silent: null within the time-out; after two of them another connection takes the place of the first', async () => {
    let isSilent = true;
    const silence = deferred<Reply>();
    const peer = await standIn(1, { answer: () => (isSilent ? silence.promise : bulk(encodeMessage(grantFrom(1)))) });
    const wired = wire(0, { timeoutMs: 200 });
    await connects(wired, 1);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    expect(wired.met).toHaveLength(1);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    // The first is kept until the second has come through: behind a lossy network it may be the first that does.
    expect(wired.transport.connected()).toEqual([pod(1)]);
    isSilent = false;
    await until('the second connection', () => wired.met.length === 2);
    expect(peer.sessions.size).toBe(2);
    expect(wired.lost).toEqual([]);
    expect(await wired.transport.ask(pod(1), prevote(0))).toEqual(grantFrom(1));
    // What it says at last to the old questions belongs to nobody.
    silence.resolve(bulk('too late'));
    expect(await wired.transport.ask(pod(1), prevote(0))).toEqual(grantFrom(1));
    expect(wired.troubles).toEqual([]);
  });

  test('that answers a renewal late: the answer counts as long as the lease that it renews would last', async () => {
    const late = deferred<Reply>();
    await standIn(1, { answer: () => late.promise });
    const wired = wire(0, { timeoutMs: 100, leaseMs: 2000 });
    await connects(wired, 1);
    const renewal = { ...prevote(0), type: 'RENEW', announcement: null, ranking: [], members: [] } as const;
    const answer = wired.transport.ask(pod(1), renewal);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    late.resolve(bulk(encodeMessage(grantFrom(1))));
    expect(await answer).toEqual(grantFrom(1));
  });

  test('that answers late once: the answer is not taken for that of the next question', async () => {
    const answers = [deferred<Reply>(), deferred<Reply>()];
    let asked = 0;
    await standIn(1, { answer: () => answers[asked++]!.promise });
    const wired = wire(0, { timeoutMs: 200 });
    await connects(wired, 1);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    const next = wired.transport.ask(pod(1), prevote(0));
    await until('the second question', () => asked === 2);
    answers[0]!.resolve(bulk(encodeMessage({ ...grantFrom(1), term: asTerm(1) })));
    answers[1]!.resolve(bulk(encodeMessage({ ...grantFrom(1), term: asTerm(2) })));
    expect(await next).toMatchObject({ term: 2 });
  });

  test('that accepts but says nothing at all is no peer, and costs no more than its time-out', async () => {
    const mute = createServer((socket) => socket.on('error', () => undefined).resume());
    place.closing(mute, (server) => server.close());
    await new Promise<void>((resolve) => mute.listen({ host: hosts[1]!, port: PORT }, resolve));
    await standIn(2);
    const wired = wire(0, { timeoutMs: 200 });
    await connects(wired, 2);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
  });

  test.each([
    ['an error', failed('ERR the message is wrong'), 'ERR the message is wrong'],
    ['nonsense', bulk('{"type":"granted"}'), 'the answer is not valid at '],
    ['no text', OK, null],
  ])('that answers with %s: null, and a complaint, once', async (_, answer, complaint) => {
    await standIn(1, { answer: () => answer });
    const wired = wire(0);
    await connects(wired, 1);
    for (let times = 0; times < 3; times++) expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    expect(wired.troubles).toEqual(complaint === null ? expect.anything() : [expect.stringContaining(complaint)]);
    expect(wired.transport.connected()).toEqual([pod(1)]);
  });
});

test('two peers are asked independently: a slow one holds up nobody', async () => {
  const slow = deferred<Reply>();
  await standIn(1, { answer: () => slow.promise });
  await standIn(2);
  const wired = wire(0);
  await connects(wired, 1, 2);
  const waiting = wired.transport.ask(pod(1), prevote(0));
  expect(await wired.transport.ask(pod(2), prevote(0))).toEqual(grantFrom(2));
  slow.resolve(bulk(encodeMessage(grantFrom(1))));
  expect(await waiting).toEqual(grantFrom(1));
});

describe('close', () => {
  test('ends all connections; nothing is connected anew', async () => {
    const peer = await standIn(1);
    const wired = wire(0);
    await connects(wired, 1);
    wired.transport.close();
    await until('the connection to be closed', () => peer.server.sessions.size === 0);
    expect(await wired.transport.ask(pod(1), prevote(0))).toBeNull();
    expect(peer.sessions.size).toBe(1);
    expect(wired.lost).toEqual([]);
  });

  test('also one that is only being made', async () => {
    const status = deferred<Reply>();
    let asked = 0;
    const server = await serveResp(hosts[1]!, PORT, () => (asked++, status.promise));
    place.closing(server, () => server.close());
    const wired = wire(0);
    await until('PEER STATUS to be asked', () => asked === 1);
    wired.transport.close();
    status.resolve(bulk(encodeMessage(statusOf(1))));
    await until('the connection to be closed', () => server.sessions.size === 0);
    expect(wired.met).toEqual([]);
  });
});
