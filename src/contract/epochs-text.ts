// How long a model was trained, for a person: what was done, beside what was planned.
import type { Model } from './model.ts';

const endingWords = {
  'all-epochs': '',
  patience: ', ended by its patience',
  budget: ', ended by its privacy budget',
  stopped: ', stopped early',
} as const;

/** Empty of a model whose settings are not known. */
export function epochsText({
  hyperParameters,
  training,
  federation,
}: Pick<Model, 'hyperParameters' | 'training' | 'federation'>): string {
  if (hyperParameters === null) return '';
  const planned = `${hyperParameters.epochs} ${hyperParameters.epochs === 1 ? 'epoch' : 'epochs'}`;
  if (training === null) return federation === null ? `${planned} planned` : `${planned} between two updates`;
  const { epochs, steps, bestEpoch, ending } = training;
  const done = epochs === hyperParameters.epochs ? planned : `${epochs} of ${planned}`;
  const best = bestEpoch === null ? '' : `, the weights of epoch ${bestEpoch}`;
  return `${done} (${steps} ${steps === 1 ? 'step' : 'steps'})${endingWords[ending]}${best}`;
}
