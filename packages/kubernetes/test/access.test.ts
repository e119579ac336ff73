// How a client finds the API and shows who it is: as a pod, and by a kubeconfig.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Authority, KubeApiStandIn } from '@sentinel-micro/testkit';
import { connectKube } from '../src/index.ts';
import { afterwards, api, connect, failureOf, RULES, TIMEOUT_MS, useStandIn } from './support.ts';

useStandIn();

describe('as a pod', () => {
  test('the environment names the server, the files hold the rest', async () => {
    const client = connect({ source: api.podAccess(api.grant('redis-0', RULES)) });
    expect(client.namespace).toBe('shop');
    await client.readLease('redis');
    expect(api.requests.map(({ user }) => user)).toEqual(['system:serviceaccount:shop:redis-0']);
  });

  test('a token that is replaced is used with the next call', async () => {
    const [first, second] = [api.grant('redis-0', RULES), api.issueToken('redis-0')];
    const access = api.podAccess(first);
    const client = connect({ source: access });
    await client.readLease('redis');
    api.revokeToken(first);
    expect(await failureOf(client.readLease('redis'))).toMatchObject({ status: 401, reason: 'Unauthorized' });
    writeFileSync(join(access.folder, 'token'), `${second}\n`);
    expect((await client.readLease('redis')).metadata.name).toBe('redis');
  });

  test('a certificate authority that is replaced is used once the former one does not fit', async () => {
    const access = api.podAccess(api.grant('redis-0', RULES));
    writeFileSync(join(access.folder, 'ca.crt'), new Authority('another one').cert);
    const client = connect({ source: access });
    expect((await failureOf(client.readLease('redis'))).message).toMatch(/certificate/i);
    writeFileSync(join(access.folder, 'ca.crt'), api.authorityCertificate);
    expect((await client.readLease('redis')).metadata.name).toBe('redis');
  });

  test('a token file that is gone for a moment fails one call, and says which file', async () => {
    const access = api.podAccess(api.grant('redis-0', RULES));
    const client = connect({ source: access });
    rmSync(join(access.folder, 'token'));
    const error = await failureOf(client.readLease('redis'));
    expect(error).toMatchObject({ status: null, reason: 'NotSent', mayHaveBeenDone: false });
    expect(error.message).toContain(`${join(access.folder, 'token')}: ENOENT`);
  });

  test('over IPv6', async () => {
    const six = await KubeApiStandIn.start({ host: '::1' });
    afterwards(() => six.stop());
    six.put('leases', { metadata: { name: 'redis' } });
    const client = connect({ source: six.podAccess(six.grant('redis-0', RULES)) });
    expect((await client.readLease('redis')).metadata.name).toBe('redis');
  });

  test.each([
    ['no environment', {}],
    ['no port', { KUBERNETES_SERVICE_HOST: '10.96.0.1' }],
    ['a port that is none', { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: 'tcp://10.96.0.1:443' }],
  ])('with %s: it says what Kubernetes would have set', (_what, inCluster) => {
    const { folder } = api.podAccess('token');
    expect(() => connectKube({ source: { inCluster, folder }, timeoutMs: TIMEOUT_MS })).toThrow(
      /KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT/,
    );
  });

  test('without a service account: it says so at once', () => {
    const { inCluster } = api.podAccess('token');
    const source = { inCluster, folder: '/nowhere' };
    expect(() => connectKube({ source, timeoutMs: TIMEOUT_MS })).toThrow(
      /\/nowhere\/ca\.crt: ENOENT; the pod needs a service account/,
    );
  });
});

