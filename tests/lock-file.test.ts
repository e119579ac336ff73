// `npm ci` refuses a lock file that leaves out the packages for other platforms, and npm leaves them out silently when the
// registry does not offer one of them at the moment of the install.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const file = path.join(path.dirname(import.meta.dirname), 'package-lock.json');
const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockedPackage> };
const locations = Object.keys(packages);

test('the lock file has every optional package, for all platforms', () => {
  const missing = locations.flatMap((location) =>
    Object.keys(packages[location]?.optionalDependencies ?? {}).filter(
      (name) => !locations.some((other) => other.endsWith(`node_modules/${name}`)),
    ),
  );
  expect(missing).toEqual([]);
});

test('the lock file names versions and checksums, and no registry', () => {
  const installed = Object.entries(packages).filter(
    ([location, { link }]) => location.includes('node_modules/') && !link,
  );
  expect(installed.length).toBeGreaterThan(0);
  for (const [location, { version, integrity, resolved }] of installed) {
    expect({ location, version, integrity, resolved }).toEqual({
      location,
      version: expect.any(String),
      integrity: expect.stringMatching(/^sha512-/),
      resolved: undefined,
    });
  }
});
