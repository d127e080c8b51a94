// One open connection after the handshake, the same on both ends: sealed messages, questions with their answers, blob transfers,
// a heartbeat. It knows nothing of members or trunks.
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import type { z } from 'zod';
import { Fault } from '../../contract/fault.ts';
import type { BlobFolder } from './blob-folder.ts';
import { decodeChunk } from './chunk-frame.ts';
import { endReason, passing, refusalOf, wireFault } from './faults.ts';
import type { FrameQueue } from './frame-queue.ts';
import { wireLimits } from './limits.ts';
import type { MessageSeal } from './message-seal.ts';
import { decodeMessage, type WireMessage } from './messages.ts';
import { openTransfers, type TransferMessage } from './transfers.ts';

type Without<M, K extends PropertyKey> = M extends unknown ? Omit<M, K> : never;
type Question = Extract<WireMessage, { id: number }>;
type Answer = Extract<WireMessage, { re: number }>;
export type AnswerBody = Without<Answer, 're'>;

/** Whether to come back, said by the number a connection is closed with. */
export const closeCodes = {
  goingAway: 1001,
  malformed: 4000,
  refused: 4001,
  superseded: 4002,
  flooding: 4003,
  left: 4004,
} as const;

export interface Channel {
  send(message: WireMessage): void;
  /** A message that goes to many, written once for all of them. */
  sendWritten(json: string): void;
  /** Resolves when what was sent has mostly left, or the connection ended: before each of many messages. */
  ready(): Promise<void>;
  /** @throws the other end's fault when it refuses, 407 or 408 when no answer comes. */
  ask(question: Without<Question, 'id'>): Promise<Answer>;
  /** Brings a blob of the own folder to the other end; goes on where an earlier attempt was cut. */
  putBlob(hash: string): Promise<void>;
  /** Brings a blob of `bytes` bytes from the other end into the own folder. */
  getBlob(hash: string, bytes: number): Promise<void>;
  close(code: number, reason: string): void;
  /** Resolves with the reason once the connection has ended; never rejects. */
  readonly ended: Promise<Fault>;
}

export interface ChannelOrder<In extends WireMessage> {
  readonly socket: WebSocket;
  readonly frames: FrameQueue;
  readonly seal: MessageSeal;
  readonly incoming: z.ZodType<In>;
  readonly blobs: BlobFolder;
  /** Says whether the other end may store, or fetch, a blob here. @throws Fault */
  readonly mayReceive: (hash: string, bytes: number) => void | Promise<void>;
  readonly maySend: (hash: string) => void | Promise<void>;
  /** Hears of blob bytes that are about to leave because the other end asked; what it throws keeps them here. */
  readonly onSending?: (hash: string, bytes: number) => Promise<void>;
  /** Answers a question (a thrown fault becomes a refusal), or takes a piece of news. */
  readonly receive: (message: Exclude<In, TransferMessage | Answer>) => Promise<AnswerBody | null> | AnswerBody | null;
  /** Hears of what is thrown and no fault: the other end is told only that something failed here. */
  readonly onUnexpected?: (thrown: unknown) => void;
  readonly onTraffic?: (sent: number, received: number) => void;
  /** Called with each heartbeat: for what has to be looked at now and then for as long as the connection stands. */
  readonly onHeartbeat?: () => void;
  readonly pingMs?: number;
  readonly idleMs?: number;
}

const lookEveryMs = 20;

/** A control frame carries 125 bytes (RFC 6455, 5.5), two of them the code. */
const closeReasonBytes = 123;

/** As much of it as a close frame carries, in whole characters. */
function closeReason(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(closeReasonBytes));
  return reason.slice(0, read);
}

