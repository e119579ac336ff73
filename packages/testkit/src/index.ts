export { arePortsFree, claimAddressBlock, type AddressBlock } from './addresses.ts';
export { Cluster, type ClusterOptions, type Healthy, type WaitForHealthyOptions } from './cluster.ts';
export { describeRoles, judge, readRoles, type PodRole, type RolePod, type Verdict } from './cluster-health.ts';
export { waitForReplicas, waitForSettled, type SettledSet } from './cluster-settled.ts';
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
export { alignedTable, markdownTable, medianOf, mostOf } from './figures.ts';
export { pickNamed, readFlags, wholeNumber } from './flags.ts';
export { Cuts, type Addressed, type Cut, type CutKind } from './hosts/cuts.ts';
export { Host, type HostOptions } from './hosts/host.ts';
export {
  mountScratch,
  raiseLoopback,
  runInNamespaces,
  spawnInNamespaces,
  whyNoNamespaces,
} from './hosts/namespaces.ts';
export { HostNetwork, type AddHostOptions, type HostNetworkOptions } from './hosts/network.ts';
export type { DnsView } from './ground.ts';
export { History, checkHistory, type HistoryReport, type WriteOutcome, type WriteRecord } from './history.ts';
export { imageNodeFlags } from './image-start.ts';
export { logged } from './json-log.ts';
export { KeyWatch, keysOf, writeKeys } from './keys.ts';
export {
  ManagedProcess,
  killAllProcessesSync,
  liveProcesses,
  tailOfFile,
  type ExitInfo,
  type ProcessHost,
  type ProcessSpec,
} from './managed-process.ts';
export { MonitorRecorder, parseMonitorLine, type MonitorEntry } from './monitor.ts';
export { linePerItem } from './line-per-item.ts';
export { linesOf } from './lines.ts';
export { orderFailover } from './order-failover.ts';
export { parsePeerStatus, type PeerStatus } from './peer-status.ts';
export { Pod, type RecreateOptions } from './pod.ts';
export { PodClients } from './pod-clients.ts';
export { sentinelMicro, type PodContext, type PodProgram, type Program } from './pod-program.ts';
export type { PodSettings, RestartPolicy } from './pod-settings.ts';
export type { PodSurroundings } from './pod-surroundings.ts';
export { openFiles, residentMiB } from './proc.ts';
export { Prober, type Probe, type Probed } from './prober.ts';
export { RedisCommander, isReplyError, type CommandArgs, type RedisTarget } from './redis-client.ts';
export { redisSentinel, type RedisSentinelOptions } from './redis-sentinel.ts';
export { parseInfo, parseRole, type RedisRole } from './redis-info.ts';
export { RedisProcess, defaultConfig, type RedisProcessOptions } from './redis-process.ts';
export { killContainers, killSidecars, restartRedis, restartSidecar, startRedisWhenGone } from './restarts.ts';
export { FOREIGN_KEYS, foreignMessages, startForeignRedis, syncsServedBy } from './strangers.ts';
export { SENTINEL_MICRO, redisSentinelWith, type System } from './system.ts';
export { nowMs, sleep, waitUntil, waitUntilTrue, withTimeout, type WaitOptions } from './time.ts';
export {
  SERVER_NAMES,
  findBundles,
  findServers,
  findRepositoryRoot,
  findTool,
  loadTools,
  type Bundles,
  type FurtherTool,
  type ServerName,
  type Tool,
  type Tools,
  type ToolsOptions,
} from './tools.ts';
export { Writer, type WriterOptions } from './writer.ts';
export { RemoteWriters, type RemoteWritersOptions, type WriterProgram } from './writers/remote-writers.ts';
export { END_LINE, formatLine, sharedClockOffsetMs, type WriterOrders } from './writers/protocol.ts';
export { Authority, type Certificate } from './kube/certificate.ts';
export type { FaultHandle, FaultScope, KubeFault } from './kube/faults.ts';
export { KubeApiStandIn, type KubeApiOptions } from './kube/kube-api.ts';
export type { JsonObject } from './kube/json.ts';
export type { PolicyRule } from './kube/permissions.ts';
export type { KubeRequest } from './kube/server.ts';
export type { KubeChange } from './kube/store.ts';
