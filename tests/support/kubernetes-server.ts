import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { parse } from 'yaml';

const answerTimeoutMs = 15_000;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A Kubernetes API, as the owner of a token. */
export interface KubernetesServer {
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  /** A strategic merge patch, as `kubectl apply` sends it. */
  patch(path: string, body: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  /** The same server, as somebody else. */
  as(token: string): KubernetesServer;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: readonly { readonly user: { token: string } }[];
}

/** Takes a kubeconfig as `npm run test:kubernetes` makes it: one cluster, one user with a token. */
export function connectServer(kubeconfigFile: string): KubernetesServer {
  const { clusters, users } = parse(readFileSync(kubeconfigFile, 'utf8')) as Kubeconfig;
  const { server, 'certificate-authority-data': authority } = clusters[0]!.cluster;
  const ca = Buffer.from(authority, 'base64').toString();
  const withToken = (token: string): KubernetesServer => ({
    get: (path) => ask(new URL(path, server), { ca, token, method: 'GET' }),
    post: (path, body) => ask(new URL(path, server), { ca, token, method: 'POST', text: JSON.stringify(body) }),
    patch: (path, body) => {
      const type = 'application/strategic-merge-patch+json';
      return ask(new URL(path, server), { ca, token, method: 'PATCH', type, text: JSON.stringify(body) });
    },
    delete: (path) => ask(new URL(path, server), { ca, token, method: 'DELETE' }),
    as: withToken,
  });
  return withToken(users[0]!.user.token);
}

interface Call {
  readonly ca: string;
  readonly token: string;
  readonly method: string;
  readonly text?: string;
  readonly type?: string;
}

function ask(url: URL, { ca, token, method, text = '', type = 'application/json' }: Call): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': type };
  return new Promise((resolve, reject) => {
    const call = request(url, { ca, method, headers, timeout: answerTimeoutMs }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (part: string) => (answer += part));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: answer === '' ? undefined : JSON.parse(answer) });
      });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer from ${url.href} after ${answerTimeoutMs} ms`)));
    call.on('error', reject);
    call.end(text);
  });
}
