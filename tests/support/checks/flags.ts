import type { IContainer } from 'kubernetes-models/v1/Container';
import { takesReplicasFromStatefulSet } from '../permissions.ts';
import { flagOf, identity, refusalOf, sharedFlags, specsOf } from '../program-flags.ts';
import { flagOfVariable, flagValue, givenFlags, type RedisSet, variableOfFlag } from '../redis-set.ts';
import { type Checks, when } from './complaints.ts';

/** Variables that Node itself reads. Everything else in our containers' environment has to be one of our flags. */
const nodeVariables = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'TZ'];

const ours = ({ makeSlave, sentinel }: RedisSet): IContainer[] => [makeSlave, sentinel];

/** What our two programs are told, against their own definitions and against the StatefulSet. */
export const flagChecks: Checks = {
  'service-flag': (set) => {
    const name = set.service.metadata?.name ?? '';
    return ours(set).flatMap((container) => {
      const given = flagValue(container, 'service');
      const names = given === name || given?.startsWith(`${name}.`) === true;
      return when(!names, `${container.name}: --service is ${String(given)}, spec.serviceName is ${name}`);
    });
  },

  'replicas-flag': (set) => {
    // Read from the StatefulSet by both, or typed twice.
    const wanted = takesReplicasFromStatefulSet(set) ? 'from-statefulset' : String(set.replicas);
    return ours(set).flatMap((container) => {
      const given = flagValue(container, 'replicas');
      return when(
        given !== wanted,
        `${container.name}: --replicas is ${String(given)}, spec.replicas is ${set.replicas}`,
      );
    });
  },

  'known-flags': (set) =>
    ours(set).flatMap((container) => [
      ...givenFlags(container)
        .filter(({ name }) => !(name in specsOf(container)))
        .map(({ name }) => `${container.name}: there is no flag --${name}`),
      ...(container.env ?? [])
        .map(({ name }) => name)
        .filter((name) => !nodeVariables.includes(name) && name !== variableOfFlag(flagOfVariable(name)))
        .map((name) => `${container.name}: the variable ${name} is not a flag of ours`),
    ]),

  'flags-accepted': (set) =>
    ours(set).flatMap((container) => {
      const refusal = refusalOf(set, container);
      return refusal === undefined ? [] : [`${container.name}: ${refusal}`];
    }),

  'flags-agree': (set) =>
    sharedFlags.flatMap((name) => {
      const [first, second] = ours(set).map((container) => String(flagOf(container, name)));
      return when(first !== second, `--${name} is ${String(first)} for make-slave and ${String(second)} for sentinel`);
    }),

  identity: (set) =>
    ours(set).flatMap((container) =>
      Object.entries(identity).flatMap(([flag, fieldPath]) => {
        const variable = (container.env ?? []).find(({ name }) => name === variableOfFlag(flag));
        return when(
          variable?.valueFrom?.fieldRef?.fieldPath !== fieldPath,
          `${container.name}: ${variableOfFlag(flag)} has to come from the field ${fieldPath}`,
        );
      }),
    ),

  'no-secret-in-plain-sight': (set) =>
    set.containers.flatMap((container) => [
      ...givenFlags(container)
        .filter(({ name, value }) => /password$/.test(name) && value !== undefined)
        .map(({ name }) => `${container.name}: --${name} stands in the manifest; it belongs into a Secret`),
      ...[...(container.command ?? []), ...(container.args ?? [])]
        .filter((word) => /requirepass|masterauth|^-a$|--pass$/.test(word))
        .map((word) => `${container.name}: ${word} puts a password where every process of the node can read it`),
    ]),
};
