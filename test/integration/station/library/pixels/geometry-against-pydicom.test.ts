import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Frame } from '../../../../../src/contract/dicom.ts';
import { parseDataset } from '../../../../../src/station/library/parse-dataset.ts';
import { frameGeometry } from '../../../../../src/station/library/pixels/geometry.ts';
import { modalityDescription } from '../../../../../src/station/library/pixels/modality.ts';
import { modalityValues } from '../../../../../src/station/library/pixels/modality-values.ts';
import { readFrame } from '../../../../../src/station/library/pixels/read-frame.ts';
import { openWasmCodecs } from '../../../../../src/station/library/pixels/wasm-codecs.ts';
import { dataFolder, dataPaths, output, python, referenceAbsence } from './reference-pixels.ts';

const absence = referenceAbsence();
const script = fileURLToPath(new URL('reference-geometry.py', import.meta.url));
const numbers = z.array(z.number()).nullable();
const answerSchema = z.object({
  path: z.string(),
  frameOfReference: z.string().nullable().optional(),
  frames: z.array(
    z.object({
      frame: z.number(),
      position: numbers,
      orientation: numbers,
      spacing: numbers,
      thickness: numbers,
      centers: numbers,
      widths: numbers,
    }),
  ),
  step: z.number().optional(),
  units: z.array(z.number()).optional(),
});

describe.skipIf(absence !== null)(
  `frame geometry and values beside pydicom${absence === null ? '' : ` (skipped: ${absence})`}`,
  () => {
    let answers: z.infer<typeof answerSchema>[] = [];
    beforeAll(async () => {
      const lines = (await output(python()!, [script], dataPaths().join('\n'))).trim().split('\n');
      answers = lines.map((line) => answerSchema.parse(JSON.parse(line))).filter(({ frames }) => frames.length > 0);
    }, 120_000);

    it('tells the position, directions, thickness and windows of every frame that pydicom tells them of', () => {
      const differing: string[] = [];
      let positions = 0;
      for (const answer of answers) {
        const dataset = parseDataset(readFileSync(answer.path));
        for (const { frame, position, orientation, thickness, centers, widths } of answer.frames) {
          const ours = frameGeometry(dataset, frame - 1);
          const say = (what: string, one: unknown, other: unknown): void => {
            if (JSON.stringify(one) !== JSON.stringify(other)) {
              differing.push(
                `${path.relative(dataFolder, answer.path)} ${frame}: ${what} ${JSON.stringify(one)}, pydicom ${JSON.stringify(other)}`,
              );
            }
          };
          say('frame of reference', ours.frameOfReferenceUID, answer.frameOfReference ?? null);
          say('position', ours.position, position);
          say('orientation', ours.orientation, orientation);
          say('thickness', ours.sliceThicknessMm, (thickness?.[0] ?? 0) > 0 ? thickness![0] : null);
          const { windows } = modalityDescription(dataset, frame - 1);
          const theirs = (centers ?? []).map((center, index) => [center, widths?.[index]]);
          say(
            'windows',
            windows?.map(({ center, width }) => [center, width]),
            theirs,
          );
          if (position !== null && ours.position !== null) positions += 1;
        }
      }
      expect(differing).toEqual([]);
      expect(positions).toBeGreaterThan(100);
    }, 60_000);

    it('tells the pixel spacing that pydicom tells', () => {
      const differing: string[] = [];
      let spacings = 0;
      for (const { path: file, frames } of answers) {
        const dataset = parseDataset(readFileSync(file));
        for (const { frame, spacing } of frames) {
          if (spacing === null) continue;
          spacings += 1;
          const { pixelSpacingMm } = frameGeometry(dataset, frame - 1);
          if (JSON.stringify(pixelSpacingMm) !== JSON.stringify(spacing)) {
            differing.push(`${path.relative(dataFolder, file)}: ${String(pixelSpacingMm)}, pydicom ${String(spacing)}`);
          }
        }
      }
      expect(differing).toEqual([]);
      expect(spacings).toBeGreaterThan(150);
    }, 60_000);

    it('gives the modality values that pydicom gives', async () => {
      const codecs = openWasmCodecs();
      const differing: string[] = [];
      let compared = 0;
      for (const { path: file, units, step } of answers) {
        if (units === undefined || step === undefined) continue;
        const frame: Frame | null = await readFrame(readFileSync(file), 1, codecs).catch(() => null);
        if (frame === null || frame.samples !== 1) continue;
        const ours = modalityValues(frame).filter((_, index) => index % step === 0);
        // Lossy decoders may differ by a step of the stored values.
        const tolerance = Math.abs(frame.rescaleSlope) * 1.001;
        const isSame = units.every((value, index) => Math.abs(value - (ours[index] ?? Number.NaN)) <= tolerance);
        if (!isSame) differing.push(path.relative(dataFolder, file));
        compared += 1;
      }
      expect(differing).toEqual([]);
      expect(compared).toBeGreaterThan(100);
    }, 60_000);
  },
);
