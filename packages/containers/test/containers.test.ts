// What the suite does with an engine, without an engine: `npm run test:containers` has one.
import { describe, expect, test } from '@jest/globals';
import {
  acceptedAt,
  NO_RESULTS,
  STORIES,
  buildArguments,
  commandsOf,
  engineHosts,
  fileComplaints,
  isWell,
  ownFilesOf,
  pageOf,
  parseOrder,
  summaryOf,
  timesOf,
  violationsOf,
  volumesOf,
  type ResultFile,
  type SetPlan,
  type StoryResult,
} from '../src/index.ts';

const SET: SetPlan = {
  network: 'net',
  subnet: '10.1.2',
  service: 'redis.demo',
  replicas: 3,
  redisImage: 'some/redis:7',
  baseConfigDir: '/base',
  dns: null,
  sharesProcesses: false,
  sentinelFlags: ['--kill-hung'],
};
const POD = { name: 'redis-1', prefix: 'net-redis-1', ip: '10.1.2.11', uid: 'u', aliases: ['redis.demo', 'redis-1'] };

describe('the containers of a pod', () => {
  const { holder, makeSlave, redis, sentinel } = commandsOf(SET, POD);
  const text = (args: readonly string[]): string => args.join(' ');

  test.each([
    ['holder', holder],
    ['make-slave', makeSlave],
    ['redis', redis],
    ['sentinel', sentinel],
  ])('%s can write to volumes only, and has no privilege', (_, args) => {
    expect(text(args)).toContain('--read-only --cap-drop ALL --security-opt no-new-privileges');
  });

  test('share the network of the holder, which has the names of the pod and of the set', () => {
    expect(text(holder)).toContain(
      '--ip 10.1.2.11 --hostname redis-1 --network-alias redis.demo --network-alias redis-1',
    );
    for (const args of [makeSlave, redis, sentinel])
      expect(text(args)).toContain('--network container:net-redis-1-holder');
  });

  test('Redis starts from the rendered config and can not change it; make-slave and the sidecar can', () => {
    expect(redis.slice(-3)).toEqual(['some/redis:7', 'redis-server', '/redis-config/redis.conf']);
    expect(text(redis)).toContain('net-redis-1-config:/redis-config:ro');
    for (const args of [makeSlave, sentinel]) expect(text(args)).toContain('net-redis-1-config:/redis-config:rw');
  });

  test('the holder keeps every volume: one in memory is gone with the last container that uses it', () => {
    for (const { name } of volumesOf(POD)) expect(text(holder)).toContain(`--volume ${name}:`);
  });

  test('see the processes of each other only where that is asked for', () => {
    expect(text(sentinel)).not.toContain('--pid');
    const shared = commandsOf({ ...SET, sharesProcesses: true }, POD);
    for (const args of [shared.redis, shared.sentinel])
      expect(text(args)).toContain('--pid container:net-redis-1-holder');
  });

  test('the flags of the story are those of the sidecar', () => {
    expect(sentinel.slice(-2)).toEqual(['run', '--kill-hung']);
  });
});

describe('a build', () => {
  const options = { root: '/repo', buildImage: 'b:24', nodeImage: 'n:24', revision: 'abc' };

  test('replaces both bases, and passes the way to the registry as what no image keeps', () => {
    const args = buildArguments('sentinel', { ...options, proxy: 'http://127.0.0.1:1' }).join(' ');
    expect(args).toContain('--build-arg BUILD_IMAGE=b:24 --build-arg NODE_IMAGE=n:24');
    expect(args).toContain('--network host');
    expect(args).toContain('--build-arg HTTPS_PROXY=http://127.0.0.1:1');
    expect(args).toContain('--file /repo/docker/sentinel/Dockerfile');
  });

  test('on an engine with a network of its own needs neither', () => {
    const args = buildArguments('make-slave', { ...options, proxy: null }).join(' ');
    expect(args).not.toMatch(/--network|PROXY/);
  });
});

describe('the files of an image', () => {
  const base = ['usr/local/bin/node', 'usr/lib/node_modules/npm/package.json'];
  const good = [...base, ...ownFilesOf('sentinel')];

  test('are those of the base, the program, its licences and its bill of materials', () => {
    expect(fileComplaints('sentinel', good, base)).toEqual([]);
  });

  const mistakes: readonly (readonly [string, readonly string[], string])[] = [
    ['a module', [...good, 'app/node_modules/yargs/index.js'], 'there are node_modules'],
    ['a source map', [...good, 'app/sentinel.mjs.map'], 'app/sentinel.mjs.map has no place in the image'],
    ['a missing licence', good.filter((file) => file !== 'app/LICENSE'), 'app/LICENSE is missing'],
    ['native code, be it of the base', [...good, 'usr/lib/addon.node'], 'usr/lib/addon.node is native code'],
  ];
  test.each(mistakes)('notices %s', (_, files, complaint) => {
    expect(fileComplaints('sentinel', files, base)).toContainEqual(expect.stringContaining(complaint));
  });
});

const STORY = STORIES[0]!;
const GOOD: StoryResult = {
  ...{ story: STORY.name, confirmed: 100, confirmedLost: 0, acknowledged: 200, lost: 0, refusedButPresent: 0 },
  ...{ overlapMs: 0, writableAfterMs: 120, verdict: 'passed', reason: '', tookMs: 9000 },
};

