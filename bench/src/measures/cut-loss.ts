import { checkHistory, sleep, type History, type Pod } from '@sentinel-micro/testkit';
import { ours, theirName, theirs, theirsWithReplicas } from '../contestants.ts';
import type { SetMeasure } from '../measure.ts';
import { CUTS_OF_ONE_SET } from './silence.ts';

/** Longer than everybody needs to elect another master. */
const CUT_MS = 12_000;

async function lostOf(history: History | undefined, master: Pod): Promise<{ lost: number; confirmed: number }> {
  if (history === undefined) return { lost: 0, confirmed: 0 };
  const { lostAcknowledged, lostConfirmed } = await checkHistory(history, master.redisTarget);
  return { lost: lostAcknowledged, confirmed: lostConfirmed };
}

export const cutLoss: SetMeasure = {
  kind: 'sets',
  name: 'cut-loss',
  what: `The master is cut off silently for ${CUT_MS / 1000} s together with two writers at full speed, one of them with WAIT 1: how many of the writes that were acknowledged to them are gone after the heal.`,
  figures: [
    {
      ...{ name: 'lost', title: 'acknowledged writes lost', unit: 'writes' },
      asked: [{ peer: theirName(1000), timesAtLeast: 5 }],
    },
    {
      ...{ name: 'confirmedLost', title: 'writes confirmed by WAIT lost', unit: 'writes' },
      asked: [{ statistic: 'max', atMost: 0 }],
    },
  ],
  contestants: [ours, theirs(1000), theirsWithReplicas(1000)],
  rounds: { full: 3, quick: 1 },
  newSetsAfter: CUTS_OF_ONE_SET,
  needsHosts: true,
  async round(stage, round) {
    const master = await stage.settled();
    const usual = { intervalMs: 0, onlyTo: { host: master.ip, port: stage.cluster.settings.redisPort } };
    const wait = { replicas: 1, timeoutMs: 1000 };
    const writers = await stage.write({ plain: usual, wait: { ...usual, wait } });
    await stage.calm(round);
    const cut = await stage.network?.cuts.isolate([master, await stage.host('client')]);
    await sleep(CUT_MS);
    await cut?.heal();
    const histories = await writers.stop();
    const now = await stage.settled();
    const plain = await lostOf(histories.get('plain'), now);
    const waited = await lostOf(histories.get('wait'), now);
    return { lost: plain.lost, confirmedLost: waited.confirmed };
  },
};
