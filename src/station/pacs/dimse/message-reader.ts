// Takes messages out of the fragments of an association as they arrive. What arrives faster than it is taken waits in a
// queue, and makes the socket wait when that is full: memory is bounded whatever the peer sends.
import type { Socket } from 'node:net';
import type { AgreedContext } from './agreed-context.ts';
import { type CommandSet, decodeCommand, hasDataSet } from './command-set.ts';
import type { News } from './news.ts';
import type { Fragment } from './pdu-reader.ts';
import { AssociationEnded, ProtocolError } from './protocol-error.ts';

export interface Message {
  readonly context: AgreedContext;
  readonly command: CommandSet;
  readonly hasDataSet: boolean;
}

/** What the messages belong to. */
export interface MessageSource {
  readonly socket: Socket;
  readonly contexts: ReadonlyMap<number, AgreedContext>;
  /** Told when anything below changes. */
  readonly news: News;
  /** The peer released the association: no more will come. */
  isReleased(): boolean;
  /** Why the association has ended; null while it has not. */
  ending(): Error | null;
  /** Aborts the association. */
  fail(error: ProtocolError): void;
}

const queueLimitBytes = 1024 * 1024;
const queueLimitFragments = 4_096;
const commandLimitBytes = 64 * 1024;

export class MessageReader {
  readonly #source: MessageSource;
  readonly #queue: Fragment[] = [];
  #queuedBytes = 0;
  /** Takes fragments as they come, while nothing is queued. */
  #sink: ((fragment: Fragment) => void) | null = null;
  #isChunkKept = false;

  constructor(source: MessageSource) {
    this.#source = source;
  }

  /** Whether bytes of the chunk that came last, since `beginChunk`, are still to be used. */
  get isChunkKept(): boolean {
    return this.#isChunkKept;
  }

  beginChunk(): void {
    this.#isChunkKept = false;
  }

  arrived(fragment: Fragment): void {
    if (this.#sink === null) this.#enqueue(fragment);
    else this.#sink(fragment);
  }

  /** The next command; null when the peer released the association. @throws ProtocolError, AssociationEnded. */
  async receive(): Promise<Message | null> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const fragment = await this.#fragment();
      if (fragment === null) return null;
      const context = this.#source.contexts.get(fragment.contextId);
      if (context === undefined) return this.#fail('a message in a presentation context that was not agreed on');
      if (!fragment.isCommand) return this.#fail('a data set without a command');
      pieces.push(fragment.bytes);
      bytes += fragment.bytes.length;
      if (bytes > commandLimitBytes) return this.#fail('a command is too long');
      if (!fragment.isLast) continue;
      const command = this.#decoded(Buffer.concat(pieces));
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
      if (passed.isEnd || passed.waitsFor !== null) this.#source.news.tell();
    };
    try {
      for (;;) {
        await this.#source.news.next();
        if (passed.waitsFor !== null) await passed.waitsFor;
        passed.waitsFor = null;
        if (passed.isEnd) return 'end';
        if (this.#queue.length > 0 || this.#source.isReleased() || this.#source.ending() !== null)
          return await this.#fragment();
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
      // A copy: the piece's memory is given back.
      pieces.push(Buffer.from(piece));
      return null;
    });
    return Buffer.concat(pieces);
  }

  #enqueue(fragment: Fragment): void {
    this.#isChunkKept = true;
    this.#queue.push(fragment);
    this.#queuedBytes += fragment.bytes.length;
    if (this.#isQueueFull()) this.#source.socket.pause();
    this.#source.news.tell();
  }

  #isQueueFull(): boolean {
    return this.#queuedBytes > queueLimitBytes || this.#queue.length > queueLimitFragments;
  }

  async #fragment(): Promise<Fragment | null> {
    for (;;) {
      const fragment = this.#queue.shift();
      if (fragment !== undefined) {
        this.#queuedBytes -= fragment.bytes.length;
        if (this.#source.socket.isPaused() && !this.#isQueueFull()) this.#source.socket.resume();
        return fragment;
      }
      if (this.#source.isReleased()) return null;
      const ending = this.#source.ending();
      if (ending !== null) throw ending;
      await this.#source.news.next();
    }
  }

  #decoded(bytes: Buffer): CommandSet {
    try {
      return decodeCommand(bytes);
    } catch (error) {
      this.#source.fail(error instanceof ProtocolError ? error : new ProtocolError(String(error)));
      throw error;
    }
  }

  #fail(why: string): never {
    const error = new ProtocolError(why);
    this.#source.fail(error);
    throw error;
  }
}
