// What is in a bundle: the packages that esbuild has taken files of, their licences, and a list of them for machines.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './process.mjs';

const licenceFile = /^(licen[cs]e|notice|copying)(\.|-|$)/i;

/**
 * The packages that a bundle has files of, sorted by folder. One that stands there twice, in two folders, is named twice.
 * @param metafile as esbuild writes it, with paths from the root of the repository
 */
export function bundledPackages(metafile) {
  const folders = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) folders.add(match[1]);
  }
  const locked = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
    return { folder, name, version, licence: license, integrity: locked[folder]?.integrity };
  });
}

/** The licences ask to travel with the code: their files, and the notices, then the comments that esbuild found. */
export function legalText(packages, comments) {
  const sections = packages.map(({ folder, name, version, licence }) => {
    // Sorted: the order of a folder's entries is that of its file system.
    const files = readdirSync(path.join(root, folder)).filter((entry) => licenceFile.test(entry));
    const texts = files.sort().map((file) => readFileSync(path.join(root, folder, file), 'utf8').trim());
    return `${name} ${version} (${licence ?? 'no licence named'})\n\n${texts.join('\n\n')}\n`;
  });
  return [...sections, comments].join(`\n${'-'.repeat(80)}\n\n`);
}

/** `sha512-BASE64` of npm as CycloneDX has it. */
function hashesOf(integrity) {
  const [, algorithm, digest] = /^(sha\d+)-(\S+)/.exec(integrity ?? '') ?? [];
  if (algorithm === undefined) return {};
  const content = Buffer.from(digest, 'base64').toString('hex');
  return { hashes: [{ alg: algorithm.toUpperCase().replace('SHA', 'SHA-'), content }] };
}

function licencesOf(licence) {
  if (licence === undefined) return {};
  // One name, or an expression such as (MIT OR Apache-2.0).
  return { licenses: [/^[\w.+-]+$/.test(licence) ? { license: { id: licence } } : { expression: licence }] };
}

function component({ name, version, licence, integrity }, type) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type, 'bom-ref': purl, name, version, ...hashesOf(integrity), ...licencesOf(licence), purl };
}

/**
 * A software bill of materials (CycloneDX 1.5, JSON) of one program. It has no time and no serial number: the same sources give the
 * same file.
 * @param program its package.json
 */
export function billOfMaterials(program, packages) {
  const own = component({ ...program, licence: program.license }, 'application');
  const parts = new Map(packages.map((entry) => [`${entry.name} ${entry.version}`, component(entry, 'library')]));
  const components = [...parts.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: own },
    components,
    dependencies: [{ ref: own['bom-ref'], dependsOn: components.map((part) => part['bom-ref']) }],
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}
