import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../../../../../src/contract/fault.ts';
import { openPixelWorkers, type PixelWorkers } from '../../../../../src/station/library/pixels/pixel-workers.ts';
import {
  dicomFile,
  encoded,
  littleEndian,
  picture,
  syntaxes,
} from '../../../../unit/station/library/pixels/dicom-files.ts';
import { losslessJpeg } from '../../../../unit/station/library/pixels/lossless-jpeg.ts';

const realFiles = [
  'pydicom/test_files/JPGExtended.dcm',
  'pydicom/test_files/SC_rgb_jpeg_dcmtk.dcm',
  'pydicom/test_files/examples_ybr_color.dcm',
  'pydicom/test_files/SC_rgb_rle_16bit_2frame.dcm',
  'pydicom/test_files/GDCMJ2K_TextGBR.dcm',
  'pydicom/test_files/liver_expb_1frame.dcm',
  'pydicom/test_files/image_dfl.dcm',
  'highdicom/data/test_files/sm_image_jpegls_nobot.dcm',
  'cornerstone-ct-14ts/CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm',
].map((name) => fileURLToPath(new URL(`../../../../../../shared/data/dicom/${name}`, import.meta.url)));

/** The same numbers on every run (mulberry32), so that a failure can be looked at again. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function damaged(file: Uint8Array, below: (most: number) => number): Uint8Array {
  const bytes = Uint8Array.from(file);
  // Half of the hits fall on the header and the codestream's first bytes, where sizes and tables stand.
  const place = (): number => (below(2) === 0 ? below(bytes.length) : 132 + below(Math.min(1200, bytes.length - 132)));
  switch (below(4)) {
    case 0:
      for (let hits = 1 + below(12); hits > 0; hits -= 1) bytes[place()] = below(256);
      return bytes;
    case 1:
      for (let hits = 1 + below(4); hits > 0; hits -= 1) bytes[place()] = below(2) * 255;
      return bytes;
    case 2:
      return bytes.subarray(0, 140 + below(bytes.length - 140));
    default: {
      const from = place();
      const removed = 1 + below(40);
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + removed)]);
    }
  }
}

describe('damaged files', () => {
  let folder = '';
  let workers: PixelWorkers;
  const originals: Uint8Array[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imagiq-damaged-pixels-'));
    workers = openPixelWorkers(2, { limitMs: 20_000 });
    const shape = { rows: 48, columns: 40 };
    const values = picture(48, 40, 1, 16);
    const lossless = losslessJpeg(values, { ...shape, components: 1, precision: 16, predictor: 1, restartRows: 8 });
    originals.push(
      dicomFile({ ...shape, syntax: syntaxes.explicitBig, pixels: littleEndian(values, 16) }),
      dicomFile({ ...shape, syntax: syntaxes.jpegLossless, pixels: [lossless] }),
    );
    for (const codec of ['jpegLs', 'jpeg2000', 'htj2k'] as const) {
      const pixels = [await encoded(codec, values, { ...shape, samples: 1, bits: 16 })];
      originals.push(dicomFile({ ...shape, syntax: syntaxes[codec], pixels }));
    }
    for (const file of realFiles.filter((name) => existsSync(name))) originals.push(await readFile(file));
  });
  afterAll(async () => {
    await workers.close();
    await rm(folder, { recursive: true });
  });

  it('give a frame or a fault that says why, and never hang or kill a worker', async () => {
    const below = numbersFrom(20_260);
    const seen = new Map<number, number>();
    for (let round = 0; round < 25; round += 1) {
      await Promise.all(
        originals.map(async (original, index) => {
          const file = path.join(folder, `${index}-${round}.dcm`);
          await writeFile(file, damaged(original, below));
          const outcome = await workers.frame(file, 1).catch((thrown: unknown) => thrown);
          await rm(file);
          if (!(outcome instanceof Error)) return seen.set(0, (seen.get(0) ?? 0) + 1);
          const code = outcome instanceof Fault ? outcome.code : -1;
          seen.set(code, (seen.get(code) ?? 0) + 1);
          return code;
        }),
      );
    }
    const unwanted = [...seen.keys()].filter((code) => code !== 0 && code !== 107 && (code < 150 || code > 157));
    expect(unwanted).toEqual([]);
    expect(seen.get(0)).toBeGreaterThan(20);
    expect(seen.get(155)).toBeGreaterThan(20);
  }, 120_000);
});
