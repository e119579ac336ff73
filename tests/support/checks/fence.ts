import path from 'node:path';
import type { IContainer } from 'kubernetes-models/v1/Container';
import { readBaseConfig, fileText } from '../pod-files.ts';
import { flagOf } from '../program-flags.ts';
import { flagValue, mountOf, type RedisSet } from '../redis-set.ts';
import { type Checks, when } from './complaints.ts';

/** Directives that make-slave renders. Anywhere else they would undo the boot fence, or lose against it. */
const renderedDirectives = [
  'replicaof',
  'replica-announce-ip',
  'replica-announce-port',
  'min-replicas-to-write',
  'min-replicas-max-lag',
];

/** What Redis is started from. */
export const fenceChecks: Checks = {
  'boot-fence': ({ makeSlave, redis }) => {
    const output = String(flagOf(makeSlave, 'output'));
    const [program, file, ...others] = [...(redis.command ?? []), ...(redis.args ?? [])];
    const written = mountOf(makeSlave, output);
    const read = mountOf(redis, output);
    const sameVolume = written?.name !== undefined && written.name === read?.name;
    return [
      ...when(!/(^|\/)(redis|valkey)-server$/.test(program ?? ''), 'redis: the command has to be redis-server'),
      ...when(file !== output, `redis: started from ${String(file)}, but make-slave writes ${output}`),
      ...others
        .filter((word) => renderedDirectives.includes(word.replace(/^--/, '').replace(/slave/g, 'replica')))
        .map((word) => `redis: ${word} on the command line overrides the rendered config`),
      ...when(!sameVolume, `make-slave and redis do not share the volume that ${output} lies in`),
      ...when(
        sameVolume && written.mountPath !== read.mountPath,
        `make-slave and redis mount the volume of ${output} at different places`,
      ),
      ...when(written?.readOnly === true, 'make-slave: cannot write its output, the mount is read-only'),
      ...when(read?.readOnly !== true, 'redis: the rendered config has to be mounted read-only'),
    ];
  },

  'rendered-config': ({ makeSlave, sentinel }) => {
    const output = String(flagOf(makeSlave, 'output'));
    const file = String(flagOf(sentinel, 'rendered-config'));
    const mount = mountOf(sentinel, file);
    return [
      ...when(file !== output, `sentinel: --rendered-config is ${file}, but make-slave writes ${output}`),
      ...when(
        mount === undefined || mount.name !== mountOf(makeSlave, output)?.name,
        `sentinel: does not mount the volume of ${output}: a Redis that restarts alone would follow an old master`,
      ),
      ...when(mount?.readOnly === true, `sentinel: the volume of ${output} has to be writable`),
    ];
  },

  'base-config': (set) => {
    const base = readBaseConfig(set);
    if (base === undefined) return [];
    const file = String(flagValue(set.makeSlave, 'base-config'));
    const [mount, same] = [set.makeSlave, set.redis].map((container) => mountOf(container, file));
    if (!mount || mount.name !== same?.name || mount.mountPath !== same.mountPath) {
      return [`make-slave and redis have to mount the volume of ${file} at the same place: redis includes it by path`];
    }
    return [
      ...base.missing.map((one) => `no ConfigMap and no Secret has the file ${one}`),
      ...base.settings
        .filter(({ name }) => renderedDirectives.includes(name))
        .map((setting) => `${setting.file} sets ${setting.name}, which make-slave renders`),
    ];
  },

  'data-folder': (set) => {
    const folder = readBaseConfig(set)?.settings.findLast(({ name }) => name === 'dir')?.args[0];
    if (folder === undefined) return ['no config says where Redis keeps its data (dir)'];
    const mount = mountOf(set.redis, path.join(folder, 'dump.rdb'));
    const claims = set.statefulSet.spec?.volumeClaimTemplates ?? [];
    const isClaimed = claims.some(({ metadata }) => metadata?.name === mount?.name);
    const isVolume = (set.pod.volumes ?? []).some(({ name }) => name === mount?.name);
    return [
      ...when(!isClaimed && !isVolume, `redis: ${folder} is on no volume, and the root file system is read-only`),
      ...when(isClaimed && isVolume, `the volume ${String(mount?.name)} is there twice: as a claim and in the pod`),
      ...when(mount?.readOnly === true, `redis: ${folder} is mounted read-only`),
      ...when(
        readBaseConfig(set)?.settings.findLast(({ name }) => name === 'appendonly')?.args[0] === 'yes' && !isClaimed,
        'Redis keeps an append-only file that does not survive the pod: no volumeClaimTemplate',
      ),
    ];
  },

  password: (set) => {
    const required = readBaseConfig(set)?.settings.findLast(({ name }) => name === 'requirepass')?.args[0];
    const file = flagOf(set.sentinel, 'redis-password-file');
    if (required === undefined && file === undefined) return [];
    if (required === undefined) return ['our programs have a password, but no config sets requirepass'];
    if (file === undefined) return ['a config sets requirepass, but our programs have no --redis-password-file'];
    return [set.makeSlave, set.sentinel].flatMap((container) => {
      const text = fileText(set, container, file)?.trim();
      return [
        ...when(text === undefined, `${container.name}: no Secret has the file ${file}`),
        ...when(text !== undefined && text !== required, `${container.name}: ${file} is not what requirepass is`),
      ];
    });
  },

  'shared-files': ({ pod, makeSlave, redis, sentinel }) => {
    const user = (container: IContainer): number | undefined =>
      container.securityContext?.runAsUser ?? pod.securityContext?.runAsUser;
    const isSame = user(makeSlave) === user(redis) && user(makeSlave) === user(sentinel);
    return when(
      pod.securityContext?.fsGroup === undefined && !isSame,
      'the rendered config (mode 0640) is readable for all only with an fsGroup, or with the same user everywhere',
    );
  },

  'kill-hung': ({ pod, redis, sentinel }: RedisSet) => {
    if (flagOf(sentinel, 'kill-hung') !== 'true') return [];
    const [own, others] = [sentinel, redis].map(
      (container) => container.securityContext?.runAsUser ?? pod.securityContext?.runAsUser,
    );
    return [
      ...when(pod.shareProcessNamespace !== true, '--kill-hung needs shareProcessNamespace: true'),
      ...when(own !== others, '--kill-hung needs the same runAsUser for sentinel and redis'),
    ];
  },
};
