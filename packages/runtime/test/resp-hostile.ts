import * as fc from 'fast-check';
import { encodeRequest } from './raw-client.ts';

export const word = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.string({ unit: fc.constantFrom('\r', '\n', '*', '$', '0', '1', '-', ' ', '\0'), maxLength: 20 }),
);
const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const length = fc.oneof(
  fc.integer({ min: -3, max: 70 }).map(String),
  fc.constantFrom('-1', '00', '+1', '1e3', ' 1', '0x10', '', '65536', '65537', '2147483648', '-9223372036854775808'),
  fc.constantFrom('9'.repeat(20), '1'.repeat(40), '٣', '1\0'),
);
/** A piece of what looks more or less like RESP. */
export const fragment = fc.oneof(
  anyBytes,
  length.map((text) => Buffer.from(`*${text}\r\n`)),
  length.map((text) => Buffer.from(`$${text}\r\n`)),
  fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => Buffer.from(encodeRequest(words))),
  fc
    .constantFrom('PING\r\n', '\r\n', '\n', 'a\r\n', ':1\r\n', '+OK\r\n', '%1\r\n', '_\r\n', '*1\r\n$1\r\n')
    .map((text) => Buffer.from(text)),
  fc.integer({ min: 1, max: 300 }).map((depth) => Buffer.from('*1\r\n'.repeat(depth))),
);

/** One thing that goes wrong with a stream of bytes. */
export const mutation = fc.record({
  kind: fc.constantFrom('flip' as const, 'drop' as const, 'repeat' as const, 'insert' as const, 'number' as const),
  at: fc.nat(65_536),
  size: fc.integer({ min: 1, max: 200 }),
  bytes: anyBytes,
  length,
});

type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never;

export function mutate(bytes: Buffer, { kind, at, size, bytes: added, length: text }: Mutation): Buffer {
  const place = at % (bytes.length + 1);
  const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case 'flip':
      return Buffer.concat([head, Buffer.of((tail[0] ?? 0) ^ (1 << (size % 8))), tail.subarray(1)]);
    case 'drop':
      return Buffer.concat([head, tail.subarray(size)]);
    case 'repeat':
      return Buffer.concat([head, tail.subarray(0, size), tail]);
    case 'insert':
      return Buffer.concat([head, added, tail]);
    case 'number': {
      const found = tail.toString('latin1').replace(/([*$])-?\d+\r\n/, (_, sign: string) => `${sign}${text}\r\n`);
      return Buffer.concat([head, Buffer.from(found, 'latin1')]);
    }
  }
}
