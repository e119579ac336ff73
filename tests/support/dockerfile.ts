/** One instruction of a Dockerfile, its lines joined. */
interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}

/** What the checks need to know of the repository around the Dockerfile. */
export interface Surroundings {
  /** Files that the build makes, relative to the repository's root. */
  readonly buildOutputs: readonly string[];
  /** What npm ci needs: the manifests of the root and of every workspace, relative to the root. */
  readonly npmFiles: readonly string[];
  /** Whether a path, relative to the root, exists and is not left out by .dockerignore. */
  readonly inContext: (path: string) => boolean;
}

const requiredLabels = ['title', 'description', 'licenses', 'version', 'revision', 'source', 'base.name'];
const buildFolder = '/src/';

function parseDockerfile(text: string): Instruction[] {
  const joined = text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, ' ');
  return joined.split('\n').map((line) => {
    const [, keyword = '', rest = ''] = /^\s*(\S+)\s*(.*)$/.exec(line) ?? [];
    return { keyword: keyword.toUpperCase(), rest: rest.trim() };
  });
}

/** Everything that is wrong with one of our Dockerfiles. */
export function checkDockerfile(text: string, surroundings: Surroundings): string[] {
  const instructions = parseDockerfile(text);
  const starts = instructions.flatMap(({ keyword }, index) => (keyword === 'FROM' ? [index] : []));
  const [buildStart, secondStart] = starts;
  const finalStart = starts.at(-1);
  if (starts.length < 2 || starts.length > 3 || buildStart === undefined || finalStart === undefined) {
    return [`${starts.length} stages; it has to be two or three: one that builds, one that compiles, one that runs`];
  }
  const build = instructions.slice(buildStart, secondStart);
  const code = instructions.slice(secondStart, finalStart);
  const final = instructions.slice(finalStart);
  return [
    ...baseComplaints(instructions.slice(0, buildStart), [instructions[buildStart], instructions[finalStart]]),
    ...buildComplaints(build, surroundings),
    ...codeComplaints(code, final),
    ...copyComplaints(final, surroundings),
    ...runtimeComplaints(final),
  ];
}

function baseComplaints(globals: readonly Instruction[], froms: readonly (Instruction | undefined)[]): string[] {
  return froms.flatMap((from) => {
    const variable = /^\$\{(\w+)\}/.exec(from?.rest ?? '')?.[1];
    if (!variable) return [`FROM ${from?.rest ?? ''}: the base has to be an ARG`];
    const image = globals.find(({ keyword, rest }) => keyword === 'ARG' && rest.startsWith(`${variable}=`))?.rest;
    if (!image) return [`ARG ${variable} has no default before the first FROM`];
    return when(!image.includes('24'), `${image}: the base has to be of Node 24`);
  });
}

function buildComplaints(build: readonly Instruction[], { npmFiles, inContext }: Surroundings): string[] {
  const position = (wanted: string): number =>
    build.findIndex(({ keyword, rest }) => `${keyword} ${rest}`.startsWith(wanted));
  const install = position('RUN npm ci');
  const copyAll = position('COPY . .');
  const run = position('RUN npm run build');
  const before = build.slice(0, Math.max(install, 0)).flatMap((instruction) => copyOf(instruction)?.sources ?? []);
  return [
    ...when(
      !(install < copyAll && copyAll < run && install >= 0),
      'the order has to be npm ci, COPY . ., npm run build',
    ),
    ...npmFiles.filter((file) => !before.includes(file)).map((file) => `${file} is not copied before npm ci`),
    ...npmFiles.filter((file) => !inContext(file)).map((file) => `${file} is not in the build context`),
  ];
}

/** V8's code is of use to the Node that made it alone, and the stage that makes it has no shell. */
function codeComplaints(code: readonly Instruction[], final: readonly Instruction[]): string[] {
  const [from] = code;
  if (from === undefined) return [];
  return [
    ...when(
      from.rest !== `${final[0]?.rest ?? ''} AS code`,
      `FROM ${from.rest}: it has to be the base that runs, AS code`,
    ),
    ...code
      .filter(({ keyword, rest }) => keyword === 'RUN' && execForm(rest) === undefined)
      .map(({ rest }) => `RUN ${rest} has to be a list: there is no shell`),
  ];
}

