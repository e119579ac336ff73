import { Redis as IoValkey } from 'iovalkey';
import { ioClient, type IoClient, type AllIoOptions, type IoOptions } from './ioredis.ts';
import type { CreateClient } from './write-client.ts';

/** It comes from ioredis 5. */
export function iovalkey(options: IoOptions, library: string): CreateClient {
  const connect = (all: AllIoOptions): IoClient => new IoValkey(all);
  return ioClient({ library, connect, options });
}
