// What goes into the images: the same bytes wherever they are built, and a true list of what they are made of.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTwin } from './support/twin.ts';

const root = path.dirname(import.meta.dirname);
const ends = ['.mjs', '.mjs.LEGAL.txt', '.mjs.cdx.json'];
const allowedLicences = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

/** Where the text of a program stands: that of a script has what starts it beside it (scripts/code-cache). */
const textEnds: Readonly<Record<string, string>> = { 'make-slave': '.cjs', sentinel: '.mjs' };

const bundleOf = (folder: string, program: string, end: string): string =>
  readFileSync(path.join(folder, `packages/${program}/dist/${program}${end}`), 'utf8');

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

interface Bill {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

let twin: ReturnType<typeof buildTwin> | undefined;
/** The same bundles, each part below the name of its file. */
let readable = '';

beforeAll(() => {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root });
  twin = buildTwin(root);
  readable = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-readable-'));
  execFileSync(process.execPath, ['scripts/build.mjs', '--readable', readable], { cwd: root });
}, 120_000);
afterAll(() => {
  twin?.remove();
  if (readable !== '') rmSync(readable, { recursive: true, force: true });
});

describe.each(['make-slave', 'sentinel'])('%s', (program) => {
  const textEnd = textEnds[program]!;

  test.each([...new Set([...ends, textEnd])])('%s is the same, byte by byte, when it is built elsewhere', (end) => {
    const here = bundleOf(root, program, end);
    expect(here.length).toBeGreaterThan(500);
    // Not toBe: what differs in a megabyte is not to be printed.
    expect(bundleOf(twin!.folder, program, end) === here).toBe(true);
  });

  test('names neither this machine nor a folder of it', () => {
    for (const end of [...ends, textEnd])
      expect([end, bundleOf(root, program, end).includes(root)]).toEqual([end, false]);
  });

  describe('the bill of materials', () => {
    const billOf = (): Bill => JSON.parse(bundleOf(root, program, '.mjs.cdx.json')) as Bill;

    test('has each package whose files are in the bundle, in the version that is locked', () => {
      const inBundle = [
        ...bundleOf(readable, program, textEnd).matchAll(/^\/\/ (\S*node_modules\/(?:@[^/\n]+\/)?[^/\n]+)\//gm),
      ];
      const folders = [...new Set(inBundle.map(([, folder]) => String(folder)))];
      const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
        packages: Record<string, { version: string }>;
      };
      const nameOf = (folder: string): string =>
        folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const wanted = folders.map((folder) => `${nameOf(folder)} ${String(packages[folder]?.version)}`);
      const listed = billOf().components.map(({ name, version }) => `${name} ${version}`);
      expect(listed).toEqual(expect.arrayContaining(wanted));
      expect(listed).toEqual(
        expect.arrayContaining([expect.stringMatching(/^ioredis /), expect.stringMatching(/^yargs /)]),
      );
      expect(listed).not.toContainEqual(expect.stringMatching(/^(jest|esbuild|typescript|@jest\/.*) /));
      expect(new Set(listed).size).toBe(listed.length);
    });

    test('says of each one where it comes from, what it must be, and that its licence lets it be here', () => {
      for (const { name, version, purl, hashes, licenses } of billOf().components) {
        expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`);
        expect([name, hashes]).toEqual([
          name,
          [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) as unknown }],
        ]);
        expect([name, allowedLicences]).toEqual([name, expect.arrayContaining([licenses?.[0]?.license.id])]);
      }
    });

    test('is of this program, and has nothing that changes from build to build', () => {
      const { version } = JSON.parse(
        readFileSync(path.join(root, `packages/${program}/package.json`), 'utf8'),
      ) as Component;
      expect(billOf().metadata.component).toMatchObject({ name: `@sentinel-micro/${program}`, version });
      expect(Object.keys(billOf())).toEqual([
        'bomFormat',
        'specVersion',
        'version',
        'metadata',
        'components',
        'dependencies',
      ]);
    });
  });

  test('the text of the licence of each package is beside the bundle', () => {
    const { components } = JSON.parse(bundleOf(root, program, '.mjs.cdx.json')) as Bill;
    const sections = bundleOf(root, program, '.mjs.LEGAL.txt').split(`\n${'-'.repeat(80)}\n\n`);
    for (const { name, version } of components) {
      const section = sections.find((text) => text.startsWith(`${name} ${version} (`));
      // A copyright, and more words than a name.
      expect([name, section?.match(/copyright|permission|licen[cs]e/i) !== null, (section ?? '').length > 400]).toEqual(
        [name, true, true],
      );
    }
  });
});
