// Writes what a model said into the library, beside the images: a report or a segmentation for each series when its last image came,
// a capture for each image. What an earlier run of the same model wrote stays as it is.
import { writeFileSync } from 'node:fs';
import type { Model, ResultObjectKind } from '../../contract/model.ts';
import { maskOnFrame } from '../cohorts/preprocess.ts';
import type { Library } from '../library/library.ts';
import { modelFaults } from './faults.ts';
import type { Voters } from './model-registry.ts';
import { classOfEach, type ImageResult } from './predict-studies.ts';
import { type DrawnFrame, predictedSegmentation, segmentationUid } from './predicted-segmentation.ts';
import { predictionReport, reportUid } from './prediction-report.ts';
import { captureUid, resultCapture } from './result-capture.ts';
import type { ResultSource } from './result-object.ts';
import { type StructureVolume, structureVolumes } from './structure-volumes.ts';
import { chainOf } from './voted-answers.ts';

export interface ResultWriter {
  /** Images of one series come one after the other. @throws Fault 234 where the library does not take an object */
  add(result: ImageResult): Promise<void>;
  /** Writes the last series; returns how many objects of this model on these images the library holds, and how many of them are new. */
  end(): Promise<{ held: number; fresh: number }>;
}

/** @throws Fault 242 where a kind of object is not for the model's task */
export function resultWriter(voted: Voters, kinds: readonly ResultObjectKind[], library: Library): ResultWriter {
  const { model } = voted;
  const isSegmentation = model.task === 'segmentation';
  for (const kind of kinds)
    if ((kind === 'seg' && !isSegmentation) || (kind === 'sc' && isSegmentation))
      throw modelFaults.notOfTask(kind.toUpperCase(), model.task);
  const intake = library.intake();
  let series: OpenSeries | null = null;
  let held = 0;
  let fresh = 0;

  const write = async (uid: string, bytes: () => Uint8Array | Promise<Uint8Array>): Promise<void> => {
    held += 1;
    if (library.instanceFile(uid) !== null) return;
    const file = intake.newFile();
    writeFileSync(file, await bytes(), { mode: 0o600 });
    const accepted = await intake.accept(file);
    if (accepted.kind === 'refused') throw modelFaults.notWritten(accepted.reason);
    fresh += 1;
  };

  const close = async (): Promise<void> => {
    if (series === null) return;
    const { source, results, grids } = series;
    series = null;
    const images = results.map(({ predicted }) => predicted);
    if (kinds.includes('sr'))
      await write(reportUid(model, source.seriesInstanceUID), () =>
        predictionReport(model, images, volumesOf(model, grids), source, new Date()),
      );
    for (const [grid, drawn] of kinds.includes('seg') ? grids : []) {
      const uid = segmentationUid(model, source.seriesInstanceUID, grid);
      await write(uid, () => predictedSegmentation(model, drawn, uid, source, new Date()));
    }
  };

  const capture = async ({ predicted, heat }: ImageResult, open: OpenSeries): Promise<void> => {
    await write(captureUid(model, predicted.sopInstanceUID), async () =>
      resultCapture(
        model,
        {
          image: predicted,
          frame: await library.frame(predicted.sopInstanceUID, predicted.frame ?? 1, 'ahead'),
          heat: heat!,
          instanceNumber: open.results.length,
        },
        open.source,
        new Date(),
      ),
    );
  };

  return {
    async add(result) {
      if (kinds.length === 0) return;
      if (series?.source.seriesInstanceUID !== result.predicted.seriesInstanceUID) {
        await close();
        series = { source: await sourceOf(result, library), results: [], grids: new Map() };
      }
      series.results.push({ predicted: result.predicted });
      if (isSegmentation) draw(voted, result, series);
      if (kinds.includes('sc')) await capture(result, series);
    },
    async end() {
      await close();
      await intake.flush();
      return { held, fresh };
    },
  };
}

interface OpenSeries {
  readonly source: ResultSource;
  readonly results: Pick<ImageResult, 'predicted'>[];
  /** Images of one size and frame of reference, by both. */
  readonly grids: Map<string, { rows: number; columns: number; frames: DrawnFrame[] }>;
}

/** Members that draw together see an image in one way. */
function draw({ model, voters }: Voters, { predicted, place, values }: ImageResult, { grids }: OpenSeries): void {
  const { rows, columns, geometry } = place;
  const classes = model.classes.length;
  const mask = maskOnFrame(classOfEach(values, classes), place, chainOf(voters[0]!));
  const drawn = Array.from({ length: classes - 1 }, (_, index) => pixelsOf(mask, index + 1));
  const grid = `${rows} ${columns} ${geometry.frameOfReferenceUID ?? ''}`;
  const own = grids.get(grid) ?? { rows, columns, frames: [] };
  grids.set(grid, own);
  own.frames.push({ sopInstanceUID: predicted.sopInstanceUID, frame: predicted.frame, geometry, drawn });
}

/** Of a series whose images share one grid: pieces of a structure on several are no volume of it. */
function volumesOf(model: Model, grids: OpenSeries['grids']): StructureVolume[] {
  const [grid] = grids.size === 1 ? grids.values() : [];
  return grid === undefined ? [] : structureVolumes(model.classes.slice(1), grid.frames);
}

function pixelsOf(mask: Uint8Array, label: number): Uint32Array {
  const pixels = new Uint32Array(mask.reduce((count, value) => count + (value === label ? 1 : 0), 0));
  let at = 0;
  mask.forEach((value, pixel) => {
    if (value === label) pixels[at++] = pixel;
  });
  return pixels;
}

async function sourceOf({ predicted }: ImageResult, library: Library): Promise<ResultSource> {
  const { studyInstanceUID, seriesInstanceUID, sopInstanceUID } = predicted;
  const elements = await library.header(sopInstanceUID);
  const classes = new Map(
    library.instances(seriesInstanceUID)?.instances.map((one) => [one.sopInstanceUID, one.sopClassUID]),
  );
  return {
    text: (keyword) => elements.find((line) => line.depth === 0 && line.keyword === keyword)?.value ?? '',
    studyInstanceUID,
    seriesInstanceUID,
    sopClassOf: (uid) => classes.get(uid) ?? '',
  };
}
