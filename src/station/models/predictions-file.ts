// What a model said of images as a file for other programs: CSV with a row for each image.
import type { CallOutput } from '../../contract/calls.ts';
import { csvText } from '../../contract/csv-text.ts';

const columns = [
  'patient',
  'study_uid',
  'series_uid',
  'sop_uid',
  'frame',
  'file',
  'split',
  'truth',
  'trained_on',
  'answer',
] as const;

/**
 * Columns of all runs, then one for each class, of an ensemble again for each member and class, then the model and what its answers
 * may be used for.
 */
export function predictionsText({ model, members, use, classes, images }: CallOutput<'predict-studies'>): string {
  return csvText(
    [
      ...columns,
      ...classes.map((name) => `probability ${name}`),
      ...members.flatMap((member) => classes.map((name) => `${member} ${name}`)),
      'model',
      'use',
    ],
    images.map((image) => [
      image.patientID,
      image.studyInstanceUID,
      image.seriesInstanceUID,
      image.sopInstanceUID,
      image.frame === null ? '' : String(image.frame),
      image.file,
      image.split ?? '',
      image.truth ?? '',
      image.isTrainedOn ? 'yes' : '',
      image.class,
      ...image.probabilities.map(String),
      ...image.votes.flat().map(String),
      model,
      use,
    ]),
  );
}
