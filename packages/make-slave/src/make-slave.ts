import { decideBootstrap, strangersIn, type BootstrapObservation } from '@sentinel-micro/core';
import { writeAtomically, type Logger } from '@sentinel-micro/runtime';
import { NO_BASE_CONFIG, readBaseConfig } from './base-config.ts';
import type { MakeSlaveConfig } from './config.ts';
import { mismatches, overriddenSettings, refuseClusterMode } from './conflicts.ts';
import { observe, type Probes } from './observe.ts';
import { directivesOf, renderConfig } from './render.ts';

export interface MakeSlavePorts {
  readonly probes: Probes;
  readonly logger: Logger;
  readonly stdout: (text: string) => void;
}

function logPeers(logger: Logger, observation: BootstrapObservation): void {
  for (const { ip, reason } of strangersIn(observation)) {
    logger.log('warn', 'stranger', `${ip} is ignored: ${reason}`, { ip });
  }
  for (const { ip, sidecar, redis } of observation.peers) {
    if (ip === observation.self.ip) continue;
    const what = [
      sidecar === null ? [] : [`sidecar: ${sidecar.ok ? 'answered' : sidecar.reason}`],
      `Redis: ${redis.ok ? redis.value.role : redis.reason}`,
    ].flat();
    logger.log('debug', 'peer', `${ip}: ${what.join('; ')}`, { ip });
  }
}

/**
 * Looks, decides, and writes the config that redis-server starts from.
 * @throws UsageError for a base config that can not be used, OperationError when the file can not be written
 */
export async function makeSlave(config: MakeSlaveConfig, { probes, logger, stdout }: MakeSlavePorts): Promise<void> {
  const base = config.baseConfig === null ? NO_BASE_CONFIG : readBaseConfig(config.baseConfig, config.output);
  refuseClusterMode(base);
  const observation = await observe(config, probes);
  logPeers(logger, observation);
  const decision = decideBootstrap(observation);
  const warnings = [
    ...base.unread,
    ...overriddenSettings(base, directivesOf(config, decision, base)),
    ...(config.baseConfig === null ? [] : mismatches(base, config)),
  ];
  for (const text of warnings) logger.log('warn', 'base-config', text);
  if (config.print) stdout(renderConfig(config, decision, true, base));
  else await writeAtomically(config.output, renderConfig(config, decision, false, base));
  const fields =
    decision.kind === 'replica' ? { master: `${decision.master.ip} ${decision.master.port}`, term: decision.term } : {};
  const start = decision.kind === 'replica' ? 'starts as a replica' : 'starts in limbo, a replica of nobody';
  logger.log('info', 'decision', `${start}: ${decision.reason}`, { kind: decision.kind, ...fields });
}
