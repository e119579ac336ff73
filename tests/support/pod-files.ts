import path from 'node:path';
import { parseSettings } from '@sentinel-micro/make-slave';
import type { IContainer } from 'kubernetes-models/v1/Container';
import { flagValue, mountOf, type RedisSet } from './redis-set.ts';

/** Redis follows includes as deep as they go; ours are two deep. */
const mostDepth = 8;

/** What the config that make-slave includes says, all files that it includes in turn put in their place. */
export interface BaseConfig {
  readonly settings: ReturnType<typeof parseSettings>;
  /** Includes that lead to nothing. */
  readonly missing: readonly string[];
}

/** @returns undefined when there is no `--base-config` */
export function readBaseConfig(set: RedisSet): BaseConfig | undefined {
  const file = flagValue(set.makeSlave, 'base-config');
  if (file === undefined) return undefined;
  const missing: string[] = [];
  return { settings: settingsOf(set, file, missing, 0), missing };
}

function settingsOf(set: RedisSet, file: string, missing: string[], depth: number): BaseConfig['settings'] {
  const text = fileText(set, set.redis, file);
  if (text === undefined || depth > mostDepth) {
    missing.push(file);
    return [];
  }
  return parseSettings(text, file).flatMap((setting) => {
    if (setting.name !== 'include') return [setting];
    const included = String(setting.args[0]);
    const files = included.includes('*') ? matchingFiles(set, set.redis, included) : [included];
    return files.flatMap((one) => settingsOf(set, one, missing, depth + 1));
  });
}

/** All files beside the base config and beside what it includes, by their paths, as Redis sees them. */
export function baseConfigFiles(set: RedisSet): Record<string, string> {
  const folders = new Set((set.redis.volumeMounts ?? []).map(({ mountPath }) => `${mountPath}/`));
  return Object.fromEntries(
    [...folders].flatMap((folder) =>
      Object.entries(volumeFiles(set, set.redis, folder) ?? {}).map(([name, text]) => [path.join(folder, name), text]),
    ),
  );
}

/** The files of ConfigMaps and Secrets that a pattern in its last part means, in the order in which Redis reads them. */
function matchingFiles(set: RedisSet, container: IContainer, pattern: string): string[] {
  const { dir, base } = path.parse(pattern);
  const [start = '', end = ''] = base.split('*');
  const names = Object.keys(volumeFiles(set, container, `${dir}/`) ?? {}).sort();
  return names.filter((name) => name.startsWith(start) && name.endsWith(end)).map((name) => `${dir}/${name}`);
}

/** The text of a file as a container sees it, when it comes from a ConfigMap or a Secret of these manifests. */
export function fileText(set: RedisSet, container: IContainer, file: string): string | undefined {
  return volumeFiles(set, container, file)?.[path.basename(file)];
}

function volumeFiles(set: RedisSet, container: IContainer, file: string): Readonly<Record<string, string>> | undefined {
  const mount = mountOf(container, file);
  const volume = (set.pod.volumes ?? []).find(({ name }) => name === mount?.name);
  const configMap = set.configMaps.find(({ metadata }) => metadata?.name === volume?.configMap?.name);
  if (volume?.configMap !== undefined) return configMap?.data;
  const secret = set.secrets.find(({ metadata }) => metadata?.name === volume?.secret?.secretName);
  return volume?.secret === undefined ? undefined : secret?.stringData;
}
