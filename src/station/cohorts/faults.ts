// Faults of cohorts: codes 200–299. A retired code keeps its line as a tombstone.
import { Fault } from '../../contract/fault.ts';

const howToLabel =
  'Give a CSV file with a column sopInstanceUID, file, studyInstanceUID or patientID and a column label (or name the label’s column: --label-column, in the window “Label column”).';

/** Column names for a message: at most 20, each cut at 40 characters. */
const columnList = (columns: readonly string[]): string =>
  columns.length === 0
    ? 'none'
    : columns
        .slice(0, 20)
        .map((column) => `“${column.slice(0, 40)}”`)
        .join(', ') + (columns.length > 20 ? ' …' : '');

export const cohortFaults = {
  labelsMissing: () =>
    new Fault({
      code: 200,
      message: `A cohort needs labels, and none are stored with these studies. ${howToLabel} Where they have masks, make it for segmentation (--task segmentation, in the window “Made for”).`,
      retry: 'never',
    }),
  labelsUnreadable: (file: string, why: string) =>
    new Fault({
      code: 201,
      message: `The labels file ${file} cannot be read: ${why}. Check that it exists and that you may read it. Labels that an import found with the images are used without one.`,
      retry: 'later',
    }),
  labelsEmpty: () =>
    new Fault({ code: 202, message: `The labels file has no rows below its header. ${howToLabel}`, retry: 'never' }),
  keyColumnMissing: (columns: readonly string[]) =>
    new Fault({
      code: 203,
      message: `The labels file does not say which images its rows belong to. Columns found: ${columnList(columns)}. ${howToLabel}`,
      retry: 'never',
    }),
  /** `ofIndicators`: one of several columns of 0 and 1 was wanted. */
  labelColumnMissing: (wanted: string, columns: readonly string[], { ofIndicators = false } = {}) =>
    new Fault({
      code: 204,
      message: `The labels file has no column “${wanted.slice(0, 40)}”. Columns found: ${columnList(columns)}. ${ofIndicators ? 'Name other ones (--label-columns)' : 'Name the one that holds the label: --label-column, in the window “Label column”'}.`,
      retry: 'never',
    }),
  /** The cell itself is not told: it may hold a name. */
  noIndicator: (column: string, row: number) =>
    new Fault({
      code: 256,
      message: `The column “${column.slice(0, 40)}” of the labels file holds something else than 0 and 1 (no and yes, false and true, or nothing) in row ${row}. Correct it, or name other columns (--label-columns).`,
      retry: 'never',
    }),
  nothingMatches: (key: string, rows: number, columns: readonly string[]) =>
    new Fault({
      code: 205,
      message: `None of the ${rows} rows of the labels file matches a chosen image by its column ${key}. Columns found: ${columnList(columns)}. Check that the file belongs to these studies and that the query does not leave them out.`,
      retry: 'never',
    }),
  nothingSelected: () =>
    new Fault({
      code: 206,
      message: 'No image matches this query or list of studies. Import studies first, or choose more widely.',
      retry: 'never',
    }),
  noLabelLeft: (warnings: readonly string[]) =>
    new Fault({
      code: 217,
      message: `No image is left with one clear label: ${warnings.join(' ')} Correct the labels file, then make the cohort again.`,
      retry: 'never',
    }),
  cellsEmpty: (rows: number, column: string, key: string) =>
    new Fault({
      code: 229,
      message: `None of the ${rows} rows of the labels file has both a label (column ${column.slice(0, 40)}) and a ${key}. Fill the column, or name another.`,
      retry: 'never',
    }),
  oneClassOnly: (name: string) =>
    new Fault({
      code: 207,
      message: `All labelled images belong to the class “${name.slice(0, 100)}”. A cohort needs at least two classes; add labels of another one.`,
      retry: 'never',
    }),
  tooFewPatients: (patients: number) =>
    new Fault({
      code: 208,
      message: `The labelled images come from ${patients} ${patients === 1 ? 'patient' : 'patients'}. At least 3 are needed, so that training, validation and test never share one.`,
      retry: 'never',
    }),
  tooManyClasses: (classes: number) =>
    new Fault({
      code: 209,
      message: `The label column holds ${classes} different values; at most 1000 classes can be told apart. Choose a column with classes, not with measurements or identifiers.`,
      retry: 'never',
    }),
  labelTooLong: () =>
    new Fault({
      code: 210,
      message: 'A label is longer than 100 characters. Choose the column that holds a short class name.',
      retry: 'never',
    }),
  unknownCohort: (name: string) =>
    new Fault({ code: 211, message: `There is no cohort “${name.slice(0, 64)}”. Create it first.`, retry: 'never' }),
  databaseUnusable: (why: string) =>
    new Fault({
      code: 212,
      message: `The cohorts cannot be read: ${why}. Restore cohorts.sqlite from a backup.`,
      retry: 'never',
    }),
  databaseTooNew: (found: number, known: number) =>
    new Fault({
      code: 213,
      message: `The cohorts were written by a newer version (schema ${found}, this version knows ${known}). Update the app.`,
      retry: 'never',
    }),
  nothingDecodes: (images: number, why: string) =>
    new Fault({
      code: 214,
      message: `No training image of this cohort could be read (${images} tried). The first reason: ${why}`,
      retry: 'later',
    }),
  nameInvalid: (why: string) =>
    new Fault({ code: 215, message: `A cohort cannot have this name: ${why}.`, retry: 'never' }),
  labelsTooLarge: (limitBytes: number) =>
    new Fault({
      code: 216,
      message: `The labels file is larger than ${Math.round(limitBytes / 2 ** 20)} MiB. Keep only the columns that name images and labels.`,
      retry: 'never',
    }),
  labelsTwice: () =>
    new Fault({
      code: 218,
      message: 'Labels are asked for both from a file and from what is stored with the studies. Choose one of them.',
      retry: 'never',
    }),
  noneStored: (origin: string) =>
    new Fault({
      code: 219,
      message: `No label from ${origin} is stored with these studies. ${howToLabel}`,
      retry: 'never',
    }),
  storedLabelsMatchNothing: (origin: string, labels: number) =>
    new Fault({
      code: 220,
      message: `${labels} labels from ${origin} are stored, but none belongs to a chosen image. Choose more widely, or import the labels again.`,
      retry: 'never',
    }),
  noSegmentation: (images: number) =>
    new Fault({
      code: 221,
      message: `None of the ${images} chosen images has a segmentation. Import DICOM SEG or RTSTRUCT objects of these studies, or NIfTI volumes with their masks in a folder beside (images/ and labels/).`,
      retry: 'never',
    }),
  noForeground: (segmentations: number, why: string | null) =>
    new Fault({
      code: 222,
      message: `The ${segmentations === 1 ? 'segmentation marks' : `${segmentations} segmentations mark`} nothing on the chosen images.${why === null ? '' : ` The first reason: ${why}`} Check that they belong to these images and are not empty.`,
      retry: 'never',
    }),
  labelsNotForMasks: () =>
    new Fault({
      code: 223,
      message:
        'A cohort for segmentation takes its labels from segmentations, not from a file or from stored labels. Leave the labels out, or choose another task.',
      retry: 'never',
    }),
  notFinished: (why: string) =>
    new Fault({
      code: 224,
      message: `The data set was not finished: ${why} What was written is kept; start again to go on from there.`,
      retry: 'later',
    }),
  noIndicators: (columns: readonly string[]) =>
    new Fault({
      code: 225,
      message: `The labels file has neither a column label (several labels joined by |) nor columns that hold only 0 and 1. Columns found: ${columnList(columns)}. Name the column of labels (--label-column, in the window “Label column”), or the columns of 0 and 1 (--label-columns).`,
      retry: 'never',
    }),
  emptyClass: (names: readonly string[]) =>
    new Fault({
      code: 226,
      message: `No image at all has the label ${names
        .map((name) => `“${name.slice(0, 100)}”`)
        .slice(0, 10)
        .join(', ')}. Leave this column out, or add images that have it.`,
      retry: 'never',
    }),
  otherTask: (task: string, wanted: string) =>
    new Fault({
      code: 227,
      message: `This cohort is made for ${task}, and ${wanted} is asked for. Choose a network for ${task}, or make the cohort for ${wanted}.`,
      retry: 'never',
    }),
  cancelled: () =>
    new Fault({ code: 228, message: 'Making the cohort was cancelled. Nothing of it was kept.', retry: 'now' }),
} as const;
