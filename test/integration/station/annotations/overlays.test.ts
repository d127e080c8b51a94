import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { overlayShapeSchema } from '../../../../src/contract/annotation.ts';
import { Fault } from '../../../../src/contract/fault.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';
import { dataFolder, output, python, referenceAbsence } from '../library/pixels/reference-pixels.ts';

const absence = referenceAbsence();
const script = fileURLToPath(new URL('reference-masks.py', import.meta.url));
const segmentations = [
  'dcmqi/data/segmentations/liver.dcm',
  'dcmqi/data/segmentations/partial_overlaps.dcm',
  'dcmqi/data/segmentations/sparse-labelmap-noppv.dcm',
  'dcmqi/data/segmentations/sparse-labelmap-ppv5.dcm',
  'highdicom/data/test_files/seg_image_ct_binary.dcm',
  'highdicom/data/test_files/seg_image_ct_binary_overlap.dcm',
  'highdicom/data/test_files/seg_image_ct_binary_fractional.dcm',
  'highdicom/data/test_files/seg_image_ct_true_fractional.dcm',
  'highdicom/data/test_files/seg_image_cr_binary.dcm',
  'highdicom/data/test_files/seg_image_sm_numbers.dcm',
  'highdicom/data/test_files/seg_image_sm_dots.dcm',
];
const answerSchema = z.object({
  sopInstanceUID: z.string(),
  masks: z.array(z.object({ instance: z.string(), frame: z.number(), segment: z.number(), sha256: z.string() })),
});

