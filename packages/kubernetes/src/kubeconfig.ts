import { dirname, resolve } from 'node:path';
import {
  KubeConfigError,
  readBytes,
  readText,
  readToken,
  usableToken,
  type Access,
  type TlsMaterial,
} from './access.ts';
import { parseYaml, YamlError, type Yaml } from './yaml.ts';

type Mapping = Readonly<Record<string, Yaml>>;

/** What may stand in each part; everything else would change what is meant, so it is an error. */
const CLUSTER_KEYS = ['server', 'certificate-authority', 'certificate-authority-data', 'tls-server-name', 'extensions'];
const USER_KEYS = [
  ...['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data'],
  ...['token', 'tokenFile', 'extensions'],
];

/**
 * The access of a kubeconfig's current context: a server, a certificate authority, and a token or a client certificate.
 * @throws KubeConfigError for what is wrong or not supported, such as exec plugins.
 */
export function kubeconfigAccess(path: string): Access {
  const complain = (what: string): never => {
    throw new KubeConfigError(`kubeconfig ${path}: ${what}`);
  };
  const config = readMapping(path, complain);
  const contextName = textOf(config, 'current-context') ?? complain('it has no current-context');
  const context = named(config, 'contexts', 'context', contextName, complain);
  const cluster = named(config, 'clusters', 'cluster', textOf(context, 'cluster') ?? '', complain);
  const user = named(config, 'users', 'user', textOf(context, 'user') ?? '', complain);
  refuseOthers(cluster, CLUSTER_KEYS, 'cluster', complain);
  refuseOthers(user, USER_KEYS, 'user', complain);

  const folder = dirname(resolve(path));
  const tls = (): TlsMaterial => {
    const ca = material(cluster, 'certificate-authority', folder);
    const cert = material(user, 'client-certificate', folder);
    const key = material(user, 'client-key', folder);
    const servername = textOf(cluster, 'tls-server-name');
    return {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(servername !== null && { servername }),
    };
  };
  const token = tokenOf(user, folder, path);
  const { cert, key } = tls();
  if (!cert !== !key) complain('a client certificate needs its key, and a key its certificate');
  token();
  return { ...serverOf(textOf(cluster, 'server'), complain), namespace: textOf(context, 'namespace'), tls, token };
}

function serverOf(
  server: string | null,
  complain: (what: string) => never,
): Pick<Access, 'host' | 'port' | 'basePath'> {
  const url =
    server !== null && URL.canParse(server) ? new URL(server) : complain('the cluster has no server, which is a URL');
  if (url.protocol !== 'https:') complain('the server has to begin with https://');
  if (url.username !== '' || url.password !== '' || url.search !== '')
    complain('the server has to be without user and query');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 443 : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ''),
  };
}

function tokenOf(user: Mapping, folder: string, path: string): () => string | null {
  // As kubectl has it: the file counts more than the token beside it.
  const file = textOf(user, 'tokenFile');
  if (file !== null) return () => readToken(resolve(folder, file));
  const token = textOf(user, 'token');
  return () => (token === null ? null : usableToken(token, path));
}

/** What `key`-data holds in base64, or else what is in the file that `key` names. */
function material(mapping: Mapping, key: string, folder: string): Buffer | undefined {
  const data = textOf(mapping, `${key}-data`);
  if (data !== null) return Buffer.from(data, 'base64');
  const file = textOf(mapping, key);
  return file === null ? undefined : readBytes(resolve(folder, file), key);
}

function readMapping(path: string, complain: (what: string) => never): Mapping {
  try {
    const parsed = parseYaml(readText(path, 'the kubeconfig'));
    return isMapping(parsed) ? parsed : complain('it is no mapping');
  } catch (error) {
    if (error instanceof YamlError) return complain(error.message);
    throw error;
  }
}

function named(config: Mapping, list: string, key: string, name: string, complain: (what: string) => never): Mapping {
  const all = config[list];
  const entry = Array.isArray(all) ? all.find((it) => isMapping(it) && it['name'] === name) : undefined;
  const value = isMapping(entry) ? entry[key] : undefined;
  return isMapping(value) ? value : complain(`it has no ${key} named ${JSON.stringify(name)}`);
}

function refuseOthers(
  mapping: Mapping,
  known: readonly string[],
  what: string,
  complain: (what: string) => never,
): void {
  const other = Object.keys(mapping).find((key) => !known.includes(key) && mapping[key] !== null);
  if (other !== undefined)
    complain(`${other} of a ${what} is not supported; supported are ${known.slice(0, -1).join(', ')}`);
}

function textOf(mapping: Mapping, key: string): string | null {
  const value = mapping[key];
  return typeof value === 'string' && value !== '' ? value : null;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
