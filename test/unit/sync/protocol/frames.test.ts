import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../../../src/sync/protocol/backoff.ts';
import {
  chunkHeaderBytes,
  decodeChunk,
  encodeChunk,
  giveBackFrame,
} from '../../../../src/sync/protocol/chunk-frame.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { createMessageSeal } from '../../../../src/sync/protocol/message-seal.ts';
import { decodeMessage, fromSiteSchema } from '../../../../src/sync/protocol/messages.ts';

const transfer = '0123456789abcdef0123456789abcdef';

describe('a chunk (rule 6.2)', () => {
  it('is read back as it was written, whatever its bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
        fc.nat(wireLimits.blobBytes),
        (payload, offset) => {
          const read = decodeChunk(encodeChunk({ transfer, offset, payload }));
          expect(read.transfer).toBe(transfer);
          expect(read.offset).toBe(offset);
          expect(Buffer.from(read.payload).equals(payload)).toBe(true);
        },
      ),
    );
  });

  it('with any one byte of its checked fields changed is refused, or is another transfer’s', () => {
    const frame = encodeChunk({ transfer, offset: 0, payload: Buffer.from('weights') });
    for (const position of [0, 1, 2, 3, 20, 32, chunkHeaderBytes, frame.length - 1]) {
      const damaged = Uint8Array.from(frame);
      damaged[position]! ^= 0x11;
      expect(() => decodeChunk(damaged)).toThrow(/damaged/);
    }
    expect(() => decodeChunk(frame.subarray(0, 20))).toThrow(/damaged/);
  });

  it('gives back the memory of its frame, unless others have a part of it', () => {
    const payload = new Uint8Array(100_000).fill(7);
    const frame = encodeChunk({ transfer, offset: 0, payload });
    const alone = decodeChunk(Uint8Array.from(frame)).payload;
    giveBackFrame(alone);
    expect(alone.byteLength).toBe(0);
    const [before, after] = [
      Buffer.concat([Buffer.from('before'), frame]),
      Buffer.concat([frame, Buffer.from('after')]),
    ];
    for (const shared of [before.subarray(6), after.subarray(0, frame.length)]) {
      const read = decodeChunk(shared).payload;
      giveBackFrame(read);
      expect(Buffer.from(read).equals(payload)).toBe(true);
    }
    const part = decodeChunk(frame).payload.subarray(1);
    giveBackFrame(part);
    expect(Buffer.from(part).equals(payload.subarray(1))).toBe(true);
  });
});

describe('the seal of messages (rule 5.1)', () => {
  const [one, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

  it('lets messages through in order', () => {
    const [site, hub] = [createMessageSeal(one, other), createMessageSeal(other, one)];
    expect(['{"a":1}', '{"ä":2}'].map((json) => hub.open(site.seal(json)))).toEqual(['{"a":1}', '{"ä":2}']);
  });

  it('notices a changed, a repeated and a missing message', () => {
    const [site, hub] = [createMessageSeal(one, other), createMessageSeal(other, one)];
    const [first, second] = [site.seal('{"a":1}'), site.seal('{"a":2}')];
    expect(() => hub.open(second)).toThrow(/seal/);
    expect(() => hub.open(first.replace('1}', '7}'))).toThrow(/seal/);
    expect(hub.open(first)).toBe('{"a":1}');
    expect(() => hub.open(first)).toThrow(/seal/);
    expect(() => hub.open('')).toThrow(/seal/);
    // The seal's last character has two bits that say nothing; `+` and `/` stand for `-` and `_` elsewhere.
    const third = site.seal('{"a":3}');
    const others = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/='.replace(third[42]!, '');
    for (const other of others) expect(() => hub.open(`${third.slice(0, 42)}${other}{"a":3}`)).toThrow(/seal/);
  });
});

describe('control messages (rule 5.3)', () => {
  it('ignore unknown fields and refuse unknown kinds', () => {
    expect(decodeMessage(fromSiteSchema, '{"kind":"leave","id":1,"later":true}')).toEqual({ kind: 'leave', id: 1 });
    expect(() => decodeMessage(fromSiteSchema, '{"kind":"dance","id":1}')).toThrow(/not valid/);
    expect(() => decodeMessage(fromSiteSchema, '{"kind":')).toThrow(/not valid/);
  });
});

describe('reconnection (rule 1.5)', () => {
  it('is quick at first, then random below a ceiling that doubles to a minute', () => {
    const latest = [0, 1, 2, 3, 20].map((attempt) => retryDelayMs(attempt, () => 1));
    expect(latest).toEqual([250, 1_000, 2_000, 4_000, 60_000]);
    expect(retryDelayMs(5, () => 0)).toBe(0);
  });
});
