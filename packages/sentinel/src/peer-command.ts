import { statusOf, type Command, type CommandResult, type PeerAnswer, type PeerRequest } from '@sentinel-micro/core';
import {
  bulk,
  decodeRequest,
  encodeMessage,
  failed,
  isPlausibleTerm,
  messageOf,
  type Reply,
  type Session,
} from '@sentinel-micro/runtime';
import { decodeOrder, encodeResult } from './forwarding.ts';
import type { Refusals } from './refusals.ts';
import { wrongNumber } from './replies.ts';
import type { SentinelContext } from './sentinel-view.ts';

export interface PeerPorts {
  readonly context: () => SentinelContext;
  readonly peerRequest: (request: PeerRequest) => Promise<PeerAnswer>;
  readonly command: (command: Command) => Promise<CommandResult>;
}

const NOT_A_PEER = failed("NOAUTH Only who has logged in with Redis's own password may speak as a peer.");

function isStranger(answer: PeerAnswer): boolean {
  return answer.type === 'refused' && (answer.reason === 'other-cluster' || answer.reason === 'not-a-member');
}

function status(ports: PeerPorts, refusals: Refusals): Reply {
  const { state, nowMs } = ports.context();
  const told = statusOf(state, nowMs);
  return bulk(encodeMessage({ ...told, refusedMessages: told.refusedMessages + refusals.badMessages }));
}

async function put(ports: PeerPorts, refusals: Refusals, session: Session, request: PeerRequest): Promise<Reply> {
  const answer = await ports.peerRequest(request);
  if (!isStranger(answer)) session.peer = request.from.pod;
  else if (answer.type === 'refused') refusals.stranger(session, request, answer.reason);
  return bulk(encodeMessage(answer));
}

/** What a peer was ordered and can not do itself; it is not passed on again. */
async function order(ports: PeerPorts, refusals: Refusals, session: Session, text: string): Promise<Reply> {
  const command = decodeOrder(ports.context().state.config.cluster, text);
  if (command === null) return refusals.message(session, 'the order is none that this set knows');
  return bulk(encodeResult(await ports.command(command)));
}

/**
 * PEER STATUS for everybody who may ask anything at all. The other PEER messages carry one JSON argument, and only peers may send them.
 */
export function peerCommand(
  ports: PeerPorts,
  refusals: Refusals,
  session: Session,
  words: readonly string[],
  isPeer: boolean,
): Reply | Promise<Reply> {
  const kind = words[1]?.toUpperCase();
  if (kind === 'STATUS' && words.length === 2) return status(ports, refusals);
  if (kind === undefined || words.length !== 3) return wrongNumber('peer');
  if (!isPeer) return NOT_A_PEER;
  if (kind === 'ORDER') return order(ports, refusals, session, words[2] ?? '');
  let request: PeerRequest;
  try {
    request = decodeRequest(words[2] ?? '');
  } catch (error) {
    return refusals.message(session, messageOf(error));
  }
  if (request.type !== kind)
    return refusals.message(session, `the message is of type ${request.type}, not ${kind.slice(0, 16)}`);
  const { term } = ports.context().state;
  if (!isPlausibleTerm(request.term, term)) {
    return refusals.message(session, `term ${String(request.term)} is not plausible, here it is ${String(term)}`);
  }
  return put(ports, refusals, session, request);
}
