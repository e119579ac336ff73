import type { ContainerPod, Part } from '../set/index.ts';
import type { Bed } from './bed.ts';
import type { Story } from './story.ts';

const PARTS = ['redis', 'sentinel'] as const;

/** What the engine says of a container that is as restricted as in the examples for Kubernetes. */
const RESTRICTED = '999:999 true [ALL] [no-new-privileges]';
const TEMPLATE = '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}';

/** What the kernel says of the first process of a container. */
const STATUS: Readonly<Record<Part, readonly string[]>> = {
  redis: ['cat', '/proc/1/status'],
  sentinel: ['node', '-p', "require('fs').readFileSync('/proc/1/status', 'utf8')"],
};
const WRITE: Readonly<Record<Part, readonly string[]>> = {
  redis: ['sh', '-c', 'echo > /written'],
  sentinel: ['node', '-e', "require('fs').writeFileSync('/written', '')"],
};

async function checkContainer(bed: Bed, pod: ContainerPod, part: Part): Promise<void> {
  const where = `${part} of ${pod.name}`;
  const settings = await bed.docker.inspect(pod.containerOf(part), TEMPLATE);
  bed.check(settings === RESTRICTED, `${where} is started with ${settings}`);
  const { stdout } = await pod.exec(part, ...STATUS[part]);
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? 'unknown';
  bed.check(field('Uid').startsWith('999\t'), `${where} runs as ${field('Uid')}`);
  bed.check(/^0+$/.test(field('CapEff')), `${where} has the capabilities ${field('CapEff')}`);
  bed.check(/^0+$/.test(field('CapBnd')), `${where} could get the capabilities ${field('CapBnd')}`);
  bed.check(field('NoNewPrivs') === '1', `${where} may get new privileges`);
  const written = await pod.exec(part, ...WRITE[part]);
  const isReadOnly = /read-only file system/i.test(written.stderr);
  bed.check(written.code !== 0 && isReadOnly, `${where} can write to its root: ${written.stderr.trim().slice(0, 200)}`);
}

export const comesUp: Story = {
  name: 'comes-up',
  what: 'Three pods come up with one master; each container is read-only, not root, and without capabilities; status says so.',
  isLossless: true,
  async run(bed) {
    for (const pod of bed.set.pods) for (const part of PARTS) await checkContainer(bed, pod, part);
    const [pod] = bed.set.pods;
    if (pod === undefined) return;
    const status = await pod.exec('sentinel', 'node', '/app/sentinel.mjs', 'status');
    bed.check(status.code === 0, `status ended with ${String(status.code)}: ${status.stderr.trim()}`);
    const table = status.stdout.trimEnd();
    bed.check(table.includes('holder'), `status names no holder:\n${table}`);
    bed.note(`status:\n${table}`);
  },
};
