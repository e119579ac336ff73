import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { messageOf, OperationError } from './errors.ts';
import { ipFamily } from './ip.ts';

/** One pod as DNS names it. */
export interface ServiceAddress {
  readonly ip: string;
  /** First label of the SRV target, i.e. the pod's name; null when only addresses were found. */
  readonly podName: string | null;
}

export interface ServiceResolver {
  /**
   * All addresses behind the headless Service: SRV, else A and AAAA.
   * @throws OperationError with code `DNS` when no server answers or the name does not exist.
   */
  resolve(): Promise<readonly ServiceAddress[]>;
}

export interface ResolverOptions {
  /** `redis`, or its FQDN. */
  readonly service: string;
  /** Completes a short name where the search list does not. */
  readonly namespace?: string | undefined;
  /** `host:port` each; null for the system's. */
  readonly servers: readonly string[] | null;
  /** Bound of one question to one server. */
  readonly timeoutMs: number;
  /** Search list; null to read it from resolv.conf. */
  readonly searchDomains?: readonly string[] | null;
}

/** The search list of a resolv.conf: the last `search` or `domain` line counts (resolv.conf(5)). */
export function parseSearchDomains(resolvConf: string): string[] {
  let domains: string[] = [];
  for (const line of resolvConf.split('\n')) {
    const [keyword, ...rest] = line.trim().split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') domains = rest;
  }
  // The root alone (`search .`) adds nothing to a name.
  return domains.map((domain) => domain.replace(/\.$/, '')).filter((domain) => domain !== '');
}

function systemSearchDomains(): string[] {
  try {
    return parseSearchDomains(readFileSync('/etc/resolv.conf', 'utf8'));
  } catch {
    return [];
  }
}

/** The names to try, in order: c-ares does not use the search list for SRV, so a short name is completed here. */
export function candidateNames(service: string, searchDomains: readonly string[], namespace?: string): string[] {
  if (service.endsWith('.')) return [service.slice(0, -1)];
  const usual = namespace === undefined || service.includes('.') ? [] : [`${namespace}.svc.cluster.local`];
  const completed = [...new Set([...searchDomains, ...usual])].map((domain) => `${service}.${domain}`);
  // As resolv.conf(5) has it for names with many dots: those are tried as they are first.
  return service.split('.').length > 3 ? [service, ...completed] : [...completed, service];
}

function uniqueByIp(addresses: readonly ServiceAddress[]): ServiceAddress[] {
  return [...new Map(addresses.map((address) => [address.ip, address])).values()];
}

async function resolveIps(resolver: Resolver, name: string): Promise<string[]> {
  if (ipFamily(name) !== 0) return [name];
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const ips = [v4, v6].flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  if (ips.length === 0 && v4.status === 'rejected') throw v4.reason;
  return ips;
}

async function resolveSrv(resolver: Resolver, name: string): Promise<ServiceAddress[]> {
  const records = await resolver.resolveSrv(name);
  const targets = [...new Set(records.map((record) => record.name))];
  const found = await Promise.all(
    targets.map(async (target) => {
      const ips = await resolveIps(resolver, target).catch((): string[] => []);
      return ips.map((ip) => ({ ip, podName: target.split('.', 1)[0] ?? null }));
    }),
  );
  return found.flat();
}

/**
 * Both questions at once: which one is answered depends on the DNS server, and waiting for one first costs its time-out. When the
 * addresses are there, the names may take `graceMs` more: a container engine's DNS passes on each question about SRV, and where
 * nobody is behind it, none is ever answered.
 */
async function resolveName(resolver: Resolver, name: string, graceMs: number): Promise<ServiceAddress[]> {
  const srv = resolveSrv(resolver, name).catch((): ServiceAddress[] => []);
  const [plain] = await Promise.allSettled([resolveIps(resolver, name)]);
  const ips = plain.status === 'fulfilled' ? plain.value : [];
  const named = await (ips.length > 0 ? within(srv, graceMs) : srv);
  if (named.length > 0) return uniqueByIp(named);
  if (plain.status === 'fulfilled') return uniqueByIp(ips.map((ip) => ({ ip, podName: null })));
  throw plain.reason;
}

/** What is found, or nothing when that takes longer. */
async function within<Item>(found: Promise<Item[]>, boundMs: number): Promise<Item[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Item[]>((resolve) => {
    timer = setTimeout(() => resolve([]), boundMs);
  });
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Finds the pods of a headless Service through DNS. Nothing is cached here. */
export function createResolver(options: ResolverOptions): ServiceResolver {
  const names = candidateNames(options.service, options.searchDomains ?? systemSearchDomains(), options.namespace);
  return {
    async resolve() {
      const resolver = new Resolver({ timeout: options.timeoutMs, tries: 2 });
      if (options.servers !== null) resolver.setServers([...options.servers]);
      // All names at once, but the earlier name counts, and a later one that nobody answers for is not waited for: the last
      // entries of a search list often lead to servers outside the cluster.
      const attempts = names.map((name) =>
        resolveName(resolver, name, options.timeoutMs).then(
          (addresses) => ({ addresses, error: null }),
          (error: unknown) => ({ addresses: [], error: messageOf(error) }),
        ),
      );
      let why: string | null = null;
      for (const attempt of attempts) {
        const { addresses, error } = await attempt;
        why ??= error;
        if (addresses.length === 0) continue;
        // Otherwise a question that nobody answers would keep the process alive.
        resolver.cancel();
        return addresses;
      }
      throw new OperationError(
        'DNS',
        `DNS has no pods for --service ${options.service} (tried ${names.join(', ')}): ${why ?? 'no addresses'}`,
      );
    },
  };
}
