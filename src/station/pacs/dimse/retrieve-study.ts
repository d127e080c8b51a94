// C-GET and C-MOVE of a study or of some of its series (PS3.4 C.4.2, C.4.3).
import { Fault } from '../../../contract/fault.ts';
import { absentSeries, pacsFault } from '../faults.ts';
import type { RetrieveOptions } from '../peer-client.ts';
import type { Receiver } from '../receiver/receiver.ts';
import { SpareFile } from '../receiver/spare-file.ts';
import { answer } from '../receiver/storage-provider.ts';
import { commands, type CommandSet } from './command-set.ts';
import { queries, statusText } from './find.ts';
import { decodeIdentifier, encodeIdentifier, type Identifier } from './identifier.ts';
import { type PeerAssociation, type PeerCall, type Proposal, withAssociation } from './peer-connection.ts';
import { commonStorageClasses, sopClasses } from './sop-classes.ts';
import { type StudyPlan, studyPlan } from './study-plan.ts';
import { compressedSyntaxes, uncompressedSyntaxes } from './transfer-syntax-names.ts';

/** What the receiver tells and takes during a C-MOVE. */
export type MoveTarget = Pick<Receiver, 'state' | 'settled' | 'watch'>;

/** Storing instances may take a peer longer than a query. */
const idleMs = 300_000;
const maxInstanceBytes = 4 * 1024 ** 3;
const failureListLimitBytes = 16 * 1024 * 1024;
/** The final answer and the last instance come on two connections. */
const lastArrivalsMs = 5_000;

export async function retrieveStudy(
  call: PeerCall,
  studyInstanceUID: string,
  options: RetrieveOptions,
  receiver: MoveTarget | null,
): Promise<void> {
  if (options.method === 'move') await receiver?.settled();
  if (options.method === 'move' && receiver?.state().isListening !== true) throw pacsFault.receiverOff();
  const plan = await planOf(call, studyInstanceUID, options);
  if (plan !== null) options.onTotal(plan.sopInstanceUIDs.size);
  for (const uid of plan?.absentSeries ?? []) options.onFailure(absentSeries(call.peer.name, uid));
  const requests = plan?.requests ?? wholeRequests(studyInstanceUID, options.seriesInstanceUIDs);
  if (requests.length === 0) return;
  const patient = { ...call, limits: { ...call.limits, idleMs } };
  if (options.method === 'move' && receiver !== null) await move(patient, requests, options, receiver, plan);
  else await get(patient, requests, options, plan);
}

/** What is asked for where nobody knows what it holds. */
function wholeRequests(studyInstanceUID: string, seriesInstanceUIDs?: readonly string[]): Identifier[] {
  const study = { StudyInstanceUID: studyInstanceUID };
  return seriesInstanceUIDs === undefined
    ? [{ ...study, QueryRetrieveLevel: 'STUDY' }]
    : seriesInstanceUIDs.map((uid) => ({ ...study, QueryRetrieveLevel: 'SERIES', SeriesInstanceUID: uid }));
}

/** Null where the peer's index cannot be asked, or lists more than is taken. */
async function planOf(
  call: PeerCall,
  studyInstanceUID: string,
  { isHere, seriesInstanceUIDs }: RetrieveOptions,
): Promise<StudyPlan | null> {
  try {
    const plan = await withAssociation(call, [queries], [], async (peerAssociation, onCancel) => {
      if (peerAssociation.context(sopClasses.studyRootFind) === null) return { of: null };
      const wanted = { studyInstanceUID, seriesInstanceUIDs };
      return { of: await studyPlan(peerAssociation, wanted, isHere, { peerName: call.peer.name, onCancel }) };
    });
    return plan.of;
  } catch (error) {
    if (error instanceof Fault && error.code === pacsFault.refused('', '').code) return null;
    throw error;
  }
}

/** Numbers of the sub-operations, summed over requests. */
interface Outcome {
  completed: number;
  failed: number;
  readonly failedUIDs: string[];
}

