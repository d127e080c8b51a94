// TLS settings that cannot work are refused when they are set, in plain words, and nothing of them is kept.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { faultValueOf } from '../../../../src/contract/fault.ts';
import { type ReceiverSettings, receiverSettingsSchema } from '../../../../src/contract/pacs.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { readAuthority } from '../../../../src/station/pacs/pem-files.ts';
import { openReceiver, type Receiver } from '../../../../src/station/pacs/receiver/receiver.ts';
import { certificates, freePort, until, Ward } from './dimse-peers.ts';

let ward: Ward;
let folder: string;
let library: Library;
let receiver: Receiver;

beforeEach(() => {
  ward = new Ward();
  folder = ward.path('home', 'x').slice(0, -2);
  library = openLibrary({ folder });
  receiver = openReceiver({ folder, intake: library.intake(), onChange: () => {} });
});
afterEach(async () => {
  await receiver.close();
  library.close();
  await ward.close();
});

const settings = async (files: Partial<ReceiverSettings>): Promise<ReceiverSettings> =>
  receiverSettingsSchema.parse({ isEnabled: true, port: await freePort(), ...files });

async function refusal(files: Partial<ReceiverSettings>): Promise<string> {
  const thrown = await receiver.configure(await settings(files)).catch((error: unknown) => error);
  expect(existsSync(path.join(folder, 'receiver.json'))).toBe(false);
  return faultValueOf(thrown).message;
}

it('are refused by file and reason where a file is none of its kind or the key is another’s', async () => {
  const ours = await certificates(ward, 'ours');
  const theirs = await certificates(ward, 'theirs');
  const { certificate: certificateFile, key: keyFile } = ours;
  const file = (name: string, text: string): string => {
    const made = ward.path('tls', name);
    writeFileSync(made, text);
    return made;
  };
  const text = file('notes.txt', 'no PEM at all');
  const cut = (source: string): string =>
    file(`cut-${path.basename(source)}`, readFileSync(source, 'utf8').replace(/\n[^-]{60,}\n/, '\n'));
  const sealed = file(
    'sealed.pem',
    '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
  );

  expect(await refusal({ certificateFile, keyFile: theirs.key })).toContain(
    `The key in ${theirs.key} does not belong to`,
  );
  expect(await refusal({ certificateFile: text, keyFile })).toContain(
    `${text} cannot be used: it holds no certificate.`,
  );
  expect(await refusal({ certificateFile: keyFile, keyFile: certificateFile })).toContain(
    'a private key and no certificate',
  );
  expect(await refusal({ certificateFile, keyFile: certificateFile })).toContain('it holds a certificate and no key');
  expect(await refusal({ certificateFile: cut(certificateFile), keyFile })).toContain('its certificate is damaged');
  expect(await refusal({ certificateFile, keyFile: cut(keyFile) })).toContain('its private key is damaged');
  expect(await refusal({ certificateFile, keyFile: sealed })).toContain('protected by a passphrase');
  expect(await refusal({ certificateFile, keyFile, authorityFile: text })).toContain('it holds no certificate');
  expect(await refusal({ certificateFile, keyFile, authorityFile: folder })).toContain('it is a folder');
  expect(await refusal({ certificateFile, keyFile: `${keyFile}.gone` })).toContain('it does not exist');
  expect(() => readAuthority(cut(ours.authority))).toThrow('its certificate is damaged');
});

it('that are whole are kept; a sender that speaks no TLS is named by its address, in words of no library', async () => {
  const { certificate: certificateFile, key: keyFile } = await certificates(ward, 'ours');
  const whole = await settings({ certificateFile, keyFile });
  expect(await receiver.configure(whole)).toMatchObject({ isListening: true, problem: null });
  const socket = connect(whole.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
  socket.on('error', () => {});
  await until(() => Promise.resolve(receiver.state().refused > 0), 'the connection is refused');
  expect(receiver.state().refusals[0]).toMatchObject({
    aeTitle: '',
    reason: 'No secure connection with 127.0.0.1: the sender does not speak TLS.',
  });
});

it('a sender whose words were changed on the way is not taken for one that speaks no TLS', async () => {
  const { certificate: certificateFile, key: keyFile } = await certificates(ward, 'ours');
  const whole = await settings({ certificateFile, keyFile });
  await receiver.configure(whole);
  // Passes the greeting on, and changes the last byte of what follows.
  const relay = createServer((near) => {
    const far = connect(whole.port, '127.0.0.1');
    let parts = 0;
    near.on('data', (bytes) => {
      parts += 1;
      if (parts > 1) bytes[bytes.length - 1]! ^= 1;
      far.write(bytes);
    });
    far.on('data', (bytes) => near.write(bytes));
    for (const end of [near, far]) end.on('error', () => {}).on('close', () => (end === near ? far : near).destroy());
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void relay.close());
  await until(() => relay.listening, 'the relay listens');
  const { port } = relay.address() as AddressInfo;
  const sender = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  sender.on('error', () => {});
  await until(() => receiver.state().refused > 0, 'the connection is refused');
  expect(receiver.state().refusals[0]?.reason).toBe(
    'No secure connection with 127.0.0.1: what it sent was changed on the way.',
  );
});
