import {
  asPodName,
  currentMaster,
  knownPeers,
  statusOf,
  type Command,
  type CommandResult,
  type NodeState,
  type PodIdentity,
} from '@sentinel-micro/core';
import { bulk, failed, OK, simple, type Reply } from '@sentinel-micro/runtime';
import type { SentinelContext } from './sentinel-view.ts';

/** What is needed to carry out what a client orders. */
export interface OrderPorts {
  /** Puts a command to the core. @returns how it ended, within a bounded time. */
  readonly command: (command: Command) => Promise<CommandResult>;
  /** Puts it to another sidecar, which does not pass it on. @returns how it ended there, or that it could not be asked. */
  readonly forward: (to: PodIdentity, command: Command) => Promise<CommandResult>;
}

/** @param isBrief only OK, as Redis Sentinel answers */
function resultReply(result: CommandResult, isBrief: boolean): Reply {
  if (!result.ok) return failed(`${result.code} ${result.text}`);
  return isBrief ? OK : simple(`OK ${result.text}`);
}

/** The sidecar that holds the lease, as far as this one knows; null when nobody does. */
function holderOf(state: NodeState, nowMs: number): PodIdentity | null {
  // A sidecar that has just started has promised nothing to anybody, but hears the holder.
  const pod = statusOf(state, nowMs).leaseHolder?.pod ?? currentMaster(state, nowMs)?.pod;
  return knownPeers(state, nowMs).find(({ identity }) => identity.pod === pod)?.identity ?? null;
}

const isForLeader = ({ kind }: Command): boolean => kind === 'switchover' || kind === 'failover';

/** Carries a command out here, or where the lease is held. It is passed on once at most. */
async function carryOut(context: SentinelContext, ports: OrderPorts, command: Command): Promise<CommandResult> {
  const result = await ports.command(command);
  if (result.ok || result.code !== 'NOTLEADER' || !isForLeader(command)) return result;
  const holder = holderOf(context.state, context.nowMs);
  if (holder === null) return { ok: false, code: 'ERR', text: 'nobody holds the lease' };
  return await ports.forward(holder, command);
}

type Parsed = { readonly command: Command } | { readonly refusal: Reply };

function switchoverTo({ state }: SentinelContext, pod: string | undefined): Parsed {
  if (pod === undefined) return { command: { kind: 'switchover', to: null } };
  const to = asPodName(pod);
  const { members } = state.config;
  if (members.includes(to)) return { command: { kind: 'switchover', to } };
  return { refusal: failed(`ERR there is no pod '${pod.slice(0, 64)}'; the pods are ${members.join(', ')}`) };
}

function failover(word: string | undefined): Parsed {
  if (word === undefined || word.toUpperCase() === 'COORDINATED') {
    return { command: { kind: 'switchover', to: null } };
  }
  return { refusal: failed('ERR syntax error') };
}

const ORDERS: ReadonlyMap<string, (context: SentinelContext, args: readonly string[]) => Parsed> = new Map([
  ['FAILOVER', (_context, [, word]) => failover(word)],
  ['SWITCHOVER', (context, [, pod]) => switchoverTo(context, pod)],
  ['FORCE-FAILOVER', () => ({ command: { kind: 'failover' } })],
  ['HANDOVER', () => ({ command: { kind: 'handover' } })],
  ['PAUSE', () => ({ command: { kind: 'pause' } })],
  ['RESUME', () => ({ command: { kind: 'resume' } })],
] as const);

export const isOrder = (subcommand: string): boolean => ORDERS.has(subcommand);

/**
 * SENTINEL FAILOVER, SWITCHOVER and their like. They are answered when they have ended, not when they have begun: +OK says that
 * the master has moved.
 */
export async function order(
  context: SentinelContext,
  ports: OrderPorts,
  subcommand: string,
  args: readonly string[],
): Promise<Reply> {
  if (args[0] !== context.masterName) return failed('ERR No such master with that name');
  const parsed = ORDERS.get(subcommand)?.(context, args);
  if (parsed === undefined) return failed(`ERR unknown subcommand '${subcommand}'. Try SENTINEL HELP.`);
  if ('refusal' in parsed) return parsed.refusal;
  return resultReply(await carryOut(context, ports, parsed.command), subcommand === 'FAILOVER');
}

/** SENTINEL HISTORY: one bulk of JSON, the oldest move first. */
export function historyReply({ state, nowMs }: SentinelContext): Reply {
  return bulk(JSON.stringify(statusOf(state, nowMs).changes ?? []));
}
