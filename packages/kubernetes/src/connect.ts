import { KubeConfigError } from './access.ts';
import type { KubeApi, KubeOptions } from './api.ts';
import { KubeClient } from './client.ts';
import { inClusterAccess } from './in-cluster.ts';
import { kubeconfigAccess } from './kubeconfig.ts';
import { Transport } from './transport.ts';

/**
 * Makes a client; nothing is connected before the first call.
 * @throws KubeConfigError when the kubeconfig, or what Kubernetes gives to a pod, is not there or not understood.
 */
export function connectKube(options: KubeOptions): KubeApi {
  const { source, timeoutMs, random = Math.random, wallMs = Date.now } = options;
  const access =
    'kubeconfig' in source ? kubeconfigAccess(source.kubeconfig) : inClusterAccess(source.inCluster, source.folder);
  const namespace = options.namespace ?? access.namespace;
  if (namespace === null) throw new KubeConfigError('no namespace: neither was one given nor does the access name one');
  return new KubeClient({ namespace, transport: new Transport({ access, timeoutMs, wallMs }), random });
}
