// The receiver against dcmtk's senders.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ReceiverSettings, receiverSettingsSchema } from '../../../../src/contract/pacs.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { encodeCommand } from '../../../../src/station/pacs/dimse/command-set.ts';
import { encodeAssociateRequest } from '../../../../src/station/pacs/dimse/pdu.ts';
import { openReceiver, type Receiver } from '../../../../src/station/pacs/receiver/receiver.ts';
import { practiceSlice } from '../library/practice-slice.ts';
import { absence, certificates, dcmtk, freePort, until, Ward } from './dimse-peers.ts';

let ward: Ward;
let library: Library;
let receiver: Receiver;
let port = 0;

async function configure(settings: Partial<ReceiverSettings>): Promise<void> {
  port = await freePort();
  const whole = receiverSettingsSchema.parse({
    isEnabled: true,
    port,
    allowedAETitles: ['STORESCU', 'ECHOSCU'],
    ...settings,
  });
  const state = await receiver.configure(whole);
  expect(state).toMatchObject({ isListening: true, problem: null });
}

beforeEach(() => {
  ward = new Ward();
  const folder = ward.path('home', 'x').slice(0, -2);
  library = openLibrary({ folder });
  receiver = openReceiver({ folder, intake: library.intake(), onChange: () => {} });
});
afterEach(async () => {
  await receiver.close();
  library.close();
  await ward.close();
});

function slices(count: number, side = 32): { files: string[]; uids: string[] } {
  const files: string[] = [];
  const uids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { bytes, sopInstanceUID } = practiceSlice(index, side);
    const file = ward.path('slices', `${index}.dcm`);
    writeFileSync(file, bytes);
    files.push(file);
    uids.push(sopInstanceUID);
  }
  return { files, uids };
}

const send = (files: readonly string[], ...args: string[]) =>
  dcmtk('storescu', ['-aec', 'IMAGIQ', ...args, '127.0.0.1', String(port), ...files]);

/** All that follows the meta header. */
function dataSetOf(file: string): Buffer {
  const bytes = readFileSync(file);
  return bytes.subarray(132 + 12 + bytes.readUInt32LE(140));
}

