// What the engine's DNS asks for names that are not its own. Ordinary networks have someone who says that there is no such name; a
// network that leads nowhere has nobody, and each question would wait for its time-out.
import { createSocket } from 'node:dgram';

const HEADER_BYTES = 12;
const NXDOMAIN = 3;
const DNS_PORT = 53;

/** The answer to a question: there is no such name. Undefined for what is no question. */
export function noSuchName(question: Buffer): Buffer | undefined {
  const isResponse = ((question[2] ?? 0) & 0x80) !== 0;
  if (question.length < HEADER_BYTES || isResponse || question.readUInt16BE(4) !== 1) return undefined;
  let end = HEADER_BYTES;
  while (end < question.length && question[end] !== 0) end += (question[end] ?? 0) + 1;
  const answer = Buffer.from(question.subarray(0, end + 5));
  if (answer.length < end + 5) return undefined;
  const wantsRecursion = (question[2] ?? 0) & 0x01;
  answer[2] = 0x80 | ((question[2] ?? 0) & 0x78) | wantsRecursion;
  answer[3] = 0x80 | NXDOMAIN;
  // One question, no records.
  answer.fill(0, 6, HEADER_BYTES);
  return answer;
}

/** Answers on every address of this network. @returns what ends it */
export function answerNobody(port = DNS_PORT): Promise<{ close(): void }> {
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    const answer = noSuchName(question);
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject).bind(port, () => {
      socket.on('error', () => undefined);
      resolve({ close: () => void socket.close() });
    });
  });
}
