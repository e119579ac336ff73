import { join } from 'node:path';
import { KubeConfigError, readBytes, readText, readToken, type Access } from './access.ts';

/** Where the kubelet mounts what the pod's service account needs. */
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The access of a pod: the address from the environment, the rest from the files of its service account.
 * @throws KubeConfigError when it does not run as a pod, or the pod has no service account mounted.
 */
export function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>>,
  folder = SERVICE_ACCOUNT_FOLDER,
): Access {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = Number(environment['KUBERNETES_SERVICE_PORT'] ?? '');
  if (host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new KubeConfigError(
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not name the Kubernetes API; Kubernetes sets both in every pod. Elsewhere, name a kubeconfig file',
    );
  }
  const tls = () => ({ ca: readBytes(join(folder, 'ca.crt'), "the API's certificate authority") });
  const token = () => readToken(join(folder, 'token'));
  // Looked at once now, so that a pod without a service account is told at its start.
  try {
    tls();
    token();
  } catch (error) {
    if (!(error instanceof KubeConfigError)) throw error;
    throw new KubeConfigError(`${error.message}; the pod needs a service account, and automountServiceAccountToken`);
  }
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    basePath: '',
    namespace: readText(join(folder, 'namespace'), 'the namespace').trim() || null,
    tls,
    token,
  };
}
