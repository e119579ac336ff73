import type { Docker } from '../engine/index.ts';
import { ownFilesOf } from './check.ts';
import { lookAt } from './look.ts';
import { imageOf, PROGRAMS } from './names.ts';
import { timeRuns, type Timed, type Times } from './startup.ts';

/** How large an image is. Bytes. */
export interface Size {
  readonly image: string;
  readonly totalBytes: number;
  readonly baseBytes: number;
  /** What our layers add to the base. */
  readonly addedBytes: number;
  readonly files: readonly string[];
  readonly architecture: string;
}

export async function sizesOf(docker: Docker, nodeImage: string): Promise<Size[]> {
  const base = await lookAt(docker, nodeImage);
  const sizes: Size[] = [];
  for (const program of PROGRAMS) {
    const { sizeBytes, architecture } = await lookAt(docker, imageOf(program));
    sizes.push({
      image: `sentinel-micro/${program}`,
      totalBytes: sizeBytes,
      baseBytes: base.sizeBytes,
      addedBytes: sizeBytes - base.sizeBytes,
      files: ownFilesOf(program),
      architecture,
    });
  }
  return sizes;
}

const POD = {
  POD_NAME: 'redis-0',
  POD_UID: 'uid',
  POD_IP: '127.0.0.1',
  NAMESPACE: 'demo',
  SERVICE: 'redis',
  REPLICAS: '3',
};

/** What is timed: each image, and a Node that does nothing in the same base and with the same engine. */
function startUps(nodeImage: string): Timed[] {
  const env = Object.entries(POD).flatMap(([name, value]) => ['--env', `SENTINEL_MICRO_${name}=${value}`]);
  // Nobody to ask: what is left is its own start, the config, and its end.
  const alone = ['--network', 'none', ...env];
  return [
    {
      what: 'node -e 0 (the base alone)',
      image: nodeImage,
      args: ['node', '-e', '0'],
      flags: ['--network', 'none'],
      code: 0,
    },
    { what: 'sentinel --help', image: imageOf('sentinel'), args: ['--help'], flags: ['--network', 'none'], code: 0 },
    {
      what: 'make-slave --help',
      image: imageOf('make-slave'),
      args: ['--help'],
      flags: ['--network', 'none'],
      code: 0,
    },
    {
      what: 'make-slave --print, without a network',
      image: imageOf('make-slave'),
      args: ['--print'],
      flags: alone,
      code: 0,
    },
  ];
}

/** @throws TestkitError PROCESS_FAILED */
export function timeStartUps(docker: Docker, nodeImage: string, rounds: number): Promise<Times[]> {
  return timeRuns(docker, startUps(nodeImage), rounds);
}
