import type { Decision, NodeState, Surroundings } from '@sentinel-micro/core';
import { messageOf, systemClock, Tally, type Logger, type LogLevel, type RedisTarget } from '@sentinel-micro/runtime';
import type { RunConfig } from '../config.ts';
import { askPods } from '../control/set.ts';
import type { KubeFailureCounts } from '../kube/failure-kinds.ts';
import type { SentinelContext } from '../sentinel-view.ts';
import { countDecision, moveOf, NO_COUNTERS } from './counters.ts';
import { createExposition } from './exposition.ts';
import { lagBehindMaster } from './lag.ts';
import { keepListening } from './listening.ts';
import { watchLoopDelay } from './loop-delay.ts';
import { Naming } from './naming.ts';
import { createPages, type PagePorts } from './pages.ts';
import type { Usage } from './samples.ts';
import { serveHttp } from './server.ts';
import { shared } from './shared.ts';

/** Whoever asks for what other sidecars know gets what was told at most so long ago, in milliseconds. */
const SHARED_MS = 1000;
/** Bound of asking one sidecar for the topology, in milliseconds. */
const ASK_TIMEOUT_MS = 1000;

/** So many addresses are asked for the topology at most: what a wrong DNS answer can cost is bounded. */
const MOST_ASKED = 64;

/** What the sidecar tells its HTTP port. */
export interface HttpSide {
  onDecided(decision: Decision, before: NodeState): void;
  /** DNS has named these. */
  onNamed(addresses: NonNullable<Surroundings['named']>): void;
  /** DNS has answered that there is nobody. */
  onNobody(): void;
  close(): Promise<void>;
}

const NONE: HttpSide = {
  onDecided: () => undefined,
  onNamed: () => undefined,
  onNobody: () => undefined,
  close: () => Promise.resolve(),
};

const nowMs = (): number => systemClock.now();

function readUsage(): Usage {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    startedAtSeconds: performance.timeOrigin / 1000,
  };
}

/** How the sidecar at an address is asked. */
function targetsOf({ node, username, logins }: RunConfig): (ip: string) => RedisTarget {
  return (host) => ({ host, port: node.self.port, username, password: logins.peerPassword });
}

/** How the pages are made, once prom-client is there. */
function pagesOf(
  config: RunConfig,
  context: () => SentinelContext | null,
  known: Pick<PagePorts, 'counters' | 'exposition'> & { readonly naming: Naming },
): ReturnType<typeof createPages> {
  const present = (): SentinelContext => {
    const now = context();
    if (now === null) throw new Error('asked before the sidecar was put together');
    return now;
  };
  const { username, logins, node } = config;
  const login = { username, password: logins.peerPassword, port: node.self.port, timeoutMs: ASK_TIMEOUT_MS };
  const { requestTimeoutMs } = node.timings;
  const targetAt = targetsOf(config);
  return createPages({
    present: context,
    ...known,
    lagBytes: shared(() => lagBehindMaster(present, targetAt, requestTimeoutMs), SHARED_MS, nowMs),
    askAll: shared(() => askPods(known.naming.named?.slice(0, MOST_ASKED) ?? [], login), SHARED_MS, nowMs),
    usage: readUsage,
  });
}

/**
 * Serves probes, metrics and topology over HTTP, unless that is off: as soon as prom-client is loaded and the port can be had. Nobody
 * waits for either.
 * @param context what is known at the moment of asking; null while the sidecar is being put together
 * @param kubeFailures calls of the Kubernetes API that have failed
 */
export function startHttp(
  config: RunConfig,
  logger: Logger,
  context: () => SentinelContext | null,
  kubeFailures: () => KubeFailureCounts,
): HttpSide {
  const { http } = config;
  if (http === null) return NONE;
  let counters = NO_COUNTERS;
  const allCounters = (): typeof counters => ({ ...counters, kubeFailures: kubeFailures() });
  const naming = new Naming();
  const tell = (level: LogLevel, text: string): void => logger.log(level, 'http', text);
  const tally = new Tally((text) => tell('warn', text), nowMs);
  const loading = createExposition();
  let delay: { stop(): void } | null = null;
  const listening = keepListening(async () => {
    const exposition = await loading;
    delay ??= watchLoopDelay((seconds) => exposition.observeDelay(seconds));
    return serveHttp(http.listen, http.port, {
      pages: pagesOf(config, context, { counters: allCounters, naming, exposition }),
      onTrouble: (text) => tally.count('a page could not be made', text),
    });
  }, tell);
  const failed = (error: unknown): void => tally.count('a decision could not be counted', messageOf(error));
  return {
    onDecided(decision, before) {
      // The loop is in the middle of its turn: what goes wrong here must not reach it.
      try {
        counters = countDecision(counters, before, decision, nowMs());
        const move = moveOf(before, decision.state);
        if (move !== null) loading.then((exposition) => exposition.observeMove(move)).catch(failed);
      } catch (error) {
        failed(error);
      }
    },
    onNamed(addresses) {
      naming.found(addresses, nowMs());
    },
    onNobody: () => naming.foundNobody(),
    async close() {
      await listening.close();
      delay?.stop();
    },
  };
}
