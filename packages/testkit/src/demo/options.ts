import yargs from 'yargs';
import { TestkitError, messageOf } from '../errors.ts';

export interface DemoOptions {
  readonly pods: number;
  /** Leave the cluster running at the end until Ctrl-C. */
  readonly keep: boolean;
  /** The last line of standard output is one JSON object; everything else goes to standard error. */
  readonly json: boolean;
}

const MIN_PODS = 3;
const MAX_PODS = 9;

/**
 * Reads the flags of the demo. Undefined when help was asked for (and has been printed).
 * @throws TestkitError BAD_USAGE
 */
export async function parseOptions(args: readonly string[]): Promise<DemoOptions | undefined> {
  const parser = yargs([...args])
    .scriptName('npm run demo --')
    .usage(
      '$0 [--pods N] [--keep] [--json]\n\nStarts a Redis set on this machine, breaks it, and shows that it carries on.',
    )
    .option('pods', { type: 'number', default: 3, describe: `how many pods (${MIN_PODS} to ${MAX_PODS})` })
    .option('keep', { type: 'boolean', default: false, describe: 'leave it running at the end, until Ctrl-C' })
    .option('json', { type: 'boolean', default: false, describe: 'last line of stdout is the result as JSON' })
    .version(false)
    .help()
    .strict()
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw new TestkitError('BAD_USAGE', message ?? messageOf(error), { cause: error });
    });
  const flags = await parser.parseAsync();
  if (flags['help'] === true) return undefined;
  const { pods, keep, json } = flags;
  if (!Number.isInteger(pods) || pods < MIN_PODS || pods > MAX_PODS) {
    throw new TestkitError('BAD_USAGE', `--pods must be a whole number from ${MIN_PODS} to ${MAX_PODS}`);
  }
  return { pods, keep, json };
}
