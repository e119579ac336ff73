export { answerNobody } from './no-such-name.ts';
export { InsideProbe } from './inside-probe.ts';
export { ContainerPod, type Part } from './pod.ts';
export { ContainerSet, removeAll, type SetOptions } from './set.ts';
