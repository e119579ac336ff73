import { describe, expect, test } from '@jest/globals';
import { refuseUnknownFlags, usageMessage } from '../src/index.ts';

const FLAGS = { service: { type: 'string' }, 'pod-name': { type: 'string' }, force: { type: 'boolean' } };

describe('a flag that the command does not have', () => {
  test.each([
    [['--no-such-flag', '1'], '--no-such-flag'],
    [['--nosuchflag=1'], '--nosuchflag'],
    [['--service', 'redis', '--noSuchFlag', '1'], '--noSuchFlag'],
    [['--no-service'], '--no-service'],
    [['-x'], '-x'],
    [['--config.file', 'x'], '--config'],
  ])('%j is named as it was typed', (args, named) => {
    expect(() => refuseUnknownFlags('sentinel run', args, FLAGS)).toThrow(
      `${named} is no flag of sentinel run; see sentinel run --help`,
    );
  });

  test.each([
    [['run', '--service', 'redis', '--podName=redis-0']],
    [['--force', '--no-force', '--help', '--version']],
    [['--service', '-5', '-.5', 'plain']],
    [['--', '--no-such-flag']],
  ])('%j has none', (args) => {
    expect(() => refuseUnknownFlags('sentinel run', args, FLAGS)).not.toThrow();
  });

  test('the value is not shown: it may be a secret', () => {
    expect(() => refuseUnknownFlags('sentinel run', ['--redis-passwd=hush-7'], FLAGS)).toThrow(
      /^(?!.*hush).*--redis-passwd is no/,
    );
  });
});

describe('what yargs says of a mistake', () => {
  test.each([
    ['Unknown command: foo', null, 'there is no command foo; name one of run, status'],
    ['Unknown command: foo', 'sentinel status', 'sentinel status takes no argument, but was given: foo'],
    ['Unknown arguments: bogus, x', null, '--bogus is no flag that comes before a command; name one of run, status'],
    ['Unknown argument: foo', 'make-slave', 'make-slave takes no argument, but was given: foo'],
    ['Not enough arguments following: service', 'sentinel run', '--service is given without a value'],
    [
      'Invalid values:\n  Argument: output, Given: "xml", Choices: "text", "json"',
      'sentinel status',
      '--output is "xml"; it must be one of text, json',
    ],
    [
      'Not enough non-option arguments: got 0, need at least 1',
      'sentinel promote',
      'sentinel promote needs at least one argument; see sentinel promote --help',
    ],
    ['something else', 'sentinel run', 'something else'],
  ])('%j of the command %s', (message, command, text) => {
    expect(usageMessage(message, command, ['run', 'status'])).toBe(text);
  });
});
