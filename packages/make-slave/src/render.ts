import { LIMBO_HOST, LIMBO_PORT, type BootstrapDecision } from '@sentinel-micro/core';
import { NO_BASE_CONFIG, type BaseConfig } from './base-config.ts';
import type { MakeSlaveConfig } from './config.ts';
import { quoteArgument } from './redis-conf.ts';

/**
 * A replica that has been silent for longer does not count for min-replicas-to-write, in seconds. In a silent partition a
 * master whose sidecar is frozen refuses writes within this + 2 s (Redis compares whole seconds, and counts once a second); replicas acknowledge once per second, so 1 would be too tight.
 */
const MIN_REPLICAS_MAX_LAG_SECONDS = 2;

/** One line of the config. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly isSecret: boolean;
  /** Why, as a comment above it; null for those that speak for themselves. */
  readonly comment: string | null;
}

function directive(name: string, args: readonly (string | number)[], comment: string | null = null): Directive {
  return { name, args: args.map(String), isSecret: false, comment };
}

function credentialDirectives({ username, password }: MakeSlaveConfig): Directive[] {
  if (password === undefined) return [];
  const login = username === undefined ? [] : [directive('masteruser', [username])];
  return [...login, { ...directive('masterauth', [password]), isSecret: true }];
}

function writeQuorumDirectives({ writeQuorum, members }: MakeSlaveConfig): Directive[] {
  if (writeQuorum === 'off') return [];
  const lag = MIN_REPLICAS_MAX_LAG_SECONDS;
  return [
    directive(
      'min-replicas-to-write',
      [Math.floor(members.length / 2)],
      'The second fence: a master that has lost its replicas refuses writes, also when its sidecar is frozen or dead.',
    ),
    directive(
      'min-replicas-max-lag',
      [lag],
      `Seconds. In a silent partition the fence closes after at most ${lag + 2} s: Redis compares whole seconds, once a second.`,
    ),
  ];
}

/**
 * Redis's own default is to wait 5 seconds for further replicas before it sends a full copy. Meanwhile a replica that is empty stays
 * so, and counts for nothing; and a copy that was asked for is sent even after the master was detached. What the user says wins.
 */
function syncDirectives(base: BaseConfig): Directive[] {
  if (base.settings.some(({ name }) => name === 'repl-diskless-sync-delay')) return [];
  return [directive('repl-diskless-sync-delay', [0], 'A new replica gets its copy at once, not after 5 seconds.')];
}

/** Everything that make-slave sets, in the order of the file. */
export function directivesOf(config: MakeSlaveConfig, decision: BootstrapDecision, base = NO_BASE_CONFIG): Directive[] {
  const start =
    decision.kind === 'replica'
      ? directive('replicaof', [decision.master.ip, decision.master.port])
      : directive(
          'replicaof',
          [LIMBO_HOST, LIMBO_PORT],
          'Limbo: a replica of nobody, until the sidecars have a master.',
        );
  const priority = config.replicaPriority === null ? [] : [directive('replica-priority', [config.replicaPriority])];
  return [
    start,
    ...credentialDirectives(config),
    directive('replica-announce-ip', [config.ip]),
    directive('replica-announce-port', [config.redisPort]),
    ...priority,
    ...writeQuorumDirectives(config),
    ...syncDirectives(base),
  ];
}

/** How a value reads where secrets must not be seen. */
export const MASK = '***';

function lineOf({ name, args, isSecret }: Directive, maskSecrets: boolean): string {
  return [name, ...(isSecret && maskSecrets ? [MASK] : args.map(quoteArgument))].join(' ');
}

/** What others said may have line breaks in it; behind one of them it would be a directive. */
function comment(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  return `# ${text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')}`;
}

/**
 * The text of the config file.
 * @param maskSecrets true for a text that people look at; Redis can not start a working replica from it
 */
export function renderConfig(
  config: MakeSlaveConfig,
  decision: BootstrapDecision,
  maskSecrets: boolean,
  base = NO_BASE_CONFIG,
): string {
  const directives = directivesOf(config, decision, base);
  const isMasked = maskSecrets && directives.some(({ isSecret }) => isSecret);
  const head = [
    comment(
      `Written by make-slave of sentinel-micro for pod ${config.pod} of ${config.cluster}, anew at each start of the pod.`,
    ),
    comment(`Starts as: ${decision.kind === 'replica' ? 'replica' : 'replica of nobody (limbo)'}`),
    comment(`Because: ${decision.reason}`),
    ...(isMasked ? [comment(`Secrets are shown as ${MASK} here. The file that make-slave writes has them.`)] : []),
  ];
  const include =
    config.baseConfig === null
      ? []
      : [
          '',
          comment('Of a directive that stands twice Redis takes the later one: what follows wins over this file.'),
        ].concat(`include ${quoteArgument(config.baseConfig)}`);
  const body = directives.flatMap((line) => [
    ...(line.comment === null ? [] : [comment(line.comment)]),
    lineOf(line, maskSecrets),
  ]);
  return `${[...head, ...include, '', ...body].join('\n')}\n`;
}
