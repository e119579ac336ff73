import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, type PodContext, type PodProgram, sentinelMicro, waitUntilTrue } from '@sentinel-micro/testkit';
import { renderChoice } from './support/examples.ts';
import { asManifests } from './support/kubernetes-schemas.ts';
import { connectServer, type KubernetesServer } from './support/kubernetes-server.ts';
import { LabelledPods } from './support/labelled-pods.ts';
import { findRenderers } from './support/kustomize.ts';
import { describeGrant, neededGrants } from './support/permissions.ts';
import { findRedisSets, givenFlags, type RedisSet } from './support/redis-set.ts';

/*
 * Real sidecars at a real Kubernetes API, with the flags and the Roles of the examples: do they get along with what those allow, and do
 * they use all of it. `npm run test:kubernetes` starts the API; the pods are made in it by hand, for nothing of a cluster runs.
 */

const kubeconfig = process.env['KUBECONFIG'] ?? '';
const [renderer] = findRenderers();
if (kubeconfig === '')
  console.warn('no Kubernetes API to use (KUBECONFIG is not set): `npm run test:kubernetes` starts one');
const describeWithServer = kubeconfig === '' || renderer === undefined ? describe.skip : describe;

const features = ['role-labels', 'kubernetes-events', 'kubernetes-lease'];
/** What testkit tells each pod by itself. */
const ownFlags = ['service', 'replicas', 'pod-name', 'pod-uid', 'pod-ip', 'namespace'];

const timeoutMs = 30_000;

let server: KubernetesServer;
let set: RedisSet;
let pods: LabelledPods;
let cluster: Cluster;
const running: { stop: () => Promise<unknown> }[] = [];

/** make-slave and the sidecar of a pod that Kubernetes knows: it has chosen the UID. */
function knownPods(account: string): PodProgram {
  const uids = new Map<string, string>();
  const known = (pod: PodContext): PodContext => {
    const uid = uids.get(pod.identity.uid) ?? pod.identity.uid;
    return { ...pod, identity: { ...pod.identity, uid } };
  };
  return {
    async init(pod) {
      uids.set(pod.identity.uid, await pods.remake(pod.identity.name));
      return sentinelMicro.init(known(pod));
    },
    sidecar(pod) {
      const program = sentinelMicro.sidecar(known(pod));
      return { ...program, args: [...program.args, '--kubeconfig', account] };
    },
  };
}

beforeAll(async () => {
  if (kubeconfig === '' || renderer === undefined) return;
  server = connectServer(kubeconfig);
  const objects = asManifests(renderChoice(renderer, ['kubernetes-api', ...features]));
  set = findRedisSets(objects).sets[0]!;
  pods = await LabelledPods.make(server, set);
  running.push(pods);
  const account = await pods.kubeconfigOf(String(set.pod.serviceAccountName), kubeconfig);
  const sentinelFlags = givenFlags(set.sentinel)
    .filter(({ name }) => !ownFlags.includes(name))
    .flatMap(({ name, value }) => [`--${name}`, ...(value === 'true' ? [] : [String(value)])]);
  cluster = await Cluster.start({ namespace: pods.namespace, program: knownPods(account), sentinelFlags });
  running.push(cluster);
}, 90_000);

afterAll(async () => {
  for (const one of running.reverse()) await one.stop();
});

const masterIn = (roles: Readonly<Record<string, string | undefined>>): string | undefined =>
  Object.keys(roles).find((name) => roles[name] === 'master');

/** Waits until a pod is labelled master, and all others replica. @returns the name of the master */
async function labelled(): Promise<string> {
  let master: string | undefined;
  await waitUntilTrue(
    async () => {
      const roles = await pods.roles();
      master = masterIn(roles);
      return master !== undefined && Object.values(roles).filter((role) => role === 'replica').length === 2;
    },
    { what: 'one pod to be labelled master, and the others replica', timeoutMs },
  );
  return master!;
}

describeWithServer('sidecars with the permissions of the examples', () => {
  test('label their pods, and the label moves with the master, there and back', async () => {
    let master = await labelled();
    for (let round = 0; round < 3; round += 1) {
      const old = cluster.pods.find(({ name }) => name === master)!;
      old.killRedis();
      await waitUntilTrue(async () => ![undefined, old.name].includes(masterIn(await pods.roles())), {
        what: `another pod than ${old.name} to be labelled master`,
        timeoutMs,
      });
      await old.startRedis();
      master = await labelled();
    }
    expect(pods.mostMasters).toBe(1);
  }, 120_000);

  test('write events on their pods and on the StatefulSet', async () => {
    const kinds = new Set((await pods.events()).map(({ involvedObject }) => involvedObject.kind));
    expect([...kinds].sort()).toEqual(['Pod', 'StatefulSet']);
  });

  test('are refused nothing, and use all that they are given', () => {
    const refusals = cluster.pods.flatMap((pod) =>
      pod
        .sidecarLog(10_000)
        .filter(({ event, message }) => event === 'kubernetes' && /needs the verb/.test(String(message))),
    );
    expect(refusals).toEqual([]);
    const log = path.join(path.dirname(kubeconfig), 'audit.log');
    if (!existsSync(log)) {
      console.warn(`what they have used is not looked at: ${log} is not there`);
      return;
    }
    const user = `system:serviceaccount:${pods.namespace}:${String(set.pod.serviceAccountName)}`;
    const used = new Set(pods.usedBy(user, readFileSync(log, 'utf8')).map(describeGrant));
    expect([...used].sort()).toEqual([...new Set(neededGrants(set).map(describeGrant))].sort());
  });
});
