import { type Mutations, setVariable } from './mutation.ts';

export const networkMutations: Mutations = {
  'headless-service': [['a Service with an IP', ({ service }) => delete service.spec!.clusterIP, 'clusterIP']],
  'publish-not-ready': [
    [
      'only ready pods in DNS',
      ({ service }) => delete service.spec!.publishNotReadyAddresses,
      'publishNotReadyAddresses: true',
    ],
  ],
  selectors: [
    ['Service finds nobody', ({ service }) => (service.spec!.selector = { app: 'redis' }), 'the Service'],
    ['Service without selector', ({ service }) => delete service.spec!.selector, 'the Service'],
    [
      'StatefulSet finds nobody',
      ({ statefulSet }) => (statefulSet.spec!.selector.matchLabels = { app: 'redis' }),
      'the StatefulSet',
    ],
  ],
  ports: [
    ['a nameless port', ({ service }) => (service.spec!.ports![1]!.name = 'peers'), 'no port named sentinel'],
    ['another Service port', ({ service }) => (service.spec!.ports![0]!.port = 6380), 'is 6380, not 6379'],
    ['no container port', ({ redis }) => (redis.ports = []), 'leads to 6379, which redis does not have'],
    [
      'another port to listen on',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_PORT', '5000'),
      'is 26379, not 5000',
    ],
    [
      'a name of a port of a native sidecar',
      ({ service }) => (service.spec!.ports![1]!.targetPort = 'sentinel'),
      'has to lead to a number',
      'native-sidecar',
    ],
    [
      'another port for the probes',
      ({ sentinel }) => (sentinel.ports![1]!.containerPort = 8081),
      'sentinel: the port http is 8081, not 8080',
    ],
  ],
  'network-policy': [
    [
      'a policy for other pods',
      ({ networkPolicies }) => (networkPolicies[0]!.spec!.podSelector = { matchLabels: { app: 'redis' } }),
      '0 NetworkPolicies select the pods',
    ],
    [
      'pods that may not talk about the lease',
      ({ networkPolicies }) => (networkPolicies[0]!.spec!.egress![0]!.ports = [{ port: 6379 }]),
      'the pods may not reach 26379 of each other',
    ],
    [
      'pods that may not replicate',
      ({ networkPolicies }) => (networkPolicies[0]!.spec!.egress![0]!.ports = [{ port: 26379 }]),
      'the pods may not reach 6379 of each other',
    ],
    [
      'only clients let in',
      ({ networkPolicies }) =>
        (networkPolicies[0]!.spec!.ingress = networkPolicies[0]!.spec!.ingress!.slice(1).map((rule) => ({
          ...rule,
          ...(rule.from === undefined ? {} : { from: [{ podSelector: { matchLabels: { 'redis-client': 'true' } } }] }),
        }))),
      'the pods may not take 6379 from each other',
    ],
    [
      'pods of other namespaces taken for these',
      ({ networkPolicies }) => {
        for (const rule of networkPolicies[0]!.spec!.ingress!) {
          if (rule.from !== undefined)
            rule.from = [{ ...rule.from[0], namespaceSelector: { matchLabels: { a: 'b' } } }];
        }
      },
      'the pods may not take 26379 from each other',
    ],
    [
      'everybody let in',
      ({ networkPolicies }) => delete networkPolicies[0]!.spec!.ingress![1]!.from,
      'port 6379 is open to the whole cluster',
    ],
    [
      'no probes, no metrics',
      ({ networkPolicies }) => networkPolicies[0]!.spec!.ingress!.pop(),
      'port 8080 (probes and metrics) is not open',
    ],
    [
      'DNS forgotten',
      ({ networkPolicies }) => networkPolicies[0]!.spec!.egress!.pop(),
      'the pods may not ask DNS (UDP 53)',
    ],
    [
      'DNS without TCP',
      ({ networkPolicies }) => networkPolicies[0]!.spec!.egress![1]!.ports!.pop(),
      'the pods may not ask DNS (TCP 53)',
    ],
    [
      'an API that can not be reached',
      ({ networkPolicies }) => networkPolicies[0]!.spec!.egress!.pop(),
      'the sidecar may not reach the Kubernetes API (6443)',
      'kubernetes-lease',
    ],
    [
      'an API that nothing needs',
      ({ networkPolicies }) => networkPolicies[0]!.spec!.egress!.push({ ports: [{ port: 443 }] }),
      'nothing here needs to reach port 443',
    ],
    [
      'everything to be reached',
      ({ networkPolicies }) => networkPolicies[0]!.spec!.egress!.push({}),
      'the pods may reach everything',
    ],
    [
      'half a policy',
      ({ networkPolicies }) => (networkPolicies[0]!.spec!.policyTypes = ['Ingress']),
      'has to be one for Egress',
    ],
  ],
};
