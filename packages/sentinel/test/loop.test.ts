// The loop around the core, as far as it has a mind of its own: when it looks at the clock, and whom it has met.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { announcementOf, configOf, identity, positionOf, requestOf, TIMINGS } from '../../core/test/support.ts';
import { Loop, type LoopPorts } from '../src/loop.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const never = (): Promise<never> => new Promise(() => undefined);

function portsWith(change: Partial<LoopPorts> = {}): LoopPorts {
  return {
    clock: { now: () => performance.now() },
    random: () => 0.5,
    logger: { log: () => undefined },
    ask: never,
    meet: () => undefined,
    executeOwn: never,
    sampleOwn: () => undefined,
    askStore: never,
    executeRemote: never,
    onDecided: () => undefined,
    onStopped: () => undefined,
    memory: null,
    remember: () => undefined,
    ...change,
  };
}

test('time that has gone by while the machine was suspended, and all timers stood still, is noticed within 100 ms', () => {
  let suspendedForMs = 0;
  let decisions = 0;
  const loop = new Loop(
    configOf(0),
    portsWith({
      clock: { now: () => performance.now() + suspendedForMs },
      onDecided: () => {
        decisions += 1;
      },
    }),
  );
  jest.advanceTimersByTime(1050);
  const before = decisions;
  // Nothing is due for a while: looking at the clock is no decision.
  jest.advanceTimersByTime(400);
  expect(decisions).toBe(before);
  suspendedForMs = 60_000;
  jest.advanceTimersByTime(100);
  expect(decisions).toBeGreaterThan(before);
  loop.close();
});

test('a sidecar of which the holder tells is met, each time that it is told of', () => {
  const met: (readonly string[])[] = [];
  const loop = new Loop(configOf(1), portsWith({ meet: (ips) => met.push(ips) }));
  jest.advanceTimersByTime(TIMINGS.grantMs);
  const { pod, ip, redisPort: port } = identity(2);
  const { runId } = positionOf();
  const told = {
    pod,
    ip,
    port,
    runId,
    offset: 100,
    priority: 100,
    linkUp: true,
    lastIoSecondsAgo: 0,
    isReachable: true,
  };
  const announcement = announcementOf(0, 1);
  const renewal = () => requestOf(0, 1, { type: 'RENEW', announcement, ranking: [], members: [told] });
  void loop.request(renewal());
  void loop.request(renewal());
  expect(met.filter((ips) => ips.length > 0)).toEqual([[ip], [ip]]);
  loop.close();
});

test('nobody waits for lines in the log: an answer is there before what led to it is logged, and told', async () => {
  const order: string[] = [];
  const loop = new Loop(
    configOf(1),
    portsWith({
      logger: { log: (_level, event) => void order.push(event) },
      onDecided: () => void order.push('told'),
      remember: () => void order.push('kept'),
    }),
  );
  jest.advanceTimersByTime(TIMINGS.grantMs);
  order.length = 0;
  const renewal = requestOf(0, 1, { type: 'RENEW', announcement: announcementOf(0, 1), ranking: [], members: [] });
  void loop.request(renewal).then(({ type }) => order.push(type));
  await Promise.resolve();
  // A promise must not be sent before the term behind it is kept.
  expect(order).toEqual(['kept', 'granted']);
  jest.advanceTimersByTime(1);
  expect(order).toEqual(['kept', 'granted', 'master', 'state', 'told']);
  loop.close();
});

test('what was decided last is logged before a sidecar ends', () => {
  const events: string[] = [];
  const loop = new Loop(configOf(1), portsWith({ logger: { log: (_level, event) => void events.push(event) } }));
  jest.advanceTimersByTime(TIMINGS.grantMs);
  const renewal = requestOf(0, 1, { type: 'RENEW', announcement: announcementOf(0, 1), ranking: [], members: [] });
  void loop.request(renewal);
  loop.close();
  expect(events).toContain('master');
});
