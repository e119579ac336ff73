import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { IStatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import type { IPolicyRule } from 'kubernetes-models/rbac.authorization.k8s.io/v1/PolicyRule';
import { componentsWithPermissions, examples, kustomizations, renderChoice, renderFile } from './support/examples.ts';
import { asManifests, type Manifest } from './support/kubernetes-schemas.ts';
import { connectServer, type KubernetesServer } from './support/kubernetes-server.ts';
import { findRenderers, render } from './support/kustomize.ts';
import { describeGrant, type Grant, grantsOf, neededGrants } from './support/permissions.ts';
import { findRedisSets, type RedisSet } from './support/redis-set.ts';

/*
 * The examples, put before a real Kubernetes API: does it take each object, and does it give the sidecar what it needs and nothing
 * else. `npm run test:kubernetes` starts one and runs these tests; they make namespaces of their own in it.
 */

const kubeconfig = process.env['KUBECONFIG'] ?? '';
const renderers = findRenderers();
const isHere = kubeconfig !== '' && renderers.length > 0;
if (!isHere) console.warn('no Kubernetes API to ask (KUBECONFIG is not set): `npm run test:kubernetes` starts one');
const describeWithServer = isHere ? describe : describe.skip;

let server: KubernetesServer;
/** Of the server: 20 for 1.20. */
let minor: number;
beforeAll(async () => {
  if (!isHere) return;
  server = connectServer(kubeconfig);
  const { body } = await server.get('/version');
  minor = Number.parseInt((body as { minor: string }).minor, 10);
});

function objectsOf(kustomization: string): Manifest[] {
  return asManifests(render(renderers[0]!, path.join(examples, kustomization)));
}

const setOf = (objects: readonly Manifest[]): RedisSet => findRedisSets(objects).sets[0]!;

const namespaces: string[] = [];
afterAll(async () => {
  for (const name of namespaces) await server.delete(`/api/v1/namespaces/${name}`);
});

async function newNamespace(): Promise<string> {
  const name = `sentinel-micro-${Date.now().toString(36)}-${namespaces.length}`;
  namespaces.push(name);
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  expect(await server.post('/api/v1/namespaces', object)).toMatchObject({ status: 201 });
  return name;
}

/** Where objects of a kind are made. */
function pathOf({ apiVersion, kind }: { apiVersion: string; kind: string }, namespace: string): string {
  const plural = kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`;
  const group = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
  return `/${group}/namespaces/${namespace}/${plural.toLowerCase()}`;
}

/** What an API as old as this one says of an object; undefined when it takes it. Nothing is kept. */
async function refusalOf(object: { apiVersion: string; kind: string }, namespace: string): Promise<string | undefined> {
  // The same object has had this name before 1.21.
  const known =
    object.kind === 'PodDisruptionBudget' && minor < 21 ? { ...object, apiVersion: 'policy/v1beta1' } : object;
  const { status, body } = await server.post(`${pathOf(known, namespace)}?dryRun=All`, known);
  return status === 201 ? undefined : `${object.kind}: ${String((body as { message?: string }).message)}`;
}

/** The first pod, as the StatefulSet's controller would make it: the API looks closely at pods only. */
function firstPodOf({ statefulSet, pod }: RedisSet): { apiVersion: string; kind: string } {
  const claims = (statefulSet.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => ({
    name: String(metadata?.name),
    persistentVolumeClaim: { claimName: `${String(metadata?.name)}-redis-0` },
  }));
  const metadata = { ...statefulSet.spec!.template.metadata, name: `${String(statefulSet.metadata?.name)}-0` };
  const spec = { ...pod, volumes: [...(pod.volumes ?? []), ...claims] };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec } as { apiVersion: string; kind: string };
}

const PROBES_OF_AN_INIT_CONTAINER = `Pod: Pod "redis-0" is invalid: [${[
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
]
  .map((probe) => `spec.initContainers[0].${probe}: must not be set for init containers`)
  .join(', ')}]`;

/** What the API says, without the values that it does not like. */
const withoutValues = (refusal: string): string => refusal.replace(/Invalid value: .*?}: must/g, 'must');

describeWithServer('the API takes', () => {
  test.each(kustomizations)('%s', async (kustomization) => {
    const namespace = await newNamespace();
    const objects = objectsOf(kustomization);
    const set = setOf(objects);
    const refusals: string[] = [];
    for (const object of [...objects, firstPodOf(set)]) {
      const refusal = await refusalOf(object, namespace);
      if (refusal !== undefined) refusals.push(refusal);
    }
    // Before 1.28 there are no native sidecars, and init containers have no probes: nothing else may be said of ours.
    const isTooNew = set.isNative && minor < 28;
    expect(refusals.map(withoutValues)).toEqual(isTooNew ? [PROBES_OF_AN_INIT_CONTAINER] : []);
  });

  test('and refuses what the schemas let pass', async () => {
    const { redis, ...set } = setOf(objectsOf('base'));
    redis.volumeMounts![0]!.name = 'nowhere';
    const refusal = await refusalOf(firstPodOf({ redis, ...set }), await newNamespace());
    expect(refusal).toContain('volumeMounts[0].name: Not found: "nowhere"');
  });
});

describeWithServer('a StatefulSet that is there already', () => {
  const isStatefulSet = ({ kind }: Manifest): boolean => kind === 'StatefulSet';

  test('is not changed in place, as the README says: it is made anew', async () => {
    const namespace = await newNamespace();
    const file = path.join(examples, 'overlays/existing-statefulset/existing.yaml');
    const before = (renderFile(renderers[0]!, readFileSync(file, 'utf8')) as Manifest[]).find(isStatefulSet)!;
    const after = objectsOf('overlays/existing-statefulset').find(isStatefulSet)!;
    expect(await server.post(pathOf(before, namespace), before)).toMatchObject({ status: 201 });
    const place = `${pathOf(after, namespace)}/${String(after.metadata?.name)}`;
    const change = await server.patch(`${place}?dryRun=All`, after);
    expect([change.status, JSON.stringify(change.body)]).toEqual([422, expect.stringContaining('Forbidden')]);

    // In place all but that may be changed.
    const others = { ...after, spec: { ...(after as IStatefulSet).spec, podManagementPolicy: 'OrderedReady' } };
    expect(await server.patch(`${place}?dryRun=All`, others)).toMatchObject({ status: 200 });
    expect(await server.delete(place)).toMatchObject({ status: 200 });
    expect(await server.post(pathOf(after, namespace), after)).toMatchObject({ status: 201 });
  });
});

/** Everything that a token allows in a namespace, other than what every account may (ask what it may). */
async function allowedGrants(token: string, namespace: string): Promise<string[]> {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
  const { status, body } = await server.as(token).post(path, review);
  expect(status).toBe(201);
  const { resourceRules } = (body as { status: { resourceRules: IPolicyRule[] } }).status;
  return described(grantsOf(resourceRules).filter(({ group }) => group !== 'authorization.k8s.io'));
}

/** What two Roles allow is told once. */
const described = (grants: readonly Grant[]): string[] => [...new Set(grants.map(describeGrant))].sort();

async function tokenOf(account: string, namespace: string): Promise<string> {
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } };
  const { status, body } = await server.post(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    request,
  );
  expect(status).toBe(201);
  return (body as { status: { token: string } }).status.token;
}

async function isAllowed(token: string, namespace: string, { verb, group, resource, name }: Grant): Promise<boolean> {
  const attributes = { namespace, verb, group, resource, ...(name === '*' ? {} : { name }) };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: attributes },
  };
  const { body } = await server.as(token).post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review);
  return (body as { status: { allowed: boolean } }).status.allowed;
}

/** Components as a user lists them in a kustomization. */
function setWith(components: readonly string[]): { objects: Manifest[]; set: RedisSet } {
  const objects = asManifests(renderChoice(renderers[0]!, ['kubernetes-api', ...components]));
  return { objects, set: setOf(objects) };
}

describeWithServer("the sidecar's token", () => {
  const choices = [...componentsWithPermissions.map((name) => [name]), componentsWithPermissions];

  test.each(choices.map((choice) => [choice.join(', '), choice] as const))(
    'with %s allows what the flags need, and nothing else',
    async (_name, choice) => {
      const { objects, set } = setWith(choice);
      const namespace = await newNamespace();
      for (const object of objects.filter(({ kind }) => ['ServiceAccount', 'Role', 'RoleBinding'].includes(kind))) {
        expect(await server.post(pathOf(object, namespace), object)).toMatchObject({ status: 201 });
      }
      const token = await tokenOf(String(set.pod.serviceAccountName), namespace);
      const needed = neededGrants(set);
      expect(await allowedGrants(token, namespace)).toEqual(described(needed));
      for (const grant of needed) expect([grant, await isAllowed(token, namespace, grant)]).toEqual([grant, true]);

      const elsewhere = await newNamespace();
      for (const grant of needed) expect(await isAllowed(token, elsewhere, grant)).toBe(false);
      for (const grant of temptations)
        expect([grant, await isAllowed(token, namespace, grant)]).toEqual([grant, false]);
    },
  );
});

/** What somebody would want who got hold of the token. */
const temptations: Grant[] = [
  { verb: 'get', group: '', resource: 'secrets', name: 'redis-auth' },
  { verb: 'list', group: '', resource: 'pods', name: '*' },
  { verb: 'create', group: '', resource: 'pods', name: '*' },
  { verb: 'delete', group: '', resource: 'pods', name: 'redis-0' },
  { verb: 'patch', group: '', resource: 'pods', name: 'other-0' },
  { verb: 'create', group: '', resource: 'pods/exec', name: 'redis-0' },
  { verb: 'patch', group: 'apps', resource: 'statefulsets', name: 'redis' },
  { verb: 'get', group: 'apps', resource: 'statefulsets', name: 'other' },
  { verb: 'update', group: 'coordination.k8s.io', resource: 'leases', name: 'other' },
  { verb: 'delete', group: 'coordination.k8s.io', resource: 'leases', name: 'redis-master' },
  { verb: 'list', group: '', resource: 'events', name: '*' },
  { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'rolebindings', name: '*' },
];