describe('by a kubeconfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  const write = (text: string): string => {
    const path = join(folder, `config-${files++}`);
    writeFileSync(path, text);
    return path;
  };
  const connectTo = (path: string) => connect({ source: { kubeconfig: path } });

  test('with a token', async () => {
    await connectTo(api.kubeconfig(api.grant('redis-0', RULES))).readLease('redis');
    expect(api.requests.map(({ user }) => user)).toEqual(['system:serviceaccount:shop:redis-0']);
  });

  test('with a client certificate', async () => {
    await connectTo(api.kubeconfigWithCertificate('jane', 'system:masters')).readLease('redis');
    expect(api.requests.map(({ user }) => user)).toEqual(['jane']);
  });

  test('with a token file, by a path from where the kubeconfig is', async () => {
    const path = api.writeKubeconfig(['    tokenFile: my-token']);
    writeFileSync(join(dirname(path), 'my-token'), api.grant('redis-0', RULES));
    expect((await connectTo(path).readLease('redis')).metadata.name).toBe('redis');
  });

  test('with a namespace of the call instead of its own', () => {
    expect(connect({ namespace: 'other' }).namespace).toBe('other');
  });

  test('as JSON, with a path in front of the API', async () => {
    const config = {
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: `${api.url}/k8s/clusters/one/`, 'certificate-authority': 'ca.crt' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
      users: [{ name: 'u', user: { token: 'admin-token' } }],
    };
    writeFileSync(join(folder, 'ca.crt'), api.authorityCertificate);
    await failureOf(connectTo(write(JSON.stringify(config))).readLease('redis'));
    const [request] = api.requests;
    expect(request?.path).toBe('/k8s/clusters/one/apis/coordination.k8s.io/v1/namespaces/shop/leases/redis');
  });

  const config = (cluster: string, user: string): string =>
    [
      'apiVersion: v1\nkind: Config\ncurrent-context: c',
      `clusters:\n- name: c\n  cluster:\n${cluster}`,
      'contexts:\n- name: c\n  context:\n    cluster: c\n    user: u',
      `users:\n- name: u\n  user:\n${user}`,
    ].join('\n');
  const server = '    server: https://127.0.0.1:6443\n';

  test.each([
    [
      'an exec plugin',
      config(server, '    exec:\n      command: aws\n      args:\n      - eks\n      - get-token\n'),
      /exec of a user is not supported/,
    ],
    [
      'an auth provider',
      config(server, '    auth-provider:\n      name: gcp\n'),
      /auth-provider of a user is not supported/,
    ],
    [
      'a password',
      config(server, '    username: admin\n    password: s3cret\n'),
      /username of a user is not supported/,
    ],
    [
      'no check of certificates',
      config(`${server}    insecure-skip-tls-verify: true\n`, '    token: t\n'),
      /insecure-skip-tls-verify/,
    ],
    [
      'a proxy',
      config(`${server}    proxy-url: http://proxy\n`, '    token: t\n'),
      /proxy-url of a cluster is not supported/,
    ],
    [
      'a certificate without its key',
      config(server, '    client-certificate-data: eA==\n'),
      /certificate needs its key/,
    ],
    ['no server', config('    certificate-authority-data: eA==\n', '    token: t\n'), /no server/],
    ['no encryption', config('    server: http://127.0.0.1:8001\n', '    token: t\n'), /https:\/\//],
    ['no current context', 'apiVersion: v1\nkind: Config\nclusters: []\n', /no current-context/],
    ['a context that is not there', 'current-context: x\ncontexts: []\n', /no context named "x"/],
    ['YAML that is not understood', 'current-context: &anchor x\n', /line 1/],
    ['a tab', 'current-context: x\nclusters:\n\t- name: c\n', /line 3: indented with a tab/],
    ['a token of two words', config(server, '    token: one two\n'), /holds no token/],
  ])('with %s: it says what is wrong', (_what, text, message) => {
    const path = write(text);
    const make = () => connectKube({ source: { kubeconfig: path }, namespace: 'shop', timeoutMs: TIMEOUT_MS });
    expect(make).toThrow(message);
    expect(make).toThrow(path);
    expect(make).not.toThrow(/s3cret|one two/);
  });

  test('that is not there', () => {
    expect(() => connectTo('/nowhere/config')).toThrow('the kubeconfig can not be read from /nowhere/config: ENOENT');
  });

  test('without a namespace', () => {
    const path = write(config(server, '    token: t\n'));
    expect(() => connectTo(path)).toThrow(/no namespace/);
  });
});
