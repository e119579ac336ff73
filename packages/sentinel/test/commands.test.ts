import { describe, expect, test } from '@jest/globals';
import { bulk, bulks, decodeStatus, encodeMessage, fetchStatus, OK, simple } from '@sentinel-micro/runtime';
import type { PeerRequest } from '@sentinel-micro/core';
import { Redis } from 'ioredis';
import { identity, requestOf, renewal } from '../../core/test/support.ts';
import { place, usePlace } from '../../runtime/test/support.ts';
import { contextOf, follower, isError, keysOf, leader, loginsOf, PORT, serveCommands } from './commands-support.ts';

const PASSWORD = 'open-sesame-7';
const NO_AUTH = { type: 'error', text: 'NOAUTH Authentication required.' };
const WRONG_PASSWORD = { type: 'error', text: 'WRONGPASS invalid username-password pair or user is disabled.' };
usePlace();

describe('without a password', () => {
  test('everything may be asked at once', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    expect(await raw.ask('PING')).toEqual(simple('PONG'));
    expect(await raw.ask('ping', 'hello')).toEqual(bulk('hello'));
    expect(await raw.ask('ROLE')).toMatchObject({ items: [bulk('sentinel'), bulks(['mymaster'])] });
    expect(await raw.ask('CLIENT', 'SETNAME', 'me')).toEqual(OK);
    expect(await raw.ask('CLIENT', 'GETNAME')).toEqual(bulk('me'));
    expect(await raw.ask('CLIENT', 'SETINFO', 'LIB-NAME', 'x')).toEqual(OK);
    expect(await raw.ask('CLIENT', 'ID')).toMatchObject({ type: 'integer' });
    expect(await raw.ask('COMMAND')).toMatchObject({ type: 'array' });
    expect(await raw.ask('INFO')).toMatchObject({ text: expect.stringContaining('redis_mode:sentinel') });
  });

  test('AUTH says that there is nothing to log in to, as Redis does', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    expect(await raw.ask('AUTH', 'x')).toEqual(
      isError('^ERR AUTH <password> called without any password configured for the default user'),
    );
    expect(await raw.ask('PING')).toEqual(simple('PONG'));
  });

  test('QUIT: OK, and the end, behind what was asked before', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    raw.send(['PING'], ['QUIT'], ['PING']);
    expect(await raw.replies(2)).toEqual([simple('PONG'), OK]);
    await raw.closed();
    expect(raw.received).toBe('');
  });
});

describe('HELLO', () => {
  const FIELDS = ['server', 'version', 'proto', 'id', 'mode', 'modules'];

  test('answers a map in RESP3, and flat in RESP2; the connection speaks it from then on', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    const resp2 = await raw.ask('HELLO');
    expect(resp2.type).toBe('array');
    expect(keysOf(resp2)).toEqual(FIELDS);
    const resp3 = await raw.ask('HELLO', '3', 'SETNAME', 'me');
    expect(resp3.type).toBe('map');
    expect(keysOf(resp3)).toEqual(FIELDS);
    expect(new Map(resp3.type === 'map' ? resp3.entries : [])).toEqual(
      new Map<string, unknown>([
        ['server', bulk('redis')],
        ['version', expect.anything()],
        ['proto', { type: 'integer', value: 3 }],
        ['id', { type: 'integer', value: expect.any(Number) }],
        ['mode', bulk('sentinel')],
        ['modules', { type: 'array', items: [] }],
      ]),
    );
    expect((await raw.ask('SENTINEL', 'MASTER', 'mymaster')).type).toBe('map');
    expect(await raw.ask('CLIENT', 'GETNAME')).toEqual(bulk('me'));
    expect((await raw.ask('HELLO', '2')).type).toBe('array');
    expect((await raw.ask('SENTINEL', 'MASTER', 'mymaster')).type).toBe('array');
  });

  test('a version that is not spoken changes nothing', async () => {
    const raw = await (await serveCommands(place, contextOf(leader()))).client();
    expect(await raw.ask('HELLO', '4')).toEqual(isError('^NOPROTO unsupported protocol version'));
    expect(await raw.ask('HELLO', '3', 'NONSENSE')).toEqual(isError('^ERR Syntax error in HELLO option'));
    expect((await raw.ask('SENTINEL', 'MASTER', 'mymaster')).type).toBe('array');
  });
});

