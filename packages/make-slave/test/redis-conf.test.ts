import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseSettings, quoteArgument, splitArguments } from '../src/redis-conf.ts';

describe('arguments are split as Redis does', () => {
  test.each<readonly [string, readonly string[] | null]>([
    ['save 900 1', ['save', '900', '1']],
    ['  save\t900   1 ', ['save', '900', '1']],
    ['save ""', ['save', '']],
    [String.raw`masterauth "a \"b\" \\ \x41\n"`, ['masterauth', 'a "b" \\ A\n']],
    [String.raw`masterauth 'it\'s \x41'`, ['masterauth', String.raw`it's \x41`]],
    [String.raw`masterauth "\xc3\xa4"`, ['masterauth', 'ä']],
    ['masterauth pass#word', ['masterauth', 'pass#word']],
    ['', []],
    ['masterauth "open', null],
    ["masterauth 'open", null],
  ])('%s', (line, args) => {
    expect(splitArguments(line)).toEqual(args);
  });

  test('and what was quoted reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        // Half of a surrogate pair is no text: it can not come out of a file, and has no bytes.
        fc.pre(!/\p{Surrogate}/u.test(text));
        const line = `masterauth ${quoteArgument(text)}`;
        expect(line).toMatch(/^[ -~]+$/);
        expect(splitArguments(line)).toEqual(['masterauth', text]);
      }),
    );
  });
});

test('settings have their present name, and know where they stand', () => {
  const text = '# slaveof 1 1\r\n\r\nSlaveOf 10.0.0.1 6379\r\nport 6380 \nbroken "\nMIN-SLAVES-max-lag 3\n';
  expect(parseSettings(text, 'a.conf')).toEqual([
    { name: 'replicaof', written: 'SlaveOf', args: ['10.0.0.1', '6379'], file: 'a.conf', line: 3 },
    { name: 'port', written: 'port', args: ['6380'], file: 'a.conf', line: 4 },
    { name: 'min-replicas-max-lag', written: 'MIN-SLAVES-max-lag', args: ['3'], file: 'a.conf', line: 6 },
  ]);
});
