// What it takes to bring all instances behind one of them, and what that costs.
import { lossOf, type Loss } from './loss.ts';
import type { FollowOrder } from './promotion-plan.ts';
import { sourceOf, type ReachableInstance, type Scene } from './promotion-scene.ts';

export function describeLoss(loss: Loss): string {
  switch (loss.kind) {
    case 'none':
      return 'nothing';
    case 'bytes':
      return `the last ${String(loss.bytes)} bytes of its history`;
    case 'everything':
      return `its whole data set: ${loss.keys === null ? 'an unknown number of' : String(loss.keys)} keys`;
  }
}

export function lossWarnings(losers: readonly ReachableInstance[], keeper: ReachableInstance): string[] {
  return losers.flatMap((loser) => {
    const loss = lossOf(loser.info, keeper.info);
    return loss.kind === 'none'
      ? []
      : [`${loser.endpoint} loses ${describeLoss(loss)}, by following ${keeper.endpoint}`];
  });
}

export function unreachableWarnings(scene: Scene, master: string): string[] {
  return scene.instances
    .filter((instance) => instance.state === 'unreachable')
    .map(
      ({ endpoint, reason }) =>
        `${endpoint} can not be asked (${reason}) and is left alone: when it is back, run this again so that it follows ${master}`,
    );
}

export function ordersTowards(scene: Scene, keeper: ReachableInstance): FollowOrder[] {
  return scene.reachable
    .filter((instance) => instance !== keeper)
    .flatMap((instance): FollowOrder[] => {
      const { endpoint, info } = instance;
      const follows = sourceOf(instance, scene.instances) === keeper;
      // Those that follow a new master already are not touched, but must be seen to be online.
      if (follows && info.linkUp && keeper.info.role === 'master') return [];
      if (follows)
        return [{ endpoint, kind: 'wait', cutClients: false, reason: `points at ${keeper.endpoint} already` }];
      const isMaster = info.role === 'master';
      const now = isMaster ? 'is a master' : `follows ${String(info.masterHost)}:${String(info.masterPort)}`;
      return [{ endpoint, kind: 'follow', cutClients: isMaster, reason: `${now}; is to follow ${keeper.endpoint}` }];
    });
}

/** Those whom these orders take away from whom they follow now. */
export function movedBy(scene: Scene, orders: readonly FollowOrder[]): ReachableInstance[] {
  return scene.reachable.filter(({ endpoint }) =>
    orders.some((order) => order.kind === 'follow' && order.endpoint === endpoint),
  );
}
