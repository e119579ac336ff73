import type { Reply } from '@sentinel-micro/runtime';
import { RawClient } from '../../runtime/test/raw-client.ts';

/** Asks in one connection, in RESP2 or RESP3; returns all answers but that of HELLO. */
export async function exchange(
  host: string,
  port: number,
  version: 2 | 3,
  requests: readonly (readonly string[])[],
): Promise<Reply[]> {
  const raw = await RawClient.connect(host, port);
  try {
    const [, ...replies] = await raw.send(['HELLO', String(version)], ...requests).replies(requests.length + 1);
    return replies;
  } finally {
    raw.close();
  }
}

/** What the value of a text can be told by: whether it is a number, an address, an id. */
function formOf(text: string): string {
  if (/^-?\d+$/.test(text)) return 'number';
  if (/^\d+\.\d+\.\d+$/.test(text)) return 'version';
  if (/^[0-9a-f]{40}$/.test(text)) return 'id';
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return 'ip';
  if (/^\d+\.\d+\.\d+\.\d+:\d+$/.test(text)) return 'ip:port';
  return text.includes('\r\n') || text.endsWith('\n') ? 'lines' : `'${text}'`;
}

/** An answer with everything in it that every client depends on (types, names of fields, their order), without what differs. */
export function shapeOf(reply: Reply): unknown {
  switch (reply.type) {
    case 'map':
      return { map: reply.entries.map(([key, value]) => [key, shapeOf(value)]) };
    case 'array':
    case 'set':
    case 'push':
      return { [reply.type]: reply.items.map(shapeOf) };
    case 'bulk':
      return formOf(reply.text);
    case 'verbatim':
      return 'text';
    case 'integer':
      return 'integer';
    case 'simple':
      return `+${reply.text}`;
    case 'error':
      return `-${reply.text.trimEnd()}`;
    case 'null':
    case 'null-array':
    case 'none':
      return reply.type;
  }
}
