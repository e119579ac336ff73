import { DEFAULT_TIMINGS, deriveTimings, type Timings, type TimingOptions } from '@sentinel-micro/core';
import type { IContainer } from 'kubernetes-models/v1/Container';
import { hasKubernetesLease, neededGrants } from '../permissions.ts';
import { readBaseConfig } from '../pod-files.ts';
import { flagOf } from '../program-flags.ts';
import { type RedisSet, selects } from '../redis-set.ts';
import { type Checks, when } from './complaints.ts';

/** Redis 7 and later wait this long for their replicas when told to stop (shutdown-timeout). */
const defaultShutdownSeconds = 10;

/** Starting, being asked, moving and ending. */
export const lifecycleChecks: Checks = {
  probes: (set) => [
    ...set.containers.flatMap(probeComplaints),
    ...sidecarProbeComplaints(set.sentinel),
    ...when(!set.redis.readinessProbe, 'redis: no readinessProbe'),
    ...when(set.redis.livenessProbe !== undefined, 'redis: a livenessProbe kills a Redis that is loading or busy'),
  ],

  'parallel-start': ({ statefulSet }) =>
    when(
      statefulSet.spec?.podManagementPolicy !== 'Parallel',
      'podManagementPolicy has to be Parallel: the first pod cannot become master alone',
    ),

  'min-ready': ({ statefulSet, sentinel }) => {
    const { grantMs } = timingsOf(sentinel);
    return when(
      (statefulSet.spec?.minReadySeconds ?? 0) * 1000 <= grantMs,
      `minReadySeconds has to be longer than the ${grantMs} ms in which a new sidecar does not vote`,
    );
  },

  'disruption-budget': (set) => {
    const { budgets, podLabels, replicas } = set;
    const own = budgets.filter(({ spec }) => selects(spec?.selector?.matchLabels, podLabels));
    if (own.length !== 1) return [`${own.length} PodDisruptionBudgets select the pods; it has to be one`];
    const { maxUnavailable, minAvailable, unhealthyPodEvictionPolicy } = own[0]?.spec ?? {};
    const leftCount =
      typeof maxUnavailable === 'number'
        ? replicas - maxUnavailable
        : typeof minAvailable === 'number'
          ? minAvailable
          : undefined;
    if (leftCount === undefined) return ['the PodDisruptionBudget needs a number of pods, not a percentage'];
    // With the lease in Kubernetes one pod can be master without a majority.
    const quorum = hasKubernetesLease(set) ? 1 : Math.floor(replicas / 2) + 1;
    return [
      ...when(
        replicas > 1 && leftCount < quorum,
        `the PodDisruptionBudget leaves ${leftCount} pods, a quorum is ${quorum}`,
      ),
      ...when(leftCount >= replicas, 'the PodDisruptionBudget allows no disruption at all: no node could be drained'),
      ...when(
        unhealthyPodEvictionPolicy === 'AlwaysAllow',
        'unhealthyPodEvictionPolicy AlwaysAllow takes pods that are not ready, and may be the last with the data',
      ),
    ];
  },

  spread: ({ pod, podLabels }) => {
    const own = (pod.topologySpreadConstraints ?? []).filter(({ labelSelector }) =>
      selects(labelSelector?.matchLabels, podLabels),
    );
    return [
      ...when(
        !own.some(({ topologyKey }) => topologyKey === 'kubernetes.io/hostname'),
        'no topologySpreadConstraint spreads these pods over nodes (kubernetes.io/hostname)',
      ),
      ...own
        .filter(({ maxSkew, whenUnsatisfiable }) => maxSkew !== 1 || whenUnsatisfiable !== 'DoNotSchedule')
        .map(({ topologyKey }) => `the spread over ${topologyKey} may put a quorum into one place`),
    ];
  },

  'grace-period': (set) => {
    const neededMs = endingMs(set);
    const givenSeconds = set.pod.terminationGracePeriodSeconds;
    return when(
      givenSeconds === undefined || givenSeconds * 1000 <= neededMs,
      `terminationGracePeriodSeconds has to be given, and longer than ${neededMs / 1000}: handover, end of Redis, end of the sidecar`,
    );
  },

  handover: (set) => {
    const hook = set.redis.lifecycle?.preStop?.exec?.command;
    // An ordinary sidecar is told to stop at the same time as Redis, and hands over by itself: a hook may wait for that, and need not be.
    if (!set.isNative && hook === undefined) return [];
    const [timeout, seconds, cli, ...words] = hook ?? [];
    const port = String(flagOf(set.sentinel, 'port'));
    const name = String(flagOf(set.sentinel, 'master-name'));
    const wanted = ['-e', '-p', port, 'SENTINEL', 'HANDOVER', name];
    return [
      ...when(
        set.isNative && set.sentinel.restartPolicy !== 'Always',
        'sentinel: as an init container it needs restartPolicy: Always, or the pod never starts',
      ),
      ...when(
        !/^(redis|valkey)-cli$/.test(cli ?? '') || words.join(' ').toLowerCase() !== wanted.join(' ').toLowerCase(),
        `redis: the preStop hook has to end in redis-cli ${wanted.join(' ')}, or Redis ends before the master has moved`,
      ),
      ...when(
        timeout !== 'timeout' || !(Number(seconds) * 1000 > handoverMs(set)),
        `redis: the preStop hook has to begin with timeout and more than ${handoverMs(set) / 1000} seconds: beside a sidecar that is frozen it would hang`,
      ),
      ...when(
        flagOf(set.sentinel, 'redis-password-file') !== undefined &&
          (set.redis.env ?? []).every(({ name: variable }) => variable !== 'REDISCLI_AUTH'),
        'redis: the preStop hook can not log in without REDISCLI_AUTH',
      ),
    ];
  },
};

