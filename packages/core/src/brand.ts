/** Branded primitives: a term can not be passed where an offset is meant. They cost nothing at run time. */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Counter that grows with each lease won; 0 means that no lease is known. */
export type Term = Brand<number, 'Term'>;
/** Name of a pod of the StatefulSet, such as `redis-0`. */
export type PodName = Brand<string, 'PodName'>;
/** `run_id` of one redis-server process: 40 hexadecimal digits, new at each start. */
export type RunId = Brand<string, 'RunId'>;
/** `master_replid`: names one replication history. */
export type ReplicationId = Brand<string, 'ReplicationId'>;
/** Position in a replication history, in bytes. */
export type Offset = Brand<number, 'Offset'>;

export const asTerm = (value: number): Term => value as Term;
export const asPodName = (value: string): PodName => value as PodName;
export const asRunId = (value: string): RunId => value as RunId;
export const asReplicationId = (value: string): ReplicationId => value as ReplicationId;
export const asOffset = (value: number): Offset => value as Offset;

export const NO_TERM: Term = asTerm(0);
