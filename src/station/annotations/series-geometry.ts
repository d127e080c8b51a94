// Where the frames of a series lie in the patient, read from headers alone: a viewport can follow another before it has pixels.
import type { CallOutput } from '../../contract/calls.ts';
import type { Db } from '../library/database.ts';
import { absolutePath } from '../library/instance-path.ts';
import type { ObjectThreads } from './object-threads.ts';

type Frames = CallOutput<'series-geometry'>['frames'];

/** Files that a thread reads for one answer: others that wait for it get their turn between. */
const filesAtOnce = 200;
const framesLimit = 100_000;

export function seriesGeometry({ db, folder, threads }: { db: Db; folder: string; threads: ObjectThreads }) {
  const filesOf = db.prepare<[string], { sopInstanceUID: string; path: string; isCopy: number; frames: number }>(
    `SELECT i.sopInstanceUID, i.path, i.isCopy, i.frames
     FROM series r JOIN instances i ON i.series = r.id WHERE r.seriesInstanceUID = ? AND i.frames > 0`,
  );
  return async (seriesInstanceUID: string): Promise<Frames> => {
    const files = filesOf.all(seriesInstanceUID);
    const frames: Frames = [];
    for (let start = 0; start < files.length && frames.length < framesLimit; start += filesAtOnce) {
      const part = files.slice(start, start + filesAtOnce);
      const asked = part.map((file) => ({
        path: absolutePath(folder, file),
        frames: Math.min(file.frames, framesLimit),
      }));
      const answered = await threads.ask('geometry', { files: asked });
      for (const [at, geometries] of answered.entries()) {
        const { sopInstanceUID } = part[at]!;
        for (const [frame, geometry] of geometries.entries())
          frames.push({ sopInstanceUID, frame: frame + 1, geometry });
      }
    }
    return frames;
  };
}
