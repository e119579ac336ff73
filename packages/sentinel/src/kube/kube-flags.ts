import { numberFlag, optionalText, type RawFlags } from '@sentinel-micro/runtime';

const MOST_TIMEOUT_MS = 60_000;

/** The flags of `sentinel run` for what it does with the Kubernetes API. */
export const KUBE_FLAGS = {
  'role-labels': {
    type: 'boolean',
    default: false,
    describe: 'keep the label sentinel-micro.io/role of the own pod: master or replica; needs RBAC',
  },
  'kube-events': {
    type: 'boolean',
    default: false,
    describe: 'write Kubernetes Events on the pod and its StatefulSet; needs RBAC',
  },
  statefulset: {
    type: 'string',
    describe: "name of the StatefulSet; the pod's name without its number when left out",
    requiresArg: true,
  },
  'kube-timeout-ms': {
    type: 'string',
    default: 1000,
    describe: 'how long to wait for each answer of the Kubernetes API',
    requiresArg: true,
  },
  kubeconfig: {
    type: 'string',
    describe: 'how to reach the Kubernetes API outside of a cluster; the service account of the pod when left out',
    requiresArg: true,
  },
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** How the Kubernetes API is reached, and where this pod is in it. */
export interface KubeAccess {
  readonly statefulSet: string;
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly source: { readonly inCluster: Environment } | { readonly kubeconfig: string };
}

/** What the sidecar does with the Kubernetes API, and how it reaches it. */
export interface KubeConfig extends KubeAccess {
  readonly roleLabels: boolean;
  readonly events: boolean;
  /** N follows the StatefulSet. */
  readonly replicas?: true;
}

/** Only what is needed: the environment may hold secrets. */
function addressOf(environment: Environment): Environment {
  const names = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'];
  return Object.fromEntries(names.map((name) => [name, environment[name]]));
}

interface Place {
  readonly pod: string;
  readonly namespace: string;
}

/**
 * @param environment where Kubernetes tells a pod how its API is reached
 * @throws UsageError
 */
export function kubeAccessOf(flags: RawFlags, place: Place, environment: Environment): KubeAccess {
  const statefulSet = optionalText(flags, 'statefulset') ?? place.pod.replace(/-\d+$/, '');
  const timeoutMs = numberFlag(flags, 'kube-timeout-ms', 1, MOST_TIMEOUT_MS);
  const kubeconfig = optionalText(flags, 'kubeconfig');
  const source = kubeconfig === undefined ? { inCluster: addressOf(environment) } : { kubeconfig };
  return { statefulSet, namespace: place.namespace, timeoutMs, source };
}

/**
 * @param environment as `kubeAccessOf` has it
 * @returns null when nothing asks for the API. @throws UsageError
 */
export function kubeOf(
  flags: RawFlags,
  place: Place & { readonly isResizable?: boolean },
  environment: Environment,
): KubeConfig | null {
  const access = kubeAccessOf(flags, place, environment);
  const roleLabels = flags['role-labels'] === true;
  const events = flags['kube-events'] === true;
  const follows = place.isResizable === true ? { replicas: true as const } : null;
  return roleLabels || events || follows !== null ? { ...access, roleLabels, events, ...follows } : null;
}
