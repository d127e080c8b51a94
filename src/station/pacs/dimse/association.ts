// One association over a connected socket (PS3.8 9.2), for either end: negotiation, messages in and out, release, abort.
// What arrives faster than it is taken makes the socket wait, so memory is bounded whatever the peer sends.
import type { Socket } from 'node:net';
import { type CommandSet, decodeCommand, encodeCommand, hasDataSet } from './command-set.ts';
import {
  type AssociateAccept,
  type AssociateRequest,
  decodeAssociateAccept,
  decodeAssociateRequest,
  decodeReject,
  encodeAbort,
  encodeAssociateAccept,
  encodeAssociateRequest,
  encodeReject,
  encodeReleaseRequest,
  encodeReleaseResponse,
  pduTypes,
  type Rejection,
} from './pdu.ts';
import { watchDrip, type Drip } from './drip.ts';
import { type Fragment, PduReader } from './pdu-reader.ts';
import { AssociationEnded, ProtocolError } from './protocol-error.ts';

/** A presentation context that both ends agreed on. */
export interface AgreedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntax: string;
}

export interface Message {
  readonly context: AgreedContext;
  readonly command: CommandSet;
  readonly hasDataSet: boolean;
}

export interface AssociationOptions {
  /** Longest time without a byte from or to the peer. */
  readonly idleMs: number;
  /** Longest time until the association stands (PS3.8's ARTIM timer), and for its release. */
  readonly negotiationMs: number;
}

/** What we announce: the most that dcmtk sends at once. */
export const maxPduBytes = 131_072;
const queueLimitBytes = 1024 * 1024;
const queueLimitFragments = 4_096;
const copiedBytes = 1_024;
const commandLimitBytes = 64 * 1024;

/** The peer answered the proposal with A-ASSOCIATE-RJ. */
export class AssociationRejected extends Error {
  readonly rejection: Rejection;

  constructor(rejection: Rejection) {
    super(`rejected ${rejection.result}/${rejection.source}/${rejection.reason}`);
    this.rejection = rejection;
  }
}

interface Pdu {
  readonly type: number;
  readonly body: Buffer;
}

export class Association {
  readonly #socket: Socket;
  readonly #options: AssociationOptions;
  readonly #drip: Drip;
  readonly #queue: Fragment[] = [];
  readonly #pdus: Pdu[] = [];
  readonly contexts = new Map<number, AgreedContext>();
  #queuedBytes = 0;
  #isEstablished = false;
  #isReleased = false;
  #ending: Error | null = null;
  #wake: (() => void) | null = null;
  /** Takes fragments as they come, while nothing is queued. */
  #sink: ((fragment: Fragment) => void) | null = null;
  #isChunkKept = false;
  #peerMaxPduBytes = maxPduBytes;

  constructor(socket: Socket, options: AssociationOptions) {
    this.#socket = socket;
    this.#options = options;
    const reader = new PduReader({
      onPdu: (type, body) => this.#onPdu(type, body),
      onFragment: (fragment) => this.#onFragment(fragment),
    });
    this.#drip = watchDrip(options.idleMs, () =>
      this.#end(new AssociationEnded('timed-out', 'it sends no faster than a few bytes a minute'), 0),
    );
    socket.setNoDelay(true);
    socket.setTimeout(options.idleMs, () =>
      this.#end(new AssociationEnded('timed-out', `no answer within ${Math.round(options.idleMs / 1000)} s`), 0),
    );
    socket.on('data', (chunk: Buffer) => {
      if (this.#ending !== null) return;
      this.#drip.came(chunk.length);
      this.#isChunkKept = false;
      try {
        reader.read(chunk);
        if (!this.#isChunkKept) giveBack(chunk);
      } catch (error) {
        this.#end(error instanceof Error ? error : new ProtocolError(String(error)), 2);
      }
    });
    socket.on('error', (error) => this.#end(new AssociationEnded('closed', error.message), null));
    socket.on('close', () => {
      this.#drip.close();
      this.#end(new AssociationEnded('closed', 'the connection was closed'), null);
    });
  }

  /** Waits for the peer's A-ASSOCIATE-RQ. @throws ProtocolError, AssociationEnded. */
  async proposal(): Promise<AssociateRequest> {
    const { type, body } = await this.#pdu();
    return this.#orAbort(() => {
      if (type !== pduTypes.associateRequest) throw new ProtocolError('no association was requested');
      const request = decodeAssociateRequest(body);
      this.#setPeerMax(request.maxPduBytes);
      return request;
    });
  }

