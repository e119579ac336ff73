import yargs from 'yargs';
import { flagsFromEnvironment } from '@sentinel-micro/runtime';
import { parseRunConfig, RUN_FLAGS, type RunConfig } from '../src/config.ts';

export const INCARNATION = 'f'.repeat(40);
/** The fewest flags that a sidecar needs. */
export const MINIMAL = {
  service: 'redis',
  namespace: 'shop',
  replicas: '3',
  'pod-name': 'redis-0',
  'pod-uid': '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
  'pod-ip': '10.0.0.10',
};

export type Change = Readonly<Record<string, string | undefined>>;

/** As the command line makes it: flags as arguments, defaults, and the environment behind them. */
export async function configOf(
  change: Change = {},
  environment: Change = {},
  surroundings: Change = {},
): Promise<RunConfig> {
  const given: Change = { ...MINIMAL, ...change };
  const args = Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`]));
  const flags = await yargs(args)
    .options(RUN_FLAGS)
    .config(flagsFromEnvironment(environment, RUN_FLAGS))
    .strict()
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new Error(message ?? '');
    })
    .parseAsync();
  return parseRunConfig(flags, INCARNATION, surroundings);
}
