// What a classifier said of an image, and where it looked, as a colour Secondary Capture (PS3.3 A.8.1) that every PACS shows: the
// image as a screen shows it, the heat map over it, and under it in letters what it is and that it is not for diagnosis.
import type { Frame } from '../../contract/dicom.ts';
import { heatPixels } from '../../contract/heat-scale.ts';
import type { Model, PredictedImage } from '../../contract/model.ts';
import { encodePart10 } from '../library/encode-part10.ts';
import { imagePixelElements } from '../library/intake/wrap-picture.ts';
import { derivedUid, element, secondaryCapture, textValue } from '../library/intake/wrapped-object.ts';
import { displayFrame } from '../library/pixels/display.ts';
import { captionStrip } from './caption.ts';
import { lossy } from './predicted-segmentation.ts';
import { code, imageReference, resultElements, resultNote, type ResultSource, weightsNote } from './result-object.ts';

/** Of the longer side: small pictures are enlarged so that the letters under them can be read, large ones made smaller. */
const [leastSide, mostSide] = [512, 1_024];
/** How strongly the heat map covers the image. */
const heatOpacity = 0.45;

export function captureUid({ weightsHash }: Model, sopInstanceUID: string): string {
  return derivedUid('capture of a prediction', weightsHash, sopInstanceUID);
}

export interface Capture {
  readonly image: PredictedImage;
  readonly frame: Frame;
  /** 0…255 on the frame's own rows × columns. */
  readonly heat: Uint8Array;
  /** Within its series of captures. */
  readonly instanceNumber: number;
}

/** Part-10 bytes. */
export function resultCapture(model: Model, capture: Capture, source: ResultSource, now: Date): Uint8Array {
  const { image, instanceNumber } = capture;
  const sopInstanceUID = captureUid(model, image.sopInstanceUID);
  const picture = pictureOf(model, capture);
  const object = {
    sopClassUID: secondaryCapture.single,
    sopInstanceUID,
    seriesInstanceUID: derivedUid('series of captures', model.weightsHash, source.seriesInstanceUID),
    seriesNumber: 9_003,
    instanceNumber,
    modality: 'OT',
    description: `${model.network} ${model.id}, research only`,
  };
  const { rows, columns, pixels } = picture;
  const reference = [
    ...imageReference(image.sopInstanceUID, source),
    ...(image.frame === null ? [] : [element('00081160', 'IS', String(image.frame))]),
    element('0040A170', 'SQ', { items: [code('121322', 'DCM', 'Source image for image processing operation')] }),
  ];
  const elements = [
    ...resultElements(model, object, source, now),
    ...imagePixelElements({ rows, columns, samples: 3, bitsAllocated: 8, bitsStored: 8, photometric: 'RGB' }),
    element('00080008', 'CS', 'DERIVED\\SECONDARY'),
    // Written by a workstation (PS3.3 C.8.6.1).
    element('00080064', 'CS', 'WSD'),
    element('00082111', 'ST', `${answers(model, image).join('; ')}. Grad-CAM. ${resultNote} ${weightsNote(model)}`),
    element('00082112', 'SQ', { items: [reference] }),
    element('00200020', 'CS', ''),
    element('00200060', 'CS', ''),
    ...lossy(source),
    // Nothing in it tells the patient (PS3.3 C.7.6.1.1).
    element('00280301', 'CS', 'NO'),
    element('00204000', 'LT', textValue(answers(model, image)[0] ?? '')),
    element('7FE00010', 'OB', { bytes: pixels }),
  ];
  return encodePart10(elements, secondaryCapture.single, sopInstanceUID, { versionName: 'IMAGIQ_MODEL' });
}

/** `nodule 0.93`, the most probable first. */
function answers({ classes }: Model, { probabilities }: PredictedImage): string[] {
  return classes
    .map((name, index) => ({ name, value: probabilities[index] ?? 0 }))
    .sort((a, b) => b.value - a.value)
    .map(({ name, value }) => `${name} ${value.toFixed(2)}`);
}

function pictureOf(
  model: Model,
  { image, frame, heat }: Capture,
): { rows: number; columns: number; pixels: Uint8Array } {
  const shown = displayFrame(frame);
  const side = Math.max(shown.rows, shown.columns);
  const scale = Math.min(mostSide, Math.max(leastSide, side)) / side;
  const [rows, columns] = [shown.rows, shown.columns].map((length) => Math.max(1, Math.round(length * scale)));
  const strip = captionStrip(
    [
      `${model.network} ${model.id}: ${answers(model, image).slice(0, 3).join(', ')}`,
      'Heat map: where the model looked. Research use only, not for diagnosis.',
    ],
    columns!,
  );
  const colours = heatPixels(heat);
  const pixels = new Uint8Array((rows! + strip.rows) * columns! * 3);
  for (let row = 0; row < rows!; row += 1) {
    const y = Math.min(shown.rows - 1, Math.floor((row + 0.5) / scale));
    for (let column = 0; column < columns!; column += 1) {
      const from = y * shown.columns + Math.min(shown.columns - 1, Math.floor((column + 0.5) / scale));
      const cover = (heatOpacity * colours[from * 4 + 3]!) / 255;
      for (let channel = 0; channel < 3; channel += 1) {
        const grey = shown.pixels[from * shown.channels + (shown.channels === 1 ? 0 : channel)]!;
        pixels[(row * columns! + column) * 3 + channel] = grey + (colours[from * 4 + channel]! - grey) * cover;
      }
    }
  }
  strip.pixels.forEach((value, at) => pixels.fill(value, (rows! * columns! + at) * 3, (rows! * columns! + at + 1) * 3));
  return { rows: rows! + strip.rows, columns: columns!, pixels };
}
