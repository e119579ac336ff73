export { arePortsFree, claimAddressBlock, type AddressBlock } from './addresses.ts';
export { Cluster, type ClusterOptions, type Healthy, type WaitForHealthyOptions } from './cluster.ts';
export { describeRoles, judge, readRoles, type PodRole, type Verdict } from './cluster-health.ts';
export {
  changingCommandsBetween,
  commandsBetween,
  readCommandCounts,
  type CommandCounts,
  type TextSource,
} from './command-audit.ts';
export type { ContainerEvent } from './container.ts';
export { DnsServer, type DnsPod, type DnsServerOptions } from './dns-server.ts';
export { TestkitError, messageOf, type TestkitErrorCode } from './errors.ts';
export { History, checkHistory, type HistoryReport, type WriteOutcome, type WriteRecord } from './history.ts';
export {
  ManagedProcess,
  killAllProcessesSync,
  liveProcesses,
  tailOfFile,
  type ExitInfo,
  type ProcessSpec,
} from './managed-process.ts';
export { MonitorRecorder, parseMonitorLine, type MonitorEntry } from './monitor.ts';
export { parsePeerStatus, type PeerStatus } from './peer-status.ts';
export { Pod, type RecreateOptions } from './pod.ts';
export type { PodSettings, PodSurroundings, RestartPolicy } from './pod-settings.ts';
export { RedisCommander, isReplyError, type CommandArgs, type RedisTarget } from './redis-client.ts';
export { parseInfo, parseRole, type RedisRole } from './redis-info.ts';
export { RedisProcess, defaultConfig, type RedisProcessOptions } from './redis-process.ts';
export { nowMs, sleep, waitUntil, withTimeout, type WaitOptions } from './time.ts';
export { findBundles, findRepositoryRoot, loadTools, type Bundles, type Tool, type Tools } from './tools.ts';
export { Writer, type WriterOptions } from './writer.ts';
