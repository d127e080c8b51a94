// The service class provider of storage and verification on one association (PS3.4 A, B; PS3.7 9.1.1, 9.1.5).
import { rm } from 'node:fs/promises';
import { Fault } from '../../../contract/fault.ts';
import type { Accepted, InstanceIntake } from '../../library/instance-intake.ts';
import { part10Head } from '../../library/part10-head.ts';
import { implementationVersionName } from '../dimse/pdu.ts';
import type { SeenFile } from '../../library/read-instance.ts';
import { isDiskFull } from '../../faults.ts';
import type { Association } from '../dimse/association.ts';
import { commands, type CommandSet } from '../dimse/command-set.ts';
import type { Message } from '../dimse/message-reader.ts';
import { sopClasses } from '../dimse/sop-classes.ts';
import type { InstanceFile } from './instance-file.ts';
import { SpareFile } from './spare-file.ts';

/** Statuses of C-STORE (PS3.4 table B.2-1, PS3.7 C). */
const statuses = {
  success: 0x0000,
  duplicateInstance: 0x0111,
  invalidInstance: 0x0117,
  classNotSupported: 0x0122,
  unrecognizedOperation: 0x0211,
  outOfResources: 0xa700,
  cannotUnderstand: 0xc000,
} as const;

export interface StoredInstance {
  readonly sourceAETitle: string;
  readonly sopInstanceUID: string;
  readonly accepted: Accepted;
  /** Who asked for it with C-MOVE and in which message; null where it came by itself. */
  readonly moveOriginator: { readonly aeTitle: string; readonly messageID: number } | null;
}

export interface StorageProviderOptions {
  readonly intake: InstanceIntake;
  readonly sourceAETitle: string;
  readonly maxInstanceBytes: number;
  /** Where arriving instances are written. */
  readonly files: SpareFile;
  onStored(stored: StoredInstance): void;
  onRefused(reason: string): void;
}

interface Outcome {
  readonly status: number;
  readonly comment: string;
  readonly accepted: Accepted | null;
}

/** Serves until the peer releases the association. @throws ProtocolError, AssociationEnded. */
export async function serveStorage(
  association: Association,
  options: Omit<StorageProviderOptions, 'files'>,
): Promise<void> {
  const files = new SpareFile(options.intake);
  try {
    for (;;) {
      const message = await association.receive();
      if (message === null) return;
      await answer(association, message, { ...options, files });
    }
  } finally {
    await files.close();
  }
}

/** Answers one request of any kind; what this provider does not do is refused with a status, not with an abort. */
export async function answer(
  association: Association,
  message: Message,
  options: StorageProviderOptions,
): Promise<void> {
  const { command, context } = message;
  if (command.commandField === commands.cancelRequest) return;
  if (command.commandField === commands.echoRequest && context.abstractSyntax === sopClasses.verification) {
    await skip(association, message);
    await association.send(context.id, responseTo(command, statuses.success, ''), null);
    return;
  }
  if (command.commandField !== commands.storeRequest) {
    await skip(association, message);
    await association.send(context.id, responseTo(command, statuses.unrecognizedOperation, ''), null);
    return;
  }
  const { status, comment, accepted } = await store(association, message, options);
  const sopInstanceUID = command.affectedSOPInstanceUID ?? '';
  const name = isUid(sopInstanceUID) ? `Instance ${sopInstanceUID}` : 'An instance without a valid UID';
  if (status !== statuses.success) options.onRefused(`${name}: ${comment}`);
  await association.send(context.id, responseTo(command, status, comment), null);
  // Told after the answer: the peer is waiting for it.
  options.files.prepare();
  const { moveOriginatorApplicationEntityTitle: aeTitle, moveOriginatorMessageID: messageID } = command;
  const moveOriginator = aeTitle === undefined || messageID === undefined ? null : { aeTitle, messageID };
  const { sourceAETitle } = options;
  options.onStored({
    sourceAETitle,
    sopInstanceUID,
    accepted: accepted ?? { kind: 'refused', reason: comment },
    moveOriginator,
  });
}

