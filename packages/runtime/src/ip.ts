import { isIP, SocketAddress } from 'node:net';

/** The one spelling of an IP address (`FD00:0::A` is `fd00::a`), so that equal text means equal address. Names stay as they are. */
export function canonicalIp(address: string): string {
  return isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}
