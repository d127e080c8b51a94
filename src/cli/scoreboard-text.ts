// This site alone, the shared model and the ensemble side by side: by AUC, or by Dice where masks are drawn.
import type { Scoreboard } from '../contract/federation.ts';
import { estimateText } from './follow-run.ts';
import { table } from './output.ts';

type Row = Pick<Scoreboard['rows'][number], 'model' | 'auc' | 'accuracy' | 'dice'>;

export function scoreboardText(split: Scoreboard['split'], rows: readonly Row[]): string {
  const drawsMasks = rows.some(({ dice }) => dice !== null);
  return table(
    [`on ${split}`, ...(drawsMasks ? ['Dice', 'pixel accuracy'] : ['AUC', 'accuracy'])],
    rows.map(({ model, auc, accuracy, dice }) => [
      model,
      estimateText(drawsMasks ? dice : auc),
      estimateText(accuracy),
    ]),
  );
}
