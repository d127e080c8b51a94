// Faults of the wire (400–449): what either end can say about the other's bytes.
import { Fault } from '../../contract/fault.ts';

export const wireFault = {
  malformedMessage: (reason: string) =>
    new Fault({
      code: 400,
      message: `The other end sent a message that is not valid: ${reason}. It may run another version of ImagiQ.`,
      retry: 'never',
    }),
  malformedChunk: (reason: string) =>
    new Fault({ code: 401, message: `A piece of a transfer was damaged on its way: ${reason}.`, retry: 'now' }),
  forgedMessage: () =>
    new Fault({
      code: 402,
      message: 'A message did not carry the right seal: something between here and the hub changed it.',
      retry: 'later',
    }),
  badSignature: (what: string) =>
    new Fault({ code: 403, message: `The signature of the ${what} is not right, so it was not used.`, retry: 'never' }),
  wrongHash: () =>
    new Fault({
      code: 404,
      message: 'The bytes that arrived are not the ones that were announced. They are sent again from the start.',
      retry: 'now',
    }),
  blobTooLarge: (bytes: number, limit: number) =>
    new Fault({
      code: 405,
      message: `A blob of ${bytes} bytes was refused: at most ${limit} bytes are accepted here.`,
      retry: 'never',
    }),
  unknownBlob: (hash: string) =>
    new Fault({ code: 406, message: `The blob ${hash.slice(0, 12)}… is not stored here.`, retry: 'later' }),
  closed: (reason: string) =>
    new Fault({ code: 407, message: `The connection ended: ${reason}. It is opened again by itself.`, retry: 'later' }),
  silent: () =>
    new Fault({
      code: 408,
      message: 'The other end stopped answering. The connection is opened again by itself.',
      retry: 'later',
    }),
  superseded: () => new Fault({ code: 409, message: 'A newer connection took over this transfer.', retry: 'now' }),
  wrongVersion: (offered: string) =>
    new Fault({
      code: 410,
      message: `The other end speaks ${offered || 'another protocol'}, not imagiq.sync.v1. Update ImagiQ on the older side.`,
      retry: 'later',
    }),
  sealBroken: () =>
    new Fault({
      code: 411,
      message: 'A sealed model could not be opened: it was meant for another site, or damaged.',
      retry: 'never',
    }),
  badInvite: (reason: string) =>
    new Fault({
      code: 412,
      message: `This is not a usable invite: ${reason}. Copy the whole link from the coordinator's message and try again.`,
      retry: 'never',
    }),
  diskFull: () =>
    new Fault({
      code: 413,
      message:
        'The disk of the receiving end is full. Nothing stored is lost; free some space there and it goes on by itself.',
      retry: 'later',
    }),
  otherEndFailed: () =>
    new Fault({
      code: 414,
      message:
        'The other end failed inside, and says so in its own log. It is asked again later; nothing stored is lost.',
      retry: 'later',
    }),
  beyondBlob: (offset: number, bytes: number) =>
    new Fault({
      code: 416,
      message: `A blob was asked for from byte ${offset} on, and it has ${bytes}. Ask for it from the start.`,
      retry: 'never',
    }),
  tooManyTransfers: () =>
    new Fault({
      code: 415,
      message: 'Too many blobs are on their way at once on this connection. The next is taken when one has arrived.',
      retry: 'later',
    }),
  statementTooLong: (kind: string, characters: number, limit: number) =>
    new Fault({
      code: 417,
      message: `The ${kind} has ${characters} characters, and nobody reads more than ${limit} of one. It was not sent.`,
      retry: 'never',
    }),
} as const;

/** Tells a full disk apart, whatever layer reported it. */
export function isDiskFull(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL';
}

/** What the asker is told of anything thrown: a fault as it is, anything else as a reason to ask again later. */
export function refusalOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  return isDiskFull(thrown) ? wireFault.diskFull() : wireFault.otherEndFailed();
}

/** The fault as one that ends a connection and nothing else: what was asked on it may be asked again on the next. */
export function passing(fault: Fault): Fault {
  return fault.retry === 'never' ? new Fault({ ...fault.toValue(), retry: 'later' }, fault) : fault;
}

/** What a line that was cut is closed with: nobody said anything (RFC 6455, 7.4.1). */
const cutCode = 1006;

/** Why a connection ended, in words: what the other end said, or that it said nothing. */
export function endReason(code: number, said: string): string {
  if (said !== '') return said;
  return code === cutCode ? 'the line was cut' : `code ${code}`;
}
