// A port for HTTP that can not be had is waited for, by nobody but the one who wants it.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OperationError } from '@sentinel-micro/runtime';
import { sleep } from '@sentinel-micro/testkit';
import { until } from '../../runtime/test/support.ts';
import { keepListening, type Listening } from '../src/http/listening.ts';
import type { HttpServer } from '../src/http/server.ts';

const RETRY_MS = 20;

let attempts: number;
let lines: string[];
let closed: number;
/** With which code the port is refused; null when it can be had. */
let refusal: string | null;
let listening: Listening;
beforeEach(() => {
  [attempts, closed, lines] = [0, 0, []];
});
afterEach(() => listening.close());

function start(firstRefusal: string | null): void {
  refusal = firstRefusal;
  const server: HttpServer = { port: 8080, close: () => Promise.resolve(void (closed += 1)) };
  const serve = async (): Promise<HttpServer> => {
    attempts += 1;
    await sleep(1);
    if (refusal !== null) throw new OperationError(refusal, `no port: ${refusal}`);
    return server;
  };
  listening = keepListening(serve, (level, text) => lines.push(`${level} ${text}`), RETRY_MS);
}

const untilAttempt = (count: number): Promise<void> => until(`attempt ${count}`, () => attempts >= count);

test('a port that can be had is no news', async () => {
  start(null);
  await sleep(3 * RETRY_MS);
  expect([attempts, lines]).toEqual([1, []]);
  await listening.close();
  expect(closed).toBe(1);
});

test('one that is taken is told of once, and once more when it is there', async () => {
  start('EADDRINUSE');
  await untilAttempt(4);
  expect(lines).toEqual([
    'warn no port: EADDRINUSE; something else in this pod has that port: set --http-port, and the probes with it, to another one (0 for none); there are no probes, metrics and topology until then; tried again every 0.02 s',
  ]);
  refusal = null;
  await until('it to be there', () => lines.length > 1);
  expect(lines.slice(1)).toEqual(['info HTTP listens on port 8080 now']);
  const had = attempts;
  await sleep(3 * RETRY_MS);
  expect(attempts).toBe(had);
});

describe('each reason has its remedy, and another one is told, too', () => {
  test.each([
    ['EADDRNOTAVAIL', /--http-listen \(or --listen, when that is left out\) has to be an address of this pod/],
    ['EACCES', /to one above 1023/],
    ['EMFILE', /^warn no port: EMFILE; there are no probes/],
  ])('%s', async (code, words) => {
    start('EADDRINUSE');
    await untilAttempt(2);
    refusal = code;
    await until('the other one to be told', () => lines.length > 1);
    await untilAttempt(attempts + 2);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(words);
  });
});

describe('closing gives it up', () => {
  test('between two attempts', async () => {
    start('EADDRINUSE');
    await until('it to be told', () => lines.length > 0);
    await listening.close();
    const had = attempts;
    await sleep(3 * RETRY_MS);
    expect([attempts, closed]).toEqual([had, 0]);
  });

  // Fails when the port that comes just then is kept: nobody would close it any more.
  test('in the middle of one', async () => {
    start(null);
    await listening.close();
    expect([attempts, closed]).toEqual([1, 1]);
  });
});
