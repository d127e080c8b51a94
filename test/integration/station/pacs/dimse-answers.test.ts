// What a peer answers to queries, and how much of it is taken.
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { DimsePeer } from '../../../../src/contract/pacs.ts';
import { Association } from '../../../../src/station/pacs/dimse/association.ts';
import { commands } from '../../../../src/station/pacs/dimse/command-set.ts';
import { find } from '../../../../src/station/pacs/dimse/find.ts';
import { decodeIdentifier, encodeIdentifier, type Identifier } from '../../../../src/station/pacs/dimse/identifier.ts';
import {
  type PeerAssociation,
  peerLimits,
  withAssociation,
} from '../../../../src/station/pacs/dimse/peer-connection.ts';
import type { Message } from '../../../../src/station/pacs/dimse/message-reader.ts';
import { sopClasses } from '../../../../src/station/pacs/dimse/sop-classes.ts';
import { studyPlan } from '../../../../src/station/pacs/dimse/study-plan.ts';
import { uncompressedSyntaxes } from '../../../../src/station/pacs/dimse/transfer-syntax-names.ts';
import { freePort } from './dimse-peers.ts';

const study = '1.2.826.8.1';
let server: Server;
let peer: DimsePeer;
/** What the peer answers at a level; it goes on until all is told or the query is cancelled. */
let answersAt: (level: string) => Iterable<Identifier>;
let cancelled: number;
/** The peer's data sets come so long after their commands. */
let dataSetsWaitMs: number;
/** The peer answers with the beginning of a PDU, and a byte of it now and then. */
let drips: boolean;