async function store(
  association: Association,
  message: Message,
  { intake, files, sourceAETitle, maxInstanceBytes }: StorageProviderOptions,
): Promise<Outcome> {
  const { command, context } = message;
  const sopClassUID = command.affectedSOPClassUID ?? '';
  const sopInstanceUID = command.affectedSOPInstanceUID ?? '';
  const refuse = async (status: number, comment: string): Promise<Outcome> => {
    await skip(association, message);
    return { status, comment, accepted: null };
  };
  if (sopClassUID !== context.abstractSyntax) {
    return refuse(statuses.classNotSupported, 'The SOP class is not that of the presentation context.');
  }
  if (!isUid(sopInstanceUID)) {
    return refuse(statuses.invalidInstance, 'The SOP Instance UID is not a valid UID.');
  }
  if (!message.hasDataSet) return refuse(statuses.cannotUnderstand, 'The request has no data set.');
  let file: InstanceFile;
  try {
    file = files.take();
  } catch (error) {
    return refuse(...failureOf(error));
  }
  const header = part10Head({
    sopClassUID,
    sopInstanceUID,
    transferSyntaxUID: context.transferSyntax,
    versionName: implementationVersionName,
    sourceAETitle,
  });
  let failure: unknown = null;
  let seen: SeenFile | void = undefined;
  const fail = (error: unknown): void => void (failure ??= error);
  // After a failed write the rest is read and thrown away: the sender wants an answer, not an abort.
  const write = (piece: Buffer): Promise<void> | null => {
    if (failure !== null) return null;
    try {
      if (file.bytes + piece.length > maxInstanceBytes) throw tooLarge;
      return file.write(piece)?.catch(fail) ?? null;
    } catch (error) {
      fail(error);
      return null;
    }
  };
  try {
    await write(header);
    await association.readDataSet(message, write);
    if (failure === null) seen = await file.end().catch(fail);
    const failed: unknown = failure;
    if (failed !== null) throw failed;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(file.path, { force: true }).catch(() => {});
    if (failure === null) throw error;
    const [status, comment] = failureOf(error);
    return { status, comment, accepted: null };
  }
  try {
    const accepted = await intake.accept(file.path, seen ?? undefined);
    if (accepted.kind !== 'refused') return { status: statuses.success, comment: '', accepted };
    const isOther = accepted.reason.startsWith('Same SOP Instance UID');
    const status = isOther ? statuses.duplicateInstance : statuses.cannotUnderstand;
    return { status, comment: accepted.reason, accepted };
  } catch (error) {
    const [status, comment] = failureOf(error);
    return { status, comment, accepted: null };
  }
}

const isUid = (text: string): boolean => /^[0-9.]{1,64}$/.test(text);

const tooLarge = new Error('The instance is larger than this receiver takes.');

function failureOf(error: unknown): [status: number, comment: string] {
  if (error === tooLarge) return [statuses.outOfResources, tooLarge.message];
  if (isDiskFull(error) || (error instanceof Fault && error.code === 101)) {
    return [statuses.outOfResources, 'The disk of the receiver is full.'];
  }
  // What went wrong inside this station is not the sender's business.
  return [statuses.cannotUnderstand, 'The instance cannot be stored.'];
}

async function skip(association: Association, message: Message): Promise<void> {
  if (message.hasDataSet) await association.readDataSet(message, () => null);
}

function responseTo(command: CommandSet, status: number, comment: string): CommandSet {
  const { affectedSOPClassUID, affectedSOPInstanceUID } = command;
  return {
    commandField: (command.commandField | 0x8000) & 0xffff,
    messageIDBeingRespondedTo: command.messageID ?? 0,
    status,
    ...(affectedSOPClassUID === undefined ? {} : { affectedSOPClassUID }),
    ...(affectedSOPInstanceUID === undefined ? {} : { affectedSOPInstanceUID }),
    // VR LO: 64 characters.
    ...(comment === '' ? {} : { errorComment: comment.slice(0, 64) }),
  };
}
