import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageNodeFlags } from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';
import { SOURCE, VERSION } from './build.ts';
import { copyOut, filesOf, lookAt } from './look.ts';
import { imageOf, type ProgramName } from './names.ts';

export interface CheckOptions {
  readonly docker: Docker;
  readonly root: string;
  readonly dir: string;
  readonly nodeImage: string;
  readonly revision: string;
  readonly proxy: string | null;
}

const sameFiles = (program: ProgramName): string[] => [
  ...['LICENSE', `${program}.mjs`, `${program}.mjs.LEGAL.txt`, `${program}.mjs.cdx.json`],
  ...(program === 'make-slave' ? ['make-slave.cjs'] : []),
];
/** What the Node of the image has made of the program: no other makes the same. */
const codeFiles = (program: ProgramName): string[] => (program === 'make-slave' ? ['make-slave.cache'] : []);

/** Our files in the image. */
export const ownFilesOf = (program: ProgramName): string[] =>
  [...sameFiles(program), ...codeFiles(program)].map((name) => `app/${name}`);

/** What is wrong with the files of an image, given those of its base; empty when all is well. */
export function fileComplaints(program: ProgramName, files: readonly string[], base: readonly string[]): string[] {
  const inBase = new Set(base);
  const wanted = ownFilesOf(program);
  const added = files.filter((file) => !inBase.has(file));
  const modules = files.filter((file) => /(^|\/)node_modules\//.test(file) && !inBase.has(file));
  return [
    ...added.filter((file) => !wanted.includes(file)).map((file) => `${file} has no place in the image`),
    ...wanted.filter((file) => !added.includes(file)).map((file) => `${file} is missing`),
    ...modules.slice(0, 1).map((file) => `there are node_modules (${file})`),
    // Native code would bind the image to one processor.
    ...files.filter((file) => file.endsWith('.node')).map((file) => `${file} is native code`),
  ];
}

/** Everything that is wrong with a built image; empty when all is well. @throws TestkitError PROCESS_FAILED */
export async function checkImage(program: ProgramName, options: CheckOptions): Promise<string[]> {
  const { docker, root, dir, nodeImage, revision, proxy } = options;
  const image = imageOf(program);
  const facts = await lookAt(docker, image);
  const base = await lookAt(docker, nodeImage);
  const complaints: string[] = [];
  const expect = (what: string, found: unknown, wanted: unknown): void => {
    const [is, shall] = [JSON.stringify(found), JSON.stringify(wanted)];
    if (is !== shall) complaints.push(`${what} is ${is}, not ${shall}`);
  };
  expect('the user', facts.user, '999:999');
  expect('the entry point', facts.entrypoint, ['node', ...imageNodeFlags(program), `/app/${program}.mjs`]);
  expect('the command', facts.command, program === 'sentinel' ? ['run'] : []);
  const labels = {
    title: `sentinel-micro ${program}`,
    licenses: 'Apache-2.0',
    version: VERSION,
    revision,
    source: SOURCE,
    'base.name': nodeImage,
  };
  for (const [name, wanted] of Object.entries(labels)) {
    expect(`the label ${name}`, facts.labels[`org.opencontainers.image.${name}`], wanted);
  }
  expect('the first layers', facts.layers.slice(0, base.layers.length), base.layers);
  if (proxy !== null && (facts.hasHistoryOf(proxy) || facts.env.some((line) => line.includes(proxy)))) {
    complaints.push('the way to the registry is written into the image');
  }
  const files = await filesOf(docker, image, dir);
  complaints.push(...fileComplaints(program, files, await filesOf(docker, nodeImage, dir)));
  return [...complaints, ...(await otherBytes(program, docker, root, dir))];
}

/** The files that are not what `npm run build` makes of the same sources on this machine. */
async function otherBytes(program: ProgramName, docker: Docker, root: string, dir: string): Promise<string[]> {
  const target = join(dir, program);
  mkdirSync(target, { recursive: true });
  const complaints: string[] = [];
  for (const name of sameFiles(program)) {
    const file = `app/${name}`;
    await copyOut(docker, imageOf(program), `/${file}`, join(target, name));
    const here = name === 'LICENSE' ? join(root, name) : join(root, 'packages', program, 'dist', name);
    if (!readFileSync(here).equals(readFileSync(join(target, name)))) {
      complaints.push(`/${file} is not, byte by byte, what npm run build makes on this machine`);
    }
  }
  return [...complaints, ...(await codeComplaints(program, docker, target))];
}

/** V8's code has to be for the program that lies beside it in `target`, by a Node of the image's line: else it is never used. */
async function codeComplaints(program: ProgramName, docker: Docker, target: string): Promise<string[]> {
  const complaints: string[] = [];
  for (const name of codeFiles(program)) {
    await copyOut(docker, imageOf(program), `/app/${name}`, join(target, name));
    const [first = ''] = readFileSync(join(target, `${program}.cjs`), 'latin1').split('\n', 1);
    const label = readFileSync(join(target, name)).toString('latin1', 0, 128);
    if (!label.startsWith(`${first.slice(2)} v24.`)) complaints.push(`/app/${name} is code of something else`);
  }
  return complaints;
}