describe.skipIf(absence !== null)(
  `segmentations beside pydicom${absence === null ? '' : ` (skipped: ${absence})`}`,
  () => {
    let folder: string;
    let library: Library;
    let references: z.infer<typeof answerSchema>[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(path.join(tmpdir(), 'imagiq-overlays-'));
      library = openLibrary({ folder });
      const paths = ['dcmqi', 'highdicom', 'pydicom/test_files'].map((name) => path.join(dataFolder, name));
      await library.importPaths(paths, {
        mode: 'reference',
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      const files = segmentations.map((name) => path.join(dataFolder, name)).filter((name) => existsSync(name));
      const lines = (await output(python()!, [script], files.join('\n'))).trim().split('\n');
      references = lines.map((line) => answerSchema.parse(JSON.parse(line)));
    }, 60_000);

    afterAll(() => {
      library.close();
      rmSync(folder, { recursive: true });
    });

    it('give the very masks that numpy gives, on every image that they name and that is here', async () => {
      const differing: string[] = [];
      let compared = 0;
      for (const { sopInstanceUID: overlay, masks } of references) {
        const images = new Set(masks.map(({ instance, frame }) => `${instance} ${frame}`));
        for (const image of images) {
          const [instance = '', frame] = image.split(' ');
          if (library.instanceFile(instance) === null) continue;
          const { shapes } = await library.annotations.overlayShapes({
            overlayInstanceUID: overlay,
            sopInstanceUID: instance,
            frame: Number(frame),
          });
          const ours = shapes.map((shape) => {
            const { region, mask } = overlayShapeSchema.parse(shape);
            return `${region} ${createHash('sha256').update(mask!).digest('hex')}`;
          });
          const theirs = masks
            .filter((mask) => mask.instance === instance && mask.frame === Number(frame))
            .map(({ segment, sha256 }) => `${segment} ${sha256}`);
          if (JSON.stringify([...ours].sort()) !== JSON.stringify([...theirs].sort())) {
            differing.push(`${overlay} on ${image}: ${ours.length} masks, numpy ${theirs.length}`);
          }
          compared += theirs.length;
        }
      }
      expect(differing).toEqual([]);
      expect(compared).toBeGreaterThan(60);
    }, 60_000);

    it('are listed for the series that they refer to, with their labels, and for no other', async () => {
      const liver = references[0]!;
      const image = liver.masks[0]!.instance;
      const all = library.studies({
        query: '',
        filters: [],
        limit: 500,
        offset: 0,
        sortBy: 'studyDate',
        descending: true,
      });
      const withImage = all.studies
        .flatMap(({ studyInstanceUID }) => library.study(studyInstanceUID)?.series ?? [])
        .filter(({ seriesInstanceUID }) =>
          library.instances(seriesInstanceUID)?.instances.some(({ sopInstanceUID }) => sopInstanceUID === image),
        );
      expect(withImage).toHaveLength(1);
      const overlays = await library.annotations.overlays(withImage[0]!.seriesInstanceUID);
      expect(overlays.map(({ regions }) => regions.map(({ label }) => label))).toEqual([
        ['Liver'],
        ['GREEN', 'ORANGE', 'PURPLE', 'LIGHT_BLUE', 'DARK_BLUE'],
      ]);
      const another = all.studies.find(({ modalities }) => modalities.includes('MR'))!;
      const series = library.study(another.studyInstanceUID)!.series[0]!;
      expect(await library.annotations.overlays(series.seriesInstanceUID)).toEqual([]);
    });

    it('are found in a series of another modality too', async () => {
      const bytes = readFileSync(path.join(dataFolder, segmentations[0]!));
      const modality = Buffer.from('\x08\x00\x60\x00CS\x04\x00SEG ', 'latin1');
      const at = bytes.indexOf(modality);
      expect(at).toBeGreaterThan(0);
      bytes.write('OT  ', at + 8, 'latin1');
      const stranger = mkdtempSync(path.join(tmpdir(), 'imagiq-overlays-'));
      writeFileSync(path.join(stranger, 'liver.dcm'), bytes);
      const other = openLibrary({ folder: stranger });
      const options = { mode: 'reference', signal: new AbortController().signal, onProgress: () => {} } as const;
      await other.importPaths([path.join(stranger, 'liver.dcm')], options);
      // The file as it was is refused: the library has another content under its UID.
      await other.importPaths([path.join(dataFolder, 'dcmqi')], options);
      const image = references[0]!.masks[0]!.instance;
      const series = other
        .studies({ query: '', filters: [], limit: 500, offset: 0, sortBy: 'studyDate', descending: true })
        .studies.flatMap(({ studyInstanceUID }) => other.study(studyInstanceUID)?.series ?? [])
        .find(({ seriesInstanceUID }) =>
          other.instances(seriesInstanceUID)?.instances.some(({ sopInstanceUID }) => sopInstanceUID === image),
        );
      const overlays = await other.annotations.overlays(series!.seriesInstanceUID);
      other.close();
      rmSync(stranger, { recursive: true });
      expect(overlays.flatMap(({ regions }) => regions.map(({ label }) => label))).toContain('Liver');
    });

    it('are only what they are: an image is refused as an overlay', async () => {
      const [image] = references[0]!.masks;
      const asked = { overlayInstanceUID: image!.instance, sopInstanceUID: image!.instance, frame: 1 };
      const thrown = await library.annotations.overlayShapes(asked).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(Fault);
      expect((thrown as Fault).code).toBe(624);
    });
  },
);

it('an overlay that cannot be read says why, with every series of its study, whose frames say where they lie', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-unreadable-'));
  const library = openLibrary({ folder });
  try {
    const image = { uid: '1.8.1.1', study: '1.8', series: '1.8.1', patientID: '8', positionMm: 0 };
    writeFileSync(path.join(folder, 'image.dcm'), dicomFile(sliceElements(image)));
    const segmentation = path.join(folder, 'seg.dcm');
    const elements = [
      { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.66.4' },
      { tag: 0x00080018, value: '1.8.2.1' },
      { tag: 0x00080060, value: 'SEG' },
      { tag: 0x00100020, value: '8' },
      { tag: 0x0020000d, value: '1.8' },
      { tag: 0x0020000e, value: '1.8.2' },
    ];
    writeFileSync(segmentation, dicomFile(elements));
    const signal = new AbortController().signal;
    await library.importPaths([folder], { mode: 'reference', signal, onProgress: () => {} });
    writeFileSync(segmentation, 'no DICOM any more');
    const { overlays } = library.annotations;
    const frames = await library.annotations.seriesGeometry('1.8.1');
    expect(frames).toMatchObject([{ sopInstanceUID: '1.8.1.1', frame: 1, geometry: { position: [0, 0, 0] } }]);
    const [found, ...others] = await overlays('1.8.1');
    expect(others).toEqual([]);
    expect(found).toMatchObject({ sopInstanceUID: '1.8.2.1', kind: 'SEG', regions: [] });
    expect(found?.problem).toMatch(/DICOM/);
    expect(await overlays('1.8.1')).toEqual([found]);
  } finally {
    library.close();
    rmSync(folder, { recursive: true });
  }
});
