import { UsageError } from '@sentinel-micro/runtime';
import { isIP, SocketAddress } from 'node:net';

/** One instance as the user named it, in one spelling. */
export interface Endpoint {
  /** `host:port`, or `[ipv6]:port`. */
  readonly text: string;
  /** A host name in lower case, or an IP address in its shortest form, without brackets. */
  readonly host: string;
  readonly port: number;
}

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** An IP address in its one shortest form (RFC 5952); IPv4 inside IPv6 as plain IPv4; anything else as it is. */
export function normalizeIp(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  const short = new SocketAddress({ address: ip, family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(short)?.[1] ?? short;
}

/** How an address is written together with its port: `[::1]:6379`, `10.0.0.1:6379`. */
export function joinHostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** True for addresses by which a host only reaches itself. */
export function isLoopback(ip: string): boolean {
  return ip === '::1' || (isIP(ip) === 4 && ip.startsWith('127.'));
}

function wrong(given: string, why: string): UsageError {
  return new UsageError(
    `endpoint ${JSON.stringify(given)} ${why}; it must be HOST:PORT or [IPv6]:PORT, such as 10.0.0.1:6379, redis-0.redis:6379, [fd00::a]:6379`,
  );
}

function parseHost(host: string, isBracketed: boolean, given: string): string {
  if (isBracketed) {
    if (isIP(host) !== 6 || host.includes('%')) throw wrong(given, 'has no IPv6 address between the brackets');
    return normalizeIp(host);
  }
  if (host.includes(':')) throw wrong(given, 'has an IPv6 address without brackets, or more than one port');
  if (isIP(host) === 4) return host;
  if (/^[\d.]+$/.test(host)) throw wrong(given, 'has a host that looks like an IPv4 address, but is none');
  const name = host.toLowerCase().replace(/\.$/, '');
  if (name.length > 253 || !name.split('.').every((label) => LABEL.test(label))) {
    throw wrong(given, 'has no valid host name');
  }
  return name;
}

/** Reads one endpoint. @throws UsageError that shows what was given. */
export function parseEndpoint(given: string): Endpoint {
  const match = /^(?:\[([^\]]*)\]|(.*)):([^:]*)$/.exec(given.trim());
  if (match === null) throw wrong(given, 'has no port');
  const [, bracketed, plain, portText = ''] = match;
  const port = Number(portText);
  if (!/^\d{1,5}$/.test(portText) || port < 1 || port > 65_535) throw wrong(given, 'has no port from 1 to 65535');
  const host = parseHost(bracketed ?? plain ?? '', bracketed !== undefined, given);
  if (host === '0.0.0.0' || host === '::') throw wrong(given, 'has an address that stands for no host in particular');
  return { text: joinHostPort(host, port), host, port };
}

/**
 * Reads all endpoints of a command line.
 * @throws UsageError when there is none, one is not well-formed, or two are the same.
 */
export function parseEndpoints(given: readonly string[]): Endpoint[] {
  if (given.length === 0) throw new UsageError('no endpoint is given: name every instance of the set as HOST:PORT');
  const seen = new Map<string, string>();
  return given.map((text) => {
    const endpoint = parseEndpoint(text);
    const before = seen.get(endpoint.text);
    if (before !== undefined) {
      const spelling = before === text ? '' : ` (as ${before} and ${text})`;
      throw new UsageError(`endpoint ${endpoint.text} is given twice${spelling}`);
    }
    seen.set(endpoint.text, text);
    return endpoint;
  });
}
