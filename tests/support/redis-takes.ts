import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { loadTools } from '@sentinel-micro/testkit';
import { baseConfigFiles } from './pod-files.ts';
import { flagValue, type RedisSet } from './redis-set.ts';

const startTimeoutMs = 10_000;
const askTimeoutMs = 5000;

/**
 * Has a real redis-server read the set's own config, each file at its place below a folder of its own, and asks what it made of it.
 * @returns the values of these settings
 * @throws Error with what redis-server says when it does not take the files
 */
export async function settingsInRedis(set: RedisSet, names: readonly string[]): Promise<Record<string, string>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-config-'));
  const inFolder = (text: string): string => text.replace(/(?<=^|\s)\/(redis-|etc\/|data)/gm, `${folder}/$1`);
  mkdirSync(path.join(folder, 'data'));
  const files = baseConfigFiles(set);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(folder, file), inFolder(text));
  }
  const { redisServer, redisCli } = loadTools();
  const socket = path.join(folder, 'socket');
  const config = path.join(folder, String(flagValue(set.makeSlave, 'base-config')));
  const server = spawn(redisServer.command, [config, '--port', '0', '--unixsocket', socket], {
    env: { ...process.env, ...redisServer.env },
  });
  let said = '';
  server.stdout.on('data', (text: Buffer) => (said += text.toString()));
  server.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  try {
    const untilMs = Date.now() + startTimeoutMs;
    while (!existsSync(socket) && server.exitCode === null && Date.now() < untilMs) await sleep(20);
    if (!existsSync(socket)) throw new Error(`redis-server did not start:\n${said}`);
    const password = set.secrets[0]?.stringData?.['password'];
    const env = { ...process.env, ...redisCli.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
    const lines = await ask(redisCli.command, ['-s', socket, 'CONFIG', 'GET', ...names], env);
    return Object.fromEntries(
      lines.flatMap((line, index) => (index % 2 === 0 ? [[line, lines[index + 1] ?? '']] : [])),
    );
  } finally {
    server.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string[]> {
  const { stdout } = await promisify(execFile)(command, args, { env, timeout: askTimeoutMs });
  return stdout.trim().split('\n');
}
