import { UsageError } from './errors.ts';

/** The flags of one command, in the shape that yargs takes. */
export type FlagSpecs = Readonly<Record<string, object>>;

const isBoolean = (spec: object | undefined): boolean =>
  spec !== undefined && 'type' in spec && spec.type === 'boolean';

/** Is this a flag of the command, in one of the spellings that yargs takes? */
function isKnown(name: string, flags: FlagSpecs): boolean {
  const kebab = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (kebab === 'help' || kebab === 'version' || kebab in flags) return true;
  return kebab.startsWith('no-') && isBoolean(flags[kebab.slice(3)]);
}

/**
 * Names the first flag that the command does not have. yargs takes the value after such a flag for a command, and complains of that.
 * @param command as people type it, such as `sentinel run`
 * @throws UsageError
 */
export function refuseUnknownFlags(command: string, args: readonly string[], flags: FlagSpecs): void {
  for (const arg of args) {
    if (arg === '--') return;
    // A negative number is a value.
    if (!/^-[^\d.]/.test(arg)) continue;
    const [spelling = arg] = arg.split(/[=.]/, 1);
    if (spelling.startsWith('--') && isKnown(spelling.slice(2), flags)) continue;
    throw new UsageError(`${spelling} is no flag of ${command}; see ${command} --help`);
  }
}

/**
 * What yargs says of a mistake, so that the flag, its value and what would be right are named as everywhere else.
 * @param command as people type it; null when none was named
 * @param commands those that could have been named
 */
export function usageMessage(message: string, command: string | null, commands: readonly string[]): string {
  const all = commands.join(', ');
  // Where there are commands it calls what is left over a command, else an argument. Flags were looked at before.
  const extra = /^Unknown commands?: (.*)$/s.exec(message)?.[1];
  if (command === null && extra !== undefined) return `there is no command ${extra}; name one of ${all}`;
  const unknown = /^Unknown arguments?: (.*)$/s.exec(message)?.[1];
  if (command === null && unknown !== undefined)
    return `--${String(unknown.split(', ', 1)[0])} is no flag that comes before a command; name one of ${all}`;
  const given = extra ?? unknown;
  if (given !== undefined) return `${String(command)} takes no argument, but was given: ${given}`;
  if (command !== null && message.startsWith('Not enough non-option arguments'))
    return `${command} needs at least one argument; see ${command} --help`;
  const bare = /^Not enough arguments following: (.*)$/s.exec(message)?.[1];
  if (bare !== undefined) return `--${bare} is given without a value`;
  const choice = /^ {2}Argument: (\S+), Given: (.*), Choices: (.*)$/m.exec(message);
  if (choice !== null) {
    const [, flag, value, choices] = choice as unknown as [string, string, string, string];
    return `--${flag} is ${value}; it must be one of ${choices.replaceAll('"', '')}`;
  }
  return message;
}
