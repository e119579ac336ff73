import {
  createLogger,
  flagsFromEnvironment,
  messageOf,
  OperationError,
  refuseSecretsInArguments,
  refuseUnknownFlags,
  UsageError,
  usageMessage,
  type Logger,
  type RawFlags,
} from '@sentinel-micro/runtime';
import { setImmediate } from 'node:timers/promises';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { MAKE_SLAVE_FLAGS, parseConfig } from './config.ts';
import { makeSlave } from './make-slave.ts';
import { createProbes } from './probes.ts';

async function parseFlags(): Promise<RawFlags> {
  const args = hideBin(process.argv);
  refuseSecretsInArguments(args);
  refuseUnknownFlags('make-slave', args, MAKE_SLAVE_FLAGS);
  return await yargs(args)
    .scriptName('make-slave')
    .usage('$0: writes the config from which a Redis pod starts as a replica of the present master, or of nobody')
    .options(MAKE_SLAVE_FLAGS)
    .config(flagsFromEnvironment(process.env, MAKE_SLAVE_FLAGS))
    .strict()
    .detectLocale(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw new UsageError(usageMessage(message ?? error?.message ?? 'wrong usage', 'make-slave', []));
    })
    .parseAsync();
}

/** Before there is a logger, and for mistakes in the flags, a line for people. */
function exitCodeOf(error: unknown, logger: Logger | null): number {
  if (error instanceof UsageError) {
    process.stderr.write(`make-slave: ${error.message}\n`);
    return 2;
  }
  const text = error instanceof OperationError || !(error instanceof Error) ? messageOf(error) : String(error.stack);
  if (logger === null) process.stderr.write(`make-slave: ${text}\n`);
  else logger.log('error', 'failed', text);
  return 1;
}

async function main(): Promise<number> {
  let logger: Logger | null = null;
  try {
    const config = parseConfig(await parseFlags());
    const fields = { pod: config.pod, ...(config.podUid === null ? {} : { uid: config.podUid }) };
    logger = createLogger({ level: config.logLevel, format: config.logFormat, fields });
    const stdout = (text: string): void => void process.stdout.write(text);
    await makeSlave(config, { probes: createProbes(config), logger, stdout });
    return 0;
  } catch (error) {
    return exitCodeOf(error, logger);
  }
}

async function exit(exitCode: number): Promise<void> {
  // The logger hands its lines on in turns of the event loop. Waiting for the loop to run dry would mean to wait for peers that
  // hang, so it is given one turn.
  await setImmediate();
  process.exit(exitCode);
}

// Without an await, which only modules have: V8 keeps the code of scripts (scripts/code-cache).
void main().then(exit);
