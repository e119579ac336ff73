import type { AskedPod, NodeState, PodName, Surroundings } from '@sentinel-micro/core';
import { statusReport } from '../status.ts';
import type { Counters } from './counters.ts';
import type { Exposition } from './exposition.ts';
import type { Naming } from './naming.ts';
import {
  haveAllPassed,
  livenessChecks,
  mostLagBytes,
  probeAnswer,
  readyChecks,
  startChecks,
  type Vitals,
} from './probes.ts';
import { samplesOf, type Usage } from './samples.ts';
import { textAnswer, type Answer, type Page } from './server.ts';

/** What the pages are made of, at the moment of asking. */
export interface PagePorts {
  /** Null while the sidecar is being put together. */
  readonly present: () => {
    readonly state: NodeState;
    readonly nowMs: number;
    readonly connected: readonly PodName[];
  } | null;
  readonly counters: () => Counters;
  /** What DNS has said. */
  readonly naming: Pick<Naming, 'named' | 'existing'>;
  /** Bytes that the replica of this pod lacks; null when that can not be known. */
  readonly lagBytes: () => Promise<number | null>;
  /** Asks every sidecar that DNS names. */
  readonly askAll: () => Promise<readonly AskedPod[]>;
  readonly usage: () => Usage;
  readonly exposition: Pick<Exposition, 'contentType' | 'render'>;
}

type Present = NonNullable<ReturnType<PagePorts['present']>>;

function aroundOf({ naming }: PagePorts, { connected, nowMs }: Present, lag: Surroundings['lag']): Surroundings {
  return { named: naming.named, connected: naming.existing(connected, nowMs), lag };
}

const vitalsOf = ({ state, nowMs }: Present, { decidedAtMs }: Counters): Vitals => ({ state, nowMs, decidedAtMs });

async function readyz(ports: PagePorts, parameters: URLSearchParams): Promise<Answer> {
  const mostBytes = mostLagBytes(parameters);
  if (mostBytes === undefined) return textAnswer(400, 'maxLagBytes must be a whole number of bytes');
  const lag = mostBytes === null ? null : { mostBytes, bytes: await ports.lagBytes() };
  const present = ports.present();
  if (present === null) return STARTING;
  const checks = readyChecks(vitalsOf(present, ports.counters()), aroundOf(ports, present, lag));
  return probeAnswer('readyz', checks);
}

async function metrics(ports: PagePorts, present: Present): Promise<Answer> {
  const counters = ports.counters();
  const isReady = haveAllPassed(readyChecks(vitalsOf(present, counters), aroundOf(ports, present, null)));
  const samples = samplesOf({ ...present, counters, isReady, usage: ports.usage() });
  return { status: 200, type: ports.exposition.contentType, body: await ports.exposition.render(samples) };
}

async function topology(ports: PagePorts): Promise<Answer> {
  const pods = await ports.askAll();
  if (pods.length === 0) return textAnswer(503, 'DNS names nobody: there is no sidecar to ask');
  return { status: 200, type: 'application/json', body: `${JSON.stringify(statusReport(pods))}\n` };
}

const STARTING = textAnswer(503, 'the sidecar is being started');

/** The pages of the HTTP port, by path. */
export function createPages(ports: PagePorts): Readonly<Record<string, Page>> {
  const whenThere =
    (page: (present: Present, parameters: URLSearchParams) => Answer | Promise<Answer>): Page =>
    (parameters) => {
      const present = ports.present();
      return present === null ? STARTING : page(present, parameters);
    };
  return {
    '/livez': whenThere((present) => probeAnswer('livez', livenessChecks(vitalsOf(present, ports.counters())))),
    '/readyz': whenThere((_present, parameters) => readyz(ports, parameters)),
    '/startupz': whenThere((present) => probeAnswer('startupz', startChecks(vitalsOf(present, ports.counters())))),
    '/metrics': whenThere((present) => metrics(ports, present)),
    '/topology': whenThere(() => topology(ports)),
  };
}
