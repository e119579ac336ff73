import { pickNamed, readFlags, wholeNumber } from '@sentinel-micro/testkit';
import { CLIENTS, type ClientKind } from './catalogue.ts';
import { FAULTS, type Fault } from './fault.ts';

export const USAGE = `npm run test:clients -- [OPTIONS]
  --only CLIENT,..   these clients only
  --fault NAME,..    these faults only
  --runs N           each so often (default 1)
  --json FILE        write the results there
  --list             name the clients and the faults, and end
  --verbose          show the errors that the applications saw
  --product FOLDER   other builds of make-slave.mjs and sentinel.mjs

npm run test:clients -- --table [FILE...]   take results into docs/clients.json and docs/clients.md`;

export interface Order {
  readonly clients: readonly ClientKind[];
  readonly faults: readonly Fault[];
  readonly runs: number;
  readonly jsonFile: string | undefined;
  readonly product: string | undefined;
  readonly isList: boolean;
  readonly isVerbose: boolean;
}

const OPTIONS = {
  only: { type: 'string' },
  fault: { type: 'string' },
  runs: { type: 'string', default: '1' },
  json: { type: 'string' },
  product: { type: 'string' },
  list: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
} as const;

/** Reads the flags. @throws TestkitError BAD_USAGE */
export function parseOrder(args: readonly string[]): Order {
  const values = readFlags(args, OPTIONS);
  return {
    clients: values.only === undefined ? CLIENTS : pickNamed('client', CLIENTS, values.only),
    faults: values.fault === undefined ? FAULTS : pickNamed('fault', FAULTS, values.fault),
    runs: wholeNumber('runs', values.runs, 1, 1000),
    jsonFile: values.json,
    product: values.product,
    isList: values.list,
    isVerbose: values.verbose,
  };
}
