import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

/** What our kustomizations use of kustomize. Anything else is refused, so that this never renders half the truth. */
interface Kustomization {
  readonly resources: readonly string[];
  readonly images: readonly ImageChange[];
}

interface ImageChange {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
}

const kustomizationFile = 'kustomization.yaml';

/**
 * Renders a kustomization as `kubectl kustomize` would, on machines without kubectl too: reads the listed resources,
 * then changes the images. Returns the objects in the order of the files.
 */
export function renderKustomization(folder: string): unknown[] {
  const { resources, images } = readKustomization(path.join(folder, kustomizationFile));
  const objects = resources.flatMap((resource) => readResource(path.join(folder, resource)));
  for (const object of objects) changeImages(object, images);
  return objects;
}

/** All objects of a text with several YAML documents. */
export function readObjects(text: string): unknown[] {
  return parseAllDocuments(text).map((document): unknown => {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem) throw problem;
    return document.toJS() as unknown;
  });
}

function readResource(resource: string): unknown[] {
  if (existsSync(path.join(resource, kustomizationFile))) return renderKustomization(resource);
  return readObjects(readFileSync(resource, 'utf8'));
}

function readKustomization(file: string): Kustomization {
  const { apiVersion, kind, resources, images, ...others } = parse(readFileSync(file, 'utf8')) as Record<
    string,
    unknown
  >;
  const unknownFields = Object.keys(others);
  if (unknownFields.length > 0) throw new Error(`${file}: this renderer does not know ${unknownFields.join(', ')}`);
  if (apiVersion !== 'kustomize.config.k8s.io/v1beta1' || kind !== 'Kustomization') {
    throw new Error(`${file}: not a Kustomization`);
  }
  return { resources: (resources ?? []) as string[], images: (images ?? []) as ImageChange[] };
}

/** Changes every `image:` anywhere in the object that one of the changes names. */
function changeImages(node: unknown, changes: readonly ImageChange[]): void {
  if (Array.isArray(node)) {
    for (const item of node) changeImages(item, changes);
  } else if (typeof node === 'object' && node !== null) {
    const fields = node as Record<string, unknown>;
    for (const [key, value] of Object.entries(fields)) {
      if (key === 'image' && typeof value === 'string') fields[key] = changedImage(value, changes);
      else changeImages(value, changes);
    }
  }
}

function changedImage(image: string, changes: readonly ImageChange[]): string {
  const { name, tag } = splitImage(image);
  const change = changes.find((candidate) => candidate.name === name);
  if (!change) return image;
  const newTag = change.newTag ?? tag;
  return `${change.newName ?? name}${newTag === undefined ? '' : `:${newTag}`}`;
}

/** A colon before the last slash belongs to a registry's port. */
export function splitImage(image: string): { name: string; tag: string | undefined } {
  const colon = image.indexOf(':', image.lastIndexOf('/') + 1);
  return colon === -1 ? { name: image, tag: undefined } : { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}
