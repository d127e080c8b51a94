// Which images of a study are seen first, and side by side: by what their headers say, and as before where they say nothing.
import type { Series, Study } from '../../contract/dicom.ts';
import type { Projection } from '../../contract/hanging.ts';
import { isDerived } from './empty-series.ts';
import { type View, wholeImage } from './placement.ts';

/** An image in its viewport, mirrored and justified so that it is seen as it is read. */
export interface Hung {
  readonly image: Projection;
  readonly view: Pick<View, 'isFlippedHorizontally' | 'isFlippedVertically' | 'justified'>;
}

export interface Hanging {
  /** The name of a layout. */
  readonly layout: '1 × 2' | '2 × 2';
  /** In the order of the viewports; null: left empty. */
  readonly places: readonly (Hung | null)[];
}

/** Modalities of volumes, whose longest series is what the study was made for. */
const volumes = new Set(['CT', 'MR', 'PT']);

/** The series to begin with: of CT, MR and PET the longest, so that localizers come last; else the first with images. */
export function firstSeries({ series }: Study): Series | undefined {
  const pictures = series.filter(({ modality }) => !isDerived(modality));
  const [first] = pictures;
  if (!first || !volumes.has(first.modality)) return first ?? series[0];
  const ofVolumes = pictures.filter(({ modality }) => volumes.has(modality));
  return ofVolumes.reduce((longest, one) => (one.frames > longest.frames ? one : longest), first);
}

/** Null where the headers ask for nothing: the images are shown as they come. */
export function hangingOf(images: readonly Projection[]): Hanging | null {
  const shown = images.filter(({ isForProcessing }) => !isForProcessing);
  return mammograms(shown.filter(({ modality }) => modality === 'MG')) ?? radiographs(shown);
}

/** R CC and L CC over R MLO and L MLO; of fewer, a pair side by side. */
function mammograms(images: readonly Projection[]): Hanging | null {
  const of = (laterality: string, view: string): Hung | null => {
    const image = images.find((one) => one.laterality === laterality && one.view === view);
    return image ? mirrored(image) : null;
  };
  const [rightCc, leftCc, rightMlo, leftMlo] = [of('R', 'CC'), of('L', 'CC'), of('R', 'MLO'), of('L', 'MLO')];
  const found = [rightCc, leftCc, rightMlo, leftMlo].filter((one) => one !== null);
  if (found.length < 2) return null;
  // A pair of one view, or of one side. Two of different sides and views are seen where they belong.
  const isDiagonal = found.length === 2 && ((rightCc && leftMlo) || (leftCc && rightMlo));
  if (found.length === 2 && !isDiagonal) return { layout: '1 × 2', places: found };
  return { layout: '2 × 2', places: [rightCc, leftCc, rightMlo, leftMlo] };
}

/**
 * The chest wall of the right breast on the right, of the left on the left, and at the edge of its viewport; lateral up in CC, head up
 * in MLO. Without PatientOrientation nobody knows, and nothing is mirrored or justified.
 */
function mirrored(image: Projection): Hung {
  const { laterality, view, patientOrientation } = image;
  const [row = '', column = ''] = patientOrientation ?? [];
  // Rows of a right breast lead to the back, columns of CC to the middle of the body: the patient's left.
  const [wrongRow, wrongColumn] = [laterality === 'R' ? 'A' : 'P', view === 'MLO' ? 'H' : laterality];
  const isFlippedHorizontally = row.startsWith(wrongRow);
  const isFlippedVertically = column.startsWith(wrongColumn);
  const justified = !/^[AP]/.test(row) ? 'middle' : laterality === 'R' ? 'right' : 'left';
  return { image, view: { isFlippedHorizontally, isFlippedVertically, justified } };
}

const frontal = new Set(['PA', 'AP']);
const lateral = new Set(['LL', 'RL', 'LATERAL']);

/** Frontal beside lateral. */
function radiographs(images: readonly Projection[]): Hanging | null {
  const ofRadiography = images.filter(({ modality }) => modality === 'CR' || modality === 'DX');
  const pair = [frontal, lateral].map((views) => ofRadiography.find(({ view }) => views.has(view)));
  if (pair.includes(undefined)) return null;
  return { layout: '1 × 2', places: pair.map((image) => (image ? { image, view: wholeImage } : null)) };
}