describe('with a password', () => {
  const serve = (username?: string) =>
    serveCommands(place, contextOf(leader()), { logins: loginsOf(PASSWORD, username) }).then((served) =>
      served.client(),
    );

  test.each([
    ['PING'],
    ['INFO'],
    ['ROLE'],
    ['COMMAND'],
    ['CLIENT', 'ID'],
    ['SENTINEL', 'MASTERS'],
    ['SUBSCRIBE', '+switch-master'],
    ['PSUBSCRIBE', '*'],
    ['PEER', 'STATUS'],
    ['PEER', 'ACQUIRE', encodeMessage(requestOf(0, 5, { type: 'ACQUIRE' }))],
  ])('before logging in: %s %s is refused', async (...words) => {
    const raw = await serve();
    expect(await raw.ask(...words)).toEqual(NO_AUTH);
    raw.send(['QUIT']);
    expect(await raw.reply()).toEqual(OK);
  });

  test('HELLO without AUTH is refused, and does not switch the protocol', async () => {
    const raw = await serve();
    expect(await raw.ask('HELLO', '3')).toEqual(
      isError('^NOAUTH HELLO must be called with the client already authenticated'),
    );
    await raw.ask('AUTH', PASSWORD);
    expect((await raw.ask('SENTINEL', 'MASTER', 'mymaster')).type).toBe('array');
  });

  test.each([
    [['AUTH', PASSWORD]],
    [['AUTH', 'default', PASSWORD]],
    [['HELLO', '3', 'AUTH', 'default', PASSWORD]],
    [['HELLO', '2', 'SETNAME', 'me', 'AUTH', 'default', PASSWORD]],
  ])('%j logs in', async (words) => {
    const raw = await serve();
    expect((await raw.ask(...words)).type).not.toBe('error');
    expect(await raw.ask('PING')).toEqual(simple('PONG'));
    expect((await raw.ask('HELLO')).type).not.toBe('error');
  });

  test('with the user that the set has, or the default one; with no other', async () => {
    for (const [user, isKnown] of [
      ['app', true],
      ['default', true],
      ['other', false],
    ] as const) {
      const raw = await serve('app');
      expect(await raw.ask('AUTH', user, PASSWORD)).toEqual(isKnown ? OK : WRONG_PASSWORD);
    }
  });

  test.each(['', 'wrong', PASSWORD.toUpperCase(), `${PASSWORD} `, PASSWORD.slice(0, -1)])(
    'a wrong password (%j) does not log in',
    async (password) => {
      const raw = await serve();
      expect(await raw.ask('AUTH', password)).toEqual(WRONG_PASSWORD);
      expect(await raw.ask('HELLO', '3', 'AUTH', 'default', password)).toEqual(WRONG_PASSWORD);
      expect(await raw.ask('PING')).toEqual(NO_AUTH);
    },
  );

  test('a password that is no ASCII', async () => {
    const served = await serveCommands(place, contextOf(leader()), { logins: loginsOf('größe-🧪') });
    expect(await (await served.client()).ask('AUTH', 'größe-🧪')).toEqual(OK);
  });

  test('each connection logs in for itself', async () => {
    const served = await serveCommands(place, contextOf(leader()), { logins: loginsOf(PASSWORD) });
    await (await served.client()).ask('AUTH', PASSWORD);
    expect(await (await served.client()).ask('PING')).toEqual(NO_AUTH);
  });
});

