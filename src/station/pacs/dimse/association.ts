// One association over a connected socket (PS3.8 9.2), for either end: negotiation, release, abort, and the end of it. What
// goes through it in between is read and written by the reader and the writer of messages.
import type { Socket } from 'node:net';
import { giveBack } from '../../give-back.ts';
import { type AgreedContext, agreedContexts } from './agreed-context.ts';
import type { CommandSet } from './command-set.ts';
import { type Drip, watchDrip } from './drip.ts';
import { type Message, MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { News } from './news.ts';
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
import { type Fragment, PduReader } from './pdu-reader.ts';
import { AssociationEnded, AssociationRejected, ProtocolError } from './protocol-error.ts';

export interface AssociationOptions {
  /** Longest time without a byte from or to the peer. */
  readonly idleMs: number;
  /** Longest time until the association stands (PS3.8's ARTIM timer), and for its release. */
  readonly negotiationMs: number;
}

interface Pdu {
  readonly type: number;
  readonly body: Buffer;
}

export class Association {
  readonly #socket: Socket;
  readonly #options: AssociationOptions;
  readonly #drip: Drip;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #news = new News();
  readonly #pdus: Pdu[] = [];
  readonly contexts = new Map<number, AgreedContext>();
  #isEstablished = false;
  #isReleased = false;
  #ending: Error | null = null;

  constructor(socket: Socket, options: AssociationOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#writer = new MessageWriter(socket, () => this.#throwIfEnded());
    this.#reader = new MessageReader({
      socket,
      contexts: this.contexts,
      news: this.#news,
      isReleased: () => this.#isReleased,
      ending: () => this.#ending,
      fail: (error) => this.#end(error, 2),
    });
    const pdus = new PduReader({
      onPdu: (type, body) => this.#onPdu(type, body),
      onFragment: (fragment) => this.#onFragment(fragment),
    });
    this.#drip = watchDrip(options.idleMs, () =>
      this.#end(
        new AssociationEnded('timed-out', 'it sends no faster than a few bytes a minute', 2 * options.idleMs),
        0,
      ),
    );
    socket.setNoDelay(true);
    socket.setTimeout(options.idleMs, () => this.#endUnanswered(options.idleMs));
    socket.on('data', (chunk: Buffer) => {
      if (this.#ending !== null) return;
      this.#drip.came(chunk.length);
      this.#reader.beginChunk();
      try {
        pdus.read(chunk);
        if (!this.#reader.isChunkKept) giveBack(chunk);
      } catch (error) {
        this.#end(error instanceof Error ? error : new ProtocolError(String(error)), 2);
      }
    });
    socket.on('error', (error) => this.#end(new AssociationEnded('closed', error.message, 0, error), null));
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
      this.#writer.setPeerMax(request.maxPduBytes);
      return request;
    });
  }

  accept(request: AssociateRequest, accept: AssociateAccept): void {
    for (const context of agreedContexts(request, accept)) this.contexts.set(context.id, context);
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
      this.#writer.setPeerMax(accept.maxPduBytes);
      for (const context of agreedContexts(request, accept)) this.contexts.set(context.id, context);
      this.#isEstablished = true;
    });
  }

  /** The next command; null when the peer released the association. @throws ProtocolError, AssociationEnded. */
  receive(): Promise<Message | null> {
    return this.#reader.receive();
  }

  /**
   * Passes the data set of the message just received on, piece by piece. A piece is the callee's until it returns null
   * or its promise resolves; afterwards its memory is given back.
   * @throws ProtocolError, AssociationEnded.
   */
  readDataSet(message: Message, write: (bytes: Buffer) => Promise<void> | null): Promise<void> {
    return this.#reader.readDataSet(message, write);
  }

  /** The data set of the message just received, which may have `limitBytes` at most. @throws ProtocolError, AssociationEnded. */
  dataSet(message: Message, limitBytes: number): Promise<Buffer> {
    return this.#reader.dataSet(message, limitBytes);
  }

  /** Resolves when the bytes were handed to the system. @throws AssociationEnded. */
  send(contextId: number, command: CommandSet, dataSet: AsyncIterable<Buffer> | Buffer | null): Promise<void> {
    return this.#writer.write(contextId, command, dataSet);
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

  #onPdu(type: number, body: Buffer): void {
    if (type === pduTypes.abort) {
      this.#end(new AssociationEnded('aborted-by-peer', 'the peer aborted the association'), null);
      return;
    }
    if (type === pduTypes.releaseRequest && this.#isEstablished) {
      this.#isReleased = true;
      this.#socket.end(encodeReleaseResponse());
      this.#news.tell();
      return;
    }
    const isNegotiation =
      type === pduTypes.associateRequest || type === pduTypes.associateAccept || type === pduTypes.associateReject;
    const isOutOfPlace = isNegotiation === this.#isEstablished || this.#pdus.length > 0;
    if (isOutOfPlace) throw new ProtocolError('a PDU comes where it may not');
    this.#pdus.push({ type, body });
    this.#news.tell();
  }

  #onFragment(fragment: Fragment): void {
    if (!this.#isEstablished || this.#isReleased) throw new ProtocolError('data outside of an association');
    if (fragment.isLast) this.#drip.wentOn();
    this.#reader.arrived(fragment);
  }

  async #pdu(): Promise<Pdu> {
    const { negotiationMs } = this.#options;
    const timer = setTimeout(() => this.#endUnanswered(negotiationMs), negotiationMs);
    try {
      for (;;) {
        const pdu = this.#pdus.shift();
        if (pdu !== undefined) return pdu;
        this.#throwIfEnded();
        await this.#news.next();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #orAbort<Value>(work: () => Value): Value {
    try {
      return work();
    } catch (error) {
      this.#end(error instanceof Error ? error : new ProtocolError(String(error)), 2);
      throw error;
    }
  }

  #endUnanswered(waitedMs: number): void {
    this.#end(new AssociationEnded('timed-out', `no answer within ${waitedMs} ms`, waitedMs), 0);
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
    this.#news.tell();
  }
}
