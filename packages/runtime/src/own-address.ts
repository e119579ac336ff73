import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * Where the Redis of this pod can be reached at this moment: at the pod's address, or over the loopback when no interface has that any
 * more. A pod may lose its interface and live: then nobody from outside reaches its Redis, but the containers of the pod do, and it
 * still has to be fenced.
 * @param addresses those of the interfaces that there are; by default the machine is asked
 */
export function ownHost(ip: string, addresses: readonly string[] = addressesNow()): string {
  const isLoopback = ip.startsWith('127.') || ip === '::1';
  // Where no interface is to be seen at all, nothing is known of them.
  if (isLoopback || addresses.length === 0 || addresses.includes(ip)) return ip;
  return isIP(ip) === 6 ? '::1' : '127.0.0.1';
}

function addressesNow(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
