import { bulk, bulks, failed, integer, map, OK, type Reply } from '@sentinel-micro/runtime';
import { globMatches } from './pubsub.ts';
import { failoverTimeoutMs } from './sentinel-replies.ts';
import type { SentinelContext } from './sentinel-view.ts';

/**
 * The subcommands with which Redis Sentinel is configured. A sidecar is configured by its flags alone, so that all pods have the same
 * settings and a restart changes none: what would change one says which flag does.
 */
type Settings = (context: SentinelContext, args: readonly string[]) => Reply;

/** Options of SENTINEL SET and where they are set here. */
const FLAG_OF_OPTION: ReadonlyMap<string, string> = new Map([
  ['down-after-milliseconds', '--down-after-ms (and --lease-ms, for a pod that is gone)'],
  ['failover-timeout', '--lease-ms and --data-wait-ms'],
  ['quorum', '--replicas: the quorum is always more than half of it'],
  ['parallel-syncs', 'no flag: all replicas follow a new master at once'],
  ['auth-pass', '--redis-password-file'],
  ['auth-user', '--redis-username'],
  ['notification-script', 'no flag: a sidecar starts no scripts; subscribe to its events instead'],
  ['client-reconfig-script', 'no flag: a sidecar starts no scripts; subscribe to its events instead'],
  ['rename-command', 'no flag: the Redis user needs the commands by their names'],
  ['master-reboot-down-after-period', 'no flag: a master that has restarted is never taken for the same one'],
]);

/** Parameters of SENTINEL CONFIG and where they are set here. */
const FLAG_OF_PARAMETER: ReadonlyMap<string, string> = new Map([
  ['announce-ip', '--pod-ip'],
  ['announce-port', '--port'],
  ['sentinel-user', '--redis-username'],
  ['sentinel-pass', '--redis-password-file or --sentinel-password-file'],
  ['resolve-hostnames', 'no flag: pods are known by their addresses'],
  ['announce-hostnames', 'no flag: pods are known by their addresses'],
  ['loglevel', '--log-level'],
]);

function notHere(what: string, flag: string | undefined): Reply {
  return failed(
    `ERR ${what} is not configured over this port, but by the flags of every sidecar: ${flag ?? 'see --help'}`,
  );
}

const set: Settings = ({ masterName }, [name, option = '']) => {
  if (name !== masterName) return failed('ERR No such master with that name');
  const flag = FLAG_OF_OPTION.get(option.toLowerCase());
  if (flag === undefined)
    return failed(`ERR Unknown option or number of arguments for SENTINEL SET '${option.slice(0, 64)}'`);
  return notHere(option.toLowerCase(), flag);
};

const monitor: Settings = () =>
  failed(
    'ERR a sidecar watches its own StatefulSet and nothing else: --service, --replicas and --master-name say which',
  );

const remove: Settings = ({ masterName }, [name]) =>
  name === masterName
    ? failed(
        'ERR a sidecar watches its own StatefulSet as long as it runs: delete the sidecar, or change --master-name',
      )
    : failed('ERR No such master with that name');

function configValues({ state }: SentinelContext): readonly (readonly [string, string])[] {
  const { ip, port } = state.config.self;
  return [
    ['resolve-hostnames', 'no'],
    ['announce-hostnames', 'no'],
    ['announce-ip', ip],
    ['announce-port', String(port)],
    ['sentinel-user', ''],
    // Redis Sentinel shows it to whoever has logged in. Here it is told to nobody.
    ['sentinel-pass', ''],
  ];
}

const config: Settings = (context, [action, ...args]) => {
  const verb = action?.toUpperCase();
  const isWhole = verb === 'GET' ? args.length >= 1 : verb === 'SET' && args.length >= 2 && args.length % 2 === 0;
  if (!isWhole) return failed('ERR Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.');
  if (verb === 'GET') {
    const wanted = configValues(context).filter(([name]) =>
      args.some((pattern) => globMatches(pattern.toLowerCase(), name)),
    );
    return map(wanted.map(([name, value]) => [name, bulk(value)]));
  }
  const parameter = args.find((_, index) => index % 2 === 0)?.toLowerCase() ?? '';
  const flag = FLAG_OF_PARAMETER.get(parameter);
  if (flag === undefined) return failed(`ERR Invalid argument '${parameter.slice(0, 64)}' to SENTINEL CONFIG SET`);
  return notHere(parameter, flag);
};

/** The names of Redis Sentinel's own timings, as far as there is something like them here; 0 for what there is not. */
function timingsOf({ state }: SentinelContext): readonly (readonly [string, number])[] {
  const { heartbeatMs, downAfterMs, requestTimeoutMs } = state.config.timings;
  return [
    ['INFO-PERIOD', heartbeatMs],
    ['PING-PERIOD', heartbeatMs],
    ['ASK-PERIOD', heartbeatMs],
    ['PUBLISH-PERIOD', heartbeatMs],
    ['DEFAULT-DOWN-AFTER', downAfterMs],
    ['DEFAULT-FAILOVER-TIMEOUT', failoverTimeoutMs(state)],
    ['TILT-TRIGGER', 0],
    ['TILT-PERIOD', 0],
    ['SLAVE-RECONF-TIMEOUT', 0],
    ['MIN-LINK-RECONNECT-PERIOD', 0],
    ['ELECTION-TIMEOUT', requestTimeoutMs],
    ['SCRIPT-MAX-RUNTIME', 0],
    ['SCRIPT-RETRY-DELAY', 0],
  ];
}

const FLAG_OF_TIMING: ReadonlyMap<string, string> = new Map([
  ['info-period', '--heartbeat-ms'],
  ['ping-period', '--heartbeat-ms'],
  ['ask-period', '--heartbeat-ms'],
  ['publish-period', '--heartbeat-ms'],
  ['default-down-after', '--down-after-ms'],
  ['default-failover-timeout', '--lease-ms and --data-wait-ms'],
  ['election-timeout', '--lease-ms'],
]);

const debug: Settings = (context, args) => {
  const timings = timingsOf(context);
  if (args.length === 0) return map(timings.map(([name, value]) => [name, bulk(String(value))]));
  const [name = ''] = args;
  const isKnown = timings.some(([known]) => known === name.toUpperCase());
  if (!isKnown || args.length % 2 !== 0) {
    return failed(`ERR Unknown option or number of arguments for SENTINEL DEBUG '${name.slice(0, 64)}'`);
  }
  return notHere(
    name.toLowerCase(),
    FLAG_OF_TIMING.get(name.toLowerCase()) ?? 'no flag, for there is nothing like it here',
  );
};

const simulateFailure: Settings = (_context, args) => {
  const known = ['crash-after-election', 'crash-after-promotion'];
  for (const arg of args.map((word) => word.toLowerCase())) {
    if (arg === 'help') return bulks(known);
    if (!known.includes(arg)) return failed('ERR Unknown failure simulation specified');
  }
  return failed(
    'ERR a sidecar simulates no failure: kill its process, which is what any other sidecar sees of a crash',
  );
};

/** RESET: counts what it would forget; replicas and sidecars come from DNS and the holder, so there is nothing to forget. */
const reset: Settings = ({ masterName }, [pattern = '']) => integer(globMatches(pattern, masterName) ? 1 : 0);

export const SETTINGS: ReadonlyMap<string, Settings> = new Map([
  ['SET', set],
  ['MONITOR', monitor],
  ['REMOVE', remove],
  ['CONFIG', config],
  ['DEBUG', debug],
  ['SIMULATE-FAILURE', simulateFailure],
  ['RESET', reset],
  ['FLUSHCONFIG', () => OK],
]);
