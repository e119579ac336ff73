import {
  currentMaster,
  dnsAdvice,
  isLeading,
  isPaused,
  saysNobody,
  isPodOfSet,
  type NodeState,
  type PodName,
} from '@sentinel-micro/core';
import {
  actOnRemote,
  canonicalIp,
  createLogger,
  createResolver,
  messageOf,
  ownHost,
  serveResp,
  systemClock,
  watchOwnRedis,
  type KillHung,
  type Logger,
  type OwnRedis,
  PeerTransport,
  type RespServer,
  type ServiceAddress,
} from '@sentinel-micro/runtime';
import { Announcer } from './announcer.ts';
import { createCommands } from './commands.ts';
import type { RunConfig } from './config.ts';
import { EventPost } from './event-post.ts';
import { forwardCommand, type ForwardingOptions } from './forwarding.ts';
import { Hold } from './hold.ts';
import { startHttp, type HttpSide } from './http/start.ts';
import type { KubeSide } from './kube/kube-side.ts';
import { openLeaseStore, type LeaseStore } from './kube/lease-open.ts';
import { startKube } from './kube/start.ts';
import { Loop, type LoopPorts } from './loop.ts';
import { MemoryFile } from './memory.ts';
import { forgetMaster } from './rendered-config.ts';
import { viewOf, type SentinelContext } from './sentinel-view.ts';
import { ServiceDoubts } from './service-doubts.ts';

/** How often DNS is asked: seldom while all pods are connected, more often while one is missing. In milliseconds. */
const DNS_EVERY_MS = 5000;
const DNS_WHILE_MISSING_MS = 500;
const DNS_TIMEOUT_MS = 1000;

/** A running sidecar. */
export interface Sidecar {
  /** Hands over if need be, and stops. @returns when nothing is left to do, at the latest after the pause budget and a lease. */
  stop(): Promise<void>;
}

interface DnsListeners {
  readonly onFound: (addresses: readonly ServiceAddress[]) => void;
  /** DNS has answered that there is nobody. */
  readonly onNobody: () => void;
  /** Those that are to be found. */
  readonly countedPods: () => readonly PodName[];
}

