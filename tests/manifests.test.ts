import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  componentsWithPermissions,
  examples,
  kustomizations,
  plainComponents,
  renderChoice,
  renderCopy,
  renderFile,
} from './support/examples.ts';
import { asManifests, type Manifest, schemaComplaints } from './support/kubernetes-schemas.ts';
import { findRenderers, render } from './support/kustomize.ts';
import { checkManifests, checks } from './support/manifest-checks.ts';
import { mutations } from './support/manifest-mutations.ts';
import { findRedisSets, type RedisSet, splitImage } from './support/redis-set.ts';
import { settingsInRedis } from './support/redis-takes.ts';

const root = path.dirname(import.meta.dirname);
const renderers = findRenderers();
if (renderers.length === 0) {
  console.warn(
    'the manifests are not checked: no kustomize here (`node scripts/tools.mjs --tool kustomize`), no kubectl',
  );
}
const describeRendered = renderers.length === 0 ? describe.skip : describe;

/** What was rendered once is kept as text, so that each test has objects of its own to break. */
const rendered = new Map<string, string>();

function objectsOf(kustomization: string): Manifest[] {
  const text = rendered.get(kustomization) ?? JSON.stringify(render(renderers[0]!, path.join(examples, kustomization)));
  rendered.set(kustomization, text);
  return asManifests(JSON.parse(text) as unknown[]);
}

const baseObjects = (): Manifest[] => objectsOf('base');

/** The one set among the objects. What a test changes in it, it changes in the objects. */
function setOf(objects: readonly Manifest[]): RedisSet {
  const { sets, complaints } = findRedisSets(objects);
  expect(complaints).toEqual([]);
  expect(sets).toHaveLength(1);
  return sets[0]!;
}

describeRendered.each(kustomizations)('k8s-examples/%s', (kustomization) => {
  test('every object fits its Kubernetes schema', () => {
    const objects = render(renderers[0]!, path.join(examples, kustomization));
    expect(objects.flatMap(schemaComplaints)).toEqual([]);
    const kinds = new Set(objects.map((object) => (object as { kind: string }).kind));
    const always = ['ConfigMap', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'StatefulSet'];
    const some = [...kinds].filter((kind) => !always.includes(kind)).sort();
    expect(always.filter((kind) => !kinds.has(kind))).toEqual([]);
    expect([[], ['Secret'], ['Role', 'RoleBinding', 'ServiceAccount']]).toContainEqual(some);
  });

  test('everything that the schemas cannot tell is right too', () => {
    expect(checkManifests(objectsOf(kustomization))).toEqual([]);
  });

  test('our images carry the version of this repository', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    const { makeSlave, sentinel } = setOf(objectsOf(kustomization));
    expect(splitImage(makeSlave.image!)).toEqual({ name: 'sentinel-micro/make-slave', tag: version });
    expect(splitImage(sentinel.image!)).toEqual({ name: 'sentinel-micro/sentinel', tag: version });
  });

  for (const renderer of renderers.slice(1)) {
    test(`${renderer.name} renders the same objects as ${renderers[0]!.name}`, () => {
      const folder = path.join(examples, kustomization);
      expect(render(renderer, folder)).toEqual(render(renderers[0]!, folder));
    });
  }
});

