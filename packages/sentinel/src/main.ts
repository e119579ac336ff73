import {
  flagsFromEnvironment,
  messageOf,
  OperationError,
  refuseSecretsInArguments,
  refuseUnknownFlags,
  UsageError,
  usageMessage,
  type RawFlags,
} from '@sentinel-micro/runtime';
import yargs, { type Options } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { parseRunConfig, RUN_FLAGS } from './config.ts';
import { EXPLAIN_FLAGS, runExplain } from './control/explain.ts';
import { HISTORY_FLAGS, runHistory } from './control/history.ts';
import {
  FAILOVER_FLAGS,
  HANDOVER_FLAGS,
  PAUSE_FLAGS,
  runFailover,
  runHandover,
  runPause,
  runResume,
  runSwitchover,
  SWITCHOVER_FLAGS,
} from './control/order.ts';
import { newIncarnation } from './incarnation.ts';
import { PROMOTE_FLAGS, runPromote } from './promote/command.ts';
import { startSidecar } from './run.ts';
import { runStatus, STATUS_FLAGS } from './status.ts';

const output = {
  stdout: (text: string): void => void process.stdout.write(`${text}\n`),
  stderr: (text: string): void => void process.stderr.write(`${text}\n`),
};

async function run(flags: RawFlags): Promise<number> {
  const sidecar = await startSidecar(parseRunConfig(flags, newIncarnation(), process.env));
  await new Promise<void>((resolve) => {
    const stop = (): void => resolve();
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
  await sidecar.stop();
  return 0;
}

interface Command {
  readonly does: string;
  readonly flags: Readonly<Record<string, Options>>;
  /** Takes any number of `HOST:PORT`, at least one. */
  readonly takesEndpoints?: boolean;
  readonly run: (flags: RawFlags, endpoints: readonly string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  run: { does: 'run the sidecar of one pod', flags: RUN_FLAGS, run },
  status: {
    does: 'show the set as its sidecars see it',
    flags: STATUS_FLAGS,
    run: (flags) => runStatus(flags, output),
  },
  explain: {
    does: 'say who would be elected if the master were lost, and whether a switchover would succeed',
    flags: EXPLAIN_FLAGS,
    run: (flags) => runExplain(flags, output),
  },
  switchover: {
    does: 'make another pod master, as planned: nothing is lost',
    flags: SWITCHOVER_FLAGS,
    run: (flags) => runSwitchover(flags, output),
  },
  failover: {
    does: 'by force, when the master is sick but not dead: what only it has is lost',
    flags: FAILOVER_FLAGS,
    run: (flags) => runFailover(flags, output),
  },
  handover: {
    does: 'for preStop hooks: return when this pod is not master any more',
    flags: HANDOVER_FLAGS,
    run: (flags) => runHandover(flags, output),
  },
  pause: {
    does: 'stop automatic failover of the whole set: nobody takes over when the master is lost',
    flags: PAUSE_FLAGS,
    run: (flags) => runPause(flags, output),
  },
  resume: {
    does: 'start automatic failover again',
    flags: PAUSE_FLAGS,
    run: (flags) => runResume(flags, output),
  },
  history: {
    does: 'show the last changes of master',
    flags: HISTORY_FLAGS,
    run: (flags) => runHistory(flags, output),
  },
  promote: {
    does: 'look at some Redis instances once, and give them a master if they have none',
    flags: PROMOTE_FLAGS,
    takesEndpoints: true,
    run: (flags, endpoints) => runPromote(flags, endpoints, output),
  },
};

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

const names = Object.keys(COMMANDS);

async function main(): Promise<number> {
  let exitCode = 0;
  let named: string | null = null;
  const args = hideBin(process.argv);
  const parser = yargs(args).scriptName('sentinel').detectLocale(false);
  for (const [name, { does, flags: specs, takesEndpoints = false, run: carryOut }] of Object.entries(COMMANDS)) {
    parser.command(
      takesEndpoints ? `${name} <endpoints..>` : name,
      does,
      (command) => {
        named = `sentinel ${name}`;
        refuseUnknownFlags(named, args, specs);
        const describe = 'HOST:PORT or [IPv6]:PORT of each instance';
        if (takesEndpoints) command.positional('endpoints', { type: 'string', array: true, describe });
        return command.options(specs).config(flagsFromEnvironment(process.env, specs));
      },
      async ({ endpoints, ...flags }) => {
        exitCode = await carryOut(flags, takesEndpoints ? (endpoints as string[]) : []);
      },
    );
  }
  parser
    .demandCommand(1, `name a command: ${names.join(', ')}`)
    .strictCommands()
    .strictOptions()
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      // Mistakes that yargs finds by itself come as errors of its own kind (YError).
      if (error !== undefined && error.name !== 'YError') throw error;
      throw new UsageError(usageMessage(message ?? error?.message ?? 'wrong usage', named, names));
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
