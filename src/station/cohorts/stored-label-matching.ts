// Brings the labels that are stored with studies together with the instances of a selection.
import type { SelectedInstance, StoredLabel } from './cohort-library.ts';

/** Label by sopInstanceUID. An instance's own label counts before its series', and that before its study's. */
export function labelsByInstance(
  stored: readonly StoredLabel[],
  selected: readonly SelectedInstance[],
): Map<string, string> {
  const byLevel = Map.groupBy(stored, ({ level }) => level);
  const index = (level: StoredLabel['level']): Map<string, string> =>
    new Map((byLevel.get(level) ?? []).map(({ uid, label }) => [uid, label]));
  const [ofInstance, ofSeries, ofStudy] = [index('instance'), index('series'), index('study')];
  const labels = new Map<string, string>();
  for (const { sopInstanceUID, seriesInstanceUID, studyInstanceUID } of selected) {
    const label = ofInstance.get(sopInstanceUID) ?? ofSeries.get(seriesInstanceUID) ?? ofStudy.get(studyInstanceUID);
    if (label !== undefined) labels.set(sopInstanceUID, label);
  }
  return labels;
}
