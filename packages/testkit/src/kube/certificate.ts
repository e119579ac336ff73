// X.509 certificates for servers of tests, made in memory: no program is needed, and no key lies in the repository.
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIPv6 } from 'node:net';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Subject {
  readonly commonName: string;
  /** Groups, as Kubernetes reads them from a client's certificate. */
  readonly organisation?: string;
  /** Addresses that a server's certificate is for. */
  readonly addresses?: readonly string[];
  /** Names that a server's certificate is for. */
  readonly names?: readonly string[];
}

const LIFE_MS = 24 * 60 * 60 * 1000;

/** A certificate authority of its own, valid for a day around now. */
export class Authority {
  readonly cert: string;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #name: Buffer;

  constructor(commonName: string) {
    this.#name = nameOf({ commonName });
    const isAuthority = extension('551d13', sequence(tlv(0x01, Buffer.from([0xff]))), true);
    this.cert = this.#issue(this.#name, this.#keys.publicKey, [isAuthority]);
  }

  issue(subject: Subject): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const alternatives = [
      ...(subject.names ?? []).map((name) => tlv(0x82, Buffer.from(name, 'latin1'))),
      ...(subject.addresses ?? []).map((address) => tlv(0x87, bytesOfAddress(address))),
    ];
    const extensions = alternatives.length > 0 ? [extension('551d11', sequence(...alternatives))] : [];
    return {
      cert: this.#issue(nameOf(subject), publicKey, extensions),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  #issue(subject: Buffer, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const algorithm = sequence(objectId('2a8648ce3d040302')); // ecdsa-with-SHA256
    const now = Date.now();
    const body = sequence(
      tlv(0xa0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([0x01]), randomBytes(8)])),
      algorithm,
      this.#name,
      sequence(utcTime(now - LIFE_MS / 2), utcTime(now + LIFE_MS / 2)),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      ...(extensions.length > 0 ? [tlv(0xa3, sequence(...extensions))] : []),
    );
    const signature = sign('sha256', body, this.#keys.privateKey);
    const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
    const base64 = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
    return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  }
}

function nameOf({ commonName, organisation }: Subject): Buffer {
  const part = (id: string, text: string): Buffer =>
    tlv(0x31, sequence(objectId(id), tlv(0x0c, Buffer.from(text, 'utf8'))));
  return sequence(...(organisation === undefined ? [] : [part('55040a', organisation)]), part('550403', commonName));
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(objectId(id), ...(isCritical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value));
}

function bytesOfAddress(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [front = '', back = ''] = address.split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const [head, tail] = [groups(front), groups(back)];
  const middle = new Array<number>(8 - head.length - tail.length).fill(0);
  return Buffer.from([...head, ...middle, ...tail].flatMap((group) => [group >> 8, group & 0xff]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function objectId(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

function utcTime(ms: number): Buffer {
  const text = new Date(ms)
    .toISOString()
    .replace(/[-:T]|\.\d+/g, '')
    .slice(2);
  return tlv(0x17, Buffer.from(text, 'latin1'));
}

/** Tag, length, value. */
function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), value]);
}
