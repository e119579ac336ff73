import type { Input, NodeConfig, NodeState } from '@sentinel-micro/core';
import type { KubeApi } from '@sentinel-micro/kubernetes';
import { messageOf, systemClock, type Logger } from '@sentinel-micro/runtime';
import { ApiTrouble } from './api-trouble.ts';
import { connect } from './connect.ts';
import { EventWriter } from './event-writer.ts';
import type { KubeConfig } from './kube-flags.ts';
import type { KubeSide } from './kube-side.ts';
import { RoleLabeller } from './labeller.ts';
import { roleViewOf, type RoleView } from './role-view.ts';
import { ReplicasSource } from './replicas.ts';

/** So long a stop waits at most until the label `master` is gone, in milliseconds: a handover takes about as long. */
const LEAVE_BUDGET_MS = 250;
/** So long the last Events may take, in milliseconds. */
const FLUSH_BUDGET_MS = 250;

/** Before the loop has its first state. */
const NOTHING_YET: RoleView = { wanted: 'keep', lease: null, isFencing: false, term: 0, others: [] };

interface Common {
  readonly api: KubeApi;
  readonly clock: typeof systemClock;
  readonly random: () => number;
  readonly trouble: ApiTrouble;
}

function openLabels({ self, timings }: NodeConfig, common: Common, state: () => NodeState | null): RoleLabeller {
  const { pod, uid, incarnation } = self;
  const config = { pod, uid, incarnation, graceMs: timings.leaseMs, startedAtMs: common.clock.now() };
  const view = (): RoleView => {
    const now = state();
    return now === null ? NOTHING_YET : roleViewOf(now, common.clock.now());
  };
  return new RoleLabeller(config, { ...common, view });
}

/** The loop, as far as it is needed here. */
interface LoopEnds {
  /** Now; null while the sidecar is being put together. */
  readonly state: () => NodeState | null;
  readonly feed: (input: Input) => void;
}

/**
 * Connects to the API, and does there what is asked for.
 * @throws UsageError when it is not given how the API is reached.
 */
export function openKube(config: KubeConfig, node: NodeConfig, logger: Logger, { state, feed }: LoopEnds): KubeSide {
  const api = connect(config);
  const trouble = new ApiTrouble(logger);
  const common: Common = { api, clock: systemClock, random: Math.random, trouble };
  const { pod, uid, incarnation } = node.self;
  const labels = config.roleLabels ? openLabels(node, common, state) : null;
  const wallMs = (): number => Date.now();
  const about = { pod, uid, incarnation, statefulSet: config.statefulSet };
  const events = config.events ? new EventWriter(about, { ...common, wallMs, logger }) : null;
  const replicas =
    config.replicas === true
      ? new ReplicasSource({
          ...common,
          statefulSet: config.statefulSet,
          trouble: new ApiTrouble(logger, 'N stays as it is, and a pod that does not know it takes it from the others'),
          logger,
          state,
          feed,
        })
      : null;
  return {
    onDecided(decision, before) {
      // The loop is in the middle of its turn: what goes wrong here must not reach it.
      try {
        labels?.look();
        replicas?.look();
        events?.onDecided(decision, before);
      } catch (error) {
        logger.log('warn', 'kubernetes', `a decision could not be looked at: ${messageOf(error)}`);
      }
    },
    leave: () => labels?.leave(LEAVE_BUDGET_MS) ?? Promise.resolve(),
    get failures() {
      return trouble.counts;
    },
    async close() {
      labels?.close();
      replicas?.stop();
      await events?.close(FLUSH_BUDGET_MS);
      api.close();
    },
  };
}