async function get(
  call: PeerCall,
  requests: readonly Identifier[],
  options: RetrieveOptions,
  plan: StudyPlan | null,
): Promise<void> {
  const classes = plan?.sopClassUIDs ?? commonStorageClasses;
  const proposals = [
    { abstractSyntax: sopClasses.studyRootGet, transferSyntaxes: uncompressedSyntaxes },
    ...storageProposals(classes),
  ];
  const roles = classes.map((sopClassUID) => ({ sopClassUID, isUser: false, isProvider: true }));
  const { peer } = call;
  // Where this station refuses an instance, the peer counts it as failed too.
  let refusedHere = 0;
  const arrived = new Set<string>();
  const files = new SpareFile(options.intake);
  const outcome = await withAssociation(call, proposals, roles, async (peerAssociation, onCancel) => {
    const sum: Outcome = { completed: 0, failed: 0, failedUIDs: [] };
    for (const [index, identifier] of requests.entries()) {
      if (call.signal.aborted) break;
      const request = { identifier, messageID: index + 1, sum, onCancel, peerName: peer.name };
      await askFor(peerAssociation, 'get', request, null, (message) =>
        answer(peerAssociation.association, message, {
          intake: options.intake,
          files,
          sourceAETitle: peer.aeTitle,
          maxInstanceBytes,
          onStored({ accepted }) {
            if (accepted.kind === 'refused') refusedHere += 1;
            else arrived.add(accepted.sopInstanceUID);
            options.onInstance(accepted);
          },
          onRefused: () => {},
        }),
      );
    }
    return sum;
  }).finally(() => files.close());
  tellFailures(call, { ...outcome, failed: outcome.failed - refusedHere }, options);
  if (plan === null || call.signal.aborted) return;
  // A peer may leave out what it cannot send in an agreed context, and say that all went well.
  const leftOut = plan.sopInstanceUIDs.size - arrived.size - outcome.failed;
  for (let index = 0; index < leftOut; index += 1) {
    options.onFailure(`${peer.name} left out an instance of the study that it lists.`);
  }
}

/** Each compressed syntax in a context of its own, so that the peer can send each instance as it has it. */
function storageProposals(classes: readonly string[]): Proposal[] {
  const contextLimit = 127;
  const each: Proposal[] = classes.map((abstractSyntax) => ({
    abstractSyntax,
    transferSyntaxes: uncompressedSyntaxes,
  }));
  for (const syntax of compressedSyntaxes) {
    for (const abstractSyntax of classes) {
      if (each.length < contextLimit) each.push({ abstractSyntax, transferSyntaxes: [syntax] });
    }
  }
  return each.slice(0, contextLimit);
}

async function move(
  call: PeerCall,
  requests: readonly Identifier[],
  options: RetrieveOptions,
  receiver: MoveTarget,
  plan: StudyPlan | null,
): Promise<void> {
  const { peer, aeTitle } = call;
  const destination = receiver.state().settings.aeTitle;
  // Tells our requests apart from those of an earlier transfer.
  const firstID = 1 + Math.floor(Math.random() * 30_000);
  let arrived = 0;
  let refusedHere = 0;
  let onArrival: () => void = () => {};
  const stopWatching = receiver.watch(({ accepted, sopInstanceUID, moveOriginator }) => {
    const isAsked =
      moveOriginator !== null &&
      moveOriginator.aeTitle === aeTitle &&
      moveOriginator.messageID >= firstID &&
      moveOriginator.messageID < firstID + requests.length;
    if (!isAsked && plan?.sopInstanceUIDs.has(sopInstanceUID) !== true) return;
    arrived += 1;
    if (accepted.kind === 'refused') refusedHere += 1;
    options.onInstance(accepted);
    onArrival();
  });
  try {
    const proposals = [{ abstractSyntax: sopClasses.studyRootMove, transferSyntaxes: uncompressedSyntaxes }];
    const outcome = await withAssociation(call, proposals, [], async (peerAssociation, onCancel) => {
      const sum: Outcome = { completed: 0, failed: 0, failedUIDs: [] };
      for (const [index, identifier] of requests.entries()) {
        if (call.signal.aborted) break;
        const request = { identifier, messageID: firstID + index, sum, onCancel, peerName: peer.name };
        await askFor(peerAssociation, 'move', request, destination, null);
      }
      return sum;
    });
    if (arrived < outcome.completed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lastArrivalsMs);
        onArrival = () => {
          if (arrived < outcome.completed) return;
          clearTimeout(timer);
          resolve();
        };
        onArrival();
      });
    }
    for (let lost = arrived; lost < outcome.completed; lost += 1) {
      options.onFailure(
        `${peer.name} says that it sent an instance to ${destination} which never came here. Check the address that it has for ${destination}.`,
      );
    }
    tellFailures(call, { ...outcome, failed: outcome.failed - refusedHere }, options);
  } finally {
    stopWatching();
  }
}

