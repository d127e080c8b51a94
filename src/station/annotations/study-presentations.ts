// The presentation states of a study, read when they are asked for: they are few and small.
import type { CallOutput } from '../../contract/calls.ts';
import type { Presentation } from '../../contract/presentation.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Db } from '../library/database.ts';
import { absolutePath } from '../library/instance-path.ts';
import type { ObjectThreads } from './object-threads.ts';

/** States of one study that are read; some makers keep one for each image. */
const statesLimit = 500;

export function studyPresentations({ db, folder, threads }: { db: Db; folder: string; threads: ObjectThreads }) {
  const filesOf = db.prepare<[string], { sopInstanceUID: string; path: string; isCopy: number }>(
    `SELECT i.sopInstanceUID, i.path, i.isCopy
     FROM studies s JOIN series r ON r.study = s.id JOIN instances i ON i.series = r.id
     WHERE s.studyInstanceUID = ? AND r.modality = 'PR' ORDER BY i.sopInstanceUID LIMIT ${statesLimit}`,
  );
  const countOf = db
    .prepare<[string], number>(
      `SELECT coalesce(sum(r.instances), 0) FROM studies s JOIN series r ON r.study = s.id
       WHERE s.studyInstanceUID = ? AND r.modality = 'PR'`,
    )
    .pluck();
  return async (studyInstanceUID: string): Promise<CallOutput<'presentations'>> => {
    const presentations: Presentation[] = [];
    const problems = new Set<string>();
    const states = countOf.get(studyInstanceUID) ?? 0;
    if (states > statesLimit)
      problems.add(
        `The study has ${states} presentation states: ${statesLimit} of them are read, the others are not shown.`,
      );
    const read = filesOf.all(studyInstanceUID).map(async (file) => {
      const asked = { path: absolutePath(folder, file), sopInstanceUID: file.sopInstanceUID };
      try {
        const state = await threads.ask('presentation', asked);
        if (state) presentations.push(state);
        else problems.add('Presentation states for colour or blending are not shown.');
      } catch (fault) {
        problems.add(`A presentation state cannot be read: ${faultValueOf(fault).message}`);
      }
    });
    await Promise.all(read);
    presentations.sort((a, b) => (momentOf(a) < momentOf(b) ? 1 : -1));
    return { presentations, problems: [...problems] };
  };
}

function momentOf({ createdDate, createdTime, sopInstanceUID }: Presentation): string {
  return `${createdDate} ${createdTime} ${sopInstanceUID}`;
}