describe.skipIf(absence !== null)(
  `the receiver beside dcmtk${absence === null ? '' : ` (skipped: ${absence})`}`,
  () => {
    it('answers C-ECHO', async () => {
      await configure({});
      expect(await dcmtk('echoscu', ['-aec', 'IMAGIQ', '127.0.0.1', String(port)])).toMatchObject({ isDone: true });
    });

    it('keeps what storescu sends, byte for byte, under a meta header of its own, and indexes it', async () => {
      await configure({});
      const { files, uids } = slices(30);
      expect(await send(files)).toMatchObject({ isDone: true });
      await library.intake().flush();
      for (const [index, uid] of uids.entries()) {
        const stored = library.instanceFile(uid)!.path;
        expect(dataSetOf(stored).equals(dataSetOf(files[index]!))).toBe(true);
      }
      const { output } = await dcmtk('dcmdump', [
        '+P',
        '0002,0016',
        '+P',
        '0002,0013',
        library.instanceFile(uids[0]!)!.path,
      ]);
      expect(output).toContain('[STORESCU]');
      expect(output).toContain('IMAGIQ_1');
      await until(() => receiver.state().received === 30, 'all are counted');
      expect(await send(files.slice(0, 5))).toMatchObject({ isDone: true });
      await until(() => receiver.state().duplicates === 5, 'duplicates are counted');
    });

    it('takes compressed transfer syntaxes as they come', async () => {
      await configure({});
      const { files, uids } = slices(4, 64);
      const lossless = files.map((file) => file.replace('.dcm', '-compressed.dcm'));
      expect((await dcmtk('dcmcjpeg', ['+e1', files[0]!, lossless[0]!])).isDone).toBe(true);
      expect((await dcmtk('dcmcjpls', [files[1]!, lossless[1]!])).isDone).toBe(true);
      expect((await dcmtk('dcmcrle', [files[2]!, lossless[2]!])).isDone).toBe(true);
      expect((await dcmtk('dcmconv', ['+td', files[3]!, lossless[3]!])).isDone).toBe(true);
      for (const [index, flag] of ['-xs', '-xt', '-xr', '-xd'].entries()) {
        expect((await send([lossless[index]!], flag)).isDone).toBe(true);
      }
      await library.intake().flush();
      const syntaxes = [
        '1.2.840.10008.1.2.4.70',
        '1.2.840.10008.1.2.4.80',
        '1.2.840.10008.1.2.5',
        '1.2.840.10008.1.2.1.99',
      ];
      for (const [index, uid] of uids.entries()) {
        const { output } = await dcmtk('dcmdump', ['-Un', '+P', '0002,0010', library.instanceFile(uid)!.path]);
        expect(output).toContain(syntaxes[index]);
        const frame = await library.frame(uid, 1);
        expect(frame.rows).toBe(64);
      }
    });

    it('rejects calling AE titles that are not on the list, and calls by another name, and says so', async () => {
      await configure({});
      const { files } = slices(1);
      const unknown = await send(files, '-aet', 'STRANGER');
      expect(unknown.isDone).toBe(false);
      expect(unknown.output).toContain('Calling AE Title Not Recognized');
      const misnamed = await dcmtk('storescu', ['-aec', 'ELSE', '127.0.0.1', String(port), files[0]!]);
      expect(misnamed.output).toContain('Called AE Title Not Recognized');
      expect(receiver.state().refusals.map(({ aeTitle }) => aeTitle)).toEqual(['STORESCU', 'STRANGER']);
      expect(library.instanceFile(practiceSlice(0).sopInstanceUID)).toBeNull();
    });

    it('speaks TLS, and with an authority only to senders whose certificate it signed', async () => {
      const ours = await certificates(ward, 'ours');
      const theirs = await certificates(ward, 'theirs');
      await configure({ certificateFile: ours.certificate, keyFile: ours.key });
      const { files } = slices(2);
      expect(await send([files[0]!], '+tla', '+cf', ours.authority)).toMatchObject({ isDone: true });
      expect((await send([files[0]!])).isDone).toBe(false);
      await configure({ certificateFile: ours.certificate, keyFile: ours.key, authorityFile: ours.authority });
      expect((await send([files[1]!], '+tla', '+cf', ours.authority)).isDone).toBe(false);
      expect((await send([files[1]!], '+tls', theirs.key, theirs.certificate, '+cf', ours.authority)).isDone).toBe(
        false,
      );
      expect(await send([files[1]!], '+tls', ours.key, ours.certificate, '+cf', ours.authority)).toMatchObject({
        isDone: true,
      });
      expect(receiver.state().refusals.some(({ reason }) => reason.includes('secure connection'))).toBe(true);
    });

    it('loses no acknowledged instance of an association that breaks off in the middle of the next one', async () => {
      await configure({});
      const { files, uids } = slices(1);
      expect((await send(files)).isDone).toBe(true);
      const socket = connect(port, '127.0.0.1');
      socket.write(
        encodeAssociateRequest({
          calledAETitle: 'IMAGIQ',
          callingAETitle: 'STORESCU',
          maxPduBytes: 16_384,
          roles: [],
          contexts: [{ id: 1, abstractSyntax: '1.2.840.10008.5.1.4.1.1.2', transferSyntaxes: ['1.2.840.10008.1.2.1'] }],
        }),
      );
      await new Promise((resolve) => socket.once('data', resolve));
      const command = encodeCommand(
        {
          commandField: 1,
          affectedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
          messageID: 1,
          priority: 0,
          affectedSOPInstanceUID: '1.2.3',
        },
        true,
      );
      const header = (bytes: Buffer, control: number): Buffer => {
        const head = Buffer.from([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, control]);
        head.writeUInt32BE(bytes.length + 6, 2);
        head.writeUInt32BE(bytes.length + 2, 6);
        return Buffer.concat([head, bytes]);
      };
      socket.write(Buffer.concat([header(command, 3), header(Buffer.alloc(2_000_000, 1), 0).subarray(0, 1_500_000)]));
      const incoming = ward.path('home', 'incoming');
      await until(() => readdirSync(incoming).length === 1, 'half an instance is written');
      socket.destroy();
      await until(() => readdirSync(incoming).length === 0, 'half an instance is gone');
      await until(() => receiver.state().associations === 0, 'the association is over');
      await library.intake().flush();
      expect(existsSync(library.instanceFile(uids[0]!)!.path)).toBe(true);
    });

    it('answers while others have connected and say nothing', async () => {
      const folder = ward.path('patient', 'x').slice(0, -2);
      const limits = { associations: 2, maxInstanceBytes: 1e6, idleMs: 10_000, negotiationMs: 10_000 };
      const second = openReceiver({ folder, intake: library.intake(), onChange: () => {}, limits });
      port = await freePort();
      await second.configure(receiverSettingsSchema.parse({ isEnabled: true, port, allowedAETitles: ['ECHOSCU'] }));
      const silent = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
      try {
        await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
        const echo = await dcmtk('echoscu', ['-aec', 'IMAGIQ', '127.0.0.1', String(port)]);
        expect(echo).toMatchObject({ isDone: true });
      } finally {
        for (const socket of silent) socket.destroy();
        await second.close();
      }
    });

    it('says why it does not listen', async () => {
      await configure({});
      const second = openReceiver({
        folder: ward.path('other', 'x').slice(0, -2),
        intake: library.intake(),
        onChange: () => {},
      });
      const state = await second.configure(receiver.state().settings);
      expect(state.isListening).toBe(false);
      expect(state.problem).toContain('another program uses it');
      await second.close();
    });
  },
);
