// The program itself, as it is built: what it says of a wrong command line, and what it leaves to the sidecar.
import { execFile } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { findBundles } from '@sentinel-micro/testkit';

interface Ended {
  readonly exitCode: number;
  readonly stderr: string;
}

function makeSlave(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { PATH: '/usr/bin:/bin', ...env }, timeout: 20_000 };
    execFile(process.execPath, [findBundles().makeSlave, ...args], options, (error, _stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stderr: stderr.trimEnd() });
    });
  });
}

test.each<[string[], string]>([
  [['--lease-ms', '2000'], '--lease-ms is no flag of make-slave; see make-slave --help'],
  [['--durability=strict'], '--durability is no flag of make-slave; see make-slave --help'],
  [['foo'], 'make-slave takes no argument, but was given: foo'],
  [['--output'], '--output is given without a value'],
  [['--write-quorum', 'some'], '--write-quorum is "some"; it must be one of auto, strict, off'],
  [['--redis-password=open-sesame-7'], '--redis-password is given as an argument, which every process'],
])('make-slave %j', async (args, message) => {
  const { exitCode, stderr } = await makeSlave(args);
  expect(stderr.startsWith(`make-slave: ${message}`) ? message : stderr).toBe(message);
  expect(stderr).not.toContain('sesame');
  expect(exitCode).toBe(2);
});

test('what the environment says to the sidecar alone is not looked at: both may have the same one', async () => {
  const ofTheSidecar = {
    SENTINEL_MICRO_LEASE_MS: 'long',
    SENTINEL_MICRO_DURABILITY: 'some',
    SENTINEL_MICRO_LISTEN: 'me',
  };
  const { exitCode, stderr } = await makeSlave([], ofTheSidecar);
  expect(stderr).toMatch(/^make-slave: --pod-name is missing/);
  expect(exitCode).toBe(2);
});