function copyComplaints(final: readonly Instruction[], { buildOutputs, inContext }: Surroundings): string[] {
  const complaints = final.flatMap((instruction) => {
    const copy = copyOf(instruction);
    if (!copy) return [];
    return copy.sources.flatMap((source) => {
      if (copy.from === 'code') return when(!/^\/app\/[\w-]+\.cache$/.test(source), `${source} is not V8's code`);
      if (copy.from === undefined) return when(!inContext(source), `${source} is not in the build context`);
      const made = source.startsWith(buildFolder) && buildOutputs.includes(source.slice(buildFolder.length));
      return when(copy.from !== 'build' || !made, `${source} is not made by the build`);
    });
  });
  const copied = copiedFiles(final);
  return [
    ...complaints,
    ...when(!copied.some((file) => file.endsWith('.LEGAL.txt')), "the bundled packages' licences are not copied"),
    ...when(!copied.some((file) => file.endsWith('.cdx.json')), 'the bill of materials is not copied'),
    ...when(!copied.includes('/app/LICENSE'), 'our own LICENSE is not copied'),
  ];
}

function runtimeComplaints(final: readonly Instruction[]): string[] {
  const last = (wanted: string): string => final.findLast(({ keyword }) => keyword === wanted)?.rest ?? '';
  const all = (wanted: string): string =>
    final
      .filter(({ keyword }) => keyword === wanted)
      .map(({ rest }) => rest)
      .join(' ');
  const entrypoint = execForm(last('ENTRYPOINT'));
  return [
    ...final
      .filter(({ keyword }) => ['RUN', 'ADD', 'SHELL', 'VOLUME', 'HEALTHCHECK'].includes(keyword))
      .map(({ keyword }) => `${keyword} has no place in the final stage`),
    ...when(!/^[1-9]\d*:[1-9]\d*$/.test(last('USER')), 'USER has to be two numbers other than 0'),
    ...when(!entrypoint, 'ENTRYPOINT has to be a list: there is no shell'),
    ...when(entrypoint !== undefined && entrypoint[0] !== 'node', 'ENTRYPOINT has to start node'),
    ...when(
      entrypoint !== undefined && !copiedFiles(final).includes(entrypoint.at(-1) ?? ''),
      `ENTRYPOINT starts ${String(entrypoint?.at(-1))}, which is not copied`,
    ),
    ...when(last('CMD') !== '' && !execForm(last('CMD')), 'CMD has to be a list: there is no shell'),
    ...when(!/\bNODE_ENV=production\b/.test(all('ENV')), 'NODE_ENV has to be production'),
    ...requiredLabels
      .filter((label) => !all('LABEL').includes(`org.opencontainers.image.${label}=`))
      .map((label) => `no label org.opencontainers.image.${label}`),
  ];
}

interface Copy {
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

function copyOf({ keyword, rest }: Instruction): Copy | undefined {
  if (keyword !== 'COPY') return undefined;
  const words = rest.split(/\s+/);
  const paths = words.filter((word) => !word.startsWith('--'));
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** Where the copied files lie in the image. */
function copiedFiles(final: readonly Instruction[]): string[] {
  return final.flatMap((instruction) => {
    const copy = copyOf(instruction);
    if (!copy) return [];
    return copy.target.endsWith('/')
      ? copy.sources.map((source) => `${copy.target}${source.split('/').at(-1) ?? ''}`)
      : [copy.target];
  });
}

function execForm(rest: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined;
  return JSON.parse(rest) as string[];
}

function when(wrong: boolean, complaint: string): string[] {
  return wrong ? [complaint] : [];
}

/** Whether a .dockerignore leaves a path out. Knows what ours uses: names, `*`, and a leading `**` + `/`. */
export function isIgnored(dockerignore: string, path: string): boolean {
  const patterns = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return patterns.some((pattern) => {
    const anywhere = pattern.startsWith('**/');
    const body = (anywhere ? pattern.slice(3) : pattern).replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
    return new RegExp(`^${anywhere ? '(?:.*/)?' : ''}${body}(?:/|$)`).test(path);
  });
}