describe('a port that is open to clients, of a set with a password', () => {
  const serve = () =>
    serveCommands(place, contextOf(leader()), {
      logins: { username: undefined, peerPassword: PASSWORD, clientPassword: undefined },
      peerRequest: (request) =>
        Promise.resolve({ v: 1, cluster: request.cluster, from: identity(1), term: request.term, type: 'ok' }),
    });
  const renew = ['PEER', 'RENEW', encodeMessage(renewal(0, 1))];

  test('clients ask at once; only who knows the password speaks as a peer', async () => {
    const raw = await (await serve()).client();
    expect(await raw.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')).toMatchObject({ type: 'array' });
    expect((await raw.ask('PEER', 'STATUS')).type).toBe('bulk');
    expect(await raw.ask(...renew)).toEqual(isError('^NOAUTH '));
    expect(await raw.ask('PEER', 'ORDER', '{}')).toEqual(isError('^NOAUTH '));
    expect(await raw.ask('AUTH', PASSWORD)).toEqual(OK);
    expect((await raw.ask(...renew)).type).toBe('bulk');
  });

  test('AUTH with anything else is answered as a Redis without a password does', async () => {
    const raw = await (await serve()).client();
    expect(await raw.ask('AUTH', 'x')).toEqual(isError('^ERR AUTH <password> called without any password'));
    expect(await raw.ask('AUTH', 'default', 'x')).toEqual(OK);
    expect(await raw.ask('AUTH', 'nobody', 'x')).toEqual(WRONG_PASSWORD);
    expect(await raw.ask(...renew)).toEqual(isError('^NOAUTH '));
  });
});

describe('a port with a password of its own', () => {
  const OWN = 'for-clients-8';
  const serve = () =>
    serveCommands(place, contextOf(leader()), {
      logins: { username: 'app', peerPassword: PASSWORD, clientPassword: OWN },
    }).then((served) => served.client());

  test.each([
    ['AUTH', OWN],
    ['AUTH', 'default', OWN],
    ['AUTH', 'app', OWN],
    ['HELLO', '3', 'AUTH', 'default', OWN],
  ])('%s %s: a client logs in with it, and is no peer', async (...words) => {
    const raw = await serve();
    expect(await raw.ask('PING')).toEqual(NO_AUTH);
    expect((await raw.ask(...words)).type).not.toBe('error');
    expect(await raw.ask('PING')).toEqual(simple('PONG'));
    expect((await raw.ask('PEER', 'STATUS')).type).toBe('bulk');
    expect(await raw.ask('PEER', 'ACQUIRE', encodeMessage(requestOf(0, 5, { type: 'ACQUIRE' })))).toEqual(
      isError('^NOAUTH '),
    );
  });

  test("Redis's own password opens it too: peers, make-slave and the command line know that one", async () => {
    const raw = await serve();
    expect(await raw.ask('AUTH', 'app', PASSWORD)).toEqual(OK);
    expect(await raw.ask('PEER', 'ACQUIRE', '{')).toEqual(isError('^ERR the request is not JSON'));
  });

  test('neither of them in part, nor with another user', async () => {
    const raw = await serve();
    for (const words of [[`${OWN} `], ['nobody', OWN], ['app', OWN.slice(1)], ['default', '']]) {
      expect(await raw.ask('AUTH', ...words)).toEqual(WRONG_PASSWORD);
    }
    expect(await raw.ask('PING')).toEqual(NO_AUTH);
  });
});

describe('PEER', () => {
  test('STATUS tells what this sidecar knows', async () => {
    const story = leader();
    const { host } = await serveCommands(place, contextOf(story));
    const status = await fetchStatus({ host, port: PORT }, 2000);
    expect(status).toMatchObject({ from: identity(1), role: 'holder', phase: 'lead', term: 2, masterIsFresh: true });
    expect(status.members.map(({ pod }) => pod)).toEqual(['redis-0', 'redis-2']);
  });

  test('a request is handed on, and its answer given back', async () => {
    const story = follower();
    const asked: PeerRequest[] = [];
    const served = await serveCommands(place, contextOf(story), {
      peerRequest: (request) => {
        asked.push(request);
        return Promise.resolve({ v: 1, cluster: request.cluster, from: identity(1), term: request.term, type: 'ok' });
      },
    });
    const raw = await served.client();
    const request = renewal(0, 1);
    const reply = await raw.ask('PEER', 'renew', encodeMessage(request));
    expect(JSON.parse((reply as { text: string }).text)).toMatchObject({ type: 'ok', from: identity(1) });
    expect(asked).toEqual([request]);
  });

  test('what is no message is refused, told, and handed to nobody', async () => {
    const served = await serveCommands(place, contextOf(follower()));
    const raw = await served.client();
    expect(await raw.ask('PEER', 'ACQUIRE', '{}')).toEqual(isError('^ERR the request is not valid at '));
    expect(await raw.ask('PEER', 'ACQUIRE', '{')).toEqual(isError('^ERR the request is not JSON'));
    // One line for each reason, however many there are.
    expect(served.badMessages).toEqual([
      expect.stringMatching(/^a message was not valid: from 127\..*: the request is/),
    ]);
    expect(await raw.ask('PEER', 'FREEZE', encodeMessage(renewal(0, 1)))).toEqual(
      isError('^ERR the message is of type RENEW, not FREEZE'),
    );
    for (const words of [['PEER'], ['PEER', 'ACQUIRE'], ['PEER', 'STATUS', 'x'], ['PEER', 'ACQUIRE', '{}', '{}']]) {
      expect((await raw.ask(...words)).type).toBe('error');
    }
  });

  test('STATUS is a message that decodes, whatever the state', async () => {
    for (const story of [follower(), leader()]) {
      const raw = await (await serveCommands(place, contextOf(story))).client();
      const reply = await raw.ask('PEER', 'STATUS');
      expect(decodeStatus((reply as { text: string }).text).from).toEqual(identity(1));
    }
  });
});

describe('the sentinels option of ioredis', () => {
  test.each([undefined, PASSWORD])('finds the master (password %s)', async (password) => {
    const master = await place.redis({ port: 6379 });
    const story = follower();
    const { host: ip } = master.target;
    const announcement = { ...story.state.announcement!, ip };
    const context = contextOf(story, { state: { ...story.state, announcement } });
    const { host } = await serveCommands(place, context, { logins: loginsOf(password) });
    const client = new Redis({
      sentinels: [{ host, port: PORT }],
      name: 'mymaster',
      ...(password === undefined ? {} : { sentinelPassword: password }),
    });
    place.closing(client, () => client.disconnect());
    expect(await client.set('a', 1)).toBe('OK');
    expect(await master.command('GET', 'a')).toBe('1');
  });
});