interface Request {
  readonly identifier: Identifier;
  readonly messageID: number;
  readonly sum: Outcome;
  readonly peerName: string;
  onCancel(cancel: () => void): void;
}

async function askFor(
  { association, context }: PeerAssociation,
  method: 'get' | 'move',
  { identifier, messageID, sum, peerName, onCancel }: Request,
  moveDestination: string | null,
  onStoreRequest: ((message: Parameters<typeof answer>[1]) => Promise<void>) | null,
): Promise<void> {
  const sopClass = method === 'get' ? sopClasses.studyRootGet : sopClasses.studyRootMove;
  const agreed = context(sopClass);
  if (agreed === null) {
    const what = method === 'get' ? 'C-GET; fetch with C-MOVE instead' : 'C-MOVE; fetch with C-GET instead';
    throw pacsFault.notOffered(peerName, what);
  }
  onCancel(() => {
    const cancelRequest = { commandField: commands.cancelRequest, messageIDBeingRespondedTo: messageID };
    association.send(agreed.id, cancelRequest, null).catch(() => {});
  });
  const command: CommandSet = {
    commandField: method === 'get' ? commands.getRequest : commands.moveRequest,
    affectedSOPClassUID: sopClass,
    messageID,
    priority: 0,
    ...(moveDestination === null ? {} : { moveDestination }),
  };
  await association.send(agreed.id, command, encodeIdentifier(identifier, agreed.transferSyntax));
  for (;;) {
    const message = await association.receive();
    if (message === null) throw pacsFault.cutOff(peerName);
    const isResponse =
      message.command.commandField === (method === 'get' ? commands.getResponse : commands.moveResponse);
    if (!isResponse) {
      if (onStoreRequest !== null) await onStoreRequest(message);
      else if (message.hasDataSet) await association.dataSet(message, failureListLimitBytes);
      continue;
    }
    const dataSet = message.hasDataSet ? await association.dataSet(message, failureListLimitBytes) : null;
    const { status = 0xc000, errorComment } = message.command;
    if (status === 0xff00) continue;
    const { numberOfCompletedSuboperations: completed = 0, numberOfWarningSuboperations: warning = 0 } =
      message.command;
    sum.completed += completed + warning;
    sum.failed += message.command.numberOfFailedSuboperations ?? 0;
    if (dataSet !== null) {
      const uids = decodeIdentifier(dataSet, agreed.transferSyntax)('FailedSOPInstanceUIDList').split('\\');
      sum.failedUIDs.push(...uids.filter((uid) => /^[0-9.]{1,64}$/.test(uid)));
    }
    if (status === 0 || status === 0xb000) return;
    if (status === 0xfe00) throw pacsFault.cancelled();
    if (status === 0xa801) {
      throw pacsFault.refused(
        peerName,
        `it does not know ${moveDestination ?? 'the destination'} as a destination. Enter it there with this computer’s address and the receiver’s port`,
      );
    }
    // Some failed, and that is told one by one.
    if ((message.command.numberOfFailedSuboperations ?? 0) > 0) return;
    throw pacsFault.refused(peerName, statusText('the retrieval', status, errorComment));
  }
}

function tellFailures({ peer }: PeerCall, { failed, failedUIDs }: Outcome, options: RetrieveOptions): void {
  for (let index = 0; index < failed; index += 1) {
    const uid = failedUIDs[index];
    options.onFailure(`${peer.name} could not send ${uid === undefined ? 'an instance' : `the instance ${uid}`}.`);
  }
}
