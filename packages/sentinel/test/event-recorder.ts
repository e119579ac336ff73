import type { Reply } from '@sentinel-micro/runtime';
import type { Pod } from '@sentinel-micro/testkit';
import { RawClient } from '../../runtime/test/raw-client.ts';
import { tracked } from './cluster-helpers.ts';

/** One event as a subscriber of everything has got it, and what the same sidecar named as master right after. */
export interface Heard {
  readonly channel: string;
  readonly message: string;
  /** `ip port`, or null when nobody was named. */
  readonly named: string | null;
}

function textsOf(reply: Reply): string[] {
  const isList = reply.type === 'array' || reply.type === 'push';
  return isList ? reply.items.map((item) => (item.type === 'bulk' ? item.text : '')) : [];
}

/** Subscribes to everything that one sidecar publishes, and asks it who is master as soon as it hears something. */
export class EventRecorder {
  readonly heard: Heard[] = [];
  readonly #subscriber: RawClient;
  readonly #asker: RawClient;
  readonly #finished: Promise<void>;

  static async start(pod: Pod): Promise<EventRecorder> {
    const { host, port, password } = pod.sidecarTarget;
    const clients = await Promise.all([RawClient.connect(host, port), RawClient.connect(host, port)]);
    if (password !== undefined) for (const client of clients) await client.ask('AUTH', password);
    const [subscriber, asker] = clients;
    await subscriber.ask('PSUBSCRIBE', '*');
    return tracked(new EventRecorder(subscriber, asker));
  }

  private constructor(subscriber: RawClient, asker: RawClient) {
    this.#subscriber = subscriber;
    this.#asker = asker;
    this.#finished = this.#record().catch(() => undefined);
  }

  get channels(): string[] {
    return this.heard.map(({ channel }) => channel);
  }

  /** The message of the first event of that name. */
  first(channel: string): string | undefined {
    return this.heard.find((one) => one.channel === channel)?.message;
  }

  async stop(): Promise<void> {
    this.#subscriber.close();
    this.#asker.close();
    await this.#finished;
  }

  async #record(): Promise<void> {
    while (!this.#subscriber.isClosed) {
      // Nothing for a while is no end.
      const reply = await this.#subscriber.reply().catch(() => null);
      if (reply === null) continue;
      const [, , channel = '', message = ''] = textsOf(reply);
      const address = textsOf(await this.#asker.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'));
      this.heard.push({ channel, message, named: address.length === 0 ? null : address.join(' ') });
    }
  }
}
