// What a run's record makes of the trainer's news.
import type { Run } from '../../contract/calls.ts';
import type { Epoch, TrainProgress } from '../../contract/training.ts';
import { thinnedLosses } from './run-record.ts';

/** Notes kept of a run; beyond them the newest are left out, as the same thing probably happens over and over. */
const maxNotes = 100;

export function withProgress(run: Run, progress: TrainProgress): Run {
  // A resumed run makes the steps after its checkpoint again.
  const first = progress.losses[0]?.[0] ?? Infinity;
  const losses = thinnedLosses([
    ...run.losses.filter(([step]) => step < first),
    ...progress.losses.filter(([, loss]) => Number.isFinite(loss)),
  ]);
  return { ...run, progress, losses };
}

export function withEpoch(run: Run, epoch: Epoch): Run {
  // A resumed run tells its earlier epochs again.
  const others = run.epochs.filter((known) => known.epoch !== epoch.epoch);
  return { ...run, epochs: [...others, epoch].sort((one, other) => one.epoch - other.epoch) };
}

export function withNote(run: Run, note: string): Run {
  return { ...run, notes: [...new Set(run.notes).add(note)].slice(0, maxNotes) };
}

/** Building a data set reports each image: a window needs each percent at most. Null where nothing is new. */
export function withPreparing(
  run: Run,
  { done, total, waitsFor }: { readonly done: number; readonly total: number; readonly waitsFor: string | null },
): Run | null {
  const preparing = total > 0 ? Math.floor((100 * done) / total) / 100 : 0;
  return preparing === run.preparing && waitsFor === run.waitsFor ? null : { ...run, preparing, waitsFor };
}
