// How many frames of images an instance holds: a segmentation says what is on an image, and is none.
import type { InstanceRecord } from './instance-record.ts';

/** Segmentation and Label Map Segmentation Storage. */
const segmentationClasses: readonly string[] = ['1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7'];

/** As an SQL condition on the columns of an instance, which the table is called `i` of. */
export const isImageSql = `i.sopClassUID NOT IN (${segmentationClasses.map((uid) => `'${uid}'`).join(', ')}) AND i.frames > 0 AND i."rows" > 0 AND i."columns" > 0`;

export function imageFrames({ sopClassUID, frames, rows, columns }: InstanceRecord): number {
  return rows > 0 && columns > 0 && !segmentationClasses.includes(sopClassUID) ? frames : 0;
}
