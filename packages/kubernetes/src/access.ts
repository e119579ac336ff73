import { readFileSync } from 'node:fs';
import { types } from 'node:util';

/** What is wrong with the kubeconfig, or with what Kubernetes gives a pod: the message names the file, and what would be right. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
}

/** Where the API is and who we are. */
export interface Access {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** In front of each path, without a slash at its end. */
  readonly basePath: string;
  readonly namespace: string | null;
  /** Reads the certificates anew: they are replaced from time to time. @throws KubeConfigError */
  readonly tls: () => TlsMaterial;
  /** Reads the token anew: that of a service account changes within the hour. Null when there is none. @throws KubeConfigError */
  readonly token: () => string | null;
}

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/** @param what what the file is for, for the message */
export function readBytes(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new KubeConfigError(`${what} can not be read from ${path}: ${codeOf(error)}`);
  }
}

export function readText(path: string, what: string): string {
  return readBytes(path, what).toString('utf8');
}

/** The token of a file, fit for a header. The message never shows what was read. */
export function readToken(path: string): string {
  return usableToken(readText(path, 'the token'), path);
}

export function usableToken(text: string, from: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new KubeConfigError(`${from} holds no token: it is empty, or has characters that no token has`);
}

function codeOf(error: unknown): string {
  return types.isNativeError(error) && 'code' in error ? String(error.code) : 'unknown error';
}
