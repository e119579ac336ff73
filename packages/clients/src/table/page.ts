import { markdownTable, medianOf, mostOf } from '@sentinel-micro/testkit';
import { CLIENTS, type ClientKind } from '../catalogue.ts';
import { FAULTS, type Fault } from '../fault.ts';
import { GUIDES, type Guide } from './guide.ts';
import type { ClientRecord, KeptRun } from './record.ts';

/** The page of the docs. */
export function pageOf({ runs }: ClientRecord): string {
  return [
    '# Sentinel clients',
    '',
    'What an application sees of a failover depends on its client library and on the options. This is what was measured with',
    'real clients and three real pods, and what is recommended for each. Made by `npm run test:clients -- --table` from',
    '[clients.json](clients.json); do not edit.',
    '',
    ...howItIsMeasured(),
    ...clients(runs),
    ...FAULTS.flatMap((fault) => figures(fault, runs)),
    '## Recommended options',
    '',
    ...GUIDES.flatMap(guide),
  ].join('\n');
}

function howItIsMeasured(): string[] {
  return [
    '## How it is measured',
    '',
    'Each run has a set of its own, and one application: a process with two writers, each with a client of its own. Each writes a new',
    'key every 2 ms or so, one after the other; after an error it waits 20 ms and goes on with the next key. One only writes, the other',
    'has each write confirmed by `WAIT 1`. At the end everything is read back from the master. The machine had two cores and other work',
    'to do: compare the rows with each other rather than with a machine of your own.',
    '',
    '| column | what it is |',
    '|---|---|',
    '| goes on | runs in which both writers wrote again by themselves |',
    '| errors | writes of which the application was told that they failed: plain writer / confirmed writer, median of all runs |',
    '| without writes | the longest time in which the plain writer had no write acknowledged: median / longest of all runs, in milliseconds |',
    '| lost | acknowledged writes that are not there at the end, of all acknowledged |',
    '| confirmed lost | the same of those that WAIT had confirmed. None may be |',
    '',
    'What is judged must go on and lose nothing that was confirmed, in each run. The others are there to show what the options are for.',
    '',
  ];
}

function clients(runs: readonly KeptRun[]): string[] {
  const rows = CLIENTS.map(({ name, isJudged, what }) => {
    const its = runs.filter(({ client }) => client === name);
    const libraries = [...new Set(its.map(({ library }) => library))].filter((text) => text !== '').sort();
    return [name, libraries.join(', ') || '-', what, isJudged ? 'yes' : 'no', String(its.length)];
  });
  return ['## Clients', '', ...markdownTable(['name', 'version', 'what it is', 'judged', 'runs'], rows)];
}

function figures(fault: Fault, runs: readonly KeptRun[]): string[] {
  const rows = CLIENTS.map((client) =>
    row(
      client,
      runs.filter((run) => run.fault === fault.name && run.client === client.name),
    ),
  );
  const head = ['client', 'runs', 'goes on', 'errors', 'without writes', 'lost', 'confirmed lost'];
  const loss = fault.isLossless === true ? ' No acknowledged write may be lost.' : '';
  return [`## ${fault.name}`, '', `${fault.what}${loss}`, '', ...markdownTable(head, rows)];
}

function row({ name }: ClientKind, runs: readonly KeptRun[]): string[] {
  if (runs.length === 0) return [name, '-', '', '', '', '', ''];
  const count = (figure: (run: KeptRun) => number): string =>
    String(runs.reduce((total, run) => total + figure(run), 0)).replace(/\B(?=(\d{3})+$)/g, ',');
  const gaps = runs.map(({ plain }) => plain.gapMs);
  return [
    ...[name, String(runs.length), String(runs.filter(({ goesOn }) => goesOn).length)],
    `${medianOf(runs.map(({ plain }) => plain.errors)) ?? '-'} / ${medianOf(runs.map(({ wait }) => wait.errors)) ?? '-'}`,
    `${medianOf(gaps) ?? '-'} / ${mostOf(gaps) ?? '-'}`,
    `${count(({ plain, wait }) => plain.lost + wait.lost)} of ${count(({ plain, wait }) => plain.acknowledged + wait.acknowledged)}`,
    `${count(({ wait }) => wait.confirmedLost)} of ${count(({ wait }) => wait.confirmed)}`,
  ];
}

function guide({ title, language, code, reasons }: Guide): string[] {
  return [`### ${title}`, '', `\`\`\`${language}`, code, '```', '', ...reasons.map((reason) => `- ${reason}`), ''];
}
