// The pictures of the last leak probe of each federation, kept for the person who decides. They show patients' images: they stay in the home
// folder, readable by its owner only, and go with the patient, the cohort or the membership.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { type LeakPictures, privacyCalls } from '../../contract/privacy.ts';
import type { LeakProbe } from '../../contract/leak-probe.ts';
import { writeFileDurably } from '../home/durable-file.ts';

/** Pairs kept, the likest first. */
const mostKept = 8;

const fileSchema = z.object({
  version: z.literal(1),
  cohort: z.string(),
  pictures: privacyCalls['kept-leak-probe'].out.shape.pictures.unwrap(),
});

export interface KeptPictures {
  keep(federation: string, cohort: string, probe: LeakProbe): void;
  /** Null where there are none, or none that can be read. */
  of(federation: string): LeakPictures | null;
  forget(federation: string): void;
  forgetCohorts(names: readonly string[]): void;
}

export function openLeakPictures(folder: string): KeptPictures {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (federation: string): string =>
    path.join(folder, `${createHash('sha256').update(federation).digest('hex').slice(0, 32)}.json`);
  const read = (file: string): z.infer<typeof fileSchema> | null => {
    try {
      return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      return null;
    }
  };
  return {
    keep(federation, cohort, probe) {
      const pictures = picturesOf({ ...probe, pairs: probe.pairs.slice(0, mostKept) });
      writeFileDurably(fileOf(federation), JSON.stringify({ version: 1, cohort, pictures }));
    },
    of: (federation) => read(fileOf(federation))?.pictures ?? null,
    forget: (federation) => rmSync(fileOf(federation), { force: true }),
    forgetCohorts(names) {
      for (const name of readdirSync(folder)) {
        const file = path.join(folder, name);
        const kept = read(file);
        // What cannot be read may show anybody.
        if (kept === null || names.includes(kept.cohort)) rmSync(file, { force: true });
      }
    },
  };
}

/** The pictures as JSON can say them. */
export function picturesOf({ height, width, pairs }: LeakProbe): LeakPictures {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return { height, width, pairs: pairs.map((pair) => ({ ...pair, truth: text(pair.truth), guess: text(pair.guess) })) };
}
