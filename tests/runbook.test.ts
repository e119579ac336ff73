// The runbook names every event that can stand in a log, and no other.
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.dirname(import.meta.dirname);
/** Whose event stands at which place among the arguments of a call. */
const PLACE_OF_EVENT: Readonly<Record<string, number>> = { note: 2, log: 1, '#news': 1 };
/** Names that are put together when they are logged: as the code has them, and what can come of them. */
const COMPOSED: Readonly<Record<string, readonly string[]>> = {
  '`redis-${health.state}`': ['redis-up', 'redis-suspect', 'redis-down'],
};

function calledName({ expression }: ts.CallExpression): string {
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
}

/** The events that an argument can be; none for a variable, which was named where it comes from. */
function eventsOf(argument: ts.Expression): readonly string[] {
  if (ts.isStringLiteral(argument)) return [argument.text];
  if (ts.isConditionalExpression(argument)) return [argument.whenTrue, argument.whenFalse].flatMap(eventsOf);
  if (ts.isIdentifier(argument)) return [];
  const composed = COMPOSED[argument.getText()];
  if (composed === undefined) throw new Error(`${argument.getText()}: say in COMPOSED what can come of it`);
  return composed;
}

function eventsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ESNext, true);
  const events: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const place = PLACE_OF_EVENT[calledName(node)];
      const argument = place === undefined ? undefined : node.arguments[place];
      if (argument !== undefined) events.push(...eventsOf(argument));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return events;
}

function eventsOfPackage(name: string): string[] {
  const folder = path.join(root, 'packages', name, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) => eventsIn(path.join(folder, file)));
}

/** The names in the first column of the table under a heading. */
function documentedEvents(heading: string): string[] {
  const runbook = readFileSync(path.join(root, 'docs', 'OPERATIONS.md'), 'utf8');
  const section = runbook.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const cells = section.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => String(name)));
}

describe('each event has one row, and each row an event', () => {
  test.each([
    ['Lines in the log, by `event`', ['core', 'runtime', 'sentinel']],
    ['Lines of make-slave, by `event`', ['make-slave']],
  ])('%s', (heading, packages) => {
    const events = [...new Set(packages.flatMap(eventsOfPackage))];
    expect(events.length).toBeGreaterThanOrEqual(5);
    expect(documentedEvents(heading).sort()).toEqual(events.sort());
  });
});
