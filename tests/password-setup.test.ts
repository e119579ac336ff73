// The runbook's patch for a set with a password, put onto the example: it has to be good for Kubernetes and for this project.
import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { asManifests, schemaComplaints } from './support/kubernetes-schemas.ts';
import { findRenderers, render } from './support/kustomize.ts';
import { checkManifests } from './support/manifest-checks.ts';

const root = path.dirname(import.meta.dirname);

type Tree = Readonly<Record<string, unknown>>;

/** The YAML of the section, in its order: the Secret, then the patch. YAML 1.1, as kubectl reads it: 0440 is octal. */
function documentedYaml(): Tree[] {
  const runbook = readFileSync(path.join(root, 'docs', 'OPERATIONS.md'), 'utf8');
  const section = runbook.split(/^## /m).find((text) => text.startsWith('A set with a password\n')) ?? '';
  return [...section.matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, text]) => parse(String(text), { version: '1.1' }) as Tree,
  );
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
const nameOf = (value: unknown): unknown => (isTree(value) ? value['name'] : undefined);

/** As a strategic merge: lists of named things by their names, everything else replaced. */
function merged(base: unknown, patch: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(patch)) {
    const changes = patch as unknown[];
    const kept = (base as unknown[]).map((item) => {
      const change = changes.find((one) => nameOf(one) === nameOf(item));
      return change === undefined ? item : merged(item, change);
    });
    const known = new Set((base as unknown[]).map(nameOf));
    return [...kept, ...changes.filter((one) => !known.has(nameOf(one)))];
  }
  if (!isTree(base) || !isTree(patch)) return patch;
  return {
    ...base,
    ...Object.fromEntries(Object.entries(patch).map(([key, value]) => [key, merged(base[key], value)])),
  };
}

const [secret, patch] = documentedYaml();
const [renderer] = findRenderers();
if (renderer === undefined) {
  console.warn(
    'the setup of a password is not checked: no kustomize here (`npm run tools -- --tool kustomize`), no kubectl',
  );
}
const testRendered = renderer === undefined ? test.skip : test;
const example = renderer === undefined ? [] : (render(renderer, path.join(root, 'k8s-examples', 'base')) as Tree[]);

/** The ConfigMap with the line that the section wants in redis.conf. */
function including(configMap: Tree): Tree {
  const { 'redis.conf': text, ...others } = configMap['data'] as Readonly<Record<string, string>>;
  return { ...configMap, data: { ...others, 'redis.conf': `${String(text)}include /redis-password/password.conf\n` } };
}

function changed(object: Tree): Tree {
  if (object['kind'] === 'StatefulSet') return merged(object, patch) as Tree;
  return object['kind'] === 'ConfigMap' ? including(object) : object;
}

const withPassword = [secret, ...example.map(changed)];

testRendered('Kubernetes takes it, and all that is checked of the example still holds', () => {
  expect(withPassword.flatMap(schemaComplaints)).toEqual([]);
  expect(checkManifests(asManifests(withPassword))).toEqual([]);
});

testRendered('every container finds the file that it is told of, and all read the same password', () => {
  const text = JSON.stringify(withPassword);
  const { password, 'password.conf': lines } = secret?.['stringData'] as Record<string, string>;
  expect(lines).toBe(`requirepass ${String(password)}\n`);
  expect(text.match(/"mountPath":"\/redis-password"/g)).toHaveLength(3);
  expect(text.match(/"SENTINEL_MICRO_REDIS_PASSWORD_FILE","value":"\/redis-password\/password"/g)).toHaveLength(2);
  expect(text).toContain('"secretKeyRef":{"name":"redis-password","key":"password"}');
  expect(text).toContain('"secret":{"secretName":"redis-password","defaultMode":288}');
});
