import { join } from 'node:path';
import { arePortsFree, claimAddressBlock, type AddressBlock } from './addresses.ts';
import { DnsServer, type DnsPod } from './dns-server.ts';
import { TestkitError } from './errors.ts';
import type { Host } from './hosts/host.ts';
import type { HostNetwork } from './hosts/network.ts';
import type { Tool } from './tools.ts';

/** Where a pod lives while it exists. */
export interface Home {
  readonly ip: string;
  /** Its own host; undefined when it shares this machine's. */
  readonly host: Host | undefined;
}

export interface Ports {
  readonly redisPort: number;
  readonly sentinelPort: number;
}

export interface GroundOptions {
  readonly dnsmasq: Tool;
  readonly service: string;
  readonly namespace: string;
  readonly dir: string;
  /** Default 6379 and 26379, or 7379 and 27379 when something on this machine takes those on every address. */
  readonly redisPort?: number | undefined;
  readonly sentinelPort?: number | undefined;
}

/**
 * What DNS tells a pod, of all pods as they are: the truth, by default. undefined: nothing, questions are not answered.
 */
export type DnsView = (asking: string, pods: readonly DnsPod[]) => readonly DnsPod[] | undefined;

/** What the pods of a cluster stand on: addresses and DNS. */
export interface Ground {
  readonly ports: Ports;
  /** For `--dns-servers`; undefined where pods ask whom their /etc/resolv.conf names. */
  readonly dnsServers: string | undefined;
  /** A home at a fresh address, or at this one. @throws TestkitError */
  settle(podName: string, ip?: string): Promise<Home>;
  /** Gives a home back; nothing runs in it any more. */
  leave(home: Home): Promise<void>;
  /** The DNS server that this pod asks. @throws TestkitError BAD_USAGE when it has none at the moment. */
  dnsOf(podName: string): DnsServer;
  /** Puts a pod into DNS (with its IP) or takes it out (undefined); resolves when that is served everywhere. */
  publish(podName: string, ip: string | undefined): Promise<void>;
  /** From now on DNS tells this, also to pods that come later. @throws TestkitError BAD_USAGE where all pods ask one server. */
  setDnsView(view: DnsView): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL to what it runs, without waiting. For exit handlers. */
  killSync(): void;
}

const LOOPBACK_DNS_PORT = 10053;
const DNS_PORT = 53;
const USUAL_PORTS = { redisPort: 6379, sentinelPort: 26379 };
const OTHER_PORTS = { redisPort: 7379, sentinelPort: 27379 };

/** This machine itself: an address of 127.0.0.0/8 for each pod, and one DNS server for all. */
export class LoopbackGround implements Ground {
  readonly ports: Ports;
  readonly dns: DnsServer;
  readonly #addresses: AddressBlock;

  static async create(options: GroundOptions): Promise<LoopbackGround> {
    const addresses = await claimAddressBlock();
    try {
      const ports = await choosePorts(options, addresses);
      const { dnsmasq: tool, service, namespace } = options;
      const place = { host: addresses.dnsHost, port: LOOPBACK_DNS_PORT, dir: join(options.dir, 'dns') };
      const dns = await DnsServer.start({ tool, service, namespace, ...place, ...ports });
      return new LoopbackGround(ports, dns, addresses);
    } catch (error) {
      await addresses.release();
      throw error;
    }
  }

  private constructor(ports: Ports, dns: DnsServer, addresses: AddressBlock) {
    this.ports = ports;
    this.dns = dns;
    this.#addresses = addresses;
  }

  get dnsServers(): string {
    return this.dns.address;
  }

