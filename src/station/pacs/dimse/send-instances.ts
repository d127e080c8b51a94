// C-STORE as a user (PS3.4 B): files go as they are, each in the transfer syntax that it has.
import { type FileHandle, open } from 'node:fs/promises';
import { Fault } from '../../../contract/fault.ts';
import { dataSetStart } from '../../library/parse-dataset.ts';
import { pacsFault } from '../faults.ts';
import type { SendFile, SendOptions } from '../peer-client.ts';
import { commands } from './command-set.ts';
import { statusText } from './find.ts';
import { type PeerAssociation, type PeerCall, withAssociation } from './peer-connection.ts';
import { transferSyntaxName } from './transfer-syntax-names.ts';

const contextLimit = 127;
const pieceBytes = 1024 * 1024;
const idleMs = 300_000;

const pairOf = ({ sopClassUID, transferSyntaxUID }: SendFile): string => `${sopClassUID} ${transferSyntaxUID}`;

export async function sendInstances(call: PeerCall, files: readonly SendFile[], options: SendOptions): Promise<void> {
  const patient = { ...call, limits: { ...call.limits, idleMs } };
  for (const batch of batches(files)) {
    let left: readonly SendFile[] = batch;
    while (left.length > 0) left = await sendOnOneAssociation(patient, left, options);
  }
}

/** An association has 128 presentation contexts at most; one for each pair of SOP class and transfer syntax. */
function batches(files: readonly SendFile[]): SendFile[][] {
  const all: SendFile[][] = [];
  let pairs = new Set<string>();
  for (const file of files) {
    const pair = pairOf(file);
    if (all.length === 0 || (!pairs.has(pair) && pairs.size === contextLimit)) {
      all.push([]);
      pairs = new Set();
    }
    pairs.add(pair);
    all.at(-1)!.push(file);
  }
  return all;
}

/** A file that breaks costs the association, for half of its instance is with the peer: resolves with what is left then. */
async function sendOnOneAssociation(
  call: PeerCall,
  files: readonly SendFile[],
  { onSent, onFailure }: SendOptions,
): Promise<readonly SendFile[]> {
  const pairs = new Map(files.map((file) => [pairOf(file), file]));
  const proposals = [...pairs.values()].map(({ sopClassUID, transferSyntaxUID }) => ({
    abstractSyntax: sopClassUID,
    transferSyntaxes: [transferSyntaxUID],
  }));
  let reached = 0;
  try {
    await withAssociation(call, proposals, [], async (peerAssociation) => {
      for (const [index, file] of files.entries()) {
        if (call.signal.aborted) return;
        reached = index;
        const why = await sendOne(call, peerAssociation, file, (index % 65_535) + 1);
        if (why === null) onSent(file.sopInstanceUID);
        else onFailure(`Instance ${file.sopInstanceUID}: ${why}.`);
      }
    });
    return [];
  } catch (error) {
    const isBroken = error instanceof Fault && error.code === pacsFault.fileBroken('').code;
    if (!isBroken) throw error;
    onFailure(error.message);
    return files.slice(reached + 1);
  }
}

/** Null when the peer acknowledged it, else why it did not. */
async function sendOne(
  { peer }: PeerCall,
  { association, context }: PeerAssociation,
  file: SendFile,
  messageID: number,
): Promise<string | null> {
  const { sopClassUID, sopInstanceUID, transferSyntaxUID } = file;
  const agreed = context(sopClassUID, transferSyntaxUID);
  if (agreed === null) {
    const name = transferSyntaxName(transferSyntaxUID);
    return `${peer.name} does not take its SOP class (${sopClassUID}) in its transfer syntax (${name}), and this station does not transcode`;
  }
  const opened = await openDataSet(file);
  if ('reason' in opened) return opened.reason;
  const command = {
    commandField: commands.storeRequest,
    affectedSOPClassUID: sopClassUID,
    messageID,
    priority: 0,
    affectedSOPInstanceUID: sopInstanceUID,
  };
  await association.send(agreed.id, command, opened.pieces);
  for (;;) {
    const message = await association.receive();
    if (message === null) throw pacsFault.cutOff(peer.name);
    if (message.hasDataSet) await association.dataSet(message, pieceBytes);
    const { commandField, messageIDBeingRespondedTo, status = 0xc000, errorComment } = message.command;
    if (commandField !== commands.storeResponse || messageIDBeingRespondedTo !== messageID) continue;
    // Warnings (PS3.4 table B.2-1): stored, if not just as sent.
    if (status === 0 || (status & 0xf000) === 0xb000 || status === 0x0107) return null;
    return statusText(`${peer.name} refused it`, status, errorComment);
  }
}

/** The bytes after preamble and meta header, in pieces. The first piece is read before anything is promised. */
async function openDataSet({
  path,
  sopInstanceUID,
}: SendFile): Promise<{ pieces: AsyncIterable<Buffer> } | { reason: string }> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const first = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(1, size)));
      const { bytesRead } = await file.read(first, 0, first.length, 0);
      const head = first.subarray(0, bytesRead);
      return { pieces: piecesOf({ file, head, size, sopInstanceUID }, dataSetStart(head)) };
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    const isGone = (error as { code?: unknown }).code === 'ENOENT';
    return { reason: isGone ? 'its file is no longer where it was' : 'its file cannot be read' };
  }
}

interface OpenedFile {
  readonly file: FileHandle;
  /** Its first bytes. */
  readonly head: Buffer;
  /** Bytes when it was opened. A file that has become shorter since is broken: half of an instance must not look whole. */
  readonly size: number;
  readonly sopInstanceUID: string;
}

/** Closes the file at its end. @throws Fault 675. */
async function* piecesOf({ file, head, size, sopInstanceUID }: OpenedFile, dataSetAt: number): AsyncGenerator<Buffer> {
  try {
    yield head.subarray(dataSetAt);
    for (let at = head.length; at < size;) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at).catch(() => ({ bytesRead: 0 }));
      if (bytesRead === 0) throw pacsFault.fileBroken(sopInstanceUID);
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
