// How far the replica of this pod is behind: the master's sidecar is asked, over a real connection.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { asOffset } from '@sentinel-micro/core';
import { configOf, renewal, Story, TIMINGS } from '../../core/test/support.ts';
import { Place } from '../../runtime/test/support.ts';
import { lagBehindMaster } from '../src/http/lag.ts';
import { shared } from '../src/http/shared.ts';
import { contextOf, follower, leader, PORT, serveCommands } from './commands-support.ts';

let place: Place;
beforeAll(async () => {
  place = await Place.make();
});
afterEach(() => place.tidy());
afterAll(() => place.remove());

/** redis-2 follows redis-1, and has this offset. */
function replica(offset: number): Story {
  const story = new Story(configOf(2));
  story.redis();
  story.after(TIMINGS.grantMs).asked(renewal(1, 2));
  story.redis({ masterHost: '10.0.0.2', offset: asOffset(offset) });
  return story;
}

/** redis-1, which leads, at this offset. */
function masterAt(offset: number): Story {
  const story = leader();
  story.redis({ role: 'master', masterHost: null, masterPort: null, linkUp: false, offset: asOffset(offset) });
  return story;
}

/** @param asked what is served where the master is announced */
async function lagOf(story: Story, asked: Story): Promise<number | null> {
  const { host } = await serveCommands(place, contextOf(asked));
  return lagBehindMaster(
    () => story,
    (ip) => ({ host: ip === '10.0.0.2' ? host : ip, port: PORT }),
    500,
  );
}

test.each([
  [500, 400, 100],
  [500, 500, 0],
  // It has asked its own Redis later than the master's sidecar has asked that one.
  [500, 510, 0],
])('the master is at %p, the replica at %p: %p bytes', async (ofMaster, own, lag) => {
  expect(await lagOf(replica(own), masterAt(ofMaster))).toBe(lag);
});

test('another pod answers at that address: it is not known', async () => {
  expect(await lagOf(replica(400), follower())).toBeNull();
});

test('nobody answers: it is not known', async () => {
  const host = await place.host(PORT);
  const story = replica(400);
  const targetAt = (): { host: string; port: number } => ({ host, port: PORT });
  expect(await lagBehindMaster(() => story, targetAt, 500)).toBeNull();
});

test('without a master, and for the master itself, nobody is asked', async () => {
  const targetAt = (): never => {
    throw new Error('nobody is to be asked');
  };
  const lonely = replica(400);
  lonely.after(TIMINGS.grantMs * 2).tick();
  expect(await lagBehindMaster(() => lonely, targetAt, 500)).toBeNull();
  const master = leader();
  expect(await lagBehindMaster(() => master, targetAt, 500)).toBeNull();
});

test('many who ask at once cost no more than one; later it is asked again', async () => {
  let [asked, nowMs] = [0, 0];
  const ask = shared(
    () => Promise.resolve(++asked),
    1000,
    () => nowMs,
  );
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  nowMs = 1000;
  expect(await ask()).toBe(1);
  nowMs = 1001;
  expect(await ask()).toBe(2);
});
