import { MAKE_SLAVE_FLAGS, parseConfig } from '@sentinel-micro/make-slave';
import { messageOf, type RawFlags } from '@sentinel-micro/runtime';
import { parseRunConfig, RUN_FLAGS } from '@sentinel-micro/sentinel';
import type { IContainer } from 'kubernetes-models/v1/Container';
import { givenFlags, type RedisSet } from './redis-set.ts';

type Specs = Readonly<Record<string, object>>;

/** The programs' own definitions of their flags, by the container that runs them. */
export function specsOf(container: IContainer): Specs {
  return container.name === 'make-slave' ? MAKE_SLAVE_FLAGS : RUN_FLAGS;
}

/** What is the pod's own, and from where in its object it comes. */
export const identity: Readonly<Record<string, string>> = {
  'pod-name': 'metadata.name',
  'pod-uid': 'metadata.uid',
  'pod-ip': 'status.podIP',
  namespace: 'metadata.namespace',
};

/** Flags that both programs have, and that mean the same: they have to be given to both or to neither. */
export const sharedFlags: readonly string[] = Object.keys(MAKE_SLAVE_FLAGS)
  .filter((flag) => flag in RUN_FLAGS && !(flag in identity))
  // These have checks of their own, or are each one's own affair.
  .filter((flag) => !['service', 'replicas', 'log-level', 'log-format'].includes(flag));

type Value = string | number | boolean;

const defaultsOf = (specs: Specs): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(specs).flatMap(([flag, spec]) =>
      'default' in spec ? [[flag, spec.default as Value] as const] : [],
    ),
  );

/** The value that the program works with: what it is given, or its default. */
export function flagOf(container: IContainer, flag: string): string | undefined {
  const given = givenFlags(container).find(({ name }) => name === flag)?.value;
  const value = given ?? defaultsOf(specsOf(container))[flag];
  return value === undefined ? undefined : String(value);
}

/** What the pods will have in place of fields of theirs and of files: only the first pod, with any password. */
function standIn({ statefulSet }: RedisSet, flag: string, value: string | undefined): [string, string] {
  const name = `${String(statefulSet.metadata?.name)}-0`;
  const fields: Record<string, string> = { 'pod-name': name, 'pod-uid': 'u', 'pod-ip': '10.0.0.1', namespace: 'n' };
  if (flag.endsWith('-password-file')) return [flag.replace(/-file$/, ''), 'a password'];
  return [flag, value ?? fields[flag] ?? ''];
}

/** Has the programs themselves look at their flags. @returns what they say; undefined when they take them. */
export function refusalOf(set: RedisSet, container: IContainer): string | undefined {
  const specs = specsOf(container);
  const given = givenFlags(container)
    .filter(({ name }) => name in specs)
    .reverse()
    .map(({ name, value }) => standIn(set, name, value));
  const flags: RawFlags = { ...defaultsOf(specs), ...Object.fromEntries(given) };
  try {
    if (container.name === 'make-slave') parseConfig(flags);
    else parseRunConfig(flags, 'incarnation');
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
