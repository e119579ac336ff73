import { failed, type Reply } from '@sentinel-micro/runtime';

/** Redis's own words for too few or too many arguments. */
export function wrongNumber(command: string): Reply {
  return failed(`ERR wrong number of arguments for '${command}' command`);
}
