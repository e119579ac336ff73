import { mkdirSync } from 'node:fs';
import { TestkitError } from '../errors.ts';
import { Cuts } from './cuts.ts';
import { Host } from './host.ts';
import { requireOwnNetwork } from './namespaces.ts';
import { findNetworkTools, type NetworkTools } from './network-tools.ts';
import { runScript, shellWords } from './shell.ts';

export interface HostNetworkOptions {
  /** Folder for the hosts' resolv.conf and logs. */
  readonly dir: string;
  readonly tools?: NetworkTools | undefined;
}

export interface AddHostOptions {
  /** Default: the next address that was never used. */
  readonly ip?: string | undefined;
  /** What its processes read as /etc/resolv.conf, made for its address. */
  readonly resolvConf?: (ip: string) => string;
}

/** Where this process is, seen from the hosts. */
const OBSERVER = '10.77.0.1';
/** The hosts' way out, as with Kubernetes networks that route: an address of the link, the same on every host. */
const GATEWAY = '169.254.1.1';
const HOSTS_PER_BLOCK = 250;

/** Counted for the whole process: the kernel takes the devices of a removed host away a little later. */
let devices = 0;
let addressesUsed = 0;

/**
 * Hosts on a network that can be cut. Each host has one cable to a router, which is a host itself and forwards between
 * them; an address that nobody has any more is a black hole. This process has a second cable to each host, which no cut
 * touches: it sees all of them all the time, on their own addresses.
 */
export class HostNetwork {
  readonly cuts: Cuts;
  readonly dir: string;
  readonly #ip: string;
  readonly #router: Host;
  readonly #hosts = new Map<Host, number>();

  /**
   * Makes an empty network.
   * @throws TestkitError BAD_USAGE outside a network namespace made for it, TOOLS_MISSING, PROCESS_FAILED.
   */
  static async create(options: HostNetworkOptions): Promise<HostNetwork> {
    requireOwnNetwork();
    const tools = options.tools ?? findNetworkTools();
    if (tools === undefined) throw new TestkitError('TOOLS_MISSING', 'ip (iproute2) and nft (nftables) are needed');
    mkdirSync(options.dir, { recursive: true });
    const router = await Host.start({ name: 'router', ip: GATEWAY, dir: options.dir });
    const ip = shellWords(tools.ip);
    try {
      await router.run(`${ip} link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
${ip} route add blackhole 10.77.0.0/16`);
      await runScript(`${ip} link set lo up\n${ip} addr replace ${OBSERVER}/32 dev lo`);
    } catch (error) {
      await router.remove();
      throw error;
    }
    return new HostNetwork(options.dir, ip, router, new Cuts(router, tools.nft));
  }

  private constructor(dir: string, ip: string, router: Host, cuts: Cuts) {
    this.dir = dir;
    this.#ip = ip;
    this.#router = router;
    this.cuts = cuts;
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.keys()];
  }

  /** A new host, connected. @throws TestkitError BAD_USAGE when another one has the address, PROCESS_FAILED. */
  async addHost(name: string, options: AddHostOptions = {}): Promise<Host> {
    const ip = options.ip ?? nextAddress();
    if (this.hosts.some((host) => host.ip === ip)) throw new TestkitError('BAD_USAGE', `there is a host at ${ip}`);
    const host = await Host.start({ name, ip, dir: this.dir, resolvConf: options.resolvConf?.(ip) });
    try {
      await this.#connect(host);
      return host;
    } catch (error) {
      await this.removeHost(host);
      throw error;
    }
  }

  /** Takes a host away for good: its cables first, so that its address is free at once. */
  async removeHost(host: Host): Promise<void> {
    const device = this.#hosts.get(host);
    this.#hosts.delete(host);
    if (device !== undefined) {
      await this.#router.run(`${this.#ip} link del h${device}`);
      await runScript(`${this.#ip} link del o${device}`);
    }
    await host.remove();
  }

  /** Pulls the cable of a host out of the router, or puts it back. This process's own cable stays. */
  async setLink(host: Host, isUp: boolean): Promise<void> {
    const device = this.#hosts.get(host);
    if (device === undefined) throw new TestkitError('BAD_USAGE', `there is no host ${host.name} here`);
    const route = isUp ? `\n${this.#ip} route replace ${host.ip}/32 dev h${device}` : '';
    await this.#router.run(`${this.#ip} link set h${device} ${isUp ? 'up' : 'down'}${route}`);
  }

  /** Ends everything. What runs in the hosts must have been ended before. */
  async stop(): Promise<void> {
    const results = await Promise.allSettled(this.hosts.map((host) => this.removeHost(host)));
    await this.#router.remove();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #connect(host: Host): Promise<void> {
    const device = ++devices;
    const ip = this.#ip;
    this.#hosts.set(host, device);
    await this.#router.run(`${ip} link add h${device} type veth peer name eth0 netns ${host.pid}
${ip} addr add ${GATEWAY}/32 dev h${device}
${ip} link set h${device} up
${ip} route replace ${host.ip}/32 dev h${device}`);
    await runScript(`${ip} link add o${device} type veth peer name obs0 netns ${host.pid}
${ip} link set o${device} up
${ip} route replace ${host.ip}/32 dev o${device} src ${OBSERVER}`);
    await host.run(`${ip} link set lo up
${ip} addr add ${host.ip}/32 dev eth0
${ip} link set eth0 up
${ip} link set obs0 up
${ip} route add ${GATEWAY} dev eth0 scope link
${ip} route add default via ${GATEWAY} dev eth0 src ${host.ip}
${ip} route add ${OBSERVER}/32 dev obs0 src ${host.ip}`);
  }
}

function nextAddress(): string {
  const index = addressesUsed++;
  const block = 1 + Math.floor(index / HOSTS_PER_BLOCK);
  if (block > 255) throw new TestkitError('ADDRESSES_EXHAUSTED', 'more than 60000 hosts were made');
  return `10.77.${block}.${1 + (index % HOSTS_PER_BLOCK)}`;
}