  accept(request: AssociateRequest, accept: AssociateAccept): void {
    this.#agree(request, accept);
    this.#isEstablished = true;
    this.#socket.write(encodeAssociateAccept(accept));
  }

  reject(rejection: Rejection): void {
    this.#ending ??= new AssociationEnded('aborted', 'the association was rejected');
    this.#socket.end(encodeReject(rejection));
    this.#socket.setTimeout(this.#options.negotiationMs, () => this.#socket.destroy());
  }

  /** Proposes an association. @throws AssociationRejected, ProtocolError, AssociationEnded. */
  async propose(request: AssociateRequest): Promise<void> {
    this.#socket.write(encodeAssociateRequest(request));
    const { type, body } = await this.#pdu();
    this.#orAbort(() => {
      if (type === pduTypes.associateReject) throw new AssociationRejected(decodeReject(body));
      if (type !== pduTypes.associateAccept) throw new ProtocolError('no answer to the association request');
      const accept = decodeAssociateAccept(body);
      this.#setPeerMax(accept.maxPduBytes);
      this.#agree(request, accept);
      this.#isEstablished = true;
    });
  }

  /** The next command; null when the peer released the association. @throws ProtocolError, AssociationEnded. */
  async receive(): Promise<Message | null> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const fragment = await this.#fragment();
      if (fragment === null) return null;
      const context = this.contexts.get(fragment.contextId);
      if (context === undefined) return this.#fail('a message in a presentation context that was not agreed on');
      if (!fragment.isCommand) return this.#fail('a data set without a command');
      pieces.push(fragment.bytes);
      bytes += fragment.bytes.length;
      if (bytes > commandLimitBytes) return this.#fail('a command is too long');
      if (!fragment.isLast) continue;
      const command = this.#orAbort(() => decodeCommand(Buffer.concat(pieces)));
      return { context, command, hasDataSet: hasDataSet(command) };
    }
  }

  /**
   * Passes the data set of the message just received on, piece by piece. A piece is the callee's until it returns null
   * or its promise resolves; afterwards its memory is given back.
   * @throws ProtocolError, AssociationEnded.
   */
  async readDataSet({ context }: Message, write: (bytes: Buffer) => Promise<void> | null): Promise<void> {
    for (;;) {
      const fragment = this.#queue.length > 0 ? await this.#fragment() : await this.#passed(context.id, write);
      if (fragment === 'end') return;
      if (fragment === null) throw new AssociationEnded('closed', 'released in the middle of a message');
      if (fragment.isCommand || fragment.contextId !== context.id) return this.#fail('a message inside another one');
      if (fragment.bytes.length > 0) {
        const written = write(fragment.bytes);
        if (written !== null) await written;
      }
      if (fragment.isLast) return;
    }
  }

  /** Passes pieces on while they arrive, without a queue, up to the data set's end or to one that has to be waited for. */
  async #passed(contextId: number, write: (bytes: Buffer) => Promise<void> | null): Promise<Fragment | 'end' | null> {
    const passed: { isEnd: boolean; waitsFor: Promise<void> | null } = { isEnd: false, waitsFor: null };
    this.#sink = (fragment) => {
      const isOther = fragment.isCommand || fragment.contextId !== contextId;
      if (isOther || passed.isEnd || passed.waitsFor !== null) {
        this.#enqueue(fragment);
        return;
      }
      if (fragment.bytes.length > 0) passed.waitsFor = write(fragment.bytes);
      passed.isEnd = fragment.isLast;
      if (passed.waitsFor !== null) this.#isChunkKept = true;
      if (passed.isEnd || passed.waitsFor !== null) this.#notify();
    };
    try {
      for (;;) {
        await this.#news();
        if (passed.waitsFor !== null) await passed.waitsFor;
        passed.waitsFor = null;
        if (passed.isEnd) return 'end';
        if (this.#queue.length > 0 || this.#isReleased || this.#ending !== null) return await this.#fragment();
      }
    } finally {
      this.#sink = null;
    }
  }

  /** The data set of the message just received, which may have `limitBytes` at most. */
  async dataSet(message: Message, limitBytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    await this.readDataSet(message, (piece) => {
      bytes += piece.length;
      if (bytes > limitBytes) return this.#fail('a data set is too long');
      pieces.push(piece);
      return null;
    });
    return Buffer.concat(pieces);
  }

  /** Resolves when the bytes were handed to the system. @throws AssociationEnded. */
  async send(contextId: number, command: CommandSet, dataSet: AsyncIterable<Buffer> | Buffer | null): Promise<void> {
    if (dataSet !== null) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#writeFragment(contextId, true, true, encodeCommand(command, dataSet !== null));
    if (dataSet === null) return this.#throwIfEnded();
    let held: Buffer | null = null;
    for await (const piece of Buffer.isBuffer(dataSet) ? [dataSet] : dataSet) {
      if (held !== null) await this.#writeDataSet(contextId, held, false);
      held = piece;
    }
    await this.#writeDataSet(contextId, held ?? Buffer.alloc(0), true);
  }

  /** Ends the association in order. Never rejects: where the peer does not answer, the connection is cut. */
  async release(): Promise<void> {
    if (this.#ending !== null) return;
    this.#socket.write(encodeReleaseRequest());
    try {
      while ((await this.#pdu()).type !== pduTypes.releaseResponse);
    } catch {
      // Cut below all the same.
    }
    this.#end(new AssociationEnded('closed', 'the association was released'), null);
  }

  abort(): void {
    this.#end(new AssociationEnded('aborted', 'the association was aborted by this station'), 0);
  }

  #throwIfEnded(): void {
    if (this.#ending !== null) throw this.#ending;
  }

  async #writeDataSet(contextId: number, bytes: Buffer, isEnd: boolean): Promise<void> {
    const most = this.#peerMaxPduBytes - 6;
    let at = 0;
    do {
      this.#throwIfEnded();
      const piece = bytes.subarray(at, at + most);
      at += piece.length;
      const canGoOn = this.#writeFragment(contextId, false, isEnd && at >= bytes.length, piece);
      if (!canGoOn) await this.#drained();
    } while (at < bytes.length);
  }

  #writeFragment(contextId: number, isCommand: boolean, isLast: boolean, bytes: Buffer): boolean {
    const header = Buffer.alloc(12);
    header.writeUInt8(pduTypes.data, 0);
    header.writeUInt32BE(bytes.length + 6, 2);
    header.writeUInt32BE(bytes.length + 2, 6);
    header.writeUInt8(contextId, 10);
    header.writeUInt8((isCommand ? 1 : 0) | (isLast ? 2 : 0), 11);
    // One short write costs less than two that are gathered.
    if (bytes.length <= copiedBytes) return this.#socket.write(Buffer.concat([header, bytes]));
    this.#socket.cork();
    this.#socket.write(header);
    const canGoOn = this.#socket.write(bytes);
    this.#socket.uncork();
    return canGoOn;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      if (this.#socket.destroyed) resolve();
      else this.#socket.on('drain', done).on('close', done);
    });
  }

  #setPeerMax(announced: number): void {
    const most = announced === 0 ? maxPduBytes : Math.min(announced, maxPduBytes);
    // Less than this holds no command.
    this.#peerMaxPduBytes = Math.max(most, 1_024);
  }

  #agree(request: AssociateRequest, accept: AssociateAccept): void {
    const proposed = new Map(request.contexts.map((context) => [context.id, context]));
    for (const { id, result, transferSyntax } of accept.contexts) {
      const context = proposed.get(id);
      if (context === undefined || result !== 0 || !context.transferSyntaxes.includes(transferSyntax)) continue;
      this.contexts.set(id, { id, abstractSyntax: context.abstractSyntax, transferSyntax });
    }
  }

  #onPdu(type: number, body: Buffer): void {
    if (type === pduTypes.abort) {
      this.#end(new AssociationEnded('aborted-by-peer', 'the peer aborted the association'), null);
      return;
    }
    if (type === pduTypes.releaseRequest && this.#isEstablished) {
      this.#isReleased = true;
      this.#socket.end(encodeReleaseResponse());
      this.#notify();
      return;
    }
    const isNegotiation =
      type === pduTypes.associateRequest || type === pduTypes.associateAccept || type === pduTypes.associateReject;
    const isOutOfPlace = isNegotiation === this.#isEstablished || this.#pdus.length > 0;
    if (isOutOfPlace) throw new ProtocolError('a PDU comes where it may not');
    this.#pdus.push({ type, body });
    this.#notify();
  }

  #onFragment(fragment: Fragment): void {
    if (!this.#isEstablished || this.#isReleased) throw new ProtocolError('data outside of an association');
    if (fragment.isLast) this.#drip.wentOn();
    if (this.#sink === null) this.#enqueue(fragment);
    else this.#sink(fragment);
  }

  #enqueue(fragment: Fragment): void {
    this.#isChunkKept = true;
    this.#queue.push(fragment);
    this.#queuedBytes += fragment.bytes.length;
    if (this.#isQueueFull()) this.#socket.pause();
    this.#notify();
  }

  #isQueueFull(): boolean {
    return this.#queuedBytes > queueLimitBytes || this.#queue.length > queueLimitFragments;
  }

  async #fragment(): Promise<Fragment | null> {
    for (;;) {
      const fragment = this.#queue.shift();
      if (fragment !== undefined) {
        this.#queuedBytes -= fragment.bytes.length;
        if (this.#socket.isPaused() && !this.#isQueueFull()) this.#socket.resume();
        return fragment;
      }
      if (this.#isReleased) return null;
      this.#throwIfEnded();
      await this.#news();
    }
  }

  async #pdu(): Promise<Pdu> {
    const timer = setTimeout(() => {
      const seconds = Math.round(this.#options.negotiationMs / 1000);
      this.#end(new AssociationEnded('timed-out', `no answer within ${seconds} s`), 0);
    }, this.#options.negotiationMs);
    try {
      for (;;) {
        const pdu = this.#pdus.shift();
        if (pdu !== undefined) return pdu;
        this.#throwIfEnded();
        await this.#news();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #fail(why: string): never {
    const error = new ProtocolError(why);
    this.#end(error, 2);
    throw error;
  }

  #orAbort<Value>(work: () => Value): Value {
    try {
      return work();
    } catch (error) {
      this.#end(error instanceof Error ? error : new ProtocolError(String(error)), 2);
      throw error;
    }
  }

  /** `abortSource` null: nothing is said to the peer any more. */
  #end(error: Error, abortSource: 0 | 2 | null): void {
    if (this.#ending === null) {
      this.#ending = error;
      if (abortSource !== null && !this.#socket.destroyed && this.#socket.writable) {
        // Gone when the peer has it, or soon after.
        this.#socket.end(encodeAbort(abortSource));
        this.#socket.setTimeout(1_000, () => this.#socket.destroy());
        this.#socket.resume();
        setTimeout(() => this.#socket.destroy(), 1_000).unref();
      } else this.#socket.destroy();
    }
    this.#notify();
  }
}

/**
 * Frees the memory of a chunk that nobody uses any more, which the collector would notice late: at hundreds of megabytes
 * a second it did little else.
 */
function giveBack(chunk: Buffer): void {
  const { buffer, byteLength } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
