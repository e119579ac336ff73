/** What a command answers, independent of the protocol version. */
export type Reply =
  | { readonly type: 'simple'; readonly text: string }
  /** `text` begins with the code, such as `ERR` or `NOAUTH`. */
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'bulk'; readonly text: string }
  /** Text for people, which Redis marks as such in RESP3. */
  | { readonly type: 'verbatim'; readonly text: string }
  | { readonly type: 'array'; readonly items: readonly Reply[] }
  /** A set in RESP3; an array in RESP2. */
  | { readonly type: 'set'; readonly items: readonly Reply[] }
  /** A map in RESP3; in RESP2 a flat array of keys and values. */
  | { readonly type: 'map'; readonly entries: readonly (readonly [string, Reply])[] }
  /** A push message in RESP3; an array in RESP2. */
  | { readonly type: 'push'; readonly items: readonly Reply[] }
  | { readonly type: 'null-array' }
  | { readonly type: 'null' }
  /** Nothing is sent: the command has written its own answers. */
  | { readonly type: 'none' };

export const OK: Reply = { type: 'simple', text: 'OK' };
export const simple = (text: string): Reply => ({ type: 'simple', text });
export const bulk = (text: string): Reply => ({ type: 'bulk', text });
export const integer = (value: number): Reply => ({ type: 'integer', value });
export const failed = (text: string): Reply => ({ type: 'error', text });
export const array = (items: readonly Reply[]): Reply => ({ type: 'array', items });
export const map = (entries: readonly (readonly [string, Reply])[]): Reply => ({ type: 'map', entries });
export const bulks = (texts: readonly string[]): Reply => array(texts.map(bulk));

export type ProtocolVersion = 2 | 3;

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}

/** The bytes of a reply, as a string to be written in UTF-8. Source: the RESP specification of redis.io. */
export function encodeReply(reply: Reply, version: ProtocolVersion): string {
  const all = (items: readonly Reply[]): string => items.map((item) => encodeReply(item, version)).join('');
  switch (reply.type) {
    case 'simple':
      return `+${oneLine(reply.text)}\r\n`;
    case 'error':
      return `-${oneLine(reply.text)}\r\n`;
    case 'integer':
      return `:${String(reply.value)}\r\n`;
    case 'bulk':
      return `$${String(Buffer.byteLength(reply.text))}\r\n${reply.text}\r\n`;
    case 'verbatim':
      if (version === 2) return encodeReply({ type: 'bulk', text: reply.text }, version);
      return `=${String(Buffer.byteLength(reply.text) + 4)}\r\ntxt:${reply.text}\r\n`;
    case 'array':
      return `*${String(reply.items.length)}\r\n${all(reply.items)}`;
    case 'set':
      return `${version === 3 ? '~' : '*'}${String(reply.items.length)}\r\n${all(reply.items)}`;
    case 'map': {
      const flat = reply.entries.flatMap(([key, value]) => [bulk(key), value]);
      const head = version === 3 ? `%${String(reply.entries.length)}` : `*${String(flat.length)}`;
      return `${head}\r\n${all(flat)}`;
    }
    case 'push':
      return `${version === 3 ? '>' : '*'}${String(reply.items.length)}\r\n${all(reply.items)}`;
    case 'null-array':
      return version === 3 ? '_\r\n' : '*-1\r\n';
    case 'null':
      return version === 3 ? '_\r\n' : '$-1\r\n';
    case 'none':
      return '';
  }
}