/** The timings that the sidecar is told, and what follows from them. */
function timingsOf(sentinel: IContainer): Timings {
  const told = Object.keys(DEFAULT_TIMINGS).map((name) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return [name, Number(flagOf(sentinel, flag))] as const;
  });
  return deriveTimings(Object.fromEntries(told) as unknown as TimingOptions);
}

/** The longest time after which the sidecar has answered an order to hand over. */
function handoverMs({ sentinel }: RedisSet): number {
  const { pauseBudgetMs, grantMs } = timingsOf(sentinel);
  return pauseBudgetMs + 2 * grantMs;
}

/** How long a pod may take to end: the order to hand over, the wait of Redis for its replicas, and the sidecar, one after the other. */
function endingMs(set: RedisSet): number {
  const { pauseBudgetMs, grantMs } = timingsOf(set.sentinel);
  const [, hookSeconds] = set.redis.lifecycle?.preStop?.exec?.command ?? [];
  const hookMs = Number(hookSeconds) * 1000;
  const shutdown = readBaseConfig(set)?.settings.findLast(({ name }) => name === 'shutdown-timeout')?.args[0];
  const redisMs = Number(shutdown ?? defaultShutdownSeconds) * 1000;
  // The last label, release or event.
  const kubernetesMs = neededGrants(set).length > 0 ? Number(flagOf(set.sentinel, 'kube-timeout-ms')) : 0;
  return Math.max(hookMs || 0, handoverMs(set)) + redisMs + pauseBudgetMs + grantMs + (kubernetesMs || 0);
}

/** A probe asks its own container and nobody else. Otherwise pods wait for each other, and a start never ends. */
function probeComplaints(container: IContainer): string[] {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  return Object.entries({ startupProbe, readinessProbe, livenessProbe }).flatMap(([name, probe]) => {
    if (!probe) return [];
    const action = probe.tcpSocket ?? probe.httpGet;
    const port = action?.port;
    const own = (container.ports ?? []).some((one) => one.name === port || one.containerPort === port);
    return [
      ...when(probe.exec !== undefined, `${container.name}: ${name} must not start a process (exec)`),
      ...when(action?.host !== undefined, `${container.name}: ${name} asks another host`),
      ...when(action !== undefined && !own, `${container.name}: ${name} asks port ${String(port)}, not one of its own`),
    ];
  });
}

/** Each of the sidecar's answers has its own purpose: taken for another one they restart what is well, or serve what is not. */
function sidecarProbeComplaints({ startupProbe, readinessProbe, livenessProbe, ports }: IContainer): string[] {
  const wanted = {
    startupProbe: ['/startupz', startupProbe],
    readinessProbe: ['/readyz', readinessProbe],
    livenessProbe: ['/livez', livenessProbe],
  } as const;
  return Object.entries(wanted).flatMap(([name, [path, probe]]) => {
    if (!probe) return [`sentinel: no ${name}`];
    if (probe.exec !== undefined) return [];
    const http = (ports ?? []).find((port) => port.name === 'http');
    const port = probe.httpGet?.port;
    const isRight = port === 'http' || (port !== undefined && port === http?.containerPort);
    return [
      ...when(probe.httpGet?.path !== path, `sentinel: ${name} has to ask ${path}`),
      ...when(probe.httpGet !== undefined && !isRight, `sentinel: ${name} has to ask the port http`),
    ];
  });
}
