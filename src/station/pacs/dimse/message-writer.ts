// Writes messages as P-DATA-TF PDUs (PS3.8 9.3.5): none longer than the peer takes, and no faster than the connection does.
import type { Socket } from 'node:net';
import { type CommandSet, encodeCommand } from './command-set.ts';
import { pduTypes } from './pdu.ts';

/** What we announce, and the most that is written at once: the most that dcmtk sends. */
export const maxPduBytes = 131_072;
const copiedBytes = 1_024;

export class MessageWriter {
  readonly #socket: Socket;
  readonly #throwIfEnded: () => void;
  #peerMaxPduBytes = maxPduBytes;

  /** @param throwIfEnded throws why the association has ended, once it has */
  constructor(socket: Socket, throwIfEnded: () => void) {
    this.#socket = socket;
    this.#throwIfEnded = throwIfEnded;
  }

  /** @param announced the peer's maximum length (PS3.8 D.1); 0: it takes any */
  setPeerMax(announced: number): void {
    const most = announced === 0 ? maxPduBytes : Math.min(announced, maxPduBytes);
    // Less than this holds no command.
    this.#peerMaxPduBytes = Math.max(most, 1_024);
  }

  /** Resolves when the bytes were handed to the system. @throws AssociationEnded. */
  async write(contextId: number, command: CommandSet, dataSet: AsyncIterable<Buffer> | Buffer | null): Promise<void> {
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
}
