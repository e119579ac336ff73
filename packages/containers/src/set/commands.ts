import { imageOf, OWN_LABEL } from '../images/index.ts';

/** What the pods of a set have in common. */
export interface SetPlan {
  /** The engine's network, and what the names of all containers begin with. */
  readonly network: string;
  /** The first three numbers of all addresses. */
  readonly subnet: string;
  readonly service: string;
  readonly replicas: number;
  readonly redisImage: string;
  /** A folder of this machine with redis.conf. */
  readonly baseConfigDir: string;
  /** Whom the engine's DNS asks for names that are not its own; null for whom it asks by default. */
  readonly dns: string | null;
  readonly sharesProcesses: boolean;
  readonly sentinelFlags: readonly string[];
}

export interface PodPlan {
  readonly name: string;
  readonly prefix: string;
  readonly ip: string;
  readonly uid: string;
  /** Names under which the engine's DNS has it; the first one has all pods of the set. */
  readonly aliases: readonly string[];
}

/** Arguments for the engine's command line. */
export interface ContainerCommands {
  readonly holder: readonly string[];
  readonly makeSlave: readonly string[];
  readonly redis: readonly string[];
  readonly sentinel: readonly string[];
}

/** As in k8s-examples/base: nothing to write to but volumes, no capability, no way to get one. */
const RESTRICTED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
/** The images of ours say it themselves. */
const REDIS_USER = ['--user', '999:999'];

const VOLUMES = { config: '1m', data: '64m' } as const;

/** In memory, and of the user that all containers are: an emptyDir with `medium: Memory`. */
export function volumesOf({ prefix }: PodPlan): { readonly name: string; readonly options: readonly string[] }[] {
  return Object.entries(VOLUMES).map(([kind, size]) => ({
    name: `${prefix}-${kind}`,
    options: ['type=tmpfs', 'device=tmpfs', `o=size=${size},uid=999,gid=999,mode=0770`].flatMap((text) => [
      '--opt',
      text,
    ]),
  }));
}

export function commandsOf(set: SetPlan, pod: PodPlan): ContainerCommands {
  const { network, service, replicas, redisImage, baseConfigDir, dns, sharesProcesses, sentinelFlags } = set;
  const { name, prefix, ip, uid, aliases } = pod;
  const run = (part: string, ...flags: readonly string[]): string[] => [
    ...['run', '--name', `${prefix}-${part}`, '--label', OWN_LABEL, ...RESTRICTED, ...flags],
  ];
  const shared = ['--network', `container:${prefix}-holder`];
  if (sharesProcesses) shared.push('--pid', `container:${prefix}-holder`);
  const variables = {
    SERVICE: service,
    REPLICAS: String(replicas),
    POD_NAME: name,
    POD_UID: uid,
    POD_IP: ip,
    BASE_CONFIG: '/redis-base/redis.conf',
  };
  const env = Object.entries(variables).flatMap(([key, value]) => ['--env', `SENTINEL_MICRO_${key}=${value}`]);
  const base = ['--volume', `${baseConfigDir}:/redis-base:ro`];
  // Without nocopy the engine would give a new volume the owner that the folder has in the image.
  const config = (mode: 'rw' | 'ro'): string[] => ['--volume', `${prefix}-config:/redis-config:${mode},nocopy`];
  const data = ['--volume', `${prefix}-data:/data:nocopy`];
  const place = [
    '--network',
    network,
    '--ip',
    ip,
    '--hostname',
    name,
    ...aliases.flatMap((alias) => ['--network-alias', alias]),
  ];
  const resolver = dns === null ? [] : ['--dns', dns, '--dns-search', '.'];
  return {
    // It also keeps the volumes: a volume in memory is gone when the last container that uses it ends, and make-slave ends.
    holder: [
      ...[...run('holder', '--detach', ...REDIS_USER, ...place, ...resolver, ...config('rw'), ...data), redisImage],
      ...['sleep', 'infinity'],
    ],
    makeSlave: [...run('make-slave', '--rm', ...shared, ...env, ...config('rw'), ...base), imageOf('make-slave')],
    redis: [
      ...[...run('redis', '--detach', ...REDIS_USER, ...shared, ...config('ro'), ...data, ...base), redisImage],
      ...['redis-server', '/redis-config/redis.conf'],
    ],
    sentinel: [
      ...[...run('sentinel', '--detach', ...shared, ...env, ...config('rw')), imageOf('sentinel')],
      ...['run', ...sentinelFlags],
    ],
  };
}
