// How wide a column must be for what stands in it.
import type { StudyColumn } from '../../contract/browse.ts';
import type { Study } from '../../contract/dicom.ts';
import { columnKinds } from './study-columns.ts';

/** Room beside a text; a modality stands in a chip of its own. */
const besidePx = 26;
const besideChipPx = 40;

/** Width in px for the widest text of these studies and the column's own name, set in `font` (CSS); null where nothing can be measured. */
export function fittingWidthPx(column: StudyColumn, studies: readonly Study[], font: string): number | null {
  const context = document.createElement('canvas').getContext('2d');
  if (!context) return null;
  context.font = font;
  const { label, text } = columnKinds[column];
  const widths = [`${label} ▾`, ...studies.map((study) => text(study))].map(
    (shown) => context.measureText(shown).width,
  );
  return Math.max(...widths) + (column === 'modalities' ? besideChipPx : besidePx);
}
