import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessHost } from './managed-process.ts';
import type { PodSettings } from './pod-settings.ts';
import { defaultConfig } from './redis-process.ts';

/** Who a pod is, as the downward API would say. */
export interface PodIdentity {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
}

/** The folders and files of one pod. The logs outlive the pod's deletion, as a cluster's log store would keep them. */
export class PodFiles {
  readonly dir: string;
  readonly dataDir: string;
  readonly configDir: string;
  readonly renderedConfig: string;
  readonly baseConfig: string;
  readonly passwordFile: string;
  readonly makeSlaveLog: string;
  readonly redisLog: string;
  readonly sidecarLog: string;

  constructor(dir: string) {
    this.dir = dir;
    this.dataDir = join(dir, 'data');
    this.configDir = join(dir, 'config');
    this.renderedConfig = join(this.configDir, 'redis.conf');
    this.baseConfig = join(dir, 'base.conf');
    this.passwordFile = join(dir, 'redis-password');
    this.makeSlaveLog = join(dir, 'make-slave.log');
    this.redisLog = join(dir, 'redis.log');
    this.sidecarLog = join(dir, 'sentinel.log');
  }

  /** Makes the folders and writes what Kubernetes would mount: the user's configuration and the password. */
  prepare(identity: PodIdentity, settings: PodSettings, inside: ProcessHost | undefined): void {
    mkdirSync(this.dataDir, { recursive: true });
    mkdirSync(this.configDir, { recursive: true });
    const address = { host: identity.ip, port: settings.redisPort, password: settings.password, inside };
    const lines = [...defaultConfig(address, this.dataDir), ...settings.baseConfig];
    writeFileSync(this.baseConfig, `${lines.join('\n')}\n`);
    chmodSync(this.baseConfig, 0o640);
    if (settings.password !== undefined) writeFileSync(this.passwordFile, `${settings.password}\n`, { mode: 0o600 });
  }

  /** What goes with the pod: its configuration (emptyDir) and, unless kept, its data. */
  wipe(keepData: boolean): void {
    rmSync(this.configDir, { recursive: true, force: true });
    if (!keepData) rmSync(this.dataDir, { recursive: true, force: true });
  }
}
