// C-FIND (PS3.4 C.4.1) on an association that stands.
import { pacsFault } from '../faults.ts';
import { commands } from './command-set.ts';
import { decodeIdentifier, encodeIdentifier, type Identifier, type Key } from './identifier.ts';
import type { PeerAssociation, Proposal } from './peer-connection.ts';
import { sopClasses } from './sop-classes.ts';
import { uncompressedSyntaxes } from './transfer-syntax-names.ts';

export const queries: Proposal = { abstractSyntax: sopClasses.studyRootFind, transferSyntaxes: uncompressedSyntaxes };

export interface FindOptions {
  readonly peerName: string;
  readonly messageID: number;
  /** After so many answers the query is cancelled. */
  readonly limit: number;
  /** Of all answers together; after so many the query is cancelled. */
  readonly limitBytes?: number;
  /** Told the way to cancel the query. */
  onCancel(cancel: () => void): void;
}

const answerLimitBytes = 1024 * 1024;
/** 200,000 instances have about 60 MB. */
const answersLimitBytes = 256 * 1024 * 1024;

/**
 * The answers, each as `read` makes it of its text when it comes: no data set is kept. `isCut`: there were more than
 * `limit`, or more than a peer may reasonably send.
 * @throws Fault 658, 673; AssociationEnded, ProtocolError.
 */
export async function find<Value>(
  { association, context }: PeerAssociation,
  identifier: Identifier,
  read: (text: (key: Key) => string) => Value,
  { peerName, messageID, limit, limitBytes = answersLimitBytes, onCancel }: FindOptions,
): Promise<{ answers: Value[]; isCut: boolean }> {
  const agreed = context(sopClasses.studyRootFind);
  if (agreed === null) throw pacsFault.notOffered(peerName, 'queries (C-FIND, study root)');
  const command = {
    commandField: commands.findRequest,
    affectedSOPClassUID: sopClasses.studyRootFind,
    messageID,
    priority: 0,
  };
  const cancel = (): void => {
    const cancelRequest = { commandField: commands.cancelRequest, messageIDBeingRespondedTo: messageID };
    association.send(agreed.id, cancelRequest, null).catch(() => {});
  };
  onCancel(cancel);
  await association.send(agreed.id, command, encodeIdentifier(identifier, agreed.transferSyntax));
  const answers: Value[] = [];
  let bytes = 0;
  let isCut = false;
  for (;;) {
    const message = await association.receive();
    if (message === null) throw pacsFault.cutOff(peerName);
    const { status = 0xc000, errorComment } = message.command;
    const dataSet = message.hasDataSet ? await association.dataSet(message, answerLimitBytes) : null;
    if (message.command.commandField !== commands.findResponse) continue;
    // Pending, or pending without support for an optional key (PS3.4 table C.4-1).
    if (status === 0xff00 || status === 0xff01) {
      if (dataSet === null) continue;
      bytes += dataSet.length;
      if (answers.length < limit && bytes <= limitBytes)
        answers.push(read(decodeIdentifier(dataSet, agreed.transferSyntax)));
      else if (!isCut) {
        isCut = true;
        cancel();
      }
      continue;
    }
    if (status === 0 || (status === 0xfe00 && isCut)) return { answers, isCut };
    if (status === 0xfe00) throw pacsFault.cancelled();
    throw pacsFault.refused(peerName, statusText('the query', status, errorComment));
  }
}

/** A failing status as a part of a sentence. */
export function statusText(what: string, status: number, comment: string | undefined): string {
  const known: Readonly<Record<number, string>> = {
    0xa700: 'it is out of resources',
    0xa701: 'it cannot count the instances',
    0xa702: 'it cannot send the instances',
    0xa801: 'it does not know the destination',
    0xa900: 'the data set does not match the SOP class',
    0x0122: 'it does not support this SOP class',
    0x0124: 'this station may not do that',
    0x0111: 'it holds other content under this UID',
    0x0211: 'it does not know the operation',
  };
  const why =
    known[status] ?? (status >= 0xc000 && status <= 0xcfff ? 'it could not understand or process it' : 'it failed');
  const said = comment === undefined || comment === '' ? '' : `, “${comment}”`;
  return `${what}: ${why} (status ${status.toString(16).padStart(4, '0').toUpperCase()}${said})`;
}
