// `node scripts/fuzz/frames.ts --against reader --frames 300000 --seed 1`: broken frames of a real session, for the reader that hub, site and
// peer share (in this process), or for a whole hub or site (in a process of its own, over sockets). Each run is a part of the kept result;
// one against the same end with the same seed takes the place of an earlier one.
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { FrameReport } from './frame-report.ts';
import { fuzzHub, fuzzSite } from './fuzz-ends.ts';
import { fuzzReader, type Reader } from './fuzz-reader.ts';
import { publicKeysIn, recordSession, type RecordedSession } from './recorded-session.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const { values } = parseArgs({
  options: {
    against: { type: 'string', default: 'reader' },
    /** Of the readers only this one. */
    only: { type: 'string', default: '' },
    frames: { type: 'string', default: '30000' },
    /** Ends sooner where the frames take longer. */
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    /** Where the federation lies while it is attacked; a disk in memory is quicker. */
    in: { type: 'string', default: os.tmpdir() },
    out: { type: 'string', default: path.join(root, 'bench', 'results', 'fuzz-frames.json') },
  },
});
const frames = Number(values.frames);
const longestMs = Number(values.minutes) * 60_000;
const seed = Number(values.seed);
type Part = FrameReport & { readonly seed: number };

const attacks: Readonly<
  Record<string, (session: RecordedSession, folder: string, name: string) => Promise<FrameReport[]>>
> = {
  async reader(session, folder, name) {
    const reports: FrameReport[] = [];
    const said: Record<Reader, readonly object[]> = {
      hub: session.fromSite,
      site: session.fromHub,
      peer: [...session.fromSite, ...session.fromHub],
    };
    const readers = (['hub', 'site', 'peer'] as const).filter((one) => values.only === '' || values.only === one);
    for (const reader of readers) {
      const report = await fuzzReader({
        reader,
        messages: said[reader],
        frames: Math.round(frames / (2 * readers.length)),
        longestMs: longestMs / (2 * readers.length),
        seed,
        folder,
        publicKeys: publicKeysIn(session),
      });
      reports.push({ ...report, against: `${report.against}, ${name}` });
    }
    return reports;
  },
  hub: async (session, _, name) => [
    await fuzzHub(session, {
      frames: Math.round((frames * 0.9) / 2),
      longestMs: (longestMs * 0.9) / 2,
      handshakes: Math.round((frames * 0.1) / 2),
      seed,
      name: `a hub over sockets, ${name}`,
    }),
  ],
  site: async (session, _, name) => [
    await fuzzSite(session, {
      frames: Math.round(frames / 2),
      longestMs: longestMs / 2,
      seed,
      name: `a site over sockets, ${name}`,
    }),
  ],
};

const attack = attacks[values.against];
if (attack === undefined) {
  console.error(`--against is one of ${Object.keys(attacks).join(', ')}.`);
  process.exit(2);
}
const folder = mkdtempSync(path.join(values.in, 'imagiq-fuzz-frames-'));
const parts: Part[] = [];
try {
  for (const isMasked of [false, true]) {
    const name = isMasked ? 'with secure aggregation' : 'open updates';
    const place = path.join(folder, isMasked ? 'masked' : 'open');
    mkdirSync(place);
    const session = await recordSession(place, isMasked);
    for (const report of await attack(session, place, name)) {
      parts.push({ ...report, seed });
      const { against, frames: given, accepted, crashes, hangs, slowestMs, rssStartMb, rssEndMb, seconds } = report;
      console.log(
        `${against}: ${given} frames, ${accepted} accepted, ${crashes} crashes, ${hangs} hangs, slowest ${slowestMs} ms (${report.slowest}), memory ${rssStartMb} to ${rssEndMb} MB, ${seconds} s.`,
      );
      for (const { index, how, what } of report.failures.slice(0, 20)) console.log(`  ${index} (${how}): ${what}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const kept = existsSync(values.out) ? (JSON.parse(readFileSync(values.out, 'utf8')) as { parts: Part[] }).parts : [];
const others = kept.filter((old) => !parts.some((part) => part.against === old.against && part.seed === old.seed));
const all = [...others, ...parts];
const sum = (of: (part: Part) => number): number => all.reduce((total, part) => total + of(part), 0);
mkdirSync(path.dirname(values.out), { recursive: true });
writeFileSync(
  values.out,
  `${JSON.stringify(
    {
      name: 'fuzz-frames',
      at: new Date().toISOString(),
      node: process.versions.node,
      frames: sum((part) => part.frames),
      connections: sum((part) => part.connections),
      accepted: sum((part) => part.accepted),
      crashes: sum((part) => part.crashes),
      hangs: sum((part) => part.hangs),
      slowestMs: Math.max(...all.map((part) => part.slowestMs)),
      parts: all,
    },
    null,
    2,
  )}\n`,
);
// A recorded federation's timers may still wait.
process.exit(parts.some(({ accepted, crashes, hangs }) => accepted + crashes + hangs > 0) ? 1 : 0);
