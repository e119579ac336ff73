import { explain, type AskedPod } from '@sentinel-micro/core';
import {
  connectRedis,
  FLAGS,
  ipFlag,
  numberFlag,
  OperationError,
  optionalText,
  textFlag,
  UsageError,
  type RawFlags,
} from '@sentinel-micro/runtime';
import {
  askAll,
  hasAnswered,
  holderOf,
  LOGIN_FLAGS,
  loginOf,
  nameOf,
  OUTPUT_FLAGS,
  SET_FLAGS,
  wantsJson,
  type Login,
  type Output,
} from './set.ts';

/** The flags of `sentinel pause` and `resume`. */
export const PAUSE_FLAGS = { ...SET_FLAGS, 'master-name': FLAGS['master-name'], ...OUTPUT_FLAGS } as const;

const TIMEOUT_FLAG = {
  'timeout-ms': {
    type: 'string',
    default: 20_000,
    describe: 'how long to wait until it is done',
    requiresArg: true,
  },
} as const;

/** The flags of `sentinel failover`. */
export const FAILOVER_FLAGS = { ...PAUSE_FLAGS, ...TIMEOUT_FLAG } as const;

/** The flags of `sentinel switchover`. */
export const SWITCHOVER_FLAGS = {
  ...FAILOVER_FLAGS,
  to: { type: 'string', describe: 'the pod that is to be master; the best successor when left out', requiresArg: true },
} as const;

/** The flags of `sentinel handover`: it concerns the own pod only. */
export const HANDOVER_FLAGS = {
  ...LOGIN_FLAGS,
  listen: {
    type: 'string',
    default: '127.0.0.1',
    describe: 'the one address that the sidecar of this pod listens on',
    requiresArg: true,
  },
  'master-name': FLAGS['master-name'],
  ...TIMEOUT_FLAG,
  ...OUTPUT_FLAGS,
} as const;

/** How an order has ended. */
interface Ending {
  readonly ok: boolean;
  /** Null when it is done. */
  readonly code: string | null;
  readonly text: string;
}

function tell(ending: Ending, isJson: boolean, output: Output): number {
  if (isJson) output.stdout(JSON.stringify(ending));
  else if (ending.ok) output.stdout(ending.text);
  if (!ending.ok) output.stderr(`sentinel: ${ending.text}`);
  return ending.ok ? 0 : 1;
}

const done = (text: string): Ending => ({ ok: true, code: null, text });
const failed = (code: string, text: string): Ending => ({ ok: false, code, text });

/** One order: SENTINEL <words>, and how long it may take. */
interface Order {
  readonly words: readonly string[];
  readonly login: Login;
  readonly withinMs: number;
}

/** @throws UsageError */
function orderOf(flags: RawFlags, word: string, ...args: readonly string[]): Order {
  const words = [word, textFlag(flags, 'master-name'), ...args];
  return { words, login: loginOf(flags), withinMs: numberFlag(flags, 'timeout-ms', 1, 600_000) };
}

/** @throws OperationError */
async function send(host: string, { words, login, withinMs }: Order): Promise<string> {
  const timeouts = { connectTimeoutMs: login.timeoutMs, commandTimeoutMs: withinMs };
  const connection = await connectRedis({ host, ...login }, timeouts);
  try {
    return String(await connection.call('SENTINEL', ...words));
  } finally {
    connection.close();
  }
}

/** The error as the sidecar worded it, or what went wrong on the way to it. */
function failureOf(error: unknown, pod: string, withinMs: number): Ending {
  if (!(error instanceof OperationError)) throw error;
  const { code, message } = error;
  // "SENTINEL at 10.0.0.1:26379: NOGOODSLAVE No suitable ...": the address and the code are for machines.
  const answer = /^SENTINEL at \S+: (.*)$/s.exec(message)?.[1];
  if (answer === undefined) return failed(code, `${pod}: ${message}`);
  if (answer === 'no answer in time') {
    const text = `${pod} has not said within ${String(withinMs)} ms how it ended; see sentinel status`;
    return failed(code, text);
  }
  return failed(code, `${pod}: ${answer.startsWith(`${code} `) ? answer.slice(code.length + 1) : answer}`);
}

const listOf = (pods: readonly AskedPod[]): string => {
  const holder = holderOf(pods);
  return pods.map((pod) => `${nameOf(pod)}${pod === holder ? ' (master)' : ''}`).join(', ');
};

/** @throws UsageError when `to` is no pod of the set. */
function refuseTarget(to: string, pods: readonly AskedPod[]): void {
  if (pods.some(({ pod }) => pod === to)) return;
  throw new UsageError(`--to is ${JSON.stringify(to)}, which is no pod of this set; there are ${listOf(pods)}`);
}

const NO_LEADER = failed(
  'NOLEADER',
  'no sidecar that answers knows of a lease, so there is no master to switch from; see sentinel explain',
);

