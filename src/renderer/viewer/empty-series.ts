// Series that show nothing by themselves, and what is said in place of their images.
import type { Instance, Series, Study } from '../../contract/dicom.ts';
import { counted } from '../ui/format.ts';

/** What is drawn or told about images. */
const derived: Readonly<Record<string, string>> = {
  SEG: 'a segmentation',
  RTSTRUCT: 'a structure set',
  RTPLAN: 'a treatment plan',
  RTDOSE: 'a dose',
  SR: 'a report',
  PR: 'a presentation state',
  KO: 'a choice of key images',
  ANN: 'annotations',
  REG: 'a registration',
};

/** What is no image, and about none. */
const other: Readonly<Record<string, string>> = {
  ECG: 'a recording (ECG)',
  HD: 'a recording (haemodynamics)',
  EPS: 'a recording (electrophysiology)',
  EEG: 'a recording (EEG)',
  EMG: 'a recording (EMG)',
  EOG: 'a recording (EOG)',
  RESP: 'a recording (respiration)',
  AU: 'a sound recording',
  DOC: 'a document',
  RWV: 'a table of real-world values',
};

/** Whether a series is about images of others: none to begin reading with. */
export function isDerived(modality: string): boolean {
  return derived[modality] !== undefined;
}

/** Whether its objects are content trees that can be read as text (PS3.3 A.35). */
export function isReport(modality: string): boolean {
  return modality === 'SR' || modality === 'KO';
}

/** Whether nobody expects images of it. */
export function isWithoutImages(modality: string): boolean {
  return isDerived(modality) || other[modality] !== undefined;
}

/** Why a series without a single image shows nothing, and what to do. */
export function emptySeriesReason({ modality }: Series, study: Study): string {
  const what = derived[modality] ?? other[modality];
  if (what === undefined)
    return 'The files of this series hold no pixels: they were stored without them, or without their size. Import the complete files.';
  const isDrawn = modality === 'SEG' || modality === 'RTSTRUCT';
  if (modality === 'PR')
    return 'This series is a presentation state: Shift P shows it on the images that it was made for.';
  if (!isDrawn) return `This series is ${what} and has no images. Its content can be read in the header (H).`;
  const hasImages = study.series.some((series) => !isDerived(series.modality));
  return hasImages
    ? `This series is ${what}: it is drawn over the images that it was made on. Open their series and press G.`
    : `This series is ${what} and has no images of its own. The images that it was made on are not in this study: import them to see it.`;
}

/** How many files of a series that has images hold none; null where all do, or none does. */
export function leftOutNote(instances: readonly Instance[]): string | null {
  const without = instances.filter(({ rows }) => rows === 0).length;
  if (without === 0 || without === instances.length) return null;
  return `${counted(without, 'file without pixels is', 'files without pixels are')} not shown`;
}
