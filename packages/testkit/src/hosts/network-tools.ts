import { findTool, type Tool } from '../tools.ts';

/** What networks between hosts are made and cut with. */
export interface NetworkTools {
  /** iproute2: links, addresses, routes. */
  readonly ip: Tool;
  /** nftables: the cuts. */
  readonly nft: Tool;
}

/** What scripts/tools.mjs has found or fetched; undefined when one is missing. */
export function findNetworkTools(): NetworkTools | undefined {
  const ip = findTool('ip');
  const nft = findTool('nft');
  return ip === undefined || nft === undefined ? undefined : { ip, nft };
}