/** The answer is `OK` and one sentence for people. */
const sentenceOf = (answer: string): string => answer.replace(/^OK /, '');

/** Has one sidecar do something, and waits until it is done. */
async function carryOut(order: Order, pod: Pick<AskedPod, 'ip' | 'pod'>): Promise<Ending> {
  try {
    return done(sentenceOf(await send(pod.ip, order)));
  } catch (error) {
    return failureOf(error, pod.pod ?? pod.ip, order.withinMs);
  }
}

/** The one who leads, or else somebody who knows it and passes on what only that one can do. */
function leaderOrMessenger(pods: readonly AskedPod[]): AskedPod | undefined {
  return holderOf(pods) ?? pods.find(({ status }) => status !== null && status.leaseHolder !== null);
}

/**
 * `sentinel switchover [--to POD]`: planned, and loses nothing. `--to` the master itself is done already.
 * @returns the exit code: 0 when another pod is master now, or POD was, else 1.
 * @throws UsageError for a wrong flag, OperationError when DNS names nobody
 */
export async function runSwitchover(flags: RawFlags, output: Output): Promise<number> {
  const isJson = wantsJson(flags);
  const to = optionalText(flags, 'to');
  const order = orderOf(flags, 'SWITCHOVER', ...(to === undefined ? [] : [to]));
  const pods = await askAll(flags);
  if (to !== undefined) refuseTarget(to, pods);
  const asked = leaderOrMessenger(pods);
  return tell(asked === undefined ? NO_LEADER : await carryOut(order, asked), isJson, output);
}

const BY_FORCE =
  'by force, so what only the old master had is thrown away when it follows (sentinel history counts it)';

/**
 * `sentinel failover`: by force, when the master is sick but not dead. Without a master, whoever would be elected is told to take
 * over, also while automatic failover is paused.
 * @returns the exit code: 0 when another pod is master now, else 1.
 * @throws UsageError for a wrong flag, OperationError when DNS names nobody
 */
export async function runFailover(flags: RawFlags, output: Output): Promise<number> {
  const isJson = wantsJson(flags);
  const order = orderOf(flags, 'FORCE-FAILOVER');
  const pods = await askAll(flags);
  const due = explain(pods).election.winnerIfResumed;
  const asked = leaderOrMessenger(pods) ?? pods.find(({ pod }) => pod === due);
  const ending = asked === undefined ? NO_LEADER : await carryOut(order, asked);
  return tell(ending.ok ? done(`${ending.text}; ${BY_FORCE}`) : ending, isJson, output);
}

/**
 * `sentinel handover`: the own pod is leaving. Returns when it is not master any more, or was not; for preStop hooks.
 * @returns the exit code: 0 when this pod is not master, else 1
 * @throws UsageError for a wrong flag
 */
export async function runHandover(flags: RawFlags, output: Output): Promise<number> {
  const isJson = wantsJson(flags);
  const own = { ip: ipFlag(flags, 'listen'), pod: 'the sidecar of this pod' };
  return tell(await carryOut(orderOf(flags, 'HANDOVER'), own), isJson, output);
}

/** What it means is said every time: who pauses tonight has forgotten it in the morning. */
const MEANING = {
  PAUSE:
    'when the master is lost nobody takes over, until you say sentinel resume; a switchover, a handover and a failover by hand still work',
  RESUME: 'when the master is lost, another pod takes over by itself',
} as const;

/** Any sidecar will do, for it tells the others: the holder of the lease first, which reaches everybody. */
async function setPaused(word: keyof typeof MEANING, flags: RawFlags, output: Output): Promise<number> {
  const isJson = wantsJson(flags);
  const login = loginOf(flags);
  // It is answered at once, so nobody is waited for longer than for any other answer.
  const order = { words: [word, textFlag(flags, 'master-name')], login, withinMs: login.timeoutMs };
  const pods = (await askAll(flags)).filter(hasAnswered);
  const holder = holderOf(pods);
  let ending = failed('NOBODY', 'no sidecar answers; see sentinel status');
  for (const pod of [...pods].sort((a, b) => Number(b === holder) - Number(a === holder))) {
    ending = await carryOut(order, pod);
    if (ending.ok) break;
  }
  return tell(ending.ok ? done(`${ending.text}: ${MEANING[word]}`) : ending, isJson, output);
}

/** `sentinel pause`. @returns the exit code. @throws UsageError, and OperationError when DNS names nobody */
export const runPause = (flags: RawFlags, output: Output): Promise<number> => setPaused('PAUSE', flags, output);

/** `sentinel resume`. @returns the exit code. @throws UsageError, and OperationError when DNS names nobody */
export const runResume = (flags: RawFlags, output: Output): Promise<number> => setPaused('RESUME', flags, output);
