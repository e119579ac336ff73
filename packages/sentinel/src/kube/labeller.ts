import type { Clock } from '@sentinel-micro/runtime';
import type { KubeApi } from '@sentinel-micro/kubernetes';
import type { ApiTrouble } from './api-trouble.ts';
import { startLabels, type LabelCall, type LabelConfig, type LabelReply, type LabelState } from './label-state.ts';
import { factsOf } from './pod-facts.ts';
import { mayCarryMaster, planLabels, takeReply } from './role-labels.ts';
import type { RoleView } from './role-view.ts';

/** A timer can not wait longer, and need not. */
const MOST_SLEEP_MS = 60_000;

export interface LabellerPorts {
  readonly api: Pick<KubeApi, 'readPod' | 'patchPod'>;
  /** What the labels have to follow at this moment. */
  readonly view: () => RoleView;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly trouble: ApiTrouble;
}

/**
 * Keeps the role label of the pod of this sidecar. It looks at the state of the loop and never makes it wait; calls under way are at
 * most two for the own pod, and eight for others while this pod becomes master.
 */
export class RoleLabeller {
  readonly #ports: LabellerPorts;
  #state: LabelState;
  #timer: NodeJS.Timeout | null = null;
  #isDue = false;
  #isLeaving = false;
  #isClosed = false;
  #onBare: (() => void) | null = null;

  constructor(config: LabelConfig, ports: LabellerPorts) {
    this.#ports = ports;
    this.#state = startLabels(config);
  }

  /** Something may have changed. Looks at it after the present turn of the loop, once for all that has. */
  look(): void {
    if (this.#isDue || this.#isClosed) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#plan();
    });
  }

  /**
   * This sidecar is about to give up what it leads: the label `master` goes first, if that can be done within `budgetMs`.
   * @returns when it is gone, or the time is over; at once while the API does not answer.
   */
  leave(budgetMs: number): Promise<void> {
    this.#isLeaving = true;
    this.#plan();
    if (!mayCarryMaster(this.#state) || this.#ports.trouble.isAway) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, budgetMs);
      this.#onBare = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Who leaves holds no lease any more, as far as labels go. */
  #view(): RoleView {
    const view = this.#ports.view();
    return this.#isLeaving ? { ...view, wanted: 'keep', lease: null, isFencing: false } : view;
  }

  #plan(): void {
    if (this.#isClosed) return;
    const nowMs = this.#ports.clock.now();
    const { state, calls, wakeAtMs } = planLabels(this.#state, this.#view(), nowMs);
    this.#state = state;
    for (const call of calls) void this.#make(call);
    if (this.#timer !== null) clearTimeout(this.#timer);
    const sleepMs = Math.min(MOST_SLEEP_MS, Math.max(1, Math.ceil(wakeAtMs - nowMs)));
    this.#timer = setTimeout(() => this.#plan(), sleepMs);
    if (!mayCarryMaster(state)) this.#onBare?.();
  }

  async #make(call: LabelCall): Promise<void> {
    const reply = await this.#ask(call);
    const { clock, random } = this.#ports;
    this.#state = takeReply(this.#state, call, reply, this.#view(), { nowMs: clock.now(), random: random() });
    this.#plan();
  }

  async #ask({ pod, patch }: LabelCall): Promise<LabelReply> {
    const { api, trouble } = this.#ports;
    const asked = { verb: patch === null ? 'get' : 'patch', resource: 'pods', name: pod } as const;
    try {
      const answer = await (patch === null ? api.readPod(pod) : api.patchPod(pod, patch));
      trouble.succeeded(asked);
      return { ok: true, pod: factsOf(answer) };
    } catch (error) {
      return { ok: false, ...trouble.failed(asked, error) };
    }
  }
}
