import { UsageError } from '@sentinel-micro/runtime';
import type { BaseConfig } from './base-config.ts';
import type { MakeSlaveConfig } from './config.ts';
import type { Setting } from './redis-conf.ts';
import { MASK, type Directive } from './render.ts';

const DEFAULT_PORT = '6379';
/** A `requirepass` is as secret as a `masterauth`, but make-slave does not set it. */
const SECRET = new Set(['masterauth', 'requirepass']);

const valueOf = (name: string, args: readonly string[]): string => (SECRET.has(name) ? MASK : args.join(' '));
const placeOf = ({ file, line }: Setting): string => `${file}:${line}`;
const lastOf = (base: BaseConfig, name: string): Setting | undefined =>
  base.settings.findLast((setting) => setting.name === name);

function isEqual(setting: Setting, ours: Directive): boolean {
  return setting.args.length === ours.args.length && setting.args.every((arg, index) => arg === ours.args[index]);
}

/** One sentence for each directive that the user's config sets to something else than make-slave does. */
export function overriddenSettings(base: BaseConfig, rendered: readonly Directive[]): string[] {
  return base.settings.flatMap((setting) => {
    const ours = rendered.find(({ name }) => name === setting.name);
    if (ours === undefined || isEqual(setting, ours)) return [];
    const theirs = `${setting.written} ${valueOf(setting.name, setting.args)}`;
    const wins = `${ours.name} ${valueOf(ours.name, ours.args)}`;
    return [`${placeOf(setting)} sets "${theirs}"; the "${wins}" of make-slave wins, because it stands later`];
  });
}

function portWarning(base: BaseConfig, redisPort: number): string[] {
  const setting = lastOf(base, 'port');
  const port = setting?.args[0] ?? DEFAULT_PORT;
  if (port === String(redisPort)) return [];
  const who = setting === undefined ? 'the base config sets no port, so Redis' : `by ${placeOf(setting)} Redis`;
  return [`${who} listens on ${port}, but --redis-port is ${redisPort}: nobody will find this pod`];
}

function passwordWarning(base: BaseConfig, { username, password }: MakeSlaveConfig): string[] {
  // `requirepass` is that of the user `default`.
  if (username !== undefined && username !== 'default') return [];
  const setting = lastOf(base, 'requirepass');
  const required = setting?.args[0] ?? '';
  if (setting === undefined || required === '' || required === password) return [];
  const what =
    password === undefined ? 'no --redis-password-file is given' : 'it is not the password of --redis-password-file';
  return [
    `${placeOf(setting)} sets requirepass, but ${what}: make-slave can not ask Redis instances that are set up like this`,
  ];
}

/** One sentence for each setting of the user's config that does not go with the flags. */
export function mismatches(base: BaseConfig, config: MakeSlaveConfig): string[] {
  return [...portWarning(base, config.redisPort), ...passwordWarning(base, config)];
}

/** @throws UsageError when the user's config turns on Redis Cluster, which has its own failover and refuses `replicaof` */
export function refuseClusterMode(base: BaseConfig): void {
  const setting = lastOf(base, 'cluster-enabled');
  if (setting?.args[0]?.toLowerCase() !== 'yes') return;
  throw new UsageError(
    `${placeOf(setting)} sets cluster-enabled yes; it must be no: Redis Cluster does its own failover, and refuses replicaof`,
  );
}
