import { asPodName, type Command, type CommandResult, type PodIdentity } from '@sentinel-micro/core';
import { connectRedis, messageOf, type RedisConnection, type RedisTimeouts } from '@sentinel-micro/runtime';

/** How one sidecar passes a command on to another: PEER ORDER with one JSON argument, answered with one JSON text. */

const KINDS: readonly Command['kind'][] = ['switchover', 'failover', 'handover', 'pause', 'resume'];
const CODES: readonly Extract<CommandResult, { ok: false }>['code'][] = [
  'NOTLEADER',
  'INPROG',
  'NOGOODSLAVE',
  'TIMEOUT',
  'ERR',
];
/** One sentence. */
const MAX_TEXT_LENGTH = 2000;

function recordOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export function encodeOrder(cluster: string, command: Command): string {
  return JSON.stringify({ cluster, ...command });
}

/** @returns the command, or null when it is none or of another cluster: an address may belong to anybody by now. */
export function decodeOrder(cluster: string, text: string): Command | null {
  const value = recordOf(text);
  const kind = KINDS.find((known) => known === value?.['kind']);
  if (value === null || kind === undefined || value['cluster'] !== cluster) return null;
  if (kind !== 'switchover') return { kind };
  const to = value['to'] ?? null;
  if (to !== null && typeof to !== 'string') return null;
  return { kind, to: to === null ? null : asPodName(to) };
}

export const encodeResult = (result: CommandResult): string => JSON.stringify(result);

/** What another sidecar says of how it ended; never throws, for it may say anything. */
export function decodeResult(answer: unknown): CommandResult {
  const value = typeof answer === 'string' ? recordOf(answer) : null;
  const text = value?.['text'];
  const code = CODES.find((known) => known === value?.['code']) ?? 'ERR';
  if (value === null || typeof text !== 'string') {
    return { ok: false, code: 'ERR', text: 'the holder of the lease gave no answer that can be read' };
  }
  const sentence = text.slice(0, MAX_TEXT_LENGTH);
  return value['ok'] === true ? { ok: true, text: sentence } : { ok: false, code, text: sentence };
}

export interface ForwardingOptions {
  readonly cluster: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly timeouts: RedisTimeouts;
}

/**
 * Puts a command to another sidecar, over a connection of its own: answers on one connection come in the order of the questions, so
 * on that of the renewals a switchover would hold up their answers, and cost the lease. Never throws, and ends within both time-outs.
 */
export async function forwardCommand(
  to: PodIdentity,
  command: Command,
  { cluster, username, password, timeouts }: ForwardingOptions,
): Promise<CommandResult> {
  let connection: RedisConnection | null = null;
  try {
    connection = await connectRedis({ host: to.ip, port: to.port, username, password }, timeouts);
    return decodeResult(await connection.call('PEER', 'ORDER', encodeOrder(cluster, command)));
  } catch (error) {
    const text = `${to.pod} holds the lease and could not be asked: ${messageOf(error)}`;
    return { ok: false, code: 'ERR', text };
  } finally {
    connection?.close();
  }
}
