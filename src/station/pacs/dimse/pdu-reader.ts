// Takes a byte stream apart into PDUs, and P-DATA-TF into fragments as they come: a fragment is passed on in the pieces
// in which it arrives, so a PDU's length costs no memory. Every other PDU is short and collected whole.
import { pduTypes } from './pdu.ts';
import { ProtocolError } from './protocol-error.ts';

export interface Fragment {
  readonly contextId: number;
  readonly isCommand: boolean;
  readonly bytes: Buffer;
  /** These bytes end the command or data set. */
  readonly isLast: boolean;
}

export interface PduListener {
  onPdu(type: number, body: Buffer): void;
  onFragment(fragment: Fragment): void;
}

const collectedLimitBytes = 256 * 1024;
/** We announce 128 KiB; some send more. */
const dataLimitBytes = 64 * 1024 * 1024;
const known = new Set<number>(Object.values(pduTypes));

export class PduReader {
  readonly #listener: PduListener;
  readonly #header = Buffer.alloc(6);
  /** The header, or the body of a PDU that is collected, and how much of it has come. */
  #held = this.#header;
  #heldBytes = 0;
  #state: 'pdu-header' | 'body' | 'fragment-header' | 'fragment' = 'pdu-header';
  #type = 0;
  /** Bytes left of the PDU, and of the fragment inside it. */
  #pduLeft = 0;
  #fragmentLeft = 0;
  #contextId = 0;
  #isCommand = false;
  #isLast = false;

  constructor(listener: PduListener) {
    this.#listener = listener;
  }

  /** @throws ProtocolError; the reader is of no use afterwards. */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'fragment') {
        const bytes = chunk.subarray(at, at + this.#fragmentLeft);
        at += bytes.length;
        this.#passOn(bytes);
        continue;
      }
      const taken = chunk.copy(this.#held, this.#heldBytes, at, at + this.#held.length - this.#heldBytes);
      at += taken;
      this.#heldBytes += taken;
      if (this.#heldBytes < this.#held.length) return;
      const whole = this.#held;
      this.#held = this.#header;
      this.#heldBytes = 0;
      this.#take(whole);
    }
  }

  #take(whole: Buffer): void {
    if (this.#state === 'pdu-header') this.#beginPdu(whole[0]!, whole.readUInt32BE(2));
    else if (this.#state === 'fragment-header') this.#beginFragment(whole);
    else {
      this.#state = 'pdu-header';
      this.#listener.onPdu(this.#type, whole);
    }
  }

  #beginPdu(type: number, length: number): void {
    if (!known.has(type)) throw new ProtocolError('an unknown kind of PDU');
    const limit = type === pduTypes.data ? dataLimitBytes : collectedLimitBytes;
    if (length > limit) throw new ProtocolError('a PDU is too long');
    this.#type = type;
    this.#pduLeft = length;
    if (type === pduTypes.data) this.#state = length === 0 ? 'pdu-header' : 'fragment-header';
    else if (length === 0) this.#listener.onPdu(type, Buffer.alloc(0));
    else {
      this.#state = 'body';
      this.#held = Buffer.alloc(length);
    }
  }

  /** Presentation data value: length, context, message control header (PS3.8 9.3.5.1, E.2). */
  #beginFragment(header: Buffer): void {
    const length = header.readUInt32BE(0);
    if (length < 2 || length + 4 > this.#pduLeft) throw new ProtocolError('a fragment does not fit its PDU');
    this.#pduLeft -= length + 4;
    this.#fragmentLeft = length - 2;
    this.#contextId = header[4]!;
    this.#isCommand = (header[5]! & 1) === 1;
    this.#isLast = (header[5]! & 2) === 2;
    this.#state = 'fragment';
    if (this.#fragmentLeft === 0) this.#passOn(Buffer.alloc(0));
  }

  #passOn(bytes: Buffer): void {
    this.#fragmentLeft -= bytes.length;
    const isEnd = this.#fragmentLeft === 0;
    if (isEnd) this.#state = this.#pduLeft === 0 ? 'pdu-header' : 'fragment-header';
    this.#listener.onFragment({
      contextId: this.#contextId,
      isCommand: this.#isCommand,
      bytes,
      isLast: isEnd && this.#isLast,
    });
  }
}
