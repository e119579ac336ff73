import { connectKube, KubeConfigError, type KubeApi } from '@sentinel-micro/kubernetes';
import { messageOf, UsageError } from '@sentinel-micro/runtime';
import type { KubeAccess } from './kube-flags.ts';

/** @throws UsageError when it is not given how the API is reached. */
export function connect({ source, namespace, timeoutMs }: KubeAccess): KubeApi {
  try {
    return connectKube({ source, namespace, timeoutMs });
  } catch (error) {
    if (error instanceof KubeConfigError) throw new UsageError(`the Kubernetes API: ${messageOf(error)}`);
    throw error;
  }
}
