// A manifest that is wrong leaves traces that a running sidecar sees. It has to say so in words that name the fix.
import { expect, test } from '@jest/globals';
import { until } from '../../runtime/test/support.ts';
import { useSidecarPlace, type SidecarPlace } from './sidecar-place.ts';

let there: SidecarPlace;
useSidecarPlace((made) => (there = made));

/** The sidecar of redis-0. */
async function startPod(service: string): Promise<void> {
  const { host } = (await there.place.redis()).target;
  await there.dns.setPods([{ name: 'redis-0', ip: host }]);
  const own = { 'pod-name': 'redis-0', 'pod-uid': 'uid-0', 'pod-ip': host, listen: host };
  await there.start({ ...own, service, replicas: '3', 'http-port': 0 });
}

test('a Redis that was not started from the rendered config, in a pod without its volume', async () => {
  const { textsOf } = there;
  await startPod('redis');
  await until('both to be said', () => textsOf('boot-fence').length > 0 && textsOf('rendered-config').length > 0);
  expect(textsOf('boot-fence')).toEqual([
    expect.stringContaining('start it with: redis-server /not/mounted/redis.conf'),
  ]);
  expect(textsOf('rendered-config')).toEqual([expect.stringContaining('mount the volume here, too')]);
});

test('a Service that is not there, or finds nobody', async () => {
  await startPod('other');
  await until('it to be said', () => there.textsOf('dns').length > 0);
  expect(there.textsOf('dns')[0]).toMatch(/--service other.*does its selector match.*publishNotReadyAddresses: true\?/);
});
