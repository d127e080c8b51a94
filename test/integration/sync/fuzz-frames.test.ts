// A short run of scripts/fuzz/frames.ts: broken frames of a real session for the reader that hub, site and peer share, and, over sockets,
// for a whole hub and a whole site in processes of their own. The same frames every time.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fuzzHub, fuzzSite } from '../../../scripts/fuzz/fuzz-ends.ts';
import { fuzzReader, type Reader } from '../../../scripts/fuzz/fuzz-reader.ts';
import type { FrameReport } from '../../../scripts/fuzz/frame-report.ts';
import { attackOn, byKind } from '../../../scripts/fuzz/mutate-frames.ts';
import { seeded } from '../../../scripts/fuzz/mutate.ts';
import { publicKeysIn, recordSession, type RecordedSession } from '../../../scripts/fuzz/recorded-session.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-fuzz-frames-'));
let session: RecordedSession;
beforeAll(async () => {
  session = await recordSession(folder, true);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seed = 20_261_128;
const nothingTaken = { failures: [], accepted: 0, crashes: 0, hangs: 0 };
/** Broken enough to end connections, whole enough to be read as messages. */
const isBothKinds = ({ outcomes }: FrameReport): boolean =>
  'closed with 4000' in outcomes && Object.keys(outcomes).some((outcome) => !outcome.includes('closed'));

describe('broken frames', () => {
  it.each<[Reader]>([['hub'], ['site'], ['peer']])(
    '1,500 for the reader of a %s: nothing unsigned is taken, and nothing thrown that is no fault',
    async (reader) => {
      const { fromSite, fromHub } = session;
      const messages = { hub: fromSite, site: fromHub, peer: [...fromSite, ...fromHub] }[reader];
      const report = await fuzzReader({
        reader,
        messages,
        frames: 1_500,
        seed,
        folder,
        publicKeys: publicKeysIn(session),
      });
      expect(report).toMatchObject(nothingTaken);
      expect(isBothKinds(report)).toBe(true);
    },
    120_000,
  );

  it('for a hub, by one of its members and at its door: it lives, answers, and remembers what it did before', async () => {
    const report = await fuzzHub(session, { frames: 200, handshakes: 50, seed, name: 'hub' });
    expect(report).toMatchObject(nothingTaken);
    expect(isBothKinds(report)).toBe(true);
    expect(report.outcomes['handshake closed with 4001']).toBeGreaterThan(0);
  }, 120_000);

  it('for a site, by its own hub: it lives, comes back, and keeps project, consent, trunk and updates', async () => {
    const report = await fuzzSite(session, { frames: 200, seed, name: 'site' });
    expect(report).toMatchObject(nothingTaken);
    expect(isBothKinds(report)).toBe(true);
  }, 120_000);

  it('are the same for the same seed', () => {
    const broken = (from: number): string[] => {
      const random = seeded(from);
      return Array.from({ length: 50 }, () => JSON.stringify(attackOn(byKind(session.fromSite), random)));
    };
    expect(broken(1)).toEqual(broken(1));
    expect(broken(1)).not.toEqual(broken(2));
  });
});
