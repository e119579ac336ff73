import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { HostNetwork, spawnInNamespaces, waitUntil, whyNoNamespaces } from '../src/index.ts';
import { processExists } from './helpers.ts';

const isRoot = process.getuid?.() === 0;
const here = fileURLToPath(new URL('./hosts', import.meta.url));
const why = await whyNoNamespaces(isRoot);
if (why !== undefined) console.warn(`the tests of hosts are skipped: ${why}`);
const describeHosts = why === undefined ? describe : describe.skip;

let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'testkit-hosts-'));
  await build({
    entryPoints: [join(here, 'inside.ts')],
    // In the folder of the sources, so to speak: the tools are looked for from there upwards.
    outfile: bundle(),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire as r } from 'node:module';\nconst require = r(import.meta.url);" },
    logLevel: 'silent',
  });
});

afterAll(() => {
  rmSync(bundle(), { force: true });
  rmSync(dir, { recursive: true, force: true });
});

function bundle(): string {
  return join(here, '..', '..', 'dist', `hosts-inside-${process.pid}.mjs`);
}

/** Does one experiment in namespaces, and returns what it has found out. */
async function experiment(name: string): Promise<unknown> {
  const child = spawnInNamespaces(process.execPath, [bundle(), name, dir, here], isRoot);
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(code).toBe(0);
  return JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8'));
}

const OPEN = { existing: 'answers', fresh: 'answers' };
const SILENT = { existing: 'silence', fresh: 'silence' };
const SEEN = ['answers', 'answers', 'answers'];

describeHosts('hosts', () => {
  test('reach each other by address, each from its own', async () => {
    expect(await experiment('address')).toEqual({ connected: true, differ: 2 });
  });

  test('have devices, /etc/resolv.conf and processes of their own; the process id is that of the program', async () => {
    expect(await experiment('identity')).toEqual({
      samePid: true,
      cwd: true,
      rest: [
        'LC_ALL=C',
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        expect.stringMatching(/^PWD=/),
        'nameserver OWN',
        'search example.test',
      ],
      isStopped: true,
      devices: ['eth0', 'lo', 'obs0'],
    });
  });

  test('a silent drop: connections old and new get no answer, in either direction; the observer sees all', async () => {
    expect(await experiment('drop')).toEqual({ ab: SILENT, ba: SILENT, bc: OPEN, observer: SEEN, healed: 'answers' });
  });

  test('a reset: connections old and new are ended at once', async () => {
    const ended = { existing: 'lost: ECONNRESET', fresh: 'lost: ECONNREFUSED' };
    expect(await experiment('reset')).toEqual({ ab: ended, ba: ended, bc: OPEN, observer: SEEN, healed: 'answers' });
  });

  test('a cut of one direction: only the other one is left', async () => {
    expect(await experiment('outgoing')).toEqual({ sent: 300, toA: 300, toB: 0 });
    expect(await experiment('incoming')).toEqual({ sent: 300, toA: 0, toB: 300 });
  });

  test('two halves that share one host: the shared one reaches both', async () => {
    expect(await experiment('bridge')).toEqual({ ab: SILENT, ba: SILENT, bc: OPEN, observer: SEEN, healed: 'answers' });
  });

  test('a pulled cable cuts all but the observer', async () => {
    expect(await experiment('link')).toMatchObject({ ab: SILENT, ba: SILENT, bc: OPEN, observer: SEEN });
  });

  test('loss: of each direction a third of the packets', async () => {
    const { toA, toB } = (await experiment('loss')) as { toA: number; toB: number };
    // Two thirds of 300, and six standard deviations.
    for (const arrived of [toA, toB]) expect(Math.abs(arrived - 200)).toBeLessThan(50);
  });

  test('an address is given once at a time', async () => {
    expect(await experiment('sameAddress')).toEqual({ taken: 'refused', again: true });
  });

  test('carry a cluster: pods ask whom /etc/resolv.conf names, and move when they are recreated', async () => {
    const roles = ['replica', 'replica'];
    expect(await experiment('cluster')).toEqual({ flags: [], names: 2, moved: true, roles, left: 0 });
  });

  test('vanish with the process that made them, also when that is killed', async () => {
    const child = spawnInNamespaces(process.execPath, [bundle(), 'hang', dir, here], isRoot);
    const file = join(dir, 'hang.pids');
    await waitUntil(() => (existsSync(file) ? true : undefined), { what: 'three hosts', timeoutMs: 10_000 });
    const pids = JSON.parse(readFileSync(file, 'utf8')) as number[];
    expect(pids.map(processExists)).toEqual([true, true]);
    child.kill('SIGKILL');
    for (const pid of pids) {
      await waitUntil(() => (processExists(pid) ? undefined : true), { what: 'the end of it', timeoutMs: 5000 });
    }
    // What lay in memory is gone too: only the folder is left.
    expect(readdirSync(join(dir, 'scratch'))).toEqual([]);
  });
});

test('hosts are not made in a network that was there before', async () => {
  await expect(HostNetwork.create({ dir })).rejects.toThrow(/not a network of its own/);
});
