import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger, type LoggerOptions } from '../src/index.ts';

/** Where winston's Console transport writes to. */
interface Sink {
  write(text: string): unknown;
}
const sinks = console as unknown as { _stdout: Sink; _stderr: Sink };
const original = { out: sinks._stdout, err: sinks._stderr };
let out: string[];
let err: string[];

beforeEach(() => {
  [out, err] = [[], []];
  sinks._stdout = { write: (text) => out.push(text) };
  sinks._stderr = { write: (text) => err.push(text) };
});
afterEach(() => {
  [sinks._stdout, sinks._stderr] = [original.out, original.err];
});

const OPTIONS: LoggerOptions = { level: 'info', format: 'json', fields: { pod: 'redis-0' } };

function jsonLines(): unknown[] {
  return err.map((line) => JSON.parse(line) as unknown);
}

describe('JSON', () => {
  test('one object per line: time, level, pod, event, text and fields; on stderr only', () => {
    const logger = createLogger(OPTIONS);
    logger.log('info', 'promoted', 'master of term 3', { term: 3, isMaster: true, old: null });
    logger.log('warn', 'dns', 'two\nlines "quoted"');
    expect(jsonLines()).toEqual([
      {
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        level: 'info',
        pod: 'redis-0',
        event: 'promoted',
        message: 'master of term 3',
        term: 3,
        isMaster: true,
        old: null,
      },
      expect.objectContaining({ level: 'warn', event: 'dns', message: 'two\nlines "quoted"' }),
    ]);
    expect(err.map((line) => line.split('\n').length)).toEqual([2, 2]);
    expect(out).toEqual([]);
  });

  test('a field can not pass for the level, the text or the event', () => {
    createLogger(OPTIONS).log('error', 'failed', 'the text', { level: 'debug', message: 'another', event: 'other' });
    expect(jsonLines()).toEqual([expect.objectContaining({ level: 'error', event: 'failed', message: 'the text' })]);
  });
});

describe('lines for people', () => {
  test('time, level, pod, event, text, fields', () => {
    const logger = createLogger({ ...OPTIONS, format: 'pretty' });
    logger.log('info', 'promoted', 'master of term 3', { term: 3, isMaster: true, old: null });
    logger.log('error', 'failed', 'no fields here');
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    expect(err).toEqual([
      expect.stringMatching(`^${time} info {2}redis-0 promoted: master of term 3 term=3 isMaster=true old=null\n$`),
      expect.stringMatching(`^${time} error redis-0 failed: no fields here\n$`),
    ]);
  });

  test('without a pod', () => {
    createLogger({ ...OPTIONS, format: 'pretty', fields: {} }).log('info', 'started', 'here');
    expect(err).toEqual([expect.stringMatching(/ info {2}- started: here\n$/)]);
  });

  test('what others said can not look like a line of its own, nor colour the terminal', () => {
    createLogger({ ...OPTIONS, format: 'pretty' }).log('warn', 'peer', 'a\r\nb\u001b[31mc', { x: 'd\ne' });
    expect(err).toEqual([expect.stringMatching(/ warn {2}redis-0 peer: a\n {2}b\[31mc x=d\n {2}e\n$/)]);
  });
});

describe('levels', () => {
  const levels = ['error', 'warn', 'info', 'debug'] as const;

  test.each(levels)('%s and what is worse', (level) => {
    const logger = createLogger({ ...OPTIONS, level });
    for (const each of levels) logger.log(each, 'e', each);
    expect(jsonLines().map((line) => (line as { level: string }).level)).toEqual(
      levels.slice(0, levels.indexOf(level) + 1),
    );
  });
});