describeRendered('the overlays are what their names say', () => {
  test('single-pod has one pod, and five-pods-over-zones has five that no zone has a majority of', () => {
    expect(setOf(objectsOf('overlays/single-pod')).replicas).toBe(1);
    const { replicas, pod } = setOf(objectsOf('overlays/five-pods-over-zones'));
    const zones = pod.topologySpreadConstraints!.find(
      ({ topologyKey }) => topologyKey === 'topology.kubernetes.io/zone',
    );
    const mostInOneOfThree = Math.ceil(replicas / 3);
    expect([replicas, zones?.maxSkew]).toEqual([5, 1]);
    expect(replicas - mostInOneOfThree).toBeGreaterThanOrEqual(Math.floor(replicas / 2) + 1);
  });

  test('password: Redis, make-slave, the sidecar and redis-cli have the same one, and no ConfigMap has it', () => {
    const objects = objectsOf('overlays/password');
    const { secrets, redis, configMaps } = setOf(objects);
    const password = secrets[0]!.stringData!['password']!;
    expect(secrets[0]!.stringData!['redis.conf']).toBe(`requirepass ${password}\n`);
    expect(redis.env).toEqual([
      { name: 'REDISCLI_AUTH', valueFrom: { secretKeyRef: { name: secrets[0]!.metadata!.name, key: 'password' } } },
    ]);
    expect(JSON.stringify(configMaps)).not.toContain(password);
  });

  test('native-sidecar: the sidecar starts first, is all that it is in the base, and Redis hands over before it ends', () => {
    const native = setOf(objectsOf('overlays/native-sidecar'));
    const { sentinel } = setOf(baseObjects());
    expect(native.pod.initContainers!.map(({ name }) => name)).toEqual(['sentinel', 'make-slave']);
    expect(native.pod.containers.map(({ name }) => name)).toEqual(['redis']);
    expect(native.sentinel).toEqual({ ...sentinel, restartPolicy: 'Always' });
    expect(native.redis.lifecycle?.preStop?.exec?.command).toContain('HANDOVER');
  });

  test('persistence: each pod has a volume, and Redis an append-only file on it', () => {
    const { statefulSet, pod, configMaps } = setOf(objectsOf('overlays/persistence'));
    expect(statefulSet.spec!.volumeClaimTemplates!.map(({ metadata }) => metadata?.name)).toEqual(['data']);
    expect(pod.volumes!.map(({ name }) => name)).not.toContain('data');
    expect(configMaps[0]!.data!['with-persistence.conf']).toMatch(/^appendonly yes$/m);
  });

  test('valkey and kill-hung', () => {
    const { redis } = setOf(objectsOf('overlays/valkey'));
    expect([splitImage(redis.image!).name, redis.command![0]]).toEqual(['valkey/valkey', 'valkey-server']);
    const { sentinel } = setOf(objectsOf('overlays/kill-hung'));
    expect(sentinel.env).toContainEqual({ name: 'SENTINEL_MICRO_KILL_HUNG', value: 'true' });
  });

  test('existing-statefulset can be copied, as the README does it, and has the names that are used there', () => {
    const objects = objectsOf('overlays/existing-statefulset');
    expect(renderCopy(renderers[0]!, 'overlays/existing-statefulset')).toEqual(objects);
    const readme = readFileSync(path.join(path.dirname(examples), 'README.md'), 'utf8');
    const { statefulSet, podLabels, service, containers } = setOf(objects);
    const name = String(statefulSet.metadata?.name);
    expect([service.metadata?.name, podLabels]).toEqual([name, { app: name }]);
    const used = [...readme.matchAll(/^ +kubectl exec (\S+) -c (\S+) -- /gm)].map(([, pod, container]) => [
      pod,
      container,
    ]);
    expect(new Set(used.map(([pod]) => pod))).toEqual(new Set([`${name}-0`]));
    expect(containers.map((container) => container.name)).toEqual(expect.arrayContaining(used.map(([, one]) => one)));
    const steps = [`delete statefulset ${name} --cascade=orphan`, 'apply -k', `rollout status statefulset ${name}`];
    const guide = readFileSync(path.join(examples, 'README.md'), 'utf8');
    for (const text of [readme, guide]) {
      const [block = ''] = /kubectl delete statefulset[^`]*/.exec(text) ?? [];
      const lines = block.trim().split('\n');
      expect(lines).toHaveLength(steps.length);
      for (const [index, step] of steps.entries()) expect(lines[index]!.trim()).toMatch(`kubectl ${step}`);
    }
  });

  test('role-labels: one Service for the master, one for the replicas, both for the pods of the set alone', () => {
    const { otherServices, podLabels, service } = setOf(objectsOf('overlays/role-labels'));
    expect(otherServices.map(({ metadata, spec }) => [metadata?.name, spec?.selector])).toEqual([
      ['redis-master', { ...podLabels, 'sentinel-micro.io/role': 'master' }],
      ['redis-replica', { ...podLabels, 'sentinel-micro.io/role': 'replica' }],
    ]);
    expect(service.spec?.selector).toEqual(podLabels);
  });

  test('kubernetes-lease has two pods, and the budget lets one of them go', () => {
    const { replicas, budgets } = setOf(objectsOf('overlays/kubernetes-lease'));
    expect([replicas, budgets[0]!.spec?.maxUnavailable]).toEqual([2, 1]);
  });

  test('existing-statefulset leaves what is not ours as it was', () => {
    const file = path.join(examples, 'overlays/existing-statefulset/existing.yaml');
    const before = renderFile(renderers[0]!, readFileSync(file, 'utf8')) as Manifest[];
    const after = objectsOf('overlays/existing-statefulset');
    const old = before.find(({ kind }) => kind === 'StatefulSet') as RedisSet['statefulSet'];
    const { statefulSet, redis, configMaps } = setOf(after);
    expect(checkManifests(before)).not.toEqual([]);
    expect(configMaps[0]).toEqual(before.find(({ kind }) => kind === 'ConfigMap'));
    for (const field of ['serviceName', 'selector', 'volumeClaimTemplates', 'replicas'] as const) {
      expect([field, statefulSet.spec![field]]).toEqual([field, old.spec![field]]);
    }
    const { command, args, volumeMounts, ...others } = old.spec!.template.spec!.containers[0]!;
    expect([command, args]).not.toEqual([undefined, undefined]);
    expect(redis).toMatchObject(others);
    expect(redis.volumeMounts).toEqual(expect.arrayContaining(volumeMounts!));
    expect([redis.command, redis.args]).toEqual([['redis-server', '/redis-config/redis.conf'], undefined]);
  });
});

describeRendered('a real redis-server takes the files as they are', () => {
  const names = ['maxmemory', 'appendonly', 'appendfsync', 'protected-mode', 'requirepass'];

  test.each([
    ['base', { maxmemory: '268435456', appendonly: 'no', 'protected-mode': 'no', requirepass: '' }],
    ['overlays/existing-statefulset', { maxmemory: '268435456', appendonly: 'no', requirepass: '' }],
    [
      'overlays/production',
      {
        maxmemory: '268435456',
        appendonly: 'yes',
        appendfsync: 'everysec',
        requirepass: 'change-me-before-you-apply-this',
      },
    ],
  ])('%s', async (kustomization, wanted) => {
    expect(await settingsInRedis(setOf(objectsOf(kustomization)), names)).toMatchObject(wanted);
  });

  test('and not one that is misspelt', async () => {
    const set = setOf(baseObjects());
    set.configMaps[0]!.data!['with-more.conf'] = 'apendonly yes\n';
    await expect(settingsInRedis(set, names)).rejects.toThrow(/Bad directive or wrong number of arguments/);
  });
});

function subsetsOf(names: readonly string[]): string[][] {
  return Array.from({ length: 2 ** names.length }, (_, bits) =>
    names.filter((_name, index) => (bits >> index) % 2 === 1),
  );
}

describeRendered('every choice of components is right, too', () => {
  // Those with permissions come after kubernetes-api, and native-sidecar comes last, as their own files say.
  const withApi = (features: readonly string[]): string[] =>
    features.length === 0 ? [] : ['kubernetes-api', ...features];
  const choices = [
    ...subsetsOf([...plainComponents, 'native-sidecar']),
    ...subsetsOf(componentsWithPermissions).slice(1).map(withApi),
    ...subsetsOf(plainComponents).map((some) => [...some, ...withApi(componentsWithPermissions), 'native-sidecar']),
  ];

  test.each(choices.map((choice) => [choice.join(', ') || 'none', choice] as const))('%s', (_name, choice) => {
    const objects = renderChoice(renderers[0]!, choice);
    expect(objects.flatMap(schemaComplaints)).toEqual([]);
    expect(checkManifests(objects as Manifest[])).toEqual([]);
  });
});

describeRendered('the schemas refuse', () => {
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

  test('a permission for the whole cluster', () => {
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'redis' } };
    expect(schemaComplaints(role)).toEqual(['no schema for apiVersion rbac.authorization.k8s.io/v1, kind ClusterRole']);
  });
});

describeRendered('the checks notice', () => {
  const rows = Object.entries(mutations).flatMap(([check, ways]) =>
    ways.map(([what, breakIt, complaint, overlay]) => ({ check, what, breakIt, complaint, overlay })),
  );

  test.each(rows)('$check: $what', ({ check, breakIt, complaint, overlay }) => {
    const objects = objectsOf(overlay === undefined ? 'base' : `overlays/${overlay}`);
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
