import {
  flagsFromEnvironment,
  messageOf,
  OperationError,
  refuseSecretsInArguments,
  UsageError,
  type RawFlags,
} from '@sentinel-micro/runtime';
import { randomBytes } from 'node:crypto';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { parseRunConfig, RUN_FLAGS } from './config.ts';
import { PROMOTE_FLAGS, runPromote } from './promote/command.ts';
import { startSidecar } from './run.ts';
import { runStatus, STATUS_FLAGS } from './status.ts';

const output = {
  stdout: (text: string): void => void process.stdout.write(`${text}\n`),
  stderr: (text: string): void => void process.stderr.write(`${text}\n`),
};

async function run(flags: RawFlags): Promise<void> {
  const sidecar = await startSidecar(parseRunConfig(flags, randomBytes(20).toString('hex')));
  await new Promise<void>((resolve) => {
    const stop = (): void => resolve();
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
  await sidecar.stop();
}

/** Keeps what went wrong where the exit code is made of it. */
function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) {
    output.stderr(`sentinel: ${error.message}`);
    return 2;
  }
  const isKnown = error instanceof OperationError;
  output.stderr(
    `sentinel: ${isKnown || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message)}`,
  );
  return 1;
}

async function main(): Promise<number> {
  let exitCode = 0;
  const args = hideBin(process.argv);
  const parser = yargs(args)
    .scriptName('sentinel')
    .command(
      'run',
      'run the sidecar of one pod',
      (command) => command.options(RUN_FLAGS).config(flagsFromEnvironment(process.env, RUN_FLAGS)),
      (flags) => run(flags),
    )
    .command(
      'status',
      'show the set as its sidecars see it',
      (command) => command.options(STATUS_FLAGS).config(flagsFromEnvironment(process.env, STATUS_FLAGS)),
      async (flags) => {
        exitCode = await runStatus(flags, output);
      },
    )
    .command(
      'promote <endpoints..>',
      'look at some Redis instances once, and give them a master if they have none',
      (command) =>
        command
          .positional('endpoints', {
            type: 'string',
            array: true,
            describe: 'HOST:PORT or [IPv6]:PORT of each instance',
          })
          .options(PROMOTE_FLAGS)
          .config(flagsFromEnvironment(process.env, PROMOTE_FLAGS)),
      async ({ endpoints, ...flags }) => {
        exitCode = await runPromote(flags, endpoints ?? [], output);
      },
    )
    .demandCommand(1, 'name a command: run, promote or status')
    .strictCommands()
    .strictOptions()
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      // Mistakes that yargs finds by itself come as errors of its own kind (YError).
      if (error === undefined || error.name === 'YError')
        throw new UsageError(message ?? error?.message ?? 'wrong usage');
      throw error;
    })
    .help();
  try {
    refuseSecretsInArguments(args);
    await parser.parseAsync();
    return exitCode;
  } catch (error) {
    return exitCodeOf(error);
  }
}

process.exit(await main());
