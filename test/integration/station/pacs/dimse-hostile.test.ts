// Hostile peers: thousands of broken byte streams against the receiver, which goes on and stays small; and a station
// that is killed while instances arrive.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLibrary } from '../../../../src/station/library/library.ts';
import { dataSetStart } from '../../../../src/station/library/parse-dataset.ts';
import { encodeCommand } from '../../../../src/station/pacs/dimse/command-set.ts';
import { dimseClient } from '../../../../src/station/pacs/dimse/dimse-client.ts';
import { encodeAssociateRequest, encodeReleaseRequest } from '../../../../src/station/pacs/dimse/pdu.ts';
import { practiceSlice } from '../library/practice-slice.ts';
import { freePort, isListening, until, Ward } from './dimse-peers.ts';

const station = fileURLToPath(new URL('receiving-station.ts', import.meta.url));
const ctImage = '1.2.840.10008.5.1.4.1.1.2';
let ward: Ward;
let port = 0;
let home = '';

beforeEach(async () => {
  ward = new Ward();
  port = await freePort();
  home = ward.path('home', 'x').slice(0, -2);
});
afterEach(() => ward.close());

async function receivingStation(): Promise<{ process: ChildProcess; heapMiB(): Promise<number> }> {
  const child = spawn(process.execPath, ['--expose-gc', station, home, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await until(() => isListening(port), 'the station listens');
  return {
    process: child,
    async heapMiB() {
      child.stdin.write('memory\n');
      const { value } = await lines.next();
      return Number(value);
    },
  };
}

const client = () =>
  dimseClient(
    {
      kind: 'dimse',
      name: 'Station',
      aeTitle: 'IMAGIQ',
      host: '127.0.0.1',
      port,
      isTls: false,
      authorityFile: null,
      identity: null,
    },
    { aeTitle: 'SENDER', receiver: null },
  );

/** The same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function dataPdu(bytes: Buffer, control: number): Buffer {
  const head = Buffer.from([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, control]);
  head.writeUInt32BE(bytes.length + 6, 2);
  head.writeUInt32BE(bytes.length + 2, 6);
  return Buffer.concat([head, bytes]);
}

/** A whole, right conversation that stores one instance. */
function conversation(): [request: Buffer, messages: Buffer] {
  const command = {
    commandField: 1,
    affectedSOPClassUID: ctImage,
    messageID: 1,
    priority: 0,
    affectedSOPInstanceUID: practiceSlice(0).sopInstanceUID,
  };
  const request = encodeAssociateRequest({
    calledAETitle: 'IMAGIQ',
    callingAETitle: 'SENDER',
    maxPduBytes: 16_384,
    roles: [],
    contexts: [{ id: 1, abstractSyntax: ctImage, transferSyntaxes: ['1.2.840.10008.1.2.1'] }],
  });
  const { bytes } = practiceSlice(0);
  const messages = [
    dataPdu(encodeCommand(command, true), 3),
    dataPdu(Buffer.from(bytes.subarray(dataSetStart(bytes))), 2),
    encodeReleaseRequest(),
  ];
  return [request, Buffer.concat(messages)];
}

/** One of: flipped bytes, hostile lengths, a cut, a repeated part, noise. */
function broken(whole: Buffer, next: () => number): Buffer {
  const bytes = Buffer.from(whole);
  const at = Math.floor(next() * Math.min(bytes.length - 4, 900));
  const kind = Math.floor(next() * 5);
  if (kind === 0)
    for (let flip = 0; flip < 8; flip += 1)
      bytes[Math.floor(next() * Math.min(bytes.length, 900))] = Math.floor(next() * 256);
  else if (kind === 1) bytes.writeUInt32BE([0xffffffff, 0x7fffffff, 0, 1, 0x10000][Math.floor(next() * 5)]!, at);
  else if (kind === 2) return bytes.subarray(0, at);
  else if (kind === 3) return Buffer.concat([bytes.subarray(0, at), bytes]);
  else
    for (let index = 0; index < 200 && at + index < bytes.length; index += 1)
      bytes[at + index] = Math.floor(next() * 256);
  return bytes;
}

it('goes on after thousands of hostile byte streams, and stays small', async () => {
  const { process: child, heapMiB } = await receivingStation();
  try {
    const [request, messages] = conversation();
    const next = random(7);
    const before = await heapMiB();
    const streams = 2_000;
    const atOnce = 16;
    let sent = 0;
    const attack = async (): Promise<void> => {
      while (sent < streams) {
        sent += 1;
        const isRequestBroken = sent % 3 === 0;
        const first = isRequestBroken ? broken(request, next) : request;
        const later = isRequestBroken ? messages : broken(messages, next);
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        // The rest follows the acceptance, as in a right conversation; nothing follows where there is none.
        socket.once('data', () => socket.end(later));
        socket.write(first);
        if (isRequestBroken) socket.end();
        await Promise.race([
          once(socket, 'close').catch(() => {}),
          new Promise((resolve) => setTimeout(resolve, 2_000)),
        ]);
        socket.destroy();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, attack));
    expect(child.exitCode).toBeNull();
    expect(await client().echo(new AbortController().signal)).toBeGreaterThan(0);
    expect((await heapMiB()) - before).toBeLessThan(64);
    await until(() => readdirSync(`${home}/incoming`).every((name) => !name.endsWith('.part')), 'no half file is left');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}, 240_000);

it('has every acknowledged instance after it was killed while they arrived', async () => {
  const acknowledged: string[] = [];
  const files = Array.from({ length: 400 }, (_, index) => {
    const { bytes, sopInstanceUID } = practiceSlice(index);
    const path = ward.path('slices', `${index}.dcm`);
    writeFileSync(path, bytes);
    return { path, sopInstanceUID, sopClassUID: ctImage, transferSyntaxUID: '1.2.840.10008.1.2.1' };
  });
  for (const killAfter of [40, 95, 170]) {
    const { process: child } = await receivingStation();
    const left = files.filter(({ sopInstanceUID }) => !acknowledged.includes(sopInstanceUID));
    let count = 0;
    await client()
      .send(left, {
        signal: new AbortController().signal,
        onSent(uid) {
          acknowledged.push(uid);
          count += 1;
          if (count === killAfter) child.kill('SIGKILL');
        },
        onFailure: () => {},
      })
      .catch(() => {});
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  const library = openLibrary({ folder: home });
  try {
    await library.intake().flush();
    expect(acknowledged.length).toBeGreaterThanOrEqual(305);
    expect(acknowledged.filter((uid) => !existsSync(library.instanceFile(uid)?.path ?? ''))).toEqual([]);
  } finally {
    library.close();
  }
}, 120_000);
