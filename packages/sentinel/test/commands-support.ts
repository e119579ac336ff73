import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { serveResp, type Reply, type RespServer } from '@sentinel-micro/runtime';
import { loadTools, RedisProcess } from '@sentinel-micro/testkit';
import type { MemberView, NodeState } from '@sentinel-micro/core';
import {
  configOf,
  identity,
  LIMBO,
  PODS,
  positionOf,
  questions,
  renewal,
  requestOf,
  announcementOf,
  Story,
  TIMINGS,
} from '../../core/test/support.ts';
import { RawClient } from '../../runtime/test/raw-client.ts';
import type { Place } from '../../runtime/test/support.ts';
import { createCommands, type CommandPorts } from '../src/commands.ts';
import type { SentinelPorts } from '../src/sentinel-commands.ts';
import type { SentinelContext } from '../src/sentinel-view.ts';

export const PORT = 26379;

/** redis-1 and redis-2 as the holder redis-0 tells of them. */
export function memberOf(index: number, change: Partial<MemberView> = {}): MemberView {
  const { pod, ip, redisPort: port } = identity(index);
  const { runId, priority, lastIoSecondsAgo } = positionOf();
  const view = { pod, ip, port, runId, offset: 100, priority, linkUp: true, lastIoSecondsAgo, isReachable: true };
  return { ...view, ...change };
}

/** redis-1 follows redis-0, which holds the lease of term 1 and has told of the others. */
export function follower(members: readonly MemberView[] = [memberOf(1), memberOf(2)]): Story {
  const story = new Story(configOf(1));
  story.redis();
  story.feed({ type: 'peer-met', identity: identity(0), announcement: null, term: story.state.term });
  story.feed({ type: 'peer-met', identity: identity(2), announcement: null, term: story.state.term });
  story.after(TIMINGS.grantMs);
  story.asked(
    requestOf(0, 1, { type: 'RENEW', announcement: announcementOf(0, 1), ranking: [], members: [...members] }),
  );
  return story;
}

/** redis-1 holds the lease of term 2 and leads; both others have answered its first renewal. */
export function leader(): Story {
  const story = new Story(configOf(1));
  story.redis();
  story.after(TIMINGS.grantMs).asked(renewal(0, 1));
  story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
  const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
  const limbo = story.done(freezing, 'limbo', LIMBO);
  const frozen = story.frozen(freezing, (index) => (index === 0 ? null : positionOf()));
  story.done([...limbo, ...frozen], 'promote', { role: 'master', masterHost: null, masterPort: null, linkUp: false });
  for (const index of [0, 2]) {
    story.feed({ type: 'peer-met', identity: identity(index), announcement: null, term: story.state.term });
  }
  // The first renewal tells who is there, the second one carries what they answered.
  for (let beat = 0; beat < 2; beat++) {
    const renewing = story.after(TIMINGS.heartbeatMs).tick();
    if (questions(renewing, 'RENEW').length > 0) story.granted(renewing, 'RENEW');
  }
  return story;
}

/** A sidecar that was just started and has heard of nobody. */
export function newcomer(): Story {
  return new Story(configOf(1));
}

export function contextOf(story: Story, change: Partial<SentinelContext> = {}): SentinelContext {
  const state: NodeState = story.state;
  const connected = PODS.filter((pod) => pod !== state.config.self.pod);
  return { state, masterName: 'mymaster', nowMs: story.nowMs, connected, ...change };
}

/** Nobody carries out what is ordered, and nothing is known to be down. */
export const NO_PORTS: SentinelPorts = {
  downSince: () => null,
  command: () => Promise.reject(new Error('nothing is ordered in this test')),
  forward: () => Promise.reject(new Error('nothing is passed on in this test')),
};

/** One password for everybody; none when it is undefined. */
export const loginsOf = (password?: string, username?: string): CommandPorts['logins'] => ({
  username,
  peerPassword: password,
  clientPassword: password,
});

export interface Served {
  readonly host: string;
  readonly server: RespServer;
  readonly badMessages: string[];
  client(): Promise<RawClient>;
}

/** The sidecar's port, over a state that stands still. */
export async function serveCommands(
  place: Place,
  context: SentinelContext,
  change: Partial<CommandPorts> = {},
): Promise<Served> {
  const host = await place.host(PORT);
  const badMessages: string[] = [];
  let sessions: CommandPorts['sessions'] = () => [];
  const handle = createCommands({
    ...NO_PORTS,
    logins: loginsOf(),
    sessions: () => sessions(),
    untilNamed: () => Promise.resolve(),
    context: () => context,
    peerRequest: () => Promise.reject(new Error('no peer asks in this test')),
    onBadMessage: (text) => badMessages.push(text),
    ...change,
  });
  const server = await serveResp(host, PORT, handle);
  sessions = () => server.sessions;
  place.closing(server, () => server.close());
  return {
    host,
    server,
    badMessages,
    client: async () => place.closing(await RawClient.connect(host, PORT), (raw) => raw.close()),
  };
}

/** A real Redis Sentinel that watches the given master; `remove` of the place ends it. */
export async function startRealSentinel(
  place: Place,
  master: { readonly host: string; readonly port: number },
  config: readonly string[] = [],
  tool = loadTools().redisServer,
): Promise<RedisProcess> {
  const host = await place.host(PORT);
  const configFile = join(place.dir, `sentinel-${host}.conf`);
  const lines = [
    `bind ${host}`,
    `bind-source-addr ${host}`,
    `port ${PORT}`,
    'protected-mode no',
    `dir ${place.dir}`,
    `sentinel monitor mymaster ${master.host} ${master.port} 2`,
    ...config,
  ];
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const options = { tool, host, port: PORT, dir: join(place.dir, `sentinel-${host}`) };
  const sentinel = await RedisProcess.start({ ...options, configFile, args: ['--sentinel'] });
  return place.closing(sentinel, () => sentinel.killAndWait());
}

/** An error whose text matches this. */
export const isError = (pattern: string): unknown => ({ type: 'error', text: expect.stringMatching(pattern) });

/** The keys of a map in order, or of a flat array of keys and values. */
export function keysOf(reply: Reply): string[] {
  if (reply.type === 'map') return reply.entries.map(([key]) => key);
  if (reply.type !== 'array') throw new Error(`no map: ${JSON.stringify(reply)}`);
  return reply.items.flatMap((item, index) => (index % 2 === 0 && item.type === 'bulk' ? [item.text] : []));
}

/** A map, or a flat array of keys and values, all of them texts. */
export function recordOf(reply: Reply): Record<string, string> {
  const keys = keysOf(reply);
  const values =
    reply.type === 'map'
      ? reply.entries.map(([, value]) => value)
      : reply.type === 'array'
        ? reply.items.filter((_, index) => index % 2 === 1)
        : [];
  return Object.fromEntries(
    values.map((value, index) => {
      if (value.type !== 'bulk') throw new Error(`no text: ${JSON.stringify(value)}`);
      return [keys[index]!, value.text];
    }),
  );
}
