import type { Bed } from '../bed.ts';
import { isInLimbo } from '../looks.ts';
import type { DnsView } from '@sentinel-micro/testkit';
import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { LEASE_MS } from '../timings.ts';

/** Longer than the sidecars go without asking. */
const DNS_TROUBLE_MS = 6000;

/**
 * With DNS like this the set goes on, and a pod that starts afresh waits in limbo; with the truth it joins.
 */
async function troubleWithDns(bed: Bed, what: string, view: DnsView): Promise<void> {
  await bed.fault(what, () => bed.cluster.setDnsView(view));
  await bed.sleep(DNS_TROUBLE_MS);
  const fresh = bed.replica(0);
  await bed.fault(`${fresh.name} is deleted and made anew`, () => fresh.recreate());
  await bed.sleep(LEASE_MS * 2);
  bed.check(await isInLimbo(fresh), `${fresh.name} is not in limbo: ${JSON.stringify(await fresh.role())}`);
  const [last] = fresh.makeSlaveLog().slice(-1);
  bed.note(`make-slave said: ${String(last?.['message'])}`);
  await bed.fault('DNS tells the truth again', () => bed.cluster.setDnsView((_asking, pods) => pods));
  await bed.settled();
}

const dnsFails: Scenario = {
  name: 'dns-fails',
  family: 'dns',
  what: 'No DNS question is answered any more, and a replica is deleted and made anew.',
  expect: UNDISTURBED,
  run: (bed) => troubleWithDns(bed, 'DNS falls silent', () => undefined),
};

const dnsReturnsSelfOnly: Scenario = {
  name: 'dns-returns-self-only',
  family: 'dns',
  what: 'DNS names to each pod only that pod itself, and a replica is deleted and made anew.',
  expect: UNDISTURBED,
  run: (bed) => {
    const view: DnsView = (asking, pods) => pods.filter(({ name }) => name === asking);
    return troubleWithDns(bed, 'DNS names nobody but the one who asks', view);
  },
};

const dnsStale: Scenario = {
  name: 'dns-stale',
  family: 'dns',
  what: "The master's pod is gone and comes back at a new address, but DNS goes on naming the old one.",
  expect: { promotions: 1 },
  async run(bed) {
    const before = bed.cluster.pods.map(({ name, ip }) => ({ name, ip }));
    const staleIp = bed.master.ip;
    await bed.fault('DNS does not change any more', () => bed.cluster.setDnsView(() => before));
    await bed.fault(`${bed.master.name} is deleted`, () => bed.master.delete());
    await bed.replaced();
    await bed.fault(`${bed.master.name} comes back elsewhere`, () => bed.master.recreate());
    await bed.sleep(DNS_TROUBLE_MS);
    for (const { pod, role } of await bed.cluster.redisRoles()) {
      bed.check(role?.masterHost !== staleIp, `${pod.name} follows the address of a pod that is gone`);
    }
    await bed.fault('DNS tells the truth again', () => bed.cluster.setDnsView((_asking, pods) => pods));
    await bed.settled();
  },
};

export const dns: readonly Scenario[] = [dnsFails, dnsReturnsSelfOnly, dnsStale];
