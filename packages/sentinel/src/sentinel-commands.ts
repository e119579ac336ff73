import { currentMaster } from '@sentinel-micro/core';
import { array, bulk, bulks, failed, integer, simple, type Reply } from '@sentinel-micro/runtime';
import { historyReply, isOrder, order, type OrderPorts } from './orders.ts';
import { sentinelHelp, SUBCOMMAND_SPECS } from './sentinel-help.ts';
import {
  infoCacheReply,
  masterReply,
  replicaReplies,
  sentinelReplies,
  usableSentinels,
  type DownSince,
} from './sentinel-replies.ts';
import { SETTINGS } from './sentinel-settings.ts';
import { viewOf, type SentinelContext } from './sentinel-view.ts';

export interface SentinelPorts extends OrderPorts {
  readonly downSince: DownSince;
}

type Subcommand = (context: SentinelContext, args: readonly string[], ports: SentinelPorts) => Reply | Promise<Reply>;
type Query = (context: SentinelContext, ports: SentinelPorts) => Reply;

const NO_SUCH_MASTER = failed('ERR No such master with that name');
const NOT_KNOWN_NOW = failed('NOMASTER No master is known at the moment: there is no valid lease');

/** Wraps a subcommand whose argument is the master's name. */
function named(handle: Query, unknown: Reply = NO_SUCH_MASTER): Subcommand {
  return (context, args, ports) => (args[0] === context.masterName ? handle(context, ports) : unknown);
}

function getMasterAddress({ state, nowMs }: SentinelContext): Reply {
  // Without a fresh view nobody is named, so that no client is led to a stale master.
  const master = currentMaster(state, nowMs);
  return master === null ? { type: 'null-array' } : bulks([master.ip, String(master.port)]);
}

function checkQuorum(context: SentinelContext): Reply {
  const usable = usableSentinels(context);
  if (usable >= context.state.config.quorum) {
    return simple(`OK ${String(usable)} usable Sentinels. Quorum and failover authorization can be reached`);
  }
  // The quorum is the majority, so both are missed at once.
  return failed(
    `NOQUORUM ${String(usable)} usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master. Not enough available Sentinels to reach the majority and authorize a failover`,
  );
}

/**
 * IS-MASTER-DOWN-BY-ADDR ip port epoch runid. Redis Sentinel asks for a vote with it; sidecars vote by PEER messages alone, so it is
 * answered with what is known, and promises nothing.
 */
const isMasterDown: Subcommand = (context, [ip, port = '', epoch = '', runId]) => {
  if (!/^-?\d{1,15}$/.test(port) || !/^-?\d{1,15}$/.test(epoch)) {
    return failed('ERR value is not an integer or out of range');
  }
  const { master, isNamed } = viewOf(context);
  const isMeant = master !== null && master.ip === ip && master.port === Number(port);
  const isDown = integer(isMeant && !isNamed ? 1 : 0);
  const leader = runId === '*' ? null : leaderOf(context);
  return array([isDown, bulk(leader ?? '*'), integer(leader === null ? 0 : context.state.term)]);
};

/** Id of the sidecar that leads now; null when none is known to. */
function leaderOf(context: SentinelContext): string | null {
  const { master, isNamed, sentinels, self } = viewOf(context);
  if (!isNamed || master === null) return null;
  if (master.pod === context.state.config.self.pod) return self;
  return sentinels.find(({ pod }) => pod === master.pod)?.id ?? null;
}

const master = named((context) => masterReply(context) ?? NOT_KNOWN_NOW);
const masters: Subcommand = (context) => {
  const reply = masterReply(context);
  return array(reply === null ? [] : [reply]);
};
const replicas = named((context, { downSince }) => {
  const replies = replicaReplies(context, downSince);
  return replies === null ? NOT_KNOWN_NOW : array(replies);
});
const masterAddress = named(getMasterAddress, { type: 'null-array' });

const QUERIES: ReadonlyMap<string, Subcommand> = new Map<string, Subcommand>([
  ['MASTERS', masters],
  ['PRIMARIES', masters],
  ['MASTER', master],
  ['PRIMARY', master],
  ['REPLICAS', replicas],
  ['SLAVES', replicas],
  ['SENTINELS', named((context, { downSince }) => array(sentinelReplies(context, downSince)))],
  ['GET-MASTER-ADDR-BY-NAME', masterAddress],
  ['GET-PRIMARY-ADDR-BY-NAME', masterAddress],
  ['IS-MASTER-DOWN-BY-ADDR', isMasterDown],
  ['IS-PRIMARY-DOWN-BY-ADDR', isMasterDown],
  ['CKQUORUM', named(checkQuorum)],
  ['INFO-CACHE', (context, args) => (args.includes(context.masterName) ? infoCacheReply(context) : array([]))],
  ['PENDING-SCRIPTS', () => array([])],
  ['HISTORY', named(historyReply)],
  ['MYID', ({ state }) => bulk(state.config.self.incarnation)],
  ['HELP', sentinelHelp],
]);

const NAMES_MASTER = [
  'GET-MASTER-ADDR-BY-NAME',
  'GET-PRIMARY-ADDR-BY-NAME',
  'MASTER',
  'PRIMARY',
  'MASTERS',
  'PRIMARIES',
];

/** Is this a question for the master, while there is none to name? */
export function asksForMaster({ state, masterName, nowMs }: SentinelContext, words: readonly string[]): boolean {
  const [, subcommand = '', name] = words;
  if (!NAMES_MASTER.includes(subcommand.toUpperCase()) || (name !== undefined && name !== masterName)) return false;
  return currentMaster(state, nowMs) === null;
}

/** SENTINEL <subcommand> ..., as Redis Sentinel answers it (sentinelCommand in sentinel.c). */
export function sentinelCommand(
  context: SentinelContext,
  words: readonly string[],
  ports: SentinelPorts,
): Reply | Promise<Reply> {
  const [, name, ...args] = words;
  if (name === undefined) return failed("ERR wrong number of arguments for 'sentinel' command");
  const subcommand = name.toUpperCase();
  const spec = SUBCOMMAND_SPECS.get(subcommand);
  const handle = QUERIES.get(subcommand) ?? SETTINGS.get(subcommand);
  if (spec === undefined || (handle === undefined && !isOrder(subcommand))) {
    return failed(`ERR unknown subcommand '${name.slice(0, 64)}'. Try SENTINEL HELP.`);
  }
  const [least, most] = spec.args;
  if (args.length < least || args.length > most) {
    return failed(`ERR wrong number of arguments for 'sentinel|${name.toLowerCase()}' command`);
  }
  return handle === undefined ? order(context, ports, subcommand, args) : handle(context, args, ports);
}
