import { execFileSync } from 'node:child_process';
import { findTool } from '@sentinel-micro/testkit';
import { parseAllDocuments } from 'yaml';

const buildTimeoutMs = 30_000;

/** A program that renders kustomizations: what it is, and how it is called. */
export interface Renderer {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** All that are here: kustomize itself, and the one in kubectl, which is what most people use. */
export function findRenderers(): Renderer[] {
  const renderers: Renderer[] = [];
  const kustomize = findKustomize();
  if (kustomize !== undefined) renderers.push({ name: 'kustomize', command: kustomize, args: ['build'] });
  const inKubectl = /^kustomizeVersion: (\S+)/m.exec(answerOf('kubectl', ['version', '--client', '-o', 'yaml']) ?? '');
  if (inKubectl !== null) {
    renderers.push({ name: `kubectl with kustomize ${String(inKubectl[1])}`, command: 'kubectl', args: ['kustomize'] });
  }
  return renderers;
}

/** The objects of a kustomization. @throws Error with what the renderer says */
export function render({ command, args }: Renderer, folder: string): unknown[] {
  const text = execFileSync(command, [...args, folder], { encoding: 'utf8', timeout: buildTimeoutMs, stdio: 'pipe' });
  // As Kubernetes reads it: 0440 is octal there, and an unquoted `on` is no text.
  return parseAllDocuments(text, { version: '1.1' }).map((document): unknown => {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem) throw problem;
    return document.toJS() as unknown;
  });
}

function findKustomize(): string | undefined {
  try {
    return findTool('kustomize')?.command;
  } catch {
    return undefined; // no tools were looked for yet
  }
}

function answerOf(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', timeout: buildTimeoutMs, stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}
