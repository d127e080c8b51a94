// The client against Orthanc and dcmtk.
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../../../src/contract/fault.ts';
import { type DimsePeer, receiverSettingsSchema, remoteQuerySchema } from '../../../../src/contract/pacs.ts';
import type { Accepted } from '../../../../src/station/library/instance-intake.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dimseClient } from '../../../../src/station/pacs/dimse/dimse-client.ts';
import type { PeerClient, SendFile } from '../../../../src/station/pacs/peer-client.ts';
import { openReceiver, type Receiver } from '../../../../src/station/pacs/receiver/receiver.ts';
import { practiceSlice } from '../library/practice-slice.ts';
import {
  absence,
  certificates,
  dcmqrscp,
  dcmtk,
  freePort,
  isListening,
  orthanc,
  storescp,
  until,
  Ward,
} from './dimse-peers.ts';

let ward: Ward;
let library: Library;
let receiver: Receiver;
let receiverPort = 0;
const still = new AbortController().signal;

beforeEach(async () => {
  ward = new Ward();
  const folder = ward.path('home', 'x').slice(0, -2);
  library = openLibrary({ folder });
  receiver = openReceiver({ folder, intake: library.intake(), onChange: () => {} });
  receiverPort = await freePort();
});
afterEach(async () => {
  await receiver.close();
  library.close();
  await ward.close();
});

const clientOf = (peer: DimsePeer, limits = { connectMs: 5_000, negotiationMs: 5_000, idleMs: 20_000 }): PeerClient =>
  dimseClient(peer, { aeTitle: 'IMAGIQ', receiver, limits });
const queryOf = (query: Record<string, unknown> = {}) => remoteQuerySchema.parse(query);
const faultOf = (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => {
      throw new Error('no fault');
    },
    (error: unknown) => error as Fault,
  );

/** Practice slices as files; `edit` is given to dcmodify. */
async function slices(from: number, count: number, edit: readonly string[] = []): Promise<SendFile[]> {
  const files: SendFile[] = [];
  for (let index = from; index < from + count; index += 1) {
    const { bytes, sopInstanceUID } = practiceSlice(index, 64);
    const file = ward.path('slices', `${index}.dcm`);
    writeFileSync(file, bytes);
    files.push({ path: file, sopInstanceUID, sopClassUID: ctImage, transferSyntaxUID: '1.2.840.10008.1.2.1' });
  }
  if (edit.length > 0) {
    const done = await dcmtk('dcmodify', [
      '-nb',
      ...edit.flatMap((one) => ['-i', one]),
      ...files.map((file) => file.path),
    ]);
    if (!done.isDone) throw new Error(done.output);
  }
  return files;
}
const ctImage = '1.2.840.10008.5.1.4.1.1.2';

async function send(client: PeerClient, files: readonly SendFile[]) {
  const sent: string[] = [];
  const failures: string[] = [];
  await client.send(files, { signal: still, onSent: (uid) => sent.push(uid), onFailure: (why) => failures.push(why) });
  return { sent, failures };
}

async function retrieve(client: PeerClient, study: string, method: 'get' | 'move', signal = still) {
  const accepted: Accepted[] = [];
  const failures: string[] = [];
  const totals: number[] = [];
  await client.retrieve(study, {
    method,
    signal,
    intake: library.intake(),
    isHere: (uid) => library.isWhole(uid),
    onInstance: (one) => accepted.push(one),
    onFailure: (why) => failures.push(why),
    onTotal: (instances) => totals.push(instances),
  });
  await library.intake().flush();
  return { accepted, failures, totals };
}

async function listenToMoves(...allowed: string[]): Promise<void> {
  const settings = receiverSettingsSchema.parse({ isEnabled: true, port: receiverPort, allowedAETitles: allowed });
  expect(await receiver.configure(settings)).toMatchObject({ isListening: true });
}

const study = practiceSlice(0).studyInstanceUID;

