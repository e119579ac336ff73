import type { ProcessHost } from '../managed-process.ts';
import type { Tool } from '../tools.ts';
import { runScript, shellWords } from './shell.ts';

/** Anything with an address: a host, a pod. */
export interface Addressed {
  readonly ip: string;
}

/**
 * What happens to a packet that is cut:
 *
 * - drop: it is gone, nobody is told
 * - reset: TCP gets a reset, everything else is gone
 * - loss: it is gone with this probability, each packet by itself
 */
export type CutKind = 'drop' | 'reset' | { readonly lossPercent: number };

/** Packets from one side to the other; an empty side stands for everybody who is not on the other one. */
interface Direction {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** A cut that stands until it is healed. */
export interface Cut {
  /** Undoes it. May be called more than once. */
  heal(): Promise<void>;
}

/**
 * All cuts of one network, as the firewall rules of its router. Every packet is judged by itself, so connections that
 * exist are cut as well. Rules are replaced as a whole, so a cut with two directions is never half there.
 */
export class Cuts {
  readonly #router: ProcessHost;
  readonly #nft: Tool;
  readonly #rules = new Map<symbol, readonly string[]>();
  /** Changes run one after the other. */
  #queue: Promise<void> = Promise.resolve();

  constructor(router: ProcessHost, nft: Tool) {
    this.#router = router;
    this.#nft = nft;
  }

  /** Cuts these off from everybody else, in both directions; among themselves they stay connected. */
  isolate(hosts: readonly Addressed[], kind: CutKind = 'drop'): Promise<Cut> {
    const side = addresses(hosts);
    return this.#cut(kind, [
      { from: side, to: [] },
      { from: [], to: side },
    ]);
  }

  /** Cuts these groups off from each other, in both directions. Who is in both groups, or in none, sees everybody. */
  between(group: readonly Addressed[], other: readonly Addressed[], kind: CutKind = 'drop'): Promise<Cut> {
    const shared = new Set(addresses(group).filter((ip) => addresses(other).includes(ip)));
    const one = addresses(group).filter((ip) => !shared.has(ip));
    const two = addresses(other).filter((ip) => !shared.has(ip));
    return this.#cut(kind, [
      { from: one, to: two },
      { from: two, to: one },
    ]);
  }

  /** Nothing from these reaches anybody else; what others send them does arrive. */
  outgoing(hosts: readonly Addressed[], kind: CutKind = 'drop'): Promise<Cut> {
    return this.#cut(kind, [{ from: addresses(hosts), to: [] }]);
  }

  /** Nothing from anybody else reaches these; what they send does arrive. */
  incoming(hosts: readonly Addressed[], kind: CutKind = 'drop'): Promise<Cut> {
    return this.#cut(kind, [{ from: [], to: addresses(hosts) }]);
  }

  /** Every packet between any two hosts is lost with this probability. */
  lossy(lossPercent: number): Promise<Cut> {
    return this.#cut({ lossPercent }, [{ from: [], to: [] }]);
  }

  /** Undoes every cut. */
  async healAll(): Promise<void> {
    this.#rules.clear();
    await this.#apply();
  }

  async #cut(kind: CutKind, directions: readonly Direction[]): Promise<Cut> {
    const key = Symbol('cut');
    this.#rules.set(
      key,
      directions.flatMap((direction) => rulesOf(kind, direction)),
    );
    await this.#apply();
    return {
      heal: async () => {
        if (this.#rules.delete(key)) await this.#apply();
      },
    };
  }

  #apply(): Promise<void> {
    const done = this.#queue.then(async () => {
      await runScript(`${shellWords(this.#nft)} '${this.#table()}'`, this.#router.enter);
    });
    // The caller gets the error; the next change must run all the same.
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** One transaction: the old table away (made first, as there may be none), the new one there. */
  #table(): string {
    const rules = [...this.#rules.values()].flat().map((rule) => `    ${rule}\n`);
    return `table ip cuts
delete table ip cuts
table ip cuts {
  chain forward {
    type filter hook forward priority 0
${rules.join('')}  }
}`;
  }
}

function addresses(hosts: readonly Addressed[]): string[] {
  return hosts.map(({ ip }) => ip);
}

function rulesOf(kind: CutKind, { from, to }: Direction): string[] {
  const match = [...side('saddr', from, to), ...side('daddr', to, from)].join(' ');
  if (kind === 'drop') return [`${match} drop`];
  if (kind === 'reset') return [`${match} meta l4proto tcp reject with tcp reset`, `${match} drop`];
  return [`${match} numgen random mod 1000 < ${Math.round(kind.lossPercent * 10)} drop`];
}

function side(field: string, ips: readonly string[], others: readonly string[]): string[] {
  if (ips.length > 0) return [`ip ${field} { ${ips.join(', ')} }`];
  return others.length > 0 ? [`ip ${field} != { ${others.join(', ')} }`] : [];
}