  async settle(_podName: string, ip?: string): Promise<Home> {
    const { redisPort, sentinelPort } = this.ports;
    return { ip: ip ?? (await this.#addresses.take([redisPort, sentinelPort])), host: undefined };
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }

  dnsOf(): DnsServer {
    return this.dns;
  }

  publish(name: string, ip: string | undefined): Promise<void> {
    return ip === undefined ? this.dns.removePod(name) : this.dns.setPod({ name, ip });
  }

  setDnsView(): Promise<void> {
    return Promise.reject(new TestkitError('BAD_USAGE', 'all pods ask one DNS server here: see `dns`'));
  }

  async stop(): Promise<void> {
    try {
      await this.dns.stop();
    } finally {
      await this.#addresses.release();
    }
  }

  killSync(): void {
    this.dns.killSync();
  }
}

/** A host for each pod, on a network that can be cut, with a DNS server of its own that its /etc/resolv.conf names. */
export class HostGround implements Ground {
  readonly ports: Ports;
  readonly dnsServers = undefined;
  readonly #network: HostNetwork;
  readonly #options: GroundOptions;
  readonly #dns = new Map<string, DnsServer>();
  #pods: readonly DnsPod[] = [];
  #view: DnsView = (_asking, pods) => pods;

  constructor(network: HostNetwork, options: GroundOptions) {
    this.#network = network;
    this.#options = options;
    const { redisPort, sentinelPort } = USUAL_PORTS;
    this.ports = { redisPort: options.redisPort ?? redisPort, sentinelPort: options.sentinelPort ?? sentinelPort };
  }

  async settle(podName: string, ip?: string): Promise<Home> {
    const resolvConf = (own: string): string => this.#resolvConf(own);
    const host = await this.#network.addHost(podName, { ip, resolvConf });
    const { dnsmasq: tool, service, namespace } = this.#options;
    const place = { host: host.ip, port: DNS_PORT, dir: join(this.#options.dir, `dns-${podName}`), inside: host };
    try {
      const dns = await DnsServer.start({ tool, service, namespace, ...place, ...this.ports });
      this.#dns.set(podName, dns);
      await this.#serve(podName, dns);
      return { ip: host.ip, host };
    } catch (error) {
      await this.#network.removeHost(host);
      throw error;
    }
  }

  async leave({ host }: Home): Promise<void> {
    if (host === undefined) return;
    await this.#dns.get(host.name)?.stop();
    this.#dns.delete(host.name);
    await this.#network.removeHost(host);
  }

  dnsOf(podName: string): DnsServer {
    const dns = this.#dns.get(podName);
    if (dns !== undefined) return dns;
    throw new TestkitError('BAD_USAGE', `${podName} has no DNS server at the moment`);
  }

  async publish(name: string, ip: string | undefined): Promise<void> {
    this.#pods = this.#pods.filter((pod) => pod.name !== name);
    if (ip !== undefined) this.#pods = [...this.#pods, { name, ip }];
    await this.#serveAll();
  }

  async setDnsView(view: DnsView): Promise<void> {
    this.#view = view;
    await this.#serveAll();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#dns.values()].map((dns) => dns.stop()));
  }

  killSync(): void {
    for (const dns of this.#dns.values()) dns.killSync();
  }

  async #serveAll(): Promise<void> {
    await Promise.all([...this.#dns].map(([name, dns]) => this.#serve(name, dns)));
  }

  async #serve(podName: string, dns: DnsServer): Promise<void> {
    const told = this.#view(podName, this.#pods);
    if (told === undefined) {
      await dns.pause();
      return;
    }
    await dns.setPods(told);
    await dns.resume();
  }

  /** As the kubelet writes it. */
  #resolvConf(nameserver: string): string {
    const { namespace } = this.#options;
    return `nameserver ${nameserver}
search ${namespace}.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
`;
  }
}

async function choosePorts(options: GroundOptions, addresses: AddressBlock): Promise<Ports> {
  const probe = `${addresses.prefix}.251`;
  const candidates = [USUAL_PORTS, OTHER_PORTS].map(({ redisPort, sentinelPort }) => {
    return { redisPort: options.redisPort ?? redisPort, sentinelPort: options.sentinelPort ?? sentinelPort };
  });
  for (const ports of candidates) {
    if (await arePortsFree(probe, [ports.redisPort, ports.sentinelPort])) return ports;
  }
  const tried = candidates.map(({ redisPort, sentinelPort }) => `${redisPort} and ${sentinelPort}`).join(', or ');
  throw new TestkitError('ADDRESSES_EXHAUSTED', `the ports ${tried} are taken on every address of this machine`);
}
