import { array, simple, type Reply } from '@sentinel-micro/runtime';

/** One subcommand of SENTINEL: what COMMAND and HELP tell of it, and how many arguments it takes. */
export interface SubcommandSpec {
  /** As HELP shows it; the first word is the name. */
  readonly usage: string;
  /** The least and the greatest number of arguments behind the name. */
  readonly args: readonly [number, number];
  /** Lines of HELP; none for another name of the same thing. */
  readonly help: readonly string[];
}

const ANY = 60;

/** In the words of Redis Sentinel where it means the same here (sentinelCommand in sentinel.c). */
const SPECS: readonly SubcommandSpec[] = [
  {
    usage: 'CKQUORUM <master-name>',
    args: [1, 1],
    help: [
      'Check if the current Sentinel configuration is able to reach the quorum',
      'needed to failover a master and the majority needed to authorize the',
      'failover.',
    ],
  },
  { usage: 'CONFIG SET <param> <value>', args: [1, ANY], help: ['Not possible: the flags of the sidecar say it.'] },
  { usage: 'CONFIG GET <param>', args: [1, ANY], help: ['Get global Sentinel configuration parameter.'] },
  {
    usage: 'DEBUG [<param> <value> ...]',
    args: [0, ANY],
    help: ['Show a list of time parameters and their values (milliseconds).'],
  },
  {
    usage: 'GET-MASTER-ADDR-BY-NAME <master-name>',
    args: [1, 1],
    help: ['Return the ip and port number of the master with that name.'],
  },
  {
    usage: 'FAILOVER <master-name> [COORDINATED]',
    args: [1, 2],
    help: ['Move the master to the best replica, without losing a write: SWITCHOVER.'],
  },
  {
    usage: 'FLUSHCONFIG',
    args: [0, 0],
    help: ['Does nothing: a sidecar has no configuration to rewrite on disk.'],
  },
  {
    usage: 'FORCE-FAILOVER <master-name>',
    args: [1, 1],
    help: ['Move the master although it does not answer, or the replica lacks something.'],
  },
  {
    usage: 'HANDOVER <master-name>',
    args: [1, 1],
    help: ['For preStop hooks: returns when the Redis of this pod is not master any more.'],
  },
  { usage: 'HISTORY <master-name>', args: [1, 1], help: ['Show the last moves of the master, as JSON.'] },
  {
    usage: 'INFO-CACHE <master-name>',
    args: [1, ANY],
    help: ['Return last cached INFO output from masters and all its replicas.'],
  },
  {
    usage: 'IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>',
    args: [4, 4],
    help: ["Check if the master specified by ip:port is down from current Sentinel's", 'point of view.'],
  },
  { usage: 'MASTER <master-name>', args: [1, 1], help: ['Show the state and info of the specified master.'] },
  { usage: 'MASTERS', args: [0, 0], help: ['Show a list of monitored masters and their state.'] },
  {
    usage: 'MONITOR <name> <ip> <port> <quorum>',
    args: [4, 4],
    help: ['Not possible: a sidecar watches its own StatefulSet.'],
  },
  { usage: 'MYID', args: [0, 0], help: ['Return the ID of the Sentinel instance.'] },
  { usage: 'PAUSE <master-name>', args: [1, 1], help: ['Stop automatic failover of the whole set, until RESUME.'] },
  { usage: 'PENDING-SCRIPTS', args: [0, 0], help: ['Get pending scripts information.'] },
  { usage: 'REMOVE <master-name>', args: [1, 1], help: ['Not possible: a sidecar watches its own StatefulSet.'] },
  {
    usage: 'REPLICAS <master-name>',
    args: [1, 1],
    help: ['Show a list of replicas for this master and their state.'],
  },
  {
    usage: 'RESET <pattern>',
    args: [1, 1],
    help: ['Count the masters whose name matches; there is nothing to forget.'],
  },
  { usage: 'RESUME <master-name>', args: [1, 1], help: ['Let automatic failover go on.'] },
  {
    usage: 'SENTINELS <master-name>',
    args: [1, 1],
    help: ['Show a list of Sentinel instances for this master and their state.'],
  },
  {
    usage: 'SET <master-name> <option> <value> [<option> <value> ...]',
    args: [3, ANY],
    help: ['Not possible: the flags of the sidecar say it.'],
  },
  {
    usage: 'SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]',
    args: [1, ANY],
    help: ['Not possible, but for HELP.'],
  },
  {
    usage: 'SWITCHOVER <master-name> [<pod>]',
    args: [1, 2],
    help: ['Move the master to that pod, or to the best replica, without losing a write.'],
  },
  // Other names for what is above, of older and of newer servers.
  { usage: 'SLAVES <master-name>', args: [1, 1], help: [] },
  { usage: 'PRIMARY <primary-name>', args: [1, 1], help: [] },
  { usage: 'PRIMARIES', args: [0, 0], help: [] },
  { usage: 'GET-PRIMARY-ADDR-BY-NAME <primary-name>', args: [1, 1], help: [] },
  { usage: 'IS-PRIMARY-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>', args: [4, 4], help: [] },
  { usage: 'HELP', args: [0, 0], help: ['Prints this help.'] },
];

const nameOf = ({ usage }: SubcommandSpec): string => usage.split(' ', 1)[0] ?? '';

/** By name, in capital letters. */
export const SUBCOMMAND_SPECS: ReadonlyMap<string, SubcommandSpec> = new Map(SPECS.map((spec) => [nameOf(spec), spec]));

/** How Redis prints the help of a command with subcommands (addReplyHelp in networking.c). */
export function helpReply(command: string, specs: readonly SubcommandSpec[]): Reply {
  const lines = specs.flatMap(({ usage, help }) =>
    help.length === 0 ? [] : [usage, ...help.map((line) => `    ${line}`)],
  );
  return array([`${command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`, ...lines].map(simple));
}

/** SENTINEL HELP. */
export const sentinelHelp = (): Reply => helpReply('SENTINEL', SPECS);
