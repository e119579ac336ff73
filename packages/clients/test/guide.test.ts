// The code on the page is for people to copy, so it is a text; what was measured is in src/program.
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { RECOMMENDED, type IoOptions } from '../src/program/ioredis.ts';
import { GUIDES } from '../src/table/guide.ts';

/** The options as the code says them. */
function optionsIn(title: string): IoOptions & Readonly<Record<string, unknown>> {
  const { code } = GUIDES.find((guide) => guide.title === title)!;
  const [, text] = /new Redis\((\{\n.*?\n\})\);/s.exec(code)!;
  return runInNewContext(`(${text!})`, { password: 'open-sesame-7' }) as ReturnType<typeof optionsIn>;
}

/** What options do: those that are functions by what they answer. */
function effectOf({ retryStrategy, sentinelRetryStrategy, reconnectOnError, ...rest }: IoOptions): unknown {
  const delays = (strategy: IoOptions['retryStrategy']): unknown =>
    Array.from({ length: 100 }, (_, index) => strategy?.(index + 1));
  const errors = ['READONLY You can not write against a read only replica.', 'ERR READONLY', 'LOADING'];
  return {
    ...rest,
    retry: delays(retryStrategy),
    sentinelRetry: delays(sentinelRetryStrategy),
    reconnect: errors.map((text) => reconnectOnError?.(new Error(text))),
  };
}

test.each(['ioredis', 'iovalkey'])('what the page recommends for %s is what was measured', (title) => {
  const { sentinels, name, password, sentinelPassword, ...options } = optionsIn(title);
  expect([sentinels, name, password, sentinelPassword]).not.toContain(undefined);
  expect(effectOf(options)).toEqual(effectOf(RECOMMENDED));
});
