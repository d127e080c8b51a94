// A short run of scripts/fuzz: broken files through the real header and pixel threads, the same ones every time.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { mutated, seeded } from '../../../../scripts/fuzz/mutate.ts';
import { fuzz, type Original, originalsIn } from '../../../../scripts/fuzz/fuzz-run.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';

const collection = path.resolve(import.meta.dirname, '../../../../../shared/data/dicom');
const syntaxes = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99'];
const generated: Original[] = syntaxes.map((syntax) => ({
  name: syntax,
  bytes: dicomFile(sliceElements({ uid: '1.2.3.1.1', positionMm: 4, size: 32 }), syntax),
  isImage: true,
}));

test('300 broken files each end in a result or a reason, and no thread is lost', { timeout: 240_000 }, async () => {
  // With codecs' files where they are at hand.
  const originals = [...generated, ...(existsSync(collection) ? originalsIn(collection) : [])];
  const report = await fuzz({ files: 300, seed: 20_261_124, originals, keepIn: null });
  expect(report.failures).toEqual([]);
  expect(report).toMatchObject({ crashes: 0, hangs: 0, unexplained: 0 });
  expect(report.headers.read + report.headers.refused).toBe(300);
  expect(report.frames.decoded + report.frames.refused).toBe(300);
  // Broken enough to be refused, whole enough to reach the decoders.
  expect(report.frames.decoded).toBeGreaterThan(20);
  expect(report.frames.refused).toBeGreaterThan(50);
});

test('the same seed breaks files in the same way', () => {
  const { bytes } = generated[0]!;
  const broken = (seed: number): string => mutated(bytes, bytes, seeded(seed)).bytes.toString('hex');
  expect(broken(1)).toBe(broken(1));
  expect(broken(1)).not.toBe(broken(2));
});
