// Section 6 of docs/protocol.md, tried on a hub as a member: blobs of random bytes that nothing names, which a hub forgets again.
import { createHash, randomBytes } from 'node:crypto';
import { chunkHeaderBytes, encodeChunk } from '../protocol/chunk-frame.ts';
import { wireLimits } from '../protocol/limits.ts';
import { type Check, must, NotTried, inTime } from './check.ts';
import type { HubUnderTest } from './hub-under-test.ts';
import type { TestLine } from './test-line.ts';

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** As large as the hub takes, up to three chunks and a bit. */
const newBlob = ({ hello }: TestLine): Buffer =>
  randomBytes(Math.min(hello.blobBytes, 3 * wireLimits.sentChunkBytes + 1_000));

async function begin(line: TestLine, hash: string, bytes: number): Promise<{ transfer: string; offset: number }> {
  const answer = await line.ask({ kind: 'put-begin', hash, bytes });
  must(answer.kind === 'have', `It answered put-begin with ${answer.kind}.`);
  return answer;
}

/** Sends the rest from `offset` on. */
function sendRest(
  { socket }: TestLine,
  blob: Buffer,
  { transfer, offset }: { transfer: string; offset: number },
): void {
  for (let at = offset; at < blob.length; at += wireLimits.sentChunkBytes)
    socket.send(encodeChunk({ transfer, offset: at, payload: blob.subarray(at, at + wireLimits.sentChunkBytes) }));
}

/** Brings a blob. @returns its hash */
export async function putWhole(line: TestLine, blob: Buffer): Promise<string> {
  const hash = hashOf(blob);
  const begun = await begin(line, hash, blob.length);
  sendRest(line, blob, begun);
  const stored = await line.ask({ kind: 'put-end', transfer: begun.transfer });
  must(stored.kind === 'stored', `It answered put-end with ${stored.kind}.`);
  return hash;
}

/** A hub without a project has nothing that a blob could belong to, and takes none. */
function onProject<Value>(hub: HubUnderTest, work: (line: TestLine) => Promise<Value>): Promise<Value> {
  return hub.asMember(async (line) => {
    if ((await line.heard('project-announced')).project === null)
      throw new NotTried('It runs no project, so it takes no blobs.');
    return work(line);
  });
}

export const blobChecks: readonly Check<HubUnderTest>[] = [
  {
    section: '6.3',
    must: 'take a blob in chunks, say what it has on its disk, and say `stored` once the hash is right; afterwards it has the blob',
    tried: (hub) =>
      onProject(hub, async (line) => {
        const blob = newBlob(line);
        const begun = await begin(line, hashOf(blob), blob.length);
        must(begun.offset === 0, `It has ${begun.offset} bytes of a blob that is new.`);
        sendRest(line, blob, begun);
        const received = await line.heard('chunk-received');
        must(received.transfer === begun.transfer, 'It acknowledged another transfer.');
        const stored = await line.ask({ kind: 'put-end', transfer: begun.transfer });
        must(stored.kind === 'stored', `It answered put-end with ${stored.kind}.`);
        const again = await begin(line, hashOf(blob), blob.length);
        must(again.offset === blob.length, `It has ${again.offset} of ${blob.length} bytes of a stored blob.`);
      }),
  },
  {
    section: '6.6',
    must: 'go on where a transfer was cut, on a new connection',
    async tried(hub) {
      const { blob, had } = await onProject(hub, async (line) => {
        const whole = newBlob(line);
        if (whole.length <= wireLimits.sentChunkBytes)
          throw new NotTried('Its blobs are too small to be cut in the middle.');
        const begun = await begin(line, hashOf(whole), whole.length);
        sendRest(line, whole.subarray(0, wireLimits.sentChunkBytes), begun);
        const { offset } = await line.heard('chunk-received');
        return { blob: whole, had: offset };
      });
      await onProject(hub, async (line) => {
        const begun = await begin(line, hashOf(blob), blob.length);
        must(begun.offset >= had, `It acknowledged ${had} bytes and has ${begun.offset} of them.`);
        sendRest(line, blob, begun);
        const stored = await line.ask({ kind: 'put-end', transfer: begun.transfer });
        must(stored.kind === 'stored', `It answered put-end with ${stored.kind}.`);
      });
    },
  },
  {
    section: '6.6',
    must: 'refuse bytes that are not those of the hash, and throw them away whole',
    tried: (hub) =>
      onProject(hub, async (line) => {
        const blob = newBlob(line);
        const hash = hashOf(blob);
        const begun = await begin(line, hash, blob.length);
        const other = Buffer.from(blob);
        other[0]! ^= 1;
        sendRest(line, other, begun);
        const refused = await line.ask({ kind: 'put-end', transfer: begun.transfer });
        must(refused.kind === 'refused', `It answered ${refused.kind} to bytes of another hash.`);
        must((await begin(line, hash, blob.length)).offset === 0, 'It kept bytes of a wrong hash.');
      }),
  },
  {
    section: '6.2',
    must: 'end a connection whose chunk has a wrong checksum, magic number, version or length',
    async tried(hub) {
      const spoilt: readonly [string, (frame: Uint8Array) => void][] = [
        ['checksum', (frame) => (frame[chunkHeaderBytes]! ^= 1)],
        ['magic number', (frame) => (frame[0]! ^= 1)],
        ['version', (frame) => (frame[2] = 2)],
        ['length', (frame) => (frame[20]! ^= 1)],
      ];
      for (const [what, spoil] of spoilt)
        await onProject(hub, async (line) => {
          const blob = newBlob(line);
          const { transfer } = await begin(line, hashOf(blob), blob.length);
          const frame = encodeChunk({ transfer, offset: 0, payload: blob.subarray(0, 1_000) });
          spoil(frame);
          line.socket.send(frame);
          await inTime(`The end after a chunk with a wrong ${what}`, line.closed);
        });
    },
  },
  {
    section: '6.7',
    must: 'refuse a blob that is larger than it said it takes',
    tried: (hub) =>
      hub.asMember(async (line) => {
        if (line.hello.blobBytes >= wireLimits.blobBytes)
          throw new NotTried('It takes the largest blobs that there are.');
        const answer = await line.ask({
          kind: 'put-begin',
          hash: hashOf(randomBytes(8)),
          bytes: line.hello.blobBytes + 1,
        });
        must(answer.kind === 'refused', `It answered ${answer.kind}.`);
      }),
  },
  {
    section: '6.8',
    must: `refuse one more than ${wireLimits.transfers} blobs on their way at once with 415`,
    tried: (hub) =>
      onProject(hub, async (line) => {
        const bytes = newBlob(line).length;
        for (let one = 0; one < wireLimits.transfers; one += 1) await begin(line, hashOf(randomBytes(8)), bytes);
        const answer = await line.ask({ kind: 'put-begin', hash: hashOf(randomBytes(8)), bytes });
        must(answer.kind === 'refused', `It answered ${answer.kind}.`);
        must(answer.fault.code === 415, `It refused with ${answer.fault.code}.`);
      }),
  },
];
