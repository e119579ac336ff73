/** What is recommended for one client, for the page. */
export interface Guide {
  readonly title: string;
  /** The language of the code, as Markdown names it. */
  readonly language: string;
  readonly code: string;
  /** One option or habit each, with its reason. */
  readonly reasons: readonly string[];
}

const SENTINELS = `[
    { host: 'redis-0.redis', port: 26379 },
    { host: 'redis-1.redis', port: 26379 },
    { host: 'redis-2.redis', port: 26379 },
  ]`;

const ioCode = (name: string, library: string): string => `import { Redis } from '${library}';

const ${name} = new Redis({
  sentinels: ${SENTINELS},
  name: 'mymaster',
  password, sentinelPassword: password,   // only where Redis has one
  connectTimeout: 1000,
  sentinelCommandTimeout: 1000,
  socketTimeout: 2000,
  disconnectTimeout: 200,
  retryStrategy: (times) => Math.min(20 * times, 500),
  sentinelRetryStrategy: (times) => Math.min(10 * times, 200),
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
});
${name}.on('error', (error) => log(error));

await ${name}.set(key, value);
const [[setError], [waitError, replicas]] = await ${name}.pipeline().set(key, value).wait(1, 1000).exec();`;

export const GUIDES: readonly Guide[] = [
  {
    title: 'ioredis',
    language: 'js',
    code: ioCode('redis', 'ioredis'),
    reasons: [
      '`socketTimeout`: a master that hangs keeps its connections open and says nothing. Without it the client waits until that one goes on or the kernel gives up. It has to be longer than the slowest command and the time-out of WAIT; give blocking commands (BLPOP, XREAD BLOCK) a client of their own, without it.',
      '`connectTimeout`: 10 s by default, also for asking a sidecar: a node that has vanished would cost that much.',
      '`sentinelCommandTimeout`: none by default; a sidecar that is stopped would hold the client up for ever.',
      '`retryStrategy`: the first attempt after 20 ms. By default up to 250 ms pass before ioredis 6 asks who the master is; most failovers are over by then.',
      '`sentinelRetryStrategy`: up to 1 s between two rounds by default; asking costs the sidecars next to nothing.',
      '`reconnectOnError`: 2 means: reconnect, and do the refused command again there. For a connection that has been left on a demoted master; a sidecar cuts them, so this is for the moment before.',
      '`disconnectTimeout`: how long a server may take to close its side; one that hangs never does, and 2 s are lost by default.',
      'WAIT in a pipeline with its SET: ioredis repeats what was not answered on the next connection, and a WAIT alone is answered there for another server’s writes. What is in one pipeline is repeated as a whole or not at all.',
      "`failoverDetector`: not needed, and it may be on. In ioredis 6.0.0 (and iovalkey 0.4.0) `+switch-master` ends the client for good when it comes while the client is asking who the master is: its status is `end`, and every command fails with “Connection is closed.” The sidecars answer first and publish 50 ms later, so that it does not come then: the client `ioredis-detector` above. Where that is not to be relied on, `redis.on('end', () => redis.connect().catch(() => {}))` brings the client back.",
      'Name the sidecars one by one: each of them is asked in turn.',
    ],
  },
  {
    title: 'iovalkey',
    language: 'js',
    code: ioCode('valkey', 'iovalkey'),
    reasons: ['As for ioredis, from which it comes.'],
  },
  {
    title: 'node-redis',
    language: 'js',
    code: `const sentinel = createSentinel({
  name: 'mymaster',
  sentinelRootNodes: ${SENTINELS},
  nodeClientOptions: { password, pingInterval: 1000, socket: { connectTimeout: 1000, socketTimeout: 2000 } },
  sentinelClientOptions: { password, socket: { connectTimeout: 1000 } },
});
sentinel.on('error', (error) => log(error));
await sentinel.connect();

await sentinel.set(key, value);
const [ok, replicas] = await sentinel.multi().set(key, value).wait(1, 1000).execAsPipeline();`,
    reasons: [
      'A listener for `error`: without one the first lost connection ends the process.',
      '`socketTimeout`: as for ioredis. It counts idle time, so it needs `pingInterval`: otherwise a connection that is simply not used is closed every two seconds.',
      '`scanInterval`: leave it at 0. Each scan holds up all commands until it is over (20 to 40 ms), and nothing needs it: a lost connection and READONLY make the client ask anew.',
      'When no sidecar names a master, it sleeps a fixed second before it asks again. No option changes that; it is why some failovers take it one or two seconds while other clients need 100 ms.',
      'WAIT in a pipeline with its SET, for the same reason as with ioredis. Not with `use()`: that builds all commands anew for each call (20 ms of CPU in 6.3.1), and repeats each command by itself.',
    ],
  },
  {
    title: 'redis-py',
    language: 'python',
    code: `retrying = {
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "retry": Retry(ExponentialBackoff(cap=0.2, base=0.01), 30),
    "retry_on_error": [ConnectionError, TimeoutError],   # those of redis.exceptions
    "retry_on_timeout": True,
}
sentinel = Sentinel(
    [("redis-0.redis", 26379), ("redis-1.redis", 26379), ("redis-2.redis", 26379)],
    sentinel_kwargs={"password": password, "socket_connect_timeout": 1, "socket_timeout": 1},
    password=password,
    **retrying,
)
master = sentinel.master_for("mymaster")

master.set(key, value)
ok, replicas = master.pipeline(transaction=False).set(key, value).wait(1, 1000).execute()`,
    reasons: [
      '`socket_timeout`: none by default. A master that hangs would hold the application up until it goes on.',
      '`retry` and `retry_on_error`: by default nothing is done again, and each application thread gets an error in each failover. `MasterNotFoundError` is a `ConnectionError`, and READONLY becomes one.',
      'A pipeline is only done again after a time-out (`retry_on_timeout`), not after a lost connection (redis-py 4.3): expect one error there, and do it again.',
      '`sentinel_kwargs`: the password of the sidecars’ port; the one for Redis is not used there.',
      'It subscribes to nothing, and learns of a new master by a lost connection or READONLY.',
    ],
  },
  {
    title: 'redis-cli',
    language: 'sh',
    code: `master() {
  for sidecar in redis-0.redis redis-1.redis redis-2.redis; do
    timeout 2 redis-cli -h $sidecar -p 26379 sentinel get-master-addr-by-name mymaster | paste -sd ' ' | grep . && return
  done
  return 1
}
until address=$(master) && [ "$(timeout 2 redis-cli -h \${address% *} -p \${address#* } set key value)" = OK ]; do sleep 0.1; done`,
    reasons: [
      '`timeout`: redis-cli has none of its own.',
      'Look at the answer, not at the exit code: an error reply ends well too (without `-e`), and so does a connection that is lost while redis-cli reads its commands from standard input.',
      '`REDISCLI_AUTH` for the password: an argument can be seen by everybody on the machine.',
      'SET and WAIT in one call, through standard input: another call is another connection.',
    ],
  },
];
