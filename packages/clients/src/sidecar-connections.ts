import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** `ip:port` of every IPv4 address to which a process has a TCP connection, as /proc knows it. */
export function connectedTo(pid: number): string[] {
  const inodes = new Set(socketInodes(pid));
  return connections(readFileSync('/proc/net/tcp', 'utf8'))
    .filter(({ inode }) => inodes.has(inode))
    .map(({ remote }) => remote);
}

/** The established connections in the text of /proc/net/tcp. */
export function connections(text: string): { readonly remote: string; readonly inode: string }[] {
  const ESTABLISHED = '01';
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, , remote, state, , , , , , inode] = line.trim().split(/\s+/);
      if (remote === undefined || inode === undefined || state !== ESTABLISHED) return [];
      return [{ remote: addressOf(remote), inode }];
    });
}

/** `0100007F:18EB` is 127.0.0.1:6379: the address with its last byte first, both in hexadecimal. */
function addressOf(text: string): string {
  const [ip = '', port = ''] = text.split(':');
  const bytes = ip.match(/../g) ?? [];
  return `${bytes
    .reverse()
    .map((byte) => parseInt(byte, 16))
    .join('.')}:${parseInt(port, 16)}`;
}

function socketInodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, name)));
      return match?.[1] ?? [];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}