describe.skipIf(absence !== null)(
  `the client beside Orthanc and dcmtk${absence === null ? '' : ` (skipped: ${absence})`}`,
  () => {
    it('echoes, sends to, queries and fetches from Orthanc, by C-GET and by C-MOVE', async () => {
      const { peer } = await orthanc(ward, 'IMAGIQ', receiverPort);
      const client = clientOf(peer);
      expect(await client.echo(still)).toBeGreaterThan(0);
      const files = await slices(0, 45);
      expect(await send(client, files)).toEqual({ sent: files.map((file) => file.sopInstanceUID), failures: [] });

      const all = await client.find(queryOf(), still);
      expect(all.isCut).toBe(false);
      expect(all.studies).toHaveLength(3);
      const one = await client.find(queryOf({ studyInstanceUID: study }), still);
      expect(one.studies).toMatchObject([{ studyInstanceUID: study, instances: 20, series: 1, modalities: ['CT'] }]);
      expect((await client.find(queryOf({ modality: 'MR' }), still)).studies).toEqual([]);
      const cut = await client.find(queryOf({ limit: 2 }), still);
      expect(cut).toMatchObject({ isCut: true, studies: [{}, {}] });

      const got = await retrieve(client, study, 'get');
      expect(got).toMatchObject({ failures: [], totals: [20] });
      expect(got.accepted.map(({ kind }) => kind)).toEqual(Array.from({ length: 20 }, () => 'imported'));
      expect(library.study(study)?.instances).toBe(20);

      const again = await retrieve(client, study, 'get');
      expect(again).toEqual({ accepted: [], failures: [], totals: [0] });

      await listenToMoves('ORTHANC');
      const other = practiceSlice(20).studyInstanceUID;
      const moved = await retrieve(client, other, 'move');
      expect(moved).toMatchObject({ failures: [], totals: [20] });
      expect(moved.accepted).toHaveLength(20);
      expect(library.study(other)?.instances).toBe(20);
      expect((await faultOf(retrieve(client, '1.2.3.4', 'get'))).code).toBe(667);
    });

    it('sends to, queries and fetches from dcmtk’s archive, and fetches only what is missing', async () => {
      const peer = await dcmqrscp(ward, 'IMAGIQ', receiverPort);
      const client = clientOf(peer);
      const files = await slices(0, 20);
      expect((await send(client, files)).sent).toHaveLength(20);
      const found = await client.find(queryOf({ studyInstanceUID: study }), still);
      expect(found.studies).toMatchObject([{ studyInstanceUID: study }]);
      await library.importPaths(
        files.slice(0, 7).map((file) => file.path),
        {
          mode: 'copy',
          onProgress: () => {},
          signal: still,
        },
      );
      const got = await retrieve(client, study, 'get');
      expect(got).toMatchObject({ failures: [], totals: [13] });
      expect(got.accepted).toHaveLength(13);
      expect(library.study(study)?.instances).toBe(20);
    });

    it('fetches the whole file of what is damaged here, which it replaces', async () => {
      const client = clientOf(await dcmqrscp(ward, 'IMAGIQ', receiverPort));
      const files = await slices(0, 3);
      expect((await send(client, files)).sent).toHaveLength(3);
      const [whole, second] = files.map((file) => file.path) as [string, string];
      truncateSync(second, statSync(second).size - 100);
      await library.importPaths([whole, second], { mode: 'reference', onProgress: () => {}, signal: still });
      const got = await retrieve(client, study, 'get');
      expect(got).toMatchObject({ failures: [], totals: [2] });
      expect(got.accepted.filter((one) => one.kind === 'imported').map(({ replaced }) => replaced ?? '')).toEqual(
        expect.arrayContaining(['', 'It replaced a damaged copy: the file ends inside its pixel data.']),
      );
      expect(files.map((file) => library.isWhole(file.sopInstanceUID))).toEqual([true, true, true]);
    });

    it('fetches from dcmtk’s archive by C-MOVE, and says which destination the archive does not know', async () => {
      const peer = await dcmqrscp(ward, 'IMAGIQ', receiverPort);
      const client = clientOf(peer);
      await send(client, await slices(0, 20));
      expect((await faultOf(retrieve(client, study, 'move'))).message).toContain('Turn it on');
      await listenToMoves('ARCHIVE');
      const moved = await retrieve(client, study, 'move');
      expect(moved).toMatchObject({ failures: [], totals: [20] });
      expect(moved.accepted).toHaveLength(20);
      await receiver.configure({ ...receiver.state().settings, aeTitle: 'ELSEWHERE' });
      await send(client, await slices(20, 20));
      const fault = await faultOf(retrieve(client, practiceSlice(20).studyInstanceUID, 'move'));
      expect(fault).toMatchObject({ code: 658, message: expect.stringContaining('does not know ELSEWHERE') });
    });

    it('says that a receiver which turns the sender away gets nothing', async () => {
      const peer = await dcmqrscp(ward, 'IMAGIQ', receiverPort);
      const client = clientOf(peer);
      await send(client, await slices(0, 3));
      await listenToMoves('SOMEBODY');
      const { accepted, failures } = await retrieve(client, study, 'move');
      expect(accepted).toEqual([]);
      expect(failures).toHaveLength(3);
      expect(failures[0]).toContain('Archive could not send');
      expect(receiver.state().refusals[0]?.aeTitle).toBe('ARCHIVE');
    });

    it('finds patients by names in other alphabets, and reads them in the answers', async () => {
      const { peer } = await orthanc(ward, 'IMAGIQ', receiverPort);
      const client = clientOf(peer);
      await send(client, await slices(0, 1, ['(0008,0005)=ISO_IR 192', '(0010,0010)=Чехова^Ольга']));
      await send(
        client,
        await slices(20, 1, ['(0008,0005)=ISO_IR 192', '(0010,0010)=Yamada^Tarou=山田^太郎=やまだ^たろう']),
      );
      const russian = await client.find(queryOf({ patientName: 'Чехова*' }), still);
      expect(russian.studies.map(({ patientName }) => patientName)).toEqual(['Чехова^Ольга']);
      const japanese = await client.find(queryOf({ patientName: '*山田*' }), still);
      expect(japanese.studies.map(({ patientName }) => patientName)).toEqual(['Yamada^Tarou=山田^太郎=やまだ^たろう']);
      const got = await retrieve(client, practiceSlice(20).studyInstanceUID, 'get');
      expect(got.accepted).toHaveLength(1);
      expect(library.study(practiceSlice(20).studyInstanceUID)?.patientName).toContain('山田');
    });

    it('sends and fetches compressed instances as they are, and never transcodes', async () => {
      const { peer } = await orthanc(ward, 'IMAGIQ', receiverPort);
      const [raw] = await slices(0, 1);
      const compressed = {
        ...raw!,
        path: ward.path('slices', 'lossless.dcm'),
        transferSyntaxUID: '1.2.840.10008.1.2.4.70',
      };
      expect((await dcmtk('dcmcjpeg', ['+e1', raw!.path, compressed.path])).isDone).toBe(true);
      expect((await send(clientOf(peer), [compressed])).sent).toEqual([raw!.sopInstanceUID]);
      expect((await retrieve(clientOf(peer), study, 'get')).accepted).toMatchObject([{ kind: 'imported' }]);
      const { output } = await dcmtk('dcmdump', [
        '-Un',
        '+P',
        '0002,0010',
        library.instanceFile(raw!.sopInstanceUID)!.path,
      ]);
      expect(output).toContain('1.2.840.10008.1.2.4.70');

      const plain = await storescp(ward, ['+xi']);
      const { sent, failures } = await send(clientOf(plain.peer), [compressed, raw!]);
      expect(sent).toEqual([]);
      expect(failures[0]).toContain('JPEG Lossless SV1');
      expect(failures[0]).toContain('does not transcode');
      expect(readdirSync(plain.into)).toEqual([]);
    });

    it('sends over TLS, and says why where it cannot', async () => {
      const ours = await certificates(ward, 'ours');
      const theirs = await certificates(ward, 'theirs');
      const port = await freePort();
      const into = ward.path('secure', 'x').slice(0, -2);
      ward.start('storescp', ['+tls', ours.key, ours.certificate, '-ic', '-od', into, '+xa', String(port)]);
      await until(() => isListening(port), 'storescp listens');
      const peer: DimsePeer = {
        kind: 'dimse',
        name: 'Secure',
        aeTitle: 'STORESCP',
        host: 'localhost',
        port,
        isTls: true,
        authorityFile: ours.authority,
        identity: null,
      };
      const files = await slices(0, 3);
      expect((await send(clientOf(peer), files)).sent).toHaveLength(3);
      expect(readdirSync(into)).toHaveLength(3);
      const untrusted = await faultOf(clientOf({ ...peer, authorityFile: theirs.authority }).echo(still));
      expect(untrusted).toMatchObject({ code: 654, message: expect.stringContaining('not trusted') });
      const plain = await faultOf(clientOf({ ...peer, isTls: false }).echo(still));
      expect([652, 657, 653]).toContain(plain.code);
      const unencrypted = await storescp(ward);
      const mismatch = await faultOf(clientOf({ ...unencrypted.peer, isTls: true }).echo(still));
      expect(mismatch.code).toBe(654);
    });

    it('shows its certificate to a peer that asks for one, and says why where it has none or another', async () => {
      const ours = await certificates(ward, 'ours');
      const theirs = await certificates(ward, 'theirs');
      const port = await freePort();
      const into = ward.path('asking', 'x').slice(0, -2);
      const trusted = ['+tls', ours.key, ours.certificate, '+cf', ours.authority, '-rc'];
      ward.start('storescp', [...trusted, '-od', into, '+xa', String(port)]);
      await until(() => isListening(port), 'storescp listens');
      const shown = ({ certificate, key }: typeof ours): DimsePeer => ({
        kind: 'dimse',
        name: 'Asking',
        aeTitle: 'STORESCP',
        host: 'localhost',
        port,
        isTls: true,
        authorityFile: ours.authority,
        identity: { certificateFile: certificate, keyFile: key },
      });
      expect((await send(clientOf(shown(ours)), await slices(0, 3))).sent).toHaveLength(3);
      expect(readdirSync(into)).toHaveLength(3);
      const nameless = await faultOf(clientOf({ ...shown(ours), identity: null }).echo(still));
      expect(nameless.message).toContain('for a certificate of this station');
      const stranger = await faultOf(clientOf(shown(theirs)).echo(still));
      expect(stranger).toMatchObject({ code: 654, message: expect.stringContaining('this station’s certificate') });
      const mixed = { certificateFile: ours.certificate, keyFile: theirs.key };
      expect(await faultOf(clientOf({ ...shown(ours), identity: mixed }).echo(still))).toMatchObject({ code: 676 });
    });

    it('names the peer and the reason when it is not there, not known, or does not answer', async () => {
      const nobody: DimsePeer = {
        kind: 'dimse',
        name: 'Nobody',
        aeTitle: 'X',
        host: '127.0.0.1',
        port: await freePort(),
        isTls: false,
        authorityFile: null,
        identity: null,
      };
      expect(await faultOf(clientOf(nobody).echo(still))).toMatchObject({
        code: 652,
        message: expect.stringContaining('nothing listens'),
      });
      const { peer } = await orthanc(ward, 'IMAGIQ', receiverPort);
      const misnamed = await faultOf(clientOf({ ...peer, aeTitle: 'WRONG' }).echo(still));
      expect(misnamed).toMatchObject({ code: 672, message: expect.stringContaining('WRONG is not its AE title') });
      await listenToMoves('ELSE');
      const ourselves = { ...nobody, name: 'Ourselves', aeTitle: 'IMAGIQ', port: receiverPort };
      const unknown = await faultOf(clientOf(ourselves).echo(still));
      expect(unknown).toMatchObject({
        code: 672,
        message: expect.stringContaining('does not know this station’s AE title IMAGIQ'),
      });
      const mute = createServer(() => {}).listen(0, '127.0.0.1');
      await until(() => mute.address() !== null, 'it listens');
      const address = mute.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      const limits = { connectMs: 2_000, negotiationMs: 300, idleMs: 2_000 };
      const silent = await faultOf(clientOf({ ...nobody, name: 'Mute', port }, limits).echo(still));
      expect(silent).toMatchObject({ code: 653, message: expect.stringContaining('Mute did not answer') });
      mute.close();
    });

    it('can be cancelled in the middle of a retrieval; what arrived stays', async () => {
      const { peer } = await orthanc(ward, 'IMAGIQ', receiverPort);
      const client = clientOf(peer);
      await send(client, await slices(0, 20));
      const control = new AbortController();
      const accepted: Accepted[] = [];
      const fault = await faultOf(
        client.retrieve(study, {
          method: 'get',
          signal: control.signal,
          intake: library.intake(),
          isHere: () => false,
          onInstance(one) {
            accepted.push(one);
            if (accepted.length === 3) control.abort();
          },
          onFailure: () => {},
          onTotal: () => {},
        }),
      );
      expect(fault.code).toBe(665);
      await library.intake().flush();
      expect(accepted.length).toBeGreaterThanOrEqual(3);
      expect(library.study(study)?.instances).toBe(accepted.length);
      expect(readdirSync(path.join(ward.folder, 'home', 'incoming'))).toEqual([]);
    });
  },
);
