import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import {
  claimAddressBlock,
  loadTools,
  RedisProcess,
  waitUntil,
  type AddressBlock,
  type RedisProcessOptions,
} from '@sentinel-micro/testkit';
import { connectRedis, type RedisConnection, type RedisTarget } from '../src/index.ts';

export const TIMEOUTS = { connectTimeoutMs: 2000, commandTimeoutMs: 2000 };
/** For servers that will never answer: how long is waited for them is no matter of luck then. */
export const SHORT = { connectTimeoutMs: 150, commandTimeoutMs: 150 };

/** Addresses, a folder, and what runs there; `remove` ends and gives back everything. */
export class Place {
  readonly dir: string;
  readonly addresses: AddressBlock;
  readonly #redises: RedisProcess[] = [];
  #started = 0;
  readonly #closings: (() => unknown)[] = [];

  static async make(): Promise<Place> {
    return new Place(await claimAddressBlock());
  }

  private constructor(addresses: AddressBlock) {
    this.addresses = addresses;
    this.dir = mkdtempSync(join(tmpdir(), 'runtime-test-'));
  }

  /** An address of its own with the given ports free. */
  host(...ports: number[]): Promise<string> {
    return this.addresses.take(ports);
  }

  async redis(change: Partial<RedisProcessOptions> = {}): Promise<RedisProcess> {
    const host = change.host ?? (await this.host(6379));
    const dir = join(this.dir, `redis-${this.#started++}`);
    const redis = RedisProcess.spawn({ tool: loadTools().redisServer, port: 6379, dir, ...change, host });
    this.#redises.push(redis);
    await redis.waitUntilReady();
    return redis;
  }

  /** `close` runs after the test, whatever came of it. */
  closing<Thing>(thing: Thing, close: (thing: Thing) => unknown): Thing {
    this.#closings.push(() => close(thing));
    return thing;
  }

  async connect(target: RedisTarget, timeouts = TIMEOUTS): Promise<RedisConnection> {
    return this.closing(await connectRedis(target, timeouts), (connection) => connection.close());
  }

  /** Ends what the test has left, but keeps the addresses. */
  async tidy(): Promise<void> {
    for (const close of this.#closings.splice(0).reverse()) await close();
    await Promise.all(this.#redises.splice(0).map((redis) => redis.killAndWait()));
  }

  async remove(): Promise<void> {
    await this.tidy();
    await this.addresses.release();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** That of the test file, once `usePlace` was called. */
export let place: Place;

/** One place for all tests of a file, tidied after each of them; to be called once in the file. */
export function usePlace(): void {
  beforeAll(async () => {
    place = await Place.make();
  });
  afterEach(() => place.tidy());
  afterAll(() => place.remove());
}

/** Waits until `probe` is true. */
export async function until(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  await waitUntil(async () => ((await probe()) ? true : undefined), { what, timeoutMs: 15_000, intervalMs: 5 });
}

/** A promise, and the handle that ends it. */
export function deferred<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
