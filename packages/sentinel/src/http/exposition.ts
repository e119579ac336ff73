import type { Histogram } from 'prom-client';
import { METRICS, PHASES, type MetricKey, type MetricSpec } from './catalogue.ts';
import type { Move } from './counters.ts';
import type { Sample } from './samples.ts';

/** The numbers in the text that Prometheus reads. */
export interface Exposition {
  readonly contentType: string;
  /** A move of the master to this pod. */
  observeMove(move: Move): void;
  /** @param seconds how late a timer was */
  observeDelay(seconds: number): void;
  render(samples: readonly Sample[]): Promise<string>;
}

const keys = Object.keys(METRICS) as MetricKey[];
const specOf = (key: MetricKey): MetricSpec => METRICS[key];

/** Loads prom-client, which nobody pays for who has no HTTP port. */
export async function createExposition(): Promise<Exposition> {
  const [{ default: Counter }, { default: Gauge }, { default: Histogram }, { default: Registry }] = await Promise.all([
    import('prom-client/lib/counter.js'),
    import('prom-client/lib/gauge.js'),
    import('prom-client/lib/histogram.js'),
    import('prom-client/lib/registry.js'),
  ]);
  const configOf = ({ name, help, labels = [] }: MetricSpec): { name: string; help: string; labelNames: string[] } => ({
    name,
    help,
    labelNames: [...labels],
  });
  const histogramOf = (key: MetricKey): Histogram => {
    const spec = specOf(key);
    return new Histogram({ ...configOf(spec), buckets: [...(spec.buckets ?? [])], registers: [] });
  };
  const [phases, moves, loopDelay] = [histogramOf('phases'), histogramOf('moves'), histogramOf('loopDelay')];
  const histograms: Partial<Record<MetricKey, Histogram>> = { phases, moves, loopDelay };
  for (const phase of PHASES) phases.zero({ phase });

  function register(registry: InstanceType<typeof Registry>, key: MetricKey, samples: readonly Sample[]): void {
    const histogram = histograms[key];
    if (histogram !== undefined) {
      registry.registerMetric(histogram);
      return;
    }
    const spec = specOf(key);
    const options = { ...configOf(spec), registers: [registry] };
    const metric = spec.type === 'counter' ? new Counter(options) : new Gauge(options);
    // One without labels begins with 0, which is not what "not known" means.
    if (options.labelNames.length === 0 && samples.length === 0) metric.remove();
    for (const { labels = {}, value } of samples) metric.inc(labels, value);
  }

  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    observeMove(move) {
      for (const [phase, seconds] of move.phases) {
        if ((PHASES as readonly string[]).includes(phase)) phases.observe({ phase }, seconds);
      }
      moves.observe(move.phases.reduce((sum, [, seconds]) => sum + seconds, 0));
    },
    observeDelay: (seconds) => loopDelay.observe(seconds),
    render(samples) {
      const registry = new Registry();
      for (const key of keys)
        register(
          registry,
          key,
          samples.filter(({ metric }) => metric === key),
        );
      return registry.metrics();
    },
  };
}
