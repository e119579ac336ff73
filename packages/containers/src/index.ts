// What the tests look at; the program is main.ts.
export { engineHosts } from './engine/running-engine.ts';
export { connectTarget, openFarEnd, openNearEnd } from './engine/way-out.ts';
export { buildArguments } from './images/build.ts';
export { fileComplaints, ownFilesOf } from './images/check.ts';
export { timesOf } from './images/startup.ts';
export { parseOrder } from './options.ts';
export { pageOf } from './page/page.ts';
export { NO_RESULTS, isWell, type ResultFile } from './result.ts';
export { commandsOf, volumesOf, type SetPlan } from './set/commands.ts';
export { acceptedAt } from './set/inside-probe.ts';
export { answerNobody, noSuchName } from './set/no-such-name.ts';
export { STORIES, violationsOf, type StoryResult } from './stories/index.ts';
export { summaryOf } from './summary.ts';