export function openChannel<In extends WireMessage>(order: ChannelOrder<In>): Channel {
  const { socket, seal } = order;
  const idleMs = order.idleMs ?? wireLimits.idleMs;
  const questions = new Map<number, (answer: Answer | Fault) => void>();
  let lastId = 0;
  let received = 0;
  let windowStart = Date.now();
  let endedBy: Fault | null = null;
  let resolveEnded: (fault: Fault) => void = () => {};
  const ended = new Promise<Fault>((resolve) => {
    resolveEnded = resolve;
  });

  const sendWritten = (json: string): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    // An end that does not read is not waited for: what is said to it would stay in memory for as long as it likes.
    if (socket.bufferedAmount > wireLimits.unreadBytes) {
      endedBy ??= wireFault.silent();
      return socket.terminate();
    }
    const text = seal.seal(json);
    order.onTraffic?.(text.length, 0);
    socket.send(text);
  };
  const send = (message: WireMessage): void => sendWritten(JSON.stringify(message));
  const ready = async (): Promise<void> => {
    while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > wireLimits.bufferedBytes) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  };
  const ask = (body: Without<Question, 'id'>): Promise<Answer> => {
    if (endedBy !== null) return Promise.reject(passing(endedBy));
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(wireFault.silent()), idleMs);
      const settle = (answer: Answer | Fault): void => {
        clearTimeout(timer);
        questions.delete(id);
        if (answer instanceof Fault) reject(answer);
        else if (answer.kind === 'refused') reject(new Fault(answer.fault));
        else resolve(answer);
      };
      questions.set(id, settle);
      send({ ...body, id } as Question);
    });
  };
  const close = (code: number, reason: string): void => {
    if (socket.readyState === WebSocket.OPEN) socket.close(code, closeReason(reason));
    // A peer that does not answer the close is not waited for.
    setTimeout(() => socket.terminate(), 2_000).unref();
  };
  const breakOff = (thrown: unknown): void => {
    if (!(thrown instanceof Fault)) order.onUnexpected?.(thrown);
    const fault = refusalOf(thrown);
    endedBy ??= fault;
    close(closeCodes.malformed, fault.message);
  };
  const transfers = openTransfers({
    blobs: order.blobs,
    socket,
    send,
    ask,
    mayReceive: order.mayReceive,
    maySend: order.maySend,
    onSending: order.onSending,
    onTraffic: (sent, got) => order.onTraffic?.(sent, got),
    onBroken: breakOff,
    idleMs,
  });

  /** What is being answered holds memory until it is: a disk or a commit may make it wait. */
  const unanswered = { messages: 0, characters: 0 };
  const answer = async (message: In, characters: number): Promise<void> => {
    const id = 'id' in message ? message.id : null;
    unanswered.messages += 1;
    unanswered.characters += characters;
    try {
      const reply =
        (await transfers.receive(message)) ?? (await order.receive(message as Exclude<In, TransferMessage | Answer>));
      if (reply !== null && reply !== 'done' && id !== null) send({ ...reply, re: id } as Answer);
    } catch (thrown) {
      if (id === null) return breakOff(thrown);
      if (!(thrown instanceof Fault)) order.onUnexpected?.(thrown);
      send({ kind: 'refused', re: id, fault: refusalOf(thrown).toValue() });
    } finally {
      unanswered.messages -= 1;
      unanswered.characters -= characters;
    }
  };

  const isFlooding = (): boolean => {
    if (Date.now() - windowStart > wireLimits.messageWindowMs) {
      windowStart = Date.now();
      received = 0;
    }
    received += 1;
    return (
      received > wireLimits.messages ||
      unanswered.messages >= wireLimits.unanswered ||
      unanswered.characters > wireLimits.unansweredCharacters
    );
  };

  let missed = 0;
  /** What pongs have to repeat, the oldest first: one that nobody asked for is no sign of life. */
  const asked: string[] = [];
  const heartbeat = setInterval(() => {
    missed += 1;
    if (missed > wireLimits.missedPings) {
      endedBy ??= wireFault.silent();
      return socket.terminate();
    }
    const word = randomBytes(8);
    asked.push(word.toString('hex'));
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.ping(word);
    order.onHeartbeat?.();
  }, order.pingMs ?? wireLimits.pingMs);
  socket.on('pong', (repeated: Buffer) => {
    const at = asked.indexOf(repeated.toString('hex'));
    if (at === -1) return;
    asked.splice(0, at + 1);
    missed = 0;
  });
  socket.on('error', () => {
    // 'close' follows and tells all that is needed.
  });
  const end = (code: number, reason: string): void => {
    clearInterval(heartbeat);
    const fault = endedBy ?? wireFault.closed(endReason(code, reason));
    endedBy = fault;
    // Whatever ended the connection, it is no answer to what was asked on it.
    transfers.close(passing(fault));
    for (const settle of questions.values()) settle(passing(fault));
    resolveEnded(fault);
  };
  socket.on('close', (code: number, reason: Buffer) => end(code, reason.toString('utf8')));
  if (socket.readyState === WebSocket.CLOSED) end(1006, '');

  // Last: frames that came during the handshake are taken at once.
  order.frames.handOver((frame) => {
    if (endedBy !== null) return;
    try {
      if ('bytes' in frame) {
        order.onTraffic?.(0, frame.bytes.length);
        return transfers.receiveChunk(decodeChunk(frame.bytes));
      }
      order.onTraffic?.(0, frame.text.length);
      const message = decodeMessage(order.incoming, seal.open(frame.text));
      if ('re' in message) return questions.get(message.re)?.(message);
      if (message.kind !== 'chunk-received' && isFlooding()) {
        endedBy = wireFault.closed('too many messages');
        return close(closeCodes.flooding, 'too many messages');
      }
      void answer(message, frame.text.length);
    } catch (thrown) {
      breakOff(thrown);
    }
  });

  return { send, sendWritten, ready, ask, putBlob: transfers.put, getBlob: transfers.get, close, ended };
}
