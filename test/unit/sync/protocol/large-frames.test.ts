// What a server hears where the frames of chunks are taken out of a connection before `ws` reads it: the same as without.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as loopTurn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import type { WebSocket } from 'ws';
import { Fault } from '../../../../src/contract/fault.ts';
import { openDoor } from '../../../../src/sync/protocol/door.ts';
import { wireVersion } from '../../../../src/sync/protocol/limits.ts';

const kinds = { 1: 'text', 2: 'binary', 9: 'ping' } as const;
interface Frame {
  readonly opcode: keyof typeof kinds;
  readonly bytes: Buffer;
  readonly mask: Buffer;
}

/** A door with one open connection: its socket and stream at the server, and the other end, on which any bytes can be sent. */
async function situation() {
  const server = createServer();
  const welcomed = Promise.withResolvers<WebSocket>();
  const upgraded = Promise.withResolvers<Duplex>();
  server.on('upgrade', (_, stream) => upgraded.resolve(stream));
  const door = openDoor({
    server,
    maxStrangers: 1,
    welcome: async (socket) => welcomed.resolve(socket),
    cannotListen: (code) => new Fault({ code: 521, message: code, retry: 'later' }),
  });
  const line = connect(await door.open(0, '127.0.0.1'), '127.0.0.1').setNoDelay();
  onTestFinished(() => {
    line.destroy();
    door.close();
  });
  line.write(
    [
      'GET / HTTP/1.1',
      'Host: hub',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      `Sec-WebSocket-Protocol: ${wireVersion}`,
      '\r\n',
    ].join('\r\n'),
  );
  await once(line, 'data');
  return { line, socket: await welcomed.promise, stream: await upgraded.promise };
}

/** As RFC 6455, 5.2 has a client's. */
function encoded({ opcode, bytes, mask }: Frame): Buffer {
  const [says, lengthBytes] = bytes.length < 126 ? [bytes.length, 0] : bytes.length < 65_536 ? [126, 2] : [127, 8];
  const length = Buffer.alloc(1 + lengthBytes, 0);
  length[0] = 0x80 | says;
  // Six bytes of the eight are as many as are written at once.
  if (lengthBytes > 0)
    length.writeUIntBE(bytes.length, length.length - Math.min(lengthBytes, 6), Math.min(lengthBytes, 6));
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, mask, bytes.map((byte, at) => byte ^ mask[at % 4]!)]);
}

