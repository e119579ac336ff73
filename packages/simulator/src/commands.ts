import { deriveTimings, type Command, type CommandResult, type RequestRef } from '@sentinel-micro/core';
import type { Pod } from './pod.ts';
import type { RunSettings } from './settings.ts';
import type { Sidecar } from './sidecar.ts';

/** What the giving of commands needs of the world. */
interface Surroundings {
  readonly nowMs: number;
  readonly settings: RunSettings;
  log(text: string): void;
}

/** A command that somebody gave to a sidecar, and what came of it. */
export interface Issued {
  readonly command: Command;
  readonly sidecar: Sidecar;
  /** When the sidecar has taken it in, in true time: later than it was given when the process was stopped. */
  takenAtMs: number;
  /** Null as long as there is no answer. */
  result: CommandResult | null;
}

/** Lateness of timers, drift, and the pace of the check, in milliseconds. */
const SLACK_MS = 150;

function describeCommand(command: Command): string {
  return command.kind === 'switchover' ? `switchover to ${command.to ?? 'whoever is next'}` : command.kind;
}

/** The commands of people, clients and hooks: each is answered exactly once, and in time, by a sidecar that lives on. */
export class Commands {
  readonly #world: Surroundings;
  readonly #given = new Map<RequestRef, Issued>();
  readonly #unanswered = new Set<Issued>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** @returns null when there is no sidecar that could take it */
  give({ name, sidecar }: Pod, command: Command): Issued | null {
    if (sidecar?.isAlive !== true) return null;
    // Below zero: a sidecar numbers what its peers ask of it from 1 on.
    const ref = -1 - this.#given.size;
    const issued: Issued = { command, sidecar, takenAtMs: Infinity, result: null };
    this.#given.set(ref, issued);
    this.#unanswered.add(issued);
    sidecar.deliver('io', () => {
      issued.takenAtMs = this.#world.nowMs;
      this.#world.log(`${name}: is told: ${describeCommand(command)}`);
      sidecar.feed({ type: 'command', ref, command });
    });
    return issued;
  }

  /** @returns what is wrong with this answer, or null */
  answered(sidecar: Sidecar, ref: RequestRef, result: CommandResult): string | null {
    const { pod } = sidecar.config.self;
    this.#world.log(`${pod}: answers: ${result.ok ? 'ok' : result.code}: ${result.text}`);
    const issued = this.#given.get(ref);
    if (issued?.sidecar !== sidecar) return `${pod} answers a command that nobody has given`;
    if (issued.result !== null) return `${pod} answers ${describeCommand(issued.command)} a second time`;
    issued.result = result;
    this.#unanswered.delete(issued);
    return null;
  }

  /** Call every few milliseconds. @returns what should have been answered by now, or null */
  overdue(): string | null {
    for (const issued of this.#unanswered) {
      const { sidecar, command, takenAtMs } = issued;
      // Whoever gave it sees the connection end.
      if (!sidecar.isAlive) this.#unanswered.delete(issued);
      if (!sidecar.isAlive || sidecar.isPaused) continue;
      const dueMs = Math.max(takenAtMs, sidecar.runsSinceMs) + this.boundMs(command) + SLACK_MS;
      if (this.#world.nowMs <= dueMs) continue;
      this.#unanswered.delete(issued);
      return `${sidecar.config.self.pod} does not answer ${describeCommand(command)}`;
    }
    return null;
  }

  /** Writes are held back for no longer than the budget; then the lease that was given back has time to run out, twice. */
  boundMs({ kind }: Command): number {
    if (kind === 'pause' || kind === 'resume') return 0;
    const { pauseBudgetMs, grantMs } = deriveTimings(this.#world.settings.timings);
    return pauseBudgetMs + 2 * grantMs;
  }
}

/** What its sidecar would show a person who asks whether automatic failover is paused. */
export function isFailoverPaused({ sidecar }: Pod): boolean {
  return sidecar?.isAlive === true && sidecar.state.pauses % 2 === 1;
}
