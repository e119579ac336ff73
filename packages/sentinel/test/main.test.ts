// The program itself, as it is built: what it says of a wrong command line, and its exit codes.
import { execFile } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { findBundles } from '@sentinel-micro/testkit';

interface Ended {
  readonly exitCode: number;
  readonly stderr: string;
}

function sentinel(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { PATH: '/usr/bin:/bin', ...env }, timeout: 20_000 };
    execFile(process.execPath, [findBundles().sentinel, ...args], options, (error, _stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stderr: stderr.trimEnd() });
    });
  });
}

test.each<[string[], Record<string, string>, string]>([
  [['run', '--no-such-flag', '1'], {}, '--no-such-flag is no flag of sentinel run; see sentinel run --help'],
  [['status', 'foo'], {}, 'sentinel status takes no argument, but was given: foo'],
  [['switchover', '--to'], {}, '--to is given without a value'],
  [['explain', '--output', 'xml'], {}, '--output is "xml"; it must be one of text, json'],
  // The file that make-slave writes: the environment may be that of the whole pod.
  [['explain'], { SENTINEL_MICRO_OUTPUT: '/redis-config/redis.conf' }, '--service is missing; it must be given'],
  [['foo'], { LANG: 'de_DE.UTF-8' }, 'there is no command foo; name one of run, status'],
  [['promote'], {}, 'sentinel promote needs at least one argument'],
  [
    ['history', '--probe-timeout-ms', 'abc', '--service', 'redis'],
    {},
    '--probe-timeout-ms is "abc"; it must be a whole number',
  ],
  [['pause'], {}, '--service is missing; it must be given'],
  [['handover', '--listen', 'me'], {}, '--listen is "me"; it must be an IP address'],
])('sentinel %j, with %j', async (args, env, message) => {
  const { exitCode, stderr } = await sentinel(args, env);
  expect(stderr.startsWith(`sentinel: ${message}`) ? message : stderr).toBe(message);
  expect(exitCode).toBe(2);
});

test('what can not be reached is a failure, and no wrong usage', async () => {
  const { exitCode, stderr } = await sentinel(['handover', '--listen', '127.0.0.1', '--port', '1']);
  expect(stderr).toMatch(/^sentinel: the sidecar of this pod: connecting to 127\.0\.0\.1:1: .*ECONNREFUSED/);
  expect(exitCode).toBe(1);
});
