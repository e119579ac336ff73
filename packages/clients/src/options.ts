import { parseArgs } from 'node:util';
import { TestkitError, messageOf } from '@sentinel-micro/testkit';
import { CLIENTS, clientsNamed, type ClientKind } from './catalogue.ts';
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

/** Reads the flags. @throws TestkitError BAD_USAGE */
export function parseOrder(args: readonly string[]): Order {
  const values = parse(args);
  return {
    clients: values.only === undefined ? CLIENTS : clientsNamed(values.only.split(',')),
    faults: values.fault === undefined ? FAULTS : values.fault.split(',').map(faultNamed),
    runs: wholeNumber(values.runs),
    jsonFile: values.json,
    product: values.product,
    isList: values.list,
    isVerbose: values.verbose,
  };
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

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function parse(args: readonly string[]): Values {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new TestkitError('BAD_USAGE', messageOf(error), { cause: error });
  }
}

function faultNamed(name: string): Fault {
  const fault = FAULTS.find((its) => its.name === name);
  if (fault !== undefined) return fault;
  throw new TestkitError(
    'BAD_USAGE',
    `there is no fault ${name}; there are ${FAULTS.map((its) => its.name).join(', ')}`,
  );
}

function wholeNumber(text: string): number {
  const MOST = 1000;
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 1 && runs <= MOST) return runs;
  throw new TestkitError('BAD_USAGE', `--runs is ${text}; it has to be a whole number from 1 to ${MOST}`);
}
