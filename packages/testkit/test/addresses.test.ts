import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { claimAddressBlock } from '../src/index.ts';

describe('address blocks', () => {
  test('two clusters never share a block, and an address is handed out once', async () => {
    const blocks = await Promise.all([claimAddressBlock(), claimAddressBlock(), claimAddressBlock()]);
    try {
      expect(new Set(blocks.map((block) => block.prefix)).size).toBe(3);
      const [block] = blocks;
      const addresses = [await block.take([6379]), await block.take([6379, 26379])];
      expect(addresses).toEqual([`${block.prefix}.1`, `${block.prefix}.2`]);
      expect(addresses).not.toContain(block.dnsHost);
    } finally {
      await Promise.all(blocks.map((block) => block.release()));
    }
  });

  test('an address with a port in use is passed over', async () => {
    const block = await claimAddressBlock();
    const server = createServer();
    try {
      await new Promise<void>((resolve) => server.listen(26379, `${block.prefix}.1`, resolve));
      expect(await block.take([6379, 26379])).toBe(`${block.prefix}.2`);
    } finally {
      server.close();
      await block.release();
    }
  });
});