beforeEach(async () => {
  const port = await freePort();
  cancelled = 0;
  dataSetsWaitMs = 0;
  drips = false;
  server = createServer((socket) => {
    const association = new Association(socket, { idleMs: 10_000, negotiationMs: 10_000 });
    serve(association, socket).catch(() => association.abort());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  peer = {
    kind: 'dimse',
    name: 'Archive',
    aeTitle: 'ARCHIVE',
    host: '127.0.0.1',
    port,
    isTls: false,
    authorityFile: null,
    identity: null,
  };
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

async function serve(association: Association, socket: Socket): Promise<void> {
  const { calledAETitle, callingAETitle, contexts } = await association.proposal();
  const agreed = contexts.map(({ id, transferSyntaxes }) => ({ id, result: 0, transferSyntax: transferSyntaxes[0]! }));
  association.accept(
    { calledAETitle, callingAETitle, maxPduBytes: 16_384, roles: [], contexts },
    { calledAETitle, callingAETitle, maxPduBytes: 16_384, roles: [], contexts: agreed },
  );
  if (drips) return drip(socket);
  let next = association.receive();
  for (let message = await next; message !== null; message = await next) {
    if (message.command.commandField === commands.cancelRequest) {
      // It came when all had been told.
      next = association.receive();
      continue;
    }
    const query = await association.dataSet(message, 65_536);
    next = association.receive();
    const isCancelled = await answer(association, message, query, next);
    if (isCancelled) next = association.receive();
  }
}

function drip(socket: Socket): void {
  // P-DATA-TF of 64 KiB with one fragment, of a command (PS3.8 9.3.5).
  socket.write(Buffer.from([4, 0, 0, 1, 0, 0, 0, 0, 0, 252, 1, 1]));
  const timer = setInterval(() => socket.write(Buffer.of(0)), 50);
  socket.on('close', () => clearInterval(timer));
}

async function* later(dataSet: Buffer): AsyncGenerator<Buffer> {
  if (dataSetsWaitMs > 0) await new Promise((resolve) => setTimeout(resolve, dataSetsWaitMs));
  yield dataSet;
}

/** Whether the query was cancelled, of which `next` then told. */
async function answer(
  association: Association,
  { context, command }: Message,
  query: Buffer,
  next: Promise<Message | null>,
): Promise<boolean> {
  let isCancelled = false;
  void next.then(
    (message) => (isCancelled = message?.command.commandField === commands.cancelRequest),
    () => {},
  );
  const response = { commandField: commands.findResponse, messageIDBeingRespondedTo: command.messageID ?? 0 };
  const level = decodeIdentifier(query, context.transferSyntax)('QueryRetrieveLevel');
  for (const identifier of answersAt(level)) {
    const dataSet = encodeIdentifier(identifier, context.transferSyntax);
    await association.send(context.id, { ...response, status: 0xff00 }, later(dataSet));
    // The cancel is read in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve));
    if (isCancelled) break;
  }
  if (isCancelled) cancelled += 1;
  await association.send(context.id, { ...response, status: isCancelled ? 0xfe00 : 0x0000 }, null);
  return isCancelled;
}

function asked<Value>(work: (peerAssociation: PeerAssociation) => Promise<Value>): Promise<Value> {
  const signal = AbortSignal.timeout(30_000);
  const proposal = { abstractSyntax: sopClasses.studyRootFind, transferSyntaxes: uncompressedSyntaxes };
  return withAssociation({ peer, aeTitle: 'IMAGIQ', limits: peerLimits, signal }, [proposal], [], work);
}

function* instances(count: number): Generator<Identifier> {
  for (let number = 1; number <= count; number += 1)
    yield { SOPInstanceUID: `${study}.1.${number}`, SOPClassUID: '1.2.840.10008.5.1.4.1.1.2' };
}

const planned = (limit: number, chosen: { seriesInstanceUIDs?: readonly string[] } = {}) =>
  asked((peerAssociation) =>
    studyPlan(peerAssociation, { studyInstanceUID: study, ...chosen }, () => false, {
      peerName: 'Archive',
      limit,
      onCancel: () => {},
    }),
  );

it('an answer whose data set comes in a piece of its own, after its command, is whole', async () => {
  dataSetsWaitMs = 100;
  answersAt = () => instances(2);
  const { answers } = await asked((peerAssociation) =>
    find(peerAssociation, { QueryRetrieveLevel: 'IMAGE' }, (text) => text('SOPInstanceUID'), {
      peerName: 'Archive',
      messageID: 1,
      limit: 10,
      onCancel: () => {},
    }),
  );
  expect(answers).toEqual([`${study}.1.1`, `${study}.1.2`]);
});

it('a peer that drips its answer is given up, and told with the time that it was waited for', async () => {
  drips = true;
  const limits = { ...peerLimits, idleMs: 500 };
  const call = { peer, aeTitle: 'IMAGIQ', limits, signal: new AbortController().signal };
  const proposal = { abstractSyntax: sopClasses.studyRootFind, transferSyntaxes: uncompressedSyntaxes };
  const found = withAssociation(call, [proposal], [], ({ association }) => association.receive());
  await expect(found).rejects.toMatchObject({ code: 653, message: expect.stringContaining('within 1 s') });
});

it('answers that have too many bytes together are cut, and the query is cancelled', async () => {
  answersAt = () => instances(Number.POSITIVE_INFINITY);
  const { answers, isCut } = await asked((peerAssociation) =>
    find(peerAssociation, { QueryRetrieveLevel: 'IMAGE' }, (text) => text('SOPInstanceUID'), {
      peerName: 'Archive',
      messageID: 1,
      limit: 1_000_000,
      limitBytes: 10_000,
      onCancel: () => {},
    }),
  );
  expect(isCut).toBe(true);
  expect(cancelled).toBe(1);
  const [first] = instances(1);
  const answerBytes = encodeIdentifier(first!, '1.2.840.10008.1.2').length;
  expect(answers.length).toBeGreaterThan(50);
  expect(answers.length).toBeLessThanOrEqual(10_000 / answerBytes);
});

it('a study is planned by what the peer lists of it', async () => {
  answersAt = (level) => (level === 'SERIES' ? [{ SeriesInstanceUID: `${study}.1` }] : instances(5));
  const plan = await planned(5);
  expect(plan?.sopInstanceUIDs.size).toBe(5);
  expect(plan?.requests).toEqual([{ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: study }]);
});

it('chosen series are asked for by themselves, without a look at the others', async () => {
  const levels: string[] = [];
  answersAt = (level) => {
    levels.push(level);
    return instances(3);
  };
  const plan = await planned(5, { seriesInstanceUIDs: [`${study}.1`] });
  expect(levels).toEqual(['IMAGE']);
  expect(plan?.requests).toEqual([
    { QueryRetrieveLevel: 'SERIES', StudyInstanceUID: study, SeriesInstanceUID: `${study}.1` },
  ]);
});

it.each([
  ['instances', () => [{ SeriesInstanceUID: `${study}.1` }], 6],
  [
    'instances over several series',
    () => [{ SeriesInstanceUID: `${study}.1` }, { SeriesInstanceUID: `${study}.2` }],
    3,
  ],
  ['series', () => Array.from({ length: 6 }, (_, index) => ({ SeriesInstanceUID: `${study}.${index + 1}` })), 0],
])('a study of which the peer lists too many %s has no plan', async (_what, series, instancesOfEach) => {
  answersAt = (level) => (level === 'SERIES' ? series() : instances(instancesOfEach));
  expect(await planned(5)).toBeNull();
});
