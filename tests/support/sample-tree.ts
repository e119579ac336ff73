import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.dirname(path.dirname(import.meta.dirname));
const packageNames = ['core', 'runtime', 'kubernetes', 'make-slave', 'sentinel', 'testkit', 'faults'];
const configFiles = [
  'package.json',
  'tsconfig.base.json',
  'tsconfig.test.json',
  'eslint.config.mjs',
  '.dependency-cruiser.mjs',
  '.prettierrc.json',
  'knip.json',
];
const checkTimeoutMs = 60_000;
/** For a beforeAll that makes a tree and checks it: some seconds, more on a busy machine. */
export const setUpTimeoutMs = 2 * checkTimeoutMs;

export interface CheckResult {
  readonly exitCode: number;
  readonly stdout: string;
}

/** A copy of this repository's settings in a temporary folder, with sources of the test's own: small, and free to be wrong. */
export class SampleTree {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-rules-'));

  constructor(files: Readonly<Record<string, string>>) {
    for (const file of configFiles) cpSync(path.join(root, file), path.join(this.folder, file));
    for (const name of packageNames) this.addPackage(name);
    this.linkModules();
    for (const [file, text] of Object.entries(files)) this.write(file, text);
  }

  /** Runs a program of node_modules in the tree; `script` is its path there. */
  check(script: string, args: readonly string[]): Promise<CheckResult> {
    const file = path.join(root, 'node_modules', script);
    return new Promise((resolve, reject) => {
      const options = { cwd: this.folder, timeout: checkTimeoutMs, maxBuffer: 64 * 1024 * 1024 };
      execFile(process.execPath, [file, ...args], options, (error, stdout, stderr) => {
        const exitCode = error ? error.code : 0;
        if (typeof exitCode === 'number') resolve({ exitCode, stdout });
        else reject(new Error(`${script} did not end by itself:\n${stderr}`, { cause: error }));
      });
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private addPackage(name: string): void {
    for (const file of [`packages/${name}/package.json`, `packages/${name}/tsconfig.json`]) {
      cpSync(path.join(root, file), path.join(this.folder, file));
    }
    this.write(`packages/${name}/src/index.ts`, 'export const answer = 42;\n');
  }

  /** Packages from outside are those of this repository; its own packages are those of the tree. */
  private linkModules(): void {
    const modules = path.join(this.folder, 'node_modules');
    mkdirSync(path.join(modules, '@sentinel-micro'), { recursive: true });
    for (const name of readdirSync(path.join(root, 'node_modules'))) {
      if (name.startsWith('.') || name === '@sentinel-micro') continue;
      symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
    }
    for (const name of packageNames) {
      symlinkSync(path.join(this.folder, 'packages', name), path.join(modules, '@sentinel-micro', name));
    }
  }

  private write(file: string, text: string): void {
    const target = path.join(this.folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}

interface LintFile {
  readonly filePath: string;
  readonly messages: readonly { readonly ruleId: string | null; readonly message: string }[];
}

/** ESLint's findings in the tree: for each file the names of the rules that it breaks, each once. */
export async function lint(tree: SampleTree): Promise<Map<string, string[]>> {
  const { stdout } = await tree.check('eslint/bin/eslint.js', ['--format=json', 'packages']);
  const files = JSON.parse(stdout) as LintFile[];
  return new Map(
    files.map(({ filePath, messages }) => [
      path.relative(tree.folder, filePath),
      [...new Set(messages.map(({ ruleId, message }) => ruleId ?? message))].sort(),
    ]),
  );
}