const print = (kind: string, bytes: Buffer): string =>
  `${kind} ${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
const printsOf = (frames: readonly Frame[]): string[] => frames.map(({ opcode, bytes }) => print(kinds[opcode], bytes));

/** Prints of what `socket` tells; `kept` are the bytes themselves. */
function hearing(socket: WebSocket) {
  const heard: string[] = [];
  const kept: { readonly kind: string; readonly bytes: Buffer }[] = [];
  const note = (kind: string, bytes: Buffer): void => {
    kept.push({ kind, bytes });
    heard.push(print(kind, bytes));
  };
  socket.on('message', (bytes: Buffer, isBinary) => note(isBinary ? 'binary' : 'text', bytes));
  socket.on('ping', (bytes: Buffer) => note('ping', bytes));
  return { heard, kept };
}

async function send(line: Socket, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = Math.min(bytes.length, at + cuts[turn % cuts.length]!);
    await new Promise((resolve) => line.write(bytes.subarray(at, end), resolve));
    at = end;
  }
}

const frame: fc.Arbitrary<Frame> = fc
  .record({
    opcode: fc.constantFrom<Frame['opcode'][]>(1, 2, 2, 2, 9),
    length: fc.oneof(fc.nat(200), fc.integer({ min: 16_300, max: 66_000 }), fc.integer({ min: 131_000, max: 300_000 })),
    seed: fc.integer({ min: 1, max: 255 }),
    isMasked: fc.boolean(),
  })
  .map(({ opcode, length, seed, isMasked }) => ({
    opcode,
    // Letters are text, and a ping carries 125 bytes at most.
    bytes: Buffer.from(new Uint8Array(opcode === 9 ? length % 126 : length).map((_, at) => 97 + ((at * seed) % 26))),
    mask: isMasked ? Buffer.from([seed, 2, 3, 4]) : Buffer.alloc(4),
  }));

it(
  'all frames come, in their order, however their bytes are cut and whether or not the connection is paused meanwhile',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (frames, cuts, isPaused) => {
          const { line, socket } = await situation();
          const { heard, kept } = hearing(socket);
          const all = Promise.withResolvers<void>();
          const hear = (): void => {
            if (heard.length === frames.length) all.resolve();
            if (!isPaused) return;
            socket.pause();
            setImmediate(() => socket.resume());
          };
          socket.on('message', hear).on('ping', hear);
          await send(line, Buffer.concat(frames.map(encoded)), cuts);
          await all.promise;
          expect(heard).toEqual(printsOf(frames));
          // Nobody's bytes were given back under their eyes.
          expect(kept.map(({ kind, bytes }) => print(kind, bytes))).toEqual(printsOf(frames));
          line.destroy();
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  },
);

it('what a paused connection holds when it is cut is heard', async () => {
  const { line, socket, stream } = await situation();
  const { heard } = hearing(socket);
  const first: Frame = { opcode: 2, bytes: randomBytes(20_000), mask: Buffer.alloc(4) };
  const second: Frame = { opcode: 1, bytes: Buffer.from('the end'), mask: Buffer.alloc(4) };
  const bytes = Buffer.concat([first, second].map(encoded));
  // The first half is in its frame already.
  const here = once(stream, 'data');
  line.write(bytes.subarray(0, 10_000));
  await here;
  socket.pause();
  line.write(bytes.subarray(10_000));
  while (stream.readableLength < bytes.length - 10_000) await loopTurn();
  line.resetAndDestroy();
  await once(socket, 'close');
  expect(heard).toEqual(printsOf([first, second]));
});

const chunk: Frame = { opcode: 2, bytes: randomBytes(20_000), mask: Buffer.alloc(4) };
const text: Frame = { opcode: 1, bytes: Buffer.from('a few words'), mask: Buffer.from([4, 3, 2, 1]) };
/** `bytes` of a whole frame, with another first byte. */
const beginning = (first: number, bytes: Buffer): Buffer => Buffer.concat([Buffer.from([first]), bytes.subarray(1)]);
const closing = (code: number): Buffer =>
  beginning(0x88, encoded({ ...text, bytes: Buffer.from([code >> 8, code & 0xff]) }));

/** The frames that came until the server ended the connection. */
async function answerTo(line: Socket, pieces: readonly Buffer[]): Promise<Buffer> {
  const came: Buffer[] = [];
  line.on('data', (bytes: Buffer) => came.push(bytes));
  const ended = once(line, 'end');
  for (const piece of pieces) await new Promise((resolve) => line.write(piece, resolve));
  await ended;
  return Buffer.concat(came);
}
/** Its code; also of one that told an error. */
const closeOf = async (socket: WebSocket): Promise<number> =>
  await new Promise((resolve) => void socket.once('close', resolve));
/** As a server sends it: without a mask. */
const closeFrame = (code: number): Buffer => Buffer.from([0x88, 2, code >> 8, code & 0xff]);

it('a frame behind a Close frame is thrown away, and the connection ends with the closing handshake', async () => {
  for (const behind of [[encoded(text)], [encoded(chunk), encoded(text)]])
    for (const isAtOnce of [true, false]) {
      const { line, socket } = await situation();
      const { heard } = hearing(socket);
      const closed = closeOf(socket);
      const pieces = [encoded(text), closing(1000), ...behind];
      expect(await answerTo(line, isAtOnce ? [Buffer.concat(pieces)] : pieces)).toEqual(closeFrame(1000));
      line.end();
      expect(await closed).toBe(1000);
      expect(heard).toEqual(printsOf([text]));
    }
});

it('the answer to the own Close frame is read behind a chunk', async () => {
  const { line, socket } = await situation();
  const { heard } = hearing(socket);
  const closed = closeOf(socket);
  socket.close(1001);
  await answerTo(line, [Buffer.concat([encoded(chunk), closing(1001)])]);
  line.end();
  expect(await closed).toBe(1001);
  expect(heard).toEqual(printsOf([chunk]));
});

it('a chunk behind a frame that was refused is thrown away', async () => {
  // An opcode that there is none of.
  const refused = beginning(0x83, encoded(text));
  for (const pieces of [[Buffer.concat([refused, encoded(chunk)])], [refused, encoded(chunk)]]) {
    const { line, socket } = await situation();
    line.on('error', () => {});
    const { heard } = hearing(socket);
    const closed = closeOf(socket);
    for (const piece of pieces) line.write(piece);
    await closed;
    expect(heard).toEqual([]);
  }
});

it('a chunk between the fragments of a message ends the connection', async () => {
  const { line, socket } = await situation();
  const { heard } = hearing(socket);
  const begun = beginning(0x01, encoded(text));
  const ping: Frame = { ...text, opcode: 9 };
  expect(await answerTo(line, [Buffer.concat([begun, encoded(ping), encoded(chunk)])])).toEqual(
    Buffer.concat([Buffer.from([0x8a, ping.bytes.length]), ping.bytes, closeFrame(1002)]),
  );
  expect(heard).toEqual(printsOf([ping]));
});

it('a chunk comes behind a message of fragments', async () => {
  const { line, socket } = await situation();
  const { heard } = hearing(socket);
  const fragments = [0x01, 0x00, 0x80].map((first) => beginning(first, encoded(text)));
  const came = Promise.withResolvers<void>();
  socket.on('message', () => heard.length === 2 && came.resolve());
  line.write(Buffer.concat([...fragments, encoded(chunk)]));
  await came.promise;
  expect(heard).toEqual(printsOf([{ ...text, bytes: Buffer.concat([text.bytes, text.bytes, text.bytes]) }, chunk]));
});
