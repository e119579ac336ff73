import { currentMaster } from '@sentinel-micro/core';
import { array, bulk, bulks, failed, simple, type Reply } from '@sentinel-micro/runtime';
import {
  masterReply,
  otherMembersOf,
  replicaReplies,
  sentinelReplies,
  usableSentinels,
  type ReplyContext,
} from './sentinel-replies.ts';

export interface SentinelContext extends ReplyContext {
  /** Number of peers that are connected now. */
  readonly connectedPeers: number;
}

type Subcommand = (context: SentinelContext, args: readonly string[]) => Reply;

const NO_SUCH_MASTER = failed('ERR No such master with that name');
const NOT_KNOWN_NOW = failed('NOMASTER No master is known at the moment: there is no valid lease');

/** Wraps a subcommand whose argument is the master's name. */
function named(handle: (context: SentinelContext) => Reply, unknown: Reply = NO_SUCH_MASTER): Subcommand {
  return (context, args) => (args[0] === context.masterName ? handle(context) : unknown);
}

function getMasterAddress({ state, nowMs }: SentinelContext): Reply {
  // Without a fresh view nobody is named, so that no client is led to a stale master.
  const master = currentMaster(state, nowMs);
  return master === null ? { type: 'null-array' } : bulks([master.ip, String(master.port)]);
}

function checkQuorum({ state, nowMs, connectedPeers }: SentinelContext): Reply {
  const usable = usableSentinels(state, nowMs, connectedPeers);
  if (usable >= state.config.quorum) {
    return simple(`OK ${String(usable)} usable Sentinels. Quorum and failover authorization can be reached`);
  }
  return failed(
    `NOQUORUM ${String(usable)} usable Sentinels. Not enough available Sentinels to reach the majority and authorize a failover`,
  );
}

const replicas = named((context) => array(replicaReplies(context)));

const SUBCOMMANDS: Readonly<Record<string, { readonly arity: number; readonly handle: Subcommand }>> = {
  MASTERS: {
    arity: 0,
    handle: (context) => {
      const master = masterReply(context);
      return array(master === null ? [] : [master]);
    },
  },
  MASTER: { arity: 1, handle: named((context) => masterReply(context) ?? NOT_KNOWN_NOW) },
  REPLICAS: { arity: 1, handle: replicas },
  SLAVES: { arity: 1, handle: replicas },
  SENTINELS: { arity: 1, handle: named((context) => array(sentinelReplies(context))) },
  'GET-MASTER-ADDR-BY-NAME': { arity: 1, handle: named(getMasterAddress, { type: 'null-array' }) },
  CKQUORUM: { arity: 1, handle: named(checkQuorum) },
  MYID: { arity: 0, handle: ({ state }) => bulk(state.config.self.incarnation) },
};

/** SENTINEL <subcommand> ..., as Redis Sentinel answers it (sentinelCommand in sentinel.c). */
export function sentinelCommand(context: SentinelContext, words: readonly string[]): Reply {
  const [, name, ...args] = words;
  if (name === undefined) return failed("ERR wrong number of arguments for 'sentinel' command");
  const subcommand = SUBCOMMANDS[name.toUpperCase()];
  if (subcommand === undefined) return failed(`ERR unknown subcommand '${name.slice(0, 64)}'. Try SENTINEL HELP.`);
  if (args.length !== subcommand.arity) {
    return failed(`ERR wrong number of arguments for 'sentinel|${name.toLowerCase()}' command`);
  }
  return subcommand.handle(context, args);
}

/** The text of INFO: clients look for `redis_mode:sentinel` and the `masterN` line. */
export function infoText({ state, masterName, nowMs }: ReplyContext): string {
  const master = currentMaster(state, nowMs);
  const sentinels = state.config.members.length;
  const address = master === null ? '' : `${master.ip}:${String(master.port)}`;
  const masterLine = `master0:name=${masterName},status=ok,address=${address},slaves=${String(otherMembersOf(state).length)},sentinels=${String(sentinels)}`;
  const lines = [
    '# Server',
    'redis_version:7.0.0',
    'redis_mode:sentinel',
    `run_id:${state.config.self.incarnation}`,
    `tcp_port:${String(state.config.self.port)}`,
    '',
    '# Sentinel',
    `sentinel_masters:${master === null ? '0' : '1'}`,
    'sentinel_tilt:0',
    'sentinel_running_scripts:0',
    'sentinel_scripts_queue_length:0',
    'sentinel_simulate_failure_flags:0',
    ...(master === null ? [] : [masterLine]),
    '',
  ];
  return lines.join('\r\n');
}
