import { messageOf } from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';
import { imageOf, PROGRAMS, type ProgramName } from './names.ts';

export interface BuildOptions {
  readonly docker: Docker;
  /** The root of the repository. */
  readonly root: string;
  readonly buildImage: string;
  readonly nodeImage: string;
  /** What leads to the registry; null where the engine's own network does. */
  readonly proxy: string | null;
  readonly revision: string;
  readonly log: (line: string) => void;
}

const BUILD_TIMEOUT_MS = 15 * 60_000;
export const VERSION = '0.0.0-test';
export const SOURCE = 'https://example.com/sentinel-micro';

/** The arguments of `docker build` for one of the Dockerfiles. */
export function buildArguments(
  program: ProgramName,
  { root, buildImage, nodeImage, proxy, revision }: Omit<BuildOptions, 'docker' | 'log'>,
): string[] {
  const args = {
    ...{ BUILD_IMAGE: buildImage, NODE_IMAGE: nodeImage, VERSION, REVISION: revision, SOURCE },
    // Known to every builder without being declared, and in no layer of the image.
    ...(proxy === null ? {} : { HTTPS_PROXY: proxy, HTTP_PROXY: proxy }),
  };
  const network = proxy === null ? [] : ['--network', 'host'];
  const pairs = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  return [
    'build',
    ...network,
    ...pairs,
    '--file',
    `${root}/docker/${program}/Dockerfile`,
    '--tag',
    imageOf(program),
    root,
  ];
}

/** Builds both images as the Dockerfiles say. @throws Error with the words of the builder */
export async function buildImages(options: BuildOptions): Promise<void> {
  for (const program of PROGRAMS) {
    options.log(`building docker/${program}/Dockerfile`);
    const onLine = (line: string): void => {
      if (/^(Step \d+|#\d+ \[)/.test(line)) options.log(`  ${line.slice(0, 110)}`);
    };
    try {
      await options.docker.text(buildArguments(program, options), { timeoutMs: BUILD_TIMEOUT_MS, onLine });
    } catch (error) {
      const advice =
        'The build installs the node modules: it has to reach the registry that npm is configured for on this machine.';
      throw new Error(`${messageOf(error)}\n${advice}`, { cause: error });
    }
  }
}
