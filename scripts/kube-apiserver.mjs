// Builds a kube-apiserver from Debian's source of Kubernetes, which has everything that it is made of beside it: the last
// one in Debian that does (1.20, in Debian 12). Needs apt-get, dpkg and tar, but no root; takes minutes, once.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { downloadSource, unpackPackages } from './debian-packages.mjs';
import { run } from './process.mjs';

const suite = 'bookworm';
const compiler = '1.19';
const kubernetes = 'k8s.io/kubernetes';
const version = '1.20.2';
/** Leaves out the clouds that Kubernetes knew by itself then: a fifth of all there is to compile, and nothing that tests use. */
const tags = ['-tags', 'providerless'];

const unpackTimeoutMs = 120_000;
const generateTimeoutMs = 10 * 60_000;
const buildTimeoutMs = 75 * 60_000;

/** Leaves the program in the folder, as `kube-apiserver`, and nothing else. @throws Error with the compiler's words */
export async function buildKubeApiserver(folder, log) {
  const work = path.join(folder, 'build');
  const source = path.join(work, 'go/src', kubernetes);
  mkdirSync(path.dirname(source), { recursive: true });
  await unpackSource(work, source);
  const goRoot = path.join(work, 'compiler');
  await unpackPackages(
    { packages: [`golang-${compiler}-go`, `golang-${compiler}-src`], programs: [], suites: [suite] },
    goRoot,
  );
  const go = compilerIn(work, path.join(goRoot, `usr/lib/go-${compiler}`), source);

  log('kube-apiserver: its source is here; compiling takes some 5 minutes of CPU time, and 2 GB of disk meanwhile');
  await generateOpenApi(go, work, source);
  const program = path.join(folder, 'kube-apiserver');
  await go.build('./cmd/kube-apiserver', program);
  rmSync(work, { recursive: true });
}

async function unpackSource(work, source) {
  const files = await downloadSource('kubernetes', suite, path.join(work, 'source'));
  const archive = files.find((file) => file.includes('.orig.tar.'));
  if (!archive) throw new Error(`the source of kubernetes has no .orig.tar: ${files.join(', ')}`);
  await succeed('tar', ['-xf', archive, '-C', work], { timeoutMs: unpackTimeoutMs });
  const unpacked = readdirSync(work).find((name) => name.startsWith('kubernetes-'));
  if (unpacked !== `kubernetes-${version}`) throw new Error(`Debian has ${unpacked} now; it was ${version}`);
  renameSync(path.join(work, unpacked), source);
}

/** The compiler, with caches of its own: nothing is written outside of the folder, and nothing is downloaded. */
function compilerIn(work, goRoot, source) {
  const command = path.join(goRoot, 'bin/go');
  const env = {
    ...process.env,
    GOROOT: goRoot,
    GOPATH: path.join(work, 'go'),
    GOCACHE: path.join(work, 'cache'),
    GO111MODULE: 'off', // as Kubernetes of that time is built
    GOPROXY: 'off',
    GOFLAGS: '',
    CGO_ENABLED: '0',
    PATH: `${path.join(goRoot, 'bin')}${path.delimiter}${process.env.PATH ?? ''}`,
  };
  const options = { cwd: source, env };
  // The second of the two is what it answers to clients.
  const stamps = ['component-base/version', 'client-go/pkg/version'].flatMap((place) =>
    Object.entries({ gitVersion: `v${version}`, gitMajor: '1', gitMinor: '20' }).map(
      ([name, value]) => `-X ${kubernetes}/vendor/k8s.io/${place}.${name}=${value}`,
    ),
  );
  return {
    run: (program, args, timeoutMs) => succeed('nice', ['-n', '10', program, ...args], { ...options, timeoutMs }),
    list: (target) =>
      succeed(command, ['list', ...tags, '-deps', '-f', '{{.ImportPath}} {{.Dir}}', target], {
        ...options,
        timeoutMs: generateTimeoutMs,
      }),
    build(target, program) {
      const args = [
        'build',
        ...tags,
        '-trimpath',
        '-ldflags',
        ['-s', '-w', ...stamps].join(' '),
        '-o',
        program,
        target,
      ];
      return this.run(command, args, buildTimeoutMs);
    },
  };
}

/** The only one of its generated files that the source does not have. Without it the server ends at its start. */
async function generateOpenApi(go, work, source) {
  const generator = path.join(work, 'openapi-gen');
  await go.build(`${kubernetes}/vendor/k8s.io/kube-openapi/cmd/openapi-gen`, generator);
  const packages = (await go.list('./cmd/kube-apiserver'))
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([name, folder]) => name.startsWith(`${kubernetes}/`) && isTagged(folder))
    .map(([name]) => name);
  const args = [
    ...['--logtostderr', '--v', '0', '-i', packages.join(',')],
    ...['-p', `${kubernetes}/pkg/generated/openapi`, '-O', 'zz_generated.openapi'],
    ...['-h', path.join(source, 'vendor/k8s.io/code-generator/hack/boilerplate.go.txt')],
    ...['-r', path.join(work, 'violations'), '--output-base', path.join(work, 'go/src')],
  ];
  await go.run(generator, args, generateTimeoutMs);
}

function isTagged(folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.go'));
  return files.some((name) => readFileSync(path.join(folder, name), 'utf8').includes('+k8s:openapi-gen='));
}

async function succeed(command, args, options) {
  const { ok, output } = await run(command, args, options);
  if (!ok) throw new Error(`${[command, ...args].join(' ').slice(0, 200)} failed:\n${output.slice(-4000)}`);
  return output;
}
