import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/**
 * The family of an IP address, as `isIP` of `node:net` has it: 0 for what is none. An IPv6 address has two colons at least. Node 20 takes 3 ms
 * to make the pattern that it tells them by, and most pods never meet one.
 */
export function ipFamily(text: string): 0 | 4 | 6 {
  if (text.indexOf(':') !== text.lastIndexOf(':')) return isIPv6(text) ? 6 : 0;
  return isIPv4(text) ? 4 : 0;
}

/** The one spelling of an IP address (`FD00:0::A` is `fd00::a`), so that equal text means equal address. Names stay as they are. */
export function canonicalIp(address: string): string {
  return ipFamily(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}
