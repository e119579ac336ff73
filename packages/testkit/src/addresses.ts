import { createServer, type Server } from 'node:net';
import { TestkitError } from './errors.ts';

/** Last numbers with a job of their own: DNS, and the socket that marks the block as taken. */
const DNS_HOST = 53;
const CLAIM_HOST = 254;
const LAST_POD_HOST = 250;

/**
 * The port whose listening socket on 127.A.B.254 says "this block is taken". A socket and not a file: the kernel
 * arbitrates between processes, and gives it up when the process dies, however it dies. Below the range from which
 * the kernel draws client ports.
 */
const CLAIM_PORT = 16379;

/** Blocks 127.1.1 to 127.254.254; 127.0 stays with the machine's own services. */
const BLOCK_COUNT = 254 * 254;
const CLAIM_ATTEMPTS = 256;

/** 250 addresses 127.A.B.x that belong to one cluster until they are released. */
export interface AddressBlock {
  /** `127.A.B` */
  readonly prefix: string;
  /** Where this block's DNS server belongs. */
  readonly dnsHost: string;
  /**
   * The next address never handed out before on which all `ports` are free.
   * @throws TestkitError ADDRESSES_EXHAUSTED when the block is used up.
   */
  take(ports: readonly number[]): Promise<string>;
  /** Gives the block back. */
  release(): Promise<void>;
}

let claims = 0;

/**
 * Takes a block of addresses that no other cluster on this machine uses, in this process or any other.
 * @throws TestkitError ADDRESSES_EXHAUSTED when no block is free.
 */
export async function claimAddressBlock(): Promise<AddressBlock> {
  // The process id spreads parallel runs, so that they seldom try the same block; the claim makes it safe when they do.
  const first = (process.pid * 7919 + claims++ * 104_729) % BLOCK_COUNT;
  for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
    const index = (first + attempt) % BLOCK_COUNT;
    const prefix = `127.${String(1 + Math.floor(index / 254))}.${String(1 + (index % 254))}`;
    const claim = await listen(`${prefix}.${String(CLAIM_HOST)}`, CLAIM_PORT);
    if (claim !== undefined) return new ClaimedBlock(prefix, claim);
  }
  throw new TestkitError(
    'ADDRESSES_EXHAUSTED',
    `no free block of addresses in 127.0.0.0/8 after ${String(CLAIM_ATTEMPTS)} attempts: is something bound to 0.0.0.0:${String(CLAIM_PORT)}?`,
  );
}

/** Whether all `ports` (TCP) can be bound on `host` now. */
export async function arePortsFree(host: string, ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    const server = await listen(host, port);
    if (server === undefined) return false;
    await close(server);
  }
  return true;
}

class ClaimedBlock implements AddressBlock {
  readonly prefix: string;
  readonly dnsHost: string;
  readonly #claim: Server;
  #next = 1;

  constructor(prefix: string, claim: Server) {
    this.prefix = prefix;
    this.dnsHost = `${prefix}.${String(DNS_HOST)}`;
    this.#claim = claim;
  }

  async take(ports: readonly number[]): Promise<string> {
    while (this.#next <= LAST_POD_HOST) {
      const host = this.#next++;
      const address = `${this.prefix}.${String(host)}`;
      if (host !== DNS_HOST && (await arePortsFree(address, ports))) return address;
    }
    throw new TestkitError(
      'ADDRESSES_EXHAUSTED',
      `no address left in ${this.prefix}.0/24 with ports ${ports.join(' and ')} free: is something bound to 0.0.0.0 on one of them?`,
    );
  }

  release(): Promise<void> {
    return close(this.#claim);
  }
}

function listen(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.destroy();
    });
    // Whatever the reason, an address that cannot be bound is of no use here.
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
