import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { frameSchema } from '../../../../../src/contract/dicom.ts';
import { Fault } from '../../../../../src/contract/fault.ts';
import { storedValuesOf } from '../../../../../src/station/library/pixels/frame-values.ts';
import { readFrame } from '../../../../../src/station/library/pixels/read-frame.ts';
import { openWasmCodecs } from '../../../../../src/station/library/pixels/wasm-codecs.ts';
import { referenceAbsence, referenceFiles, type ReferenceFile } from './reference-pixels.ts';

const absence = referenceAbsence();
const lossy = /^1\.2\.840\.10008\.1\.2\.4\.(50|51|53|55|81|91)$/;

/** Files where the reference is known to be wrong or the file is meant to be undecodable. */
const setAside: Readonly<Record<string, string>> = {
  'SC_rgb_small_odd_big_endian.dcm': 'pydicom 2.3 does not swap 8-bit samples in words; compared with its twin below',
  'JPEG2000-embedded-sequence-delimiter.dcm': 'its codestream claims to be 3722445056 pixels wide',
};

describe.skipIf(absence !== null)(
  `decoded pixels beside pydicom and GDCM${absence === null ? '' : ` (skipped: ${absence})`}`,
  () => {
    const codecs = openWasmCodecs();
    let files: ReferenceFile[] = [];
    beforeAll(async () => {
      files = await referenceFiles();
    }, 120_000);

    const compared = (isLossy: boolean): ReferenceFile[] =>
      files.filter(
        ({ name, frames, syntax }) =>
          frames.length > 0 && lossy.test(syntax) === isLossy && !(basename(name) in setAside),
      );

    it('gives the very same values for every lossless file', async () => {
      const lossless = compared(false);
      const differing: string[] = [];
      for (const file of lossless) differing.push(...(await differences(file, 0)));
      expect(differing).toEqual([]);
      expect(lossless.length).toBeGreaterThan(100);
    }, 60_000);

    it('differs by at most one step for every lossy file', async () => {
      const differing: string[] = [];
      for (const file of compared(true)) differing.push(...(await differences(file, 1)));
      expect(differing).toEqual([]);
    }, 60_000);

    it('gives a frame or a fault with its reason for every other file', async () => {
      const unreasoned: string[] = [];
      for (const file of files.filter(({ name, error }) => error !== null || basename(name) in setAside)) {
        const outcome = await readFrame(readFileSync(file.path), 1, codecs).catch((thrown: unknown) => thrown);
        if (outcome instanceof Error && !(outcome instanceof Fault))
          unreasoned.push(`${file.name}: ${outcome.message}`);
      }
      expect(unreasoned).toEqual([]);
    });

    it('swaps 8-bit samples that were written as big-endian words', async () => {
      const [big, little] = ['SC_rgb_small_odd_big_endian.dcm', 'SC_rgb_small_odd.dcm'].map((wanted) =>
        files.find(({ name }) => basename(name) === wanted),
      );
      const frames = await Promise.all([big, little].map((file) => readFrame(readFileSync(file!.path), 1, codecs)));
      expect(frames[0]!.pixels).toEqual(frames[1]!.pixels);
    });

    it('reads progressive 12-bit JPEG, which the reference does not, to the values of its sequential twin', async () => {
      const [sequential, ...progressive] = await Promise.all(
        ['4.51', '4.53', '4.55'].map(async (syntax) => {
          const file = files.find(
            ({ name }) => basename(name).startsWith('CTImage.dcm_') && name.endsWith(`${syntax}.dcm`),
          );
          return (await readFrame(readFileSync(file!.path), 1, codecs)).pixels;
        }),
      );
      for (const pixels of progressive) expect(Buffer.compare(pixels, sequential!)).toBe(0);
    });

    async function differences(file: ReferenceFile, tolerance: number): Promise<string[]> {
      const found: string[] = [];
      for (const { frame, values } of file.frames) {
        try {
          const decoded = frameSchema.parse(await readFrame(readFileSync(file.path), frame, codecs));
          const ours = storedValuesOf(decoded);
          // GDCM leaves JPEG's YCbCr as it is; our decoder hands out RGB and says so.
          const expected =
            decoded.photometric === 'RGB' && file.photometric.startsWith('YBR_FULL') ? toRgb(values) : values;
          const furthest =
            ours.length === expected.length ? largestDifference(ours, expected) : Number.POSITIVE_INFINITY;
          if (furthest > tolerance) found.push(`${file.name} frame ${frame}: off by ${furthest}`);
        } catch (thrown) {
          found.push(`${file.name} frame ${frame}: ${String(thrown)}`);
        }
      }
      return found;
    }
  },
);

const basename = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

function largestDifference(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  let furthest = 0;
  for (let index = 0; index < ours.length; index += 1)
    furthest = Math.max(furthest, Math.abs(ours[index]! - theirs[index]!));
  return furthest;
}

function toRgb(ybr: ArrayLike<number>): Uint8ClampedArray {
  const rgb = new Uint8ClampedArray(ybr.length);
  for (let at = 0; at < ybr.length; at += 3) {
    const [y, cb, cr] = [ybr[at]!, ybr[at + 1]! - 128, ybr[at + 2]! - 128];
    rgb[at] = y + 1.402 * cr;
    rgb[at + 1] = y - 0.344136 * cb - 0.714136 * cr;
    rgb[at + 2] = y + 1.772 * cb;
  }
  return rgb;
}
