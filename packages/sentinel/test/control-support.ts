import { join } from 'node:path';
import { encodeMessage, failed, serveResp, type RawFlags, type Reply } from '@sentinel-micro/runtime';
import { DnsServer, loadTools } from '@sentinel-micro/testkit';
import type { AskedPod } from '@sentinel-micro/core';
import { Place } from '../../runtime/test/support.ts';
import type { Output } from '../src/control/set.ts';
import { PORT } from './commands-support.ts';

export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Takes what was sent as an order, such as `SENTINEL SWITCHOVER mymaster`. */
type Answer = (words: readonly string[]) => Reply | Promise<Reply>;

const unknown: Answer = (words) => failed(`ERR unknown command '${String(words[0])}'`);

/** A Service in a real DNS, and whoever is to stand behind it. */
export class Stage {
  readonly place: Place;
  readonly dns: DnsServer;

  static async make(): Promise<Stage> {
    const place = await Place.make();
    const where = { host: place.addresses.dnsHost, port: 10053, dir: join(place.dir, 'dns') };
    const service = { service: 'redis', namespace: 'shop', redisPort: 6379, sentinelPort: PORT };
    return new Stage(place, await DnsServer.start({ tool: loadTools().dnsmasq, ...where, ...service }));
  }

  private constructor(place: Place, dns: DnsServer) {
    this.place = place;
    this.dns = dns;
  }

  /** Ends what the test has left. */
  tidy(): Promise<void> {
    return this.place.tidy();
  }

  async remove(): Promise<void> {
    await this.dns.stop();
    await this.place.remove();
  }

  /** Sidecars that tell what they are given to tell; one without a status is not there. @returns their addresses */
  async serve(pods: readonly AskedPod[], answer: Answer = unknown): Promise<string[]> {
    const hosts = pods.map(async ({ pod, status }) => {
      const ip = await this.place.host(PORT);
      if (status !== null) {
        const server = await serveResp(ip, PORT, (_session, words) =>
          words[0] === 'PEER' ? { type: 'bulk', text: encodeMessage(status) } : answer([String(pod), ...words]),
        );
        this.place.closing(server, () => server.close());
      }
      return { name: String(pod), ip };
    });
    const served = await Promise.all(hosts);
    await this.dns.setPods(served);
    return served.map(({ ip }) => ip);
  }

  /** Runs one command as main does. */
  async run(
    command: (flags: RawFlags, output: Output) => Promise<number>,
    change: Readonly<Record<string, unknown>> = {},
  ): Promise<Run> {
    const flags = {
      service: 'redis',
      namespace: 'shop',
      port: PORT,
      'dns-servers': this.dns.address,
      'probe-timeout-ms': 2000,
      'timeout-ms': 2000,
      'master-name': 'mymaster',
      output: 'text',
      ...change,
    };
    const [stdout, stderr]: [string[], string[]] = [[], []];
    const output = { stdout: (text: string) => stdout.push(text), stderr: (text: string) => stderr.push(text) };
    return { exitCode: await command(flags, output), stdout: stdout.join('\n'), stderr: stderr.join('\n') };
  }
}
