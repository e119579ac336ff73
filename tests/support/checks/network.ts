import type { IContainer } from 'kubernetes-models/v1/Container';
import type { INetworkPolicyPeer } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicyPeer';
import type { INetworkPolicyPort } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicyPort';
import { neededGrants } from '../permissions.ts';
import { flagOf } from '../program-flags.ts';
import { type Labels, type RedisSet, selects } from '../redis-set.ts';
import { type Checks, when } from './complaints.ts';

const dnsPort = 53;
/** Of the Service `kubernetes`, and of what it leads to in most clusters: which of them a policy sees depends on the network. */
const apiPorts = [443, 6443];

/** How pods and clients find each other, and whether they may talk. */
export const networkChecks: Checks = {
  'headless-service': ({ service }) => when(service.spec?.clusterIP !== 'None', 'the Service needs clusterIP: None'),

  'publish-not-ready': ({ service }) =>
    when(
      service.spec?.publishNotReadyAddresses !== true,
      'the Service needs publishNotReadyAddresses: true, or no pod finds the others before it is ready',
    ),

  selectors: ({ service, statefulSet, podLabels }) => [
    ...when(!selects(service.spec?.selector, podLabels), "the Service does not select the StatefulSet's pods"),
    ...when(
      !selects(statefulSet.spec?.selector.matchLabels, podLabels),
      'the StatefulSet does not select its own pods',
    ),
  ],

  ports: (set) => [
    ...servicePortComplaints(set, 'redis', set.redis, String(flagOf(set.sentinel, 'redis-port'))),
    ...servicePortComplaints(set, 'sentinel', set.sentinel, String(flagOf(set.sentinel, 'port'))),
    ...when(
      portNamed(set.sentinel, 'http') !== Number(flagOf(set.sentinel, 'http-port')),
      `sentinel: the port http is ${String(portNamed(set.sentinel, 'http'))}, not ${String(flagOf(set.sentinel, 'http-port'))}`,
    ),
    ...when(
      set.isNative && (set.service.spec?.ports ?? []).some(({ targetPort }) => targetPort === 'sentinel'),
      "the Service's port sentinel has to lead to a number: not every Kubernetes finds the names of ports of native sidecars",
    ),
  ],

  'network-policy': (set) => {
    const policies = set.networkPolicies.filter(({ spec }) =>
      isChosen(spec?.podSelector?.matchLabels ?? {}, set.podLabels),
    );
    if (policies.length !== 1) return [`${policies.length} NetworkPolicies select the pods; it has to be one`];
    const { policyTypes = [], ingress = [], egress = [] } = policies[0]?.spec ?? {};
    const [redisPort = 0, port = 0, httpPort = 0] = ['redis-port', 'port', 'http-port'].map((flag) =>
      Number(flagOf(set.sentinel, flag)),
    );
    const isOwn = (peers?: readonly INetworkPolicyPeer[]): boolean =>
      isAnyone(peers) || (peers ?? []).some((peer) => isOwnPods(peer, set.podLabels));
    return [
      ...when(!policyTypes.includes('Ingress'), 'the NetworkPolicy has to be one for Ingress'),
      ...when(!policyTypes.includes('Egress'), 'the NetworkPolicy has to be one for Egress'),
      ...[redisPort, port].flatMap((one) => [
        ...when(
          !ingress.some(({ from, ports }) => isOwn(from) && isOpen(ports, one)),
          `the pods may not take ${one} from each other`,
        ),
        ...when(
          !egress.some(({ to, ports }) => isOwn(to) && isOpen(ports, one)),
          `the pods may not reach ${one} of each other`,
        ),
        ...when(
          ingress.some(({ from, ports }) => isAnyone(from) && isOpen(ports, one)),
          `port ${one} is open to the whole cluster`,
        ),
      ]),
      ...when(
        !ingress.some(({ from, ports }) => isAnyone(from) && isOpen(ports, httpPort)),
        `port ${httpPort} (probes and metrics) is not open`,
      ),
      ...['UDP', 'TCP'].flatMap((protocol) =>
        when(
          !egress.some(({ to, ports }) => isAnyone(to) && isOpen(ports, dnsPort, protocol)),
          `the pods may not ask DNS (${protocol} ${dnsPort})`,
        ),
      ),
      ...apiPorts.flatMap((one) => {
        const mayReach = egress.some(({ ports }) => isOpen(ports, one));
        return neededGrants(set).length > 0
          ? when(!mayReach, `the sidecar may not reach the Kubernetes API (${one})`)
          : when(mayReach, `nothing here needs to reach port ${one}`);
      }),
      ...when(
        egress.some(({ to, ports }) => isAnyone(to) && (ports ?? []).length === 0),
        'the pods may reach everything: egress needs ports',
      ),
    ];
  },
};

/** An empty selector means all pods, other than in a Service. */
function isChosen(selector: Labels, labels: Labels): boolean {
  return Object.keys(selector).length === 0 || selects(selector, labels);
}

const isAnyone = (peers: readonly INetworkPolicyPeer[] | undefined): boolean => (peers ?? []).length === 0;

function isOwnPods({ podSelector, namespaceSelector, ipBlock }: INetworkPolicyPeer, labels: Labels): boolean {
  if (podSelector === undefined || namespaceSelector !== undefined || ipBlock !== undefined) return false;
  return isChosen(podSelector.matchLabels ?? {}, labels);
}

function isOpen(ports: readonly INetworkPolicyPort[] | undefined, port: number, protocol = 'TCP'): boolean {
  if ((ports ?? []).length === 0) return true;
  return (ports ?? []).some((one) => (one.port ?? port) === port && (one.protocol ?? 'TCP') === protocol);
}

function portNamed(container: IContainer, name: string): number | undefined {
  return (container.ports ?? []).find((port) => port.name === name)?.containerPort;
}

/** DNS makes SRV records of the Service's named ports; what they lead to has to be the port that is listened on. */
function servicePortComplaints({ service }: RedisSet, name: string, container: IContainer, port: string): string[] {
  const servicePort = service.spec?.ports?.find((candidate) => candidate.name === name);
  if (!servicePort) return [`the Service has no port named ${name}`];
  const target = servicePort.targetPort ?? servicePort.port;
  const containerPort = (container.ports ?? []).find(
    (candidate) => candidate.name === target || candidate.containerPort === target,
  );
  return [
    ...when(String(servicePort.port) !== port, `the Service's port ${name} is ${servicePort.port}, not ${port}`),
    ...when(!containerPort, `the Service's port ${name} leads to ${target}, which ${container.name} does not have`),
    ...when(
      containerPort !== undefined && String(containerPort.containerPort) !== port,
      `${container.name}: the port ${target} is ${String(containerPort?.containerPort)}, not ${port}`,
    ),
  ];
}
