// Installs the node modules when they are missing or not those of package-lock.json.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './process.mjs';

/** npm writes the state of node_modules into a lock file of its own, at the end of each install: compare with that. */
function modulesAreCurrent(folder = root) {
  const wanted = lockedPackages(path.join(folder, 'package-lock.json'));
  const installed = lockedPackages(path.join(folder, 'node_modules/.package-lock.json'));
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(([location, entry]) => {
    if (!location.includes('node_modules/')) return true; // the root and the workspaces: their files are the state
    const found = installed[location];
    if (!found) return entry.optional === true; // made for another platform
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** `log` gets one line when there is something to do. */
export async function ensureModules(log) {
  if (modulesAreCurrent()) return;
  log('installing node modules (npm ci)');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under `npm test`, use the very npm that runs us: it need not be on PATH.
  const npm = process.env.npm_execpath;
  const timeoutMs = 10 * 60_000;
  const result = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, ...args], { timeoutMs })
    : await run('npm', args, { timeoutMs });
  if (!result.ok) throw new Error(`npm ci failed:\n${result.output}`);
}
