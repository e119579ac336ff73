import { expect, test } from '@jest/globals';
import type { EventObject } from '../src/index.ts';
import { describeOnServers } from './servers.ts';
import { failureOf } from './support.ts';

describeOnServers('an event', (on) => {
  function event(name: string, namespace = on.server.namespace): EventObject {
    const now = new Date().toISOString().replace(/\.\d+/, '');
    return {
      metadata: { name },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name: 'redis-0', uid: 'uid-0' },
      reason: 'Promoted',
      message: 'redis-0 is master of term 7',
      type: 'Normal',
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: 'sentinel-micro' },
      reportingComponent: 'sentinel-micro.io/sentinel',
      reportingInstance: 'redis-0',
    };
  }

  test('is made, and counts on', async () => {
    const made = await on.api.createEvent(event('redis-0.1'));
    expect(made).toMatchObject(event('redis-0.1'));
    const lastTimestamp = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, '');
    const again = await on.api.patchEvent('redis-0.1', { count: 2, lastTimestamp });
    expect(again).toMatchObject({
      ...event('redis-0.1'),
      firstTimestamp: made.firstTimestamp,
      lastTimestamp,
      count: 2,
    });
  });

  test('that is gone can not count on', async () => {
    expect(await failureOf(on.api.patchEvent('expired', { count: 2 }))).toMatchObject({
      status: 404,
      reason: 'NotFound',
    });
  });

  test('is about something in its own namespace', async () => {
    expect(await failureOf(on.api.createEvent(event('redis-0.2', 'elsewhere')))).toMatchObject({
      status: 422,
      reason: 'Invalid',
    });
  });
});