describe('a verdict', () => {
  test('is good when nothing is lost and there was one master', () => {
    expect(violationsOf(GOOD, STORY)).toEqual([]);
  });

  const bad: readonly (readonly [string, Partial<StoryResult>, string])[] = [
    ['a confirmed write is lost', { confirmedLost: 1 }, '1 of 100 confirmed writes are lost'],
    ['nothing was confirmed', { confirmed: 0 }, 'no write was confirmed at all'],
    ['a refused write was done', { refusedButPresent: 2 }, '2 refused writes were done all the same'],
    ['two masters took writes', { overlapMs: 1 }, 'two masters took writes for 1 ms; 0 ms are allowed'],
    ['a lossless story lost a write', { lost: 3 }, '3 acknowledged writes are lost, none may be'],
  ];
  test.each(bad)('is bad when %s', (_, change, sentence) => {
    const story = { ...STORY, isLossless: true };
    expect(violationsOf({ ...GOOD, ...change }, story)).toEqual([sentence]);
  });

  test('an overlap that the story allows is none', () => {
    expect(violationsOf({ ...GOOD, overlapMs: 150 }, { ...STORY, overlapMs: 200 })).toEqual([]);
  });
});

const RESULTS: ResultFile = {
  ...NO_RESULTS,
  ...{ engine: 'Docker 1', bases: 'made', node: 'v24.0.0', stories: [GOOD] },
  checks: [{ name: 'image sentinel: what is in it', verdict: 'passed', reason: '' }],
  sizes: [
    {
      ...{ image: 'sentinel-micro/sentinel', totalBytes: 135 * 1024 * 1024, baseBytes: 133 * 1024 * 1024 },
      ...{ addedBytes: 2 * 1024 * 1024, files: [], architecture: 'amd64' },
    },
  ],
  startUps: [timesOf('sentinel --help', [300, 100, 200, 900])],
};

test('a Redis tells on the clock of this machine when it took a write; a refusal tells nothing', () => {
  const seconds = Math.floor(Date.now() / 1000);
  const atMs = acceptedAt(`"${seconds} 250000"`);
  expect(atMs).toBeCloseTo(seconds * 1000 + 250 - performance.timeOrigin, 3);
  expect(acceptedAt("(error) READONLY You can't write against a read only replica. script: 0")).toBeUndefined();
});

describe('what is reported', () => {
  test('times: the lower one of two middle values, and both ends', () => {
    expect(timesOf('x', [300, 100, 200, 900])).toEqual({ what: 'x', n: 4, medianMs: 200, minMs: 100, maxMs: 900 });
  });

  test('the page has sizes, times and stories', () => {
    const page = pageOf(RESULTS, STORIES);
    expect(page).toContain('| sentinel-micro/sentinel | amd64 | 135.0 MiB | 133.0 MiB | 2.0 MiB |');
    expect(page).toContain('| sentinel --help | 4 | 200 ms | 100 ms | 900 ms |');
    expect(page).toContain(`| ${STORY.name} | 100 | 0 | 200 | 0 | 0 ms | 120 ms |`);
    expect(page).toContain('2 checks and runs, 0 of them not passed.');
  });

  test('the last line counts, and what was violated or skipped is no success that nobody sees', () => {
    expect(summaryOf(RESULTS)).toMatch(/2 checks and stories: 2 passed, 0 violated, 0 skipped$/);
    expect(isWell(RESULTS)).toBe(true);
    const broken: ResultFile = { ...RESULTS, stories: [{ ...GOOD, verdict: 'violated', reason: 'lost' }] };
    expect(isWell(broken)).toBe(false);
    expect(summaryOf(broken)).toMatch(/1 passed, 1 violated, 0 skipped$/);
  });
});

describe('what is asked for', () => {
  test('all stories once, on any engine, by default', () => {
    expect(parseOrder([])).toMatchObject({ stories: STORIES, rounds: 10, engine: 'any', writesDocs: false });
  });

  test('some stories, several times', () => {
    const { stories } = parseOrder(['--only', 'kill-redis,pause-pod', '--runs', '2']);
    expect(stories.map(({ name }) => name)).toEqual(['kill-redis', 'pause-pod', 'kill-redis', 'pause-pod']);
  });

  test.each([
    [['--only', 'nonsense'], /there is no story nonsense; there are comes-up, /],
    [['--engine', 'other'], /--engine is other/],
    [['--rounds', '0'], /--rounds is 0/],
  ])('%j is refused', (args, message) => {
    expect(() => parseOrder(args)).toThrow(message);
  });

  test('each story has a name of its own and says what it does', () => {
    expect(new Set(STORIES.map(({ name }) => name)).size).toBe(STORIES.length);
    for (const { what } of STORIES) expect(what).toMatch(/^[A-Z].*[.]$/);
  });

  test('an engine is looked for where DOCKER_HOST says, and nowhere else then', () => {
    expect(engineHosts(1000, 'tcp://engine:2375')).toEqual(['tcp://engine:2375']);
    expect(engineHosts(1000, undefined)).toContain('unix:///run/user/1000/podman/podman.sock');
    expect(engineHosts(0, '')).toContain('unix:///var/run/docker.sock');
  });
});
