import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@sentinel-micro/testkit';
import type { Docker } from './engine/index.ts';
import {
  OWN_TAG,
  PROGRAMS,
  buildBase,
  buildImages,
  checkImage,
  checkWrongFlag,
  haveBases,
  sizesOf,
  timeStartUps,
  type Bases,
} from './images/index.ts';
import type { Order } from './options.ts';
import { NO_RESULTS, type CheckResult, type ResultFile } from './result.ts';
import { removeAll, type SetOptions } from './set/index.ts';
import type { Settings } from './settings.ts';
import { runStory, type StoryResult } from './stories/index.ts';
import { lineOf } from './summary.ts';

export interface PlanOptions {
  readonly order: Order;
  readonly docker: Docker;
  readonly root: string;
  /** For what is written meanwhile. */
  readonly dir: string;
  readonly settings: Settings;
  /** What leads to the registries from the engine's network; null where that network does itself. */
  readonly proxy: string | null;
  readonly upstreamDns: SetOptions['upstreamDns'];
  readonly log: (line: string) => void;
}

/** Builds, looks, runs. @throws Error when there is nothing to look at: no base images, a build that fails. */
export async function runPlan(options: PlanOptions): Promise<ResultFile> {
  const { docker, log, order, settings } = options;
  await removeAll(docker);
  const bases = await haveBases(docker, settings, log);
  const buildImage = await buildBase(docker, bases, settings, options.dir);
  const { root, proxy } = options;
  await buildImages({ docker, root, buildImage, nodeImage: bases.node, proxy, revision: settings.revision, log });
  const checks = await check(options, bases);
  for (const { name, verdict, reason } of checks)
    log(`${name}: ${verdict === 'passed' ? 'ok' : `VIOLATED: ${reason}`}`);
  log(`timing ${order.rounds} starts of each image`);
  const startUps = await timeStartUps(docker, bases.node, order.rounds);
  const { stdout } = await docker.end(['run', '--rm', '--network', 'none', bases.node, 'node', '--version']);
  return {
    ...NO_RESULTS,
    engine: await docker.text(['version', '--format', 'Docker {{.Server.Version}}, {{.Server.Os}}/{{.Server.Arch}}']),
    ...{ bases: bases.what, node: stdout.trim(), checks, startUps },
    sizes: await sizesOf(docker, bases.node),
    stories: await tell(options, bases),
  };
}

async function check(options: PlanOptions, bases: Bases): Promise<CheckResult[]> {
  const { docker, root, dir, proxy, settings } = options;
  const results: CheckResult[] = [];
  const judge = async (name: string, look: () => Promise<readonly string[]>): Promise<void> => {
    const complaints = await look().catch((error: unknown) => [messageOf(error)]);
    const verdict = complaints.length === 0 ? 'passed' : 'violated';
    results.push({ name, verdict, reason: complaints.slice(0, 5).join('; ') });
  };
  for (const program of PROGRAMS) {
    const what = { docker, root, dir: join(dir, 'look'), nodeImage: bases.node, revision: settings.revision, proxy };
    await judge(`image ${program}: what is in it`, () => checkImage(program, what));
    await judge(`image ${program}: a wrong flag`, () => checkWrongFlag(program, docker));
  }
  return results;
}

async function tell({ order, docker, dir, upstreamDns, log }: PlanOptions, bases: Bases): Promise<StoryResult[]> {
  const results: StoryResult[] = [];
  for (const [index, story] of order.stories.entries()) {
    const place = join(dir, `story-${index}`);
    const options = { docker, dir: place, name: `sm-test-${index}`, redisImage: bases.redis, upstreamDns };
    const { result, timeline } = await runStory(story, options);
    results.push(result);
    log(`${index + 1}/${order.stories.length}  ${lineOf(result)}`);
    if (order.isVerbose || result.verdict === 'violated') log(timeline.join('\n'));
    rmSync(place, { recursive: true, force: true });
  }
  return results;
}

/** Removes what was made on an engine that goes on. Never throws. */
export async function cleanUp(docker: Docker): Promise<void> {
  await removeAll(docker);
  const found = await docker.end(['images', '--quiet', '--filter', `reference=${OWN_TAG}/*`]).catch(() => undefined);
  const ids = [...new Set(found?.stdout.split('\n').filter((id) => id !== ''))];
  if (ids.length > 0) await docker.end(['rmi', '--force', ...ids]).catch(() => undefined);
}
