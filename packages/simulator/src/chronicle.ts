import type { Action, Note } from '@sentinel-micro/core';
import type { Pod } from './pod.ts';
import type { RedisModel } from './redis-model.ts';
import type { Sidecar } from './sidecar.ts';

/** Something that a story may be about. */
export type Entry =
  | { readonly kind: 'promotion'; readonly atMs: number; readonly pod: string; readonly redis: RedisModel }
  /** A sidecar asks for the lease of a term. */
  | { readonly kind: 'campaign'; readonly atMs: number; readonly pod: string; readonly term: number }
  /** A sidecar changes something at a Redis. */
  | { readonly kind: 'change'; readonly atMs: number; readonly pod: string; readonly what: string }
  | { readonly kind: 'note'; readonly atMs: number; readonly pod: string; readonly note: Note }
  | { readonly kind: 'full-sync'; readonly atMs: number; readonly from: string; readonly to: string };

type EntryOf<Kind extends Entry['kind']> = Extract<Entry, { kind: Kind }>;

/** What has happened, for those who tell whether it should have. */
export class Chronicle {
  readonly #entries: Entry[] = [];

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  addAction(atMs: number, sidecar: Sidecar, action: Action): void {
    const pod: string = sidecar.config.self.pod;
    if (action.type === 'ask' && action.request.type === 'ACQUIRE') {
      const { term } = action.request;
      const last = this.#entries.at(-1);
      // One campaign asks all the others.
      if (last?.kind === 'campaign' && last.pod === pod && last.term === term) return;
      this.add({ kind: 'campaign', atMs, pod, term });
      return;
    }
    const isChange =
      (action.type === 'own' && action.action.kind !== 'sample') ||
      (action.type === 'remote' && action.action.kind !== 'probe');
    if (isChange) this.add({ kind: 'change', atMs, pod, what: action.action.kind });
  }

  addFullSync(atMs: number, from: Pod | null, to: Pod | null): void {
    this.add({ kind: 'full-sync', atMs, from: from?.name ?? '?', to: to?.name ?? '?' });
  }

  /** How much there is now: entries from here on are those that come later. */
  mark(): number {
    return this.#entries.length;
  }

  since<Kind extends Entry['kind']>(mark: number, kind: Kind): EntryOf<Kind>[] {
    const found: EntryOf<Kind>[] = [];
    for (let index = mark; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry?.kind === kind) found.push(entry as EntryOf<Kind>);
    }
    return found;
  }
}
