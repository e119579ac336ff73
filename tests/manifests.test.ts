import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { asManifests, type Manifest, schemaComplaints } from './support/kubernetes-schemas.ts';
import { readObjects, renderKustomization, splitImage } from './support/kustomize.ts';
import { checkManifests, checks } from './support/manifest-checks.ts';
import { mutations } from './support/manifest-mutations.ts';
import { findRedisSets, type RedisSet } from './support/redis-set.ts';

const root = path.dirname(import.meta.dirname);
const base = path.join(root, 'k8s-examples/base');

/** Objects of the base, fresh for each test: the tests break them. */
const baseObjects = (): Manifest[] => asManifests(renderKustomization(base));

/** The one set among the objects. What a test changes in it, it changes in the objects. */
function setOf(objects: readonly Manifest[]): RedisSet {
  const { sets, complaints } = findRedisSets(objects);
  expect(complaints).toEqual([]);
  expect(sets).toHaveLength(1);
  return sets[0]!;
}

describe('k8s-examples/base', () => {
  test('every object fits its Kubernetes schema', () => {
    const objects = renderKustomization(base) as { kind: string }[];
    expect(objects.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Service', 'StatefulSet', 'PodDisruptionBudget']);
    for (const object of objects) expect(schemaComplaints(object)).toEqual([]);
  });

  test('everything that the schemas cannot tell is right too', () => {
    expect(checkManifests(baseObjects())).toEqual([]);
  });

  test('the images carry the version of this repository', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    const { makeSlave, sentinel } = setOf(baseObjects());
    expect(splitImage(makeSlave.image!)).toEqual({ name: 'sentinel-micro/make-slave', tag: version });
    expect(splitImage(sentinel.image!)).toEqual({ name: 'sentinel-micro/sentinel', tag: version });
  });

  const kubectl = kubectlVersion();
  (kubectl === undefined ? test.skip : test)(
    `kubectl renders the same objects (${kubectl ?? 'no kubectl here'})`,
    () => {
      const byKubectl = readObjects(execFileSync('kubectl', ['kustomize', base], { encoding: 'utf8' }));
      expect(byName(byKubectl)).toEqual(byName(renderKustomization(base)));
    },
  );
});

describe('the schemas refuse', () => {
  const brokenObjects: [string, (set: RedisSet) => void, string][] = [
    [
      'a string where a number belongs',
      ({ statefulSet }) => Object.assign(statefulSet.spec!, { replicas: '3' }),
      'data/spec/replicas must be integer',
    ],
    [
      'a field that is missing',
      ({ redis }) => Object.assign(redis.readinessProbe!, { tcpSocket: {} }),
      'must have required property port',
    ],
    [
      'a word that is not in the list',
      ({ statefulSet }) => Object.assign(statefulSet.spec!, { podManagementPolicy: 'parallel' }),
      'data/spec/podManagementPolicy must be equal to one of the allowed values',
    ],
    [
      'a misspelt field',
      ({ sentinel }) => Object.assign(sentinel, { readinesProbe: {} }),
      'unknown field /spec/template/spec/containers/1/readinesProbe',
    ],
    [
      'a field at the wrong place',
      ({ statefulSet }) => Object.assign(statefulSet, { replicas: 3 }),
      'unknown field /replicas',
    ],
    [
      'an object of no known kind',
      ({ statefulSet }) => Object.assign(statefulSet, { apiVersion: 'apps/v1beta1' }),
      'no schema for apiVersion apps/v1beta1, kind StatefulSet',
    ],
  ];

  test.each(brokenObjects)('%s', (_name, breakIt, complaint) => {
    const set = setOf(baseObjects());
    breakIt(set);
    expect(schemaComplaints(set.statefulSet)).toEqual([expect.stringContaining(complaint)]);
  });
});

describe('the checks notice', () => {
  const rows = Object.entries(mutations).flatMap(([check, ways]) => ways.map((way) => [check, ...way] as const));

  test.each(rows)('%s: %s', (check, _what, breakIt, complaint) => {
    const objects = baseObjects();
    breakIt(setOf(objects));
    expect(objects.flatMap(schemaComplaints)).toEqual([]);
    const complaints = checkManifests(objects).filter((line) => line.startsWith(`${check}: `));
    expect(complaints).toContainEqual(expect.stringContaining(complaint));
  });

  test('no check is left out of the table', () => {
    expect(Object.keys(mutations).sort()).toEqual(Object.keys(checks).sort());
  });

  const missingParts: [string, (objects: Manifest[]) => Manifest[], string][] = [
    ['no StatefulSet', (objects) => objects.filter(({ kind }) => kind !== 'StatefulSet'), 'parts: no StatefulSet'],
    [
      'no Service',
      (objects) => objects.filter(({ kind }) => kind !== 'Service'),
      'parts: spec.serviceName redis names no Service',
    ],
    [
      'no make-slave',
      (objects) => renamed(objects, ({ makeSlave }) => makeSlave),
      'parts: no init container make-slave',
    ],
    ['no Redis', (objects) => renamed(objects, ({ redis }) => redis), 'parts: no container redis'],
    ['no sentinel', (objects) => renamed(objects, ({ sentinel }) => sentinel), 'parts: no container sentinel'],
  ];
  test.each(missingParts)('%s', (_name, remove, complaint) => {
    expect(checkManifests(remove(baseObjects()))).toEqual([complaint]);
  });
});

function renamed(objects: Manifest[], choose: (set: RedisSet) => { name: string }): Manifest[] {
  choose(setOf(objects)).name = 'other';
  return objects;
}

function kubectlVersion(): string | undefined {
  try {
    const answer = execFileSync('kubectl', ['version', '--client', '--output=json'], { encoding: 'utf8' });
    return (JSON.parse(answer) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion;
  } catch {
    return undefined;
  }
}

function byName(objects: readonly unknown[]): Map<string, unknown> {
  return new Map(
    objects.map((object) => {
      const { kind, metadata } = object as { kind: string; metadata: { name: string } };
      return [`${kind}/${metadata.name}`, object];
    }),
  );
}
