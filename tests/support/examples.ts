import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Renderer, render } from './kustomize.ts';

export const examples = path.join(path.dirname(path.dirname(import.meta.dirname)), 'k8s-examples');

const foldersIn = (folder: string): string[] => readdirSync(path.join(examples, folder)).sort();
const allComponents = foldersIn('components');

/** Everything that can be applied as it is. */
export const kustomizations = ['base', ...foldersIn('overlays').map((overlay) => `overlays/${overlay}`)];

/** The components that give the sidecar permissions. They come after kubernetes-api. */
export const componentsWithPermissions = allComponents.filter((name) =>
  readdirSync(path.join(examples, 'components', name)).includes('rbac.yaml'),
);

/** The components that need no other one. */
export const plainComponents = allComponents.filter(
  (name) => !['kubernetes-api', 'native-sidecar', ...componentsWithPermissions].includes(name),
);

/** The base with some components, listed in this order. @throws Error with what the renderer says */
export function renderChoice(renderer: Renderer, components: readonly string[]): unknown[] {
  return inScratch((folder) => {
    // kustomize takes no absolute paths.
    const from = (name: string): string => path.relative(folder, path.join(examples, name));
    const list = components.map((component) => from(`components/${component}`));
    writeKustomization(folder, { resources: [from('base')], components: list });
    return render(renderer, folder);
  });
}

/** What stands in one file. @throws Error with what the renderer says */
export function renderFile(renderer: Renderer, text: string): unknown[] {
  return inScratch((folder) => {
    writeFileSync(path.join(folder, 'objects.yaml'), text);
    writeKustomization(folder, { resources: ['objects.yaml'] });
    return render(renderer, folder);
  });
}

/** A folder of the examples, copied to where nothing else of them is. @throws Error with what the renderer says */
export function renderCopy(renderer: Renderer, kustomization: string): unknown[] {
  return inScratch((folder) => {
    cpSync(path.join(examples, kustomization), folder, { recursive: true });
    return render(renderer, folder);
  });
}

function inScratch<Result>(use: (folder: string) => Result): Result {
  const folder = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-manifests-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeKustomization(folder: string, fields: Record<string, readonly string[]>): void {
  const lists = Object.entries(fields).map(([field, items]) => `${field}: ${JSON.stringify(items)}\n`);
  const head = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n';
  writeFileSync(path.join(folder, 'kustomization.yaml'), head + lists.join(''));
}