function watchDns(
  config: RunConfig,
  transport: PeerTransport,
  logger: Logger,
  { onFound, onNobody, countedPods }: DnsListeners,
): { stop(): void } {
  const resolver = createResolver({
    service: config.service,
    namespace: config.namespace,
    servers: config.dnsServers,
    timeoutMs: DNS_TIMEOUT_MS,
  });
  const { members, self } = config.node;
  const doubts = new ServiceDoubts({ service: config.service, ...self, members }, logger);
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;
  let trouble: string | null = null;
  const report = (text: string | null): void => {
    if (text === trouble) return;
    trouble = text;
    if (text === null) logger.log('info', 'dns', 'DNS answers again');
    else {
      const advice = `${dnsAdvice(text)} The running set goes on with the addresses that it knows`;
      logger.log('warn', 'dns', `${text}; ${advice}`);
    }
  };
  async function look(): Promise<void> {
    try {
      const found = await resolver.resolve();
      const addresses = found.map(({ ip, podName }) => ({ ip: canonicalIp(ip), podName }));
      transport.setAddresses(addresses.map(({ ip }) => ({ ip, port: self.port })));
      onFound(addresses);
      // With an N that follows the StatefulSet there are other pods than those that are counted, now and then.
      if (config.node.isResizable !== true) doubts.look(addresses, systemClock.now());
      report(null);
    } catch (error) {
      const text = messageOf(error);
      report(text);
      if (saysNobody(text)) onNobody();
    }
    if (isStopped) return;
    const counted = countedPods();
    const isComplete = transport.connected().filter((pod) => counted.includes(pod)).length >= counted.length - 1;
    timer = setTimeout(() => void look(), isComplete ? DNS_EVERY_MS : DNS_WHILE_MISSING_MS);
  }
  void look();
  return {
    stop() {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

interface Parts {
  http: HttpSide;
  kube: KubeSide;
  leaseStore: LeaseStore;
  loop: Loop;
  transport: PeerTransport;
  ownRedis: OwnRedis;
  server: RespServer;
}

interface Listeners {
  readonly onDecided: LoopPorts['onDecided'];
  readonly onStopped: () => void;
}

function buildLoop(config: RunConfig, logger: Logger, parts: () => Parts, listeners: Listeners): Loop {
  const { username, password } = config;
  const { timings, cluster, self } = config.node;
  const memory = new MemoryFile(config.renderedConfig, cluster, logger);
  return new Loop(config.node, {
    clock: systemClock,
    random: Math.random,
    logger,
    ask: (pod, request) => parts().transport.ask(pod, request),
    meet: (ips) => {
      for (const ip of ips) parts().transport.learn({ ip: canonicalIp(ip), port: self.port });
    },
    executeOwn: (action) => parts().ownRedis.execute(action),
    sampleOwn: () => parts().ownRedis.sample(),
    askStore: (request) => parts().leaseStore.ask(request),
    executeRemote: (order) =>
      actOnRemote(
        { host: order.ip, port: order.port, username, password },
        order,
        systemClock,
        // An election waits for its probes; a repair may take its time, on a slow link too.
        order.action.kind === 'follow' ? timings.requestTimeoutMs : timings.probeTimeoutMs,
      ),
    ...listeners,
    memory: memory.read(),
    remember: (now) => memory.write(now),
  });
}

function buildTransport(config: RunConfig, logger: Logger, loop: () => Loop): PeerTransport {
  const { self, cluster, timings } = config.node;
  return new PeerTransport({
    self,
    cluster,
    username: config.username,
    password: config.password,
    timeoutMs: timings.requestTimeoutMs,
    leaseMs: timings.leaseMs,
    newestTerm: () => loop().state.term,
    onMet: (status) =>
      loop().feed({
        type: 'peer-met',
        identity: status.from,
        announcement: status.master,
        term: status.term,
        pauses: status.pauses ?? 0,
      }),
    onLost: (identity) => loop().feed({ type: 'peer-lost', identity }),
    onTrouble: ({ ip, port }, text) => logger.log('warn', 'peer', `peer at ${ip}:${String(port)}: ${text}`),
  });
}

/** Killing a master is of use only when another pod may take its place. */
function killHungOf({ node }: RunConfig, loop: () => Loop): KillHung {
  const isOfUse = (): boolean => {
    const { state } = loop();
    const hasSuccessor = state.ranking.some((pod) => pod !== node.self.pod);
    return isLeading(state, systemClock.now()) && !isPaused(state) && hasSuccessor;
  };
  return { isOfUse };
}

function buildOwnRedis(config: RunConfig, logger: Logger, loop: () => Loop): OwnRedis {
  const { self, timings } = config.node;
  let hasRead = false;
  const hasReadItsConfig = (): void => {
    if (hasRead) return;
    hasRead = true;
    void forgetMaster(config.renderedConfig, logger);
  };
  const timeoutMs = Math.max(50, Math.floor(timings.downAfterMs / 2));
  return watchOwnRedis({
    target: { host: self.ip, port: self.redisPort, username: config.username, password: config.password },
    hostNow: () => ownHost(self.ip),
    timeouts: { connectTimeoutMs: timeoutMs, commandTimeoutMs: timeoutMs },
    sampleEveryMs: timings.heartbeatMs,
    downAfterMs: timings.downAfterMs,
    clock: systemClock,
    onNews: (level, event, text) => logger.log(level, event, text),
    killHung: config.killHung ? killHungOf(config, loop) : undefined,
    bootFence: { announcedIp: self.ip, file: config.renderedConfig },
    onSample: (sample, minReplicas) => {
      if (sample.outcome === 'info') hasReadItsConfig();
      loop().feed({ type: 'redis', sample, minReplicas });
    },
  });
}

/** What the answers of the port are made of, at the moment of asking. */
function contextOf(config: RunConfig, parts: () => Parts): () => SentinelContext {
  return () => ({
    state: parts().loop.state,
    masterName: config.masterName,
    nowMs: systemClock.now(),
    connected: parts().transport.connected(),
  });
}

interface Telling {
  readonly post: EventPost;
  readonly hold: Hold;
  readonly announcer: Announcer;
  readonly onDecided: (state: NodeState) => void;
}

/** What tells clients that the answers have changed: those who wait for one first, then those who listen. */
function buildTelling(
  { node }: RunConfig,
  sessions: () => RespServer['sessions'],
  context: () => SentinelContext,
): Telling {
  const post = new EventPost(sessions);
  const announcer = new Announcer((event) => post.send(event));
  const hold = new Hold(node.timings.grantMs + node.timings.dataWaitMs);
  const onDecided = (state: NodeState): void => {
    const now = context();
    // Those who wait are answered by what is known now; those who listen hear of each step.
    hold.look(currentMaster(now.state, now.nowMs) !== null, now.nowMs);
    announcer.look(viewOf({ ...now, state }), now.nowMs);
  };
  return { post, hold, announcer, onDecided };
}

/** Who hears of each decision: clients first. */
function tellingAll(parts: () => Parts, tellClients: Telling['onDecided']): LoopPorts['onDecided'] {
  return (decision, before) => {
    const { http, kube } = parts();
    tellClients(decision.state);
    http.onDecided(decision, before);
    kube.onDecided(decision, before);
  };
}

function forwardingOptions({ node, username, logins }: RunConfig): ForwardingOptions {
  const { requestTimeoutMs, pauseBudgetMs, grantMs } = node.timings;
  // Longer than the core there takes at most to say how it ended.
  const commandTimeoutMs = pauseBudgetMs + 2 * grantMs + requestTimeoutMs;
  const timeouts = { connectTimeoutMs: requestTimeoutMs, commandTimeoutMs };
  return { cluster: node.cluster, username, password: logins.peerPassword, timeouts };
}

/** Hands over if need be, and ends one part after the other. */
async function stop(config: RunConfig, logger: Logger, parts: Parts & Running, stopped: Stopped): Promise<void> {
  const { loop, ownRedis, transport, server, http, kube, leaseStore, dns, post } = parts;
  logger.log('info', 'stopping', 'asked to stop');
  // A Service must not lead anybody to a master that is about to be none.
  await kube.leave();
  loop.feed({ type: 'stop' });
  const { pauseBudgetMs, grantMs } = config.node.timings;
  const timer = setTimeout(() => stopped.declare(), pauseBudgetMs + grantMs);
  await stopped.promise;
  clearTimeout(timer);
  // Whoever waits for the handover is answered first.
  await new Promise(setImmediate);
  dns.stop();
  loop.close();
  ownRedis.stop();
  post.close();
  transport.close();
  leaseStore.close();
  await Promise.all([server.close(), http.close(), kube.close()]);
  logger.log('info', 'stopped', 'stopped');
}

/** What ends with the sidecar, beside its parts. */
interface Running {
  readonly dns: { stop(): void };
  readonly post: EventPost;
}

/** That the core has nothing left to do. */
interface Stopped {
  readonly promise: Promise<void>;
  readonly declare: () => void;
}

function untilStopped(): Stopped {
  let declare = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    declare = resolve;
  });
  return { promise, declare: () => declare() };
}

/**
 * Starts the sidecar: serves its ports, watches its Redis, finds its peers, and turns the loop.
 * @throws OperationError when its port can not be had. (That of HTTP is waited for meanwhile.) UsageError when it
 * is not given how the Kubernetes API is reached.
 */
export async function startSidecar(config: RunConfig): Promise<Sidecar> {
  const { self, cluster, members } = config.node;
  const logger = createLogger({ level: config.logLevel, format: config.logFormat, fields: { pod: self.pod } });
  const stopped = untilStopped();
  const built: Partial<Parts> = {};
  const parts = (): Parts => built as Parts;
  const context = contextOf(config, parts);
  const kube = await startKube(
    config,
    logger,
    () => built.loop?.state ?? null,
    (input) => built.loop?.feed(input),
  );
  built.kube = kube;
  built.leaseStore = await openLeaseStore(config);
  const server = await serveResp(config.listen, self.port, (session, words) => handle(session, words), {
    needsLogin: config.logins.clientPassword !== undefined,
    isPeerAddress: (address) => built.transport?.knows(address) ?? false,
    onTrouble: (text) => logger.log('warn', 'port', text),
  });
  built.server = server;
  const http = startHttp(
    config,
    logger,
    () => (built.transport === undefined ? null : context()),
    () => kube.failures,
  );
  built.http = http;
  const { post, hold, announcer, onDecided } = buildTelling(config, () => server.sessions, context);
  const loop = buildLoop(config, logger, parts, {
    onDecided: tellingAll(parts, onDecided),
    onStopped: stopped.declare,
  });
  built.loop = loop;
  const transport = buildTransport(config, logger, () => loop);
  built.transport = transport;
  const handle = createCommands({
    logins: config.logins,
    context,
    sessions: () => server.sessions,
    untilNamed: () => hold.untilNamed(systemClock.now()),
    downSince: (instance) => announcer.downSinceMs(instance),
    command: (command) => loop.command(command),
    forward: (to, command) => forwardCommand(to, command, forwardingOptions(config)),
    peerRequest: (request) => {
      if (request.cluster === cluster && isPodOfSet(loop.state, request.from)) transport.learn(request.from);
      return loop.request(request);
    },
    onBadMessage: (text) => logger.log('warn', 'bad-message', text),
  });
  const ownRedis = buildOwnRedis(config, logger, () => loop);
  built.ownRedis = ownRedis;
  const dns = watchDns(config, transport, logger, {
    onFound(addresses) {
      http.onNamed(addresses);
      loop.feed({ type: 'addresses', ips: addresses.map(({ ip }) => ip) });
    },
    onNobody: () => http.onNobody(),
    countedPods: () => loop.state.config.members,
  });
  const count = config.node.isResizable === true ? 'the' : String(members.length);
  const text = `sidecar of ${self.pod} (${self.ip}), one of ${count} pods of ${cluster}`;
  logger.log('info', 'started', text, { incarnation: self.incarnation });
  return { stop: () => stop(config, logger, { ...parts(), dns, post }, stopped) };
}
