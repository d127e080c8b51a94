// Models, what they were measured at, and what an evaluation found, as the command line shows them.
import { epochsText } from '../contract/epochs-text.ts';
import { intervalCaution } from '../contract/estimate-text.ts';
import type { EvaluationReport, GroupKind, Metrics } from '../contract/metrics.ts';
import type { ModelEvaluationSummary } from '../contract/model-evaluation.ts';
import type { Model } from '../contract/model.ts';
import { promiseText } from '../contract/training-words.ts';
import { aucText, estimateText, hausdorffText } from './follow-run.ts';
import { table } from './output.ts';

/** The figure by which a task is judged. */
export function headline({ task, accuracy, auc, dice }: Pick<Metrics, 'task' | 'accuracy' | 'auc' | 'dice'>): string {
  if (task === 'segmentation') return `Dice ${estimateText(dice)}`;
  // Without positives or negatives of a class there is no AUC.
  return auc === null ? `accuracy ${estimateText(accuracy)}` : `AUC ${estimateText(auc)}`;
}

function originText({ federation, cohort, cohortHash, isEnsemble }: Model): string {
  if (federation === null) return `Trained on cohort ${cohort} (${cohortHash.slice(0, 12)})`;
  const { site, version, project } = federation;
  if (isEnsemble)
    return `Chosen here in the federation ${federation.federation}, project ${project}, for cohort ${cohort}`;
  const made = version === null ? `Made by ${site}` : `The shared model, version ${version},`;
  return `${made} in the federation ${federation.federation}, project ${project}; images are prepared as in cohort ${cohort}`;
}

/** Where a model came from and how good it is. */
export function modelText(model: Model): string {
  const { author, hyperParameters } = model;
  const promise = hyperParameters === null ? null : promiseText(hyperParameters);
  return [
    `Model ${model.id}: ${model.network} (${model.task}) for ${model.classes.join(', ')}`,
    `${originText(model)}, ${model.createdAt}`,
    ...(model.parents.length > 0
      ? [`${model.isEnsemble ? 'The mean of what these say:' : 'From'} ${model.parents.join(', ')}`]
      : []),
    ...(hyperParameters === null
      ? []
      : [
          `${epochsText(model)}, batch ${hyperParameters.batchSize}, ${hyperParameters.optimiser} at ${hyperParameters.learningRate}, seed ${model.seed}, ${model.engine} on ${model.provider}`,
          ...(promise === null ? [] : [`Privacy promise: ${promise}`]),
        ]),
    author === null
      ? model.isEnsemble
        ? 'Put together here; its members are signed.'
        : 'Not signed.'
      : `Signed by ${author.site} (${author.fingerprint.slice(0, 16)}), ${model.origin === 'imported' ? 'taken in from its file' : model.federation === null ? 'trained here' : 'which took it from the federation'}`,
    ...(model.test === null ? [] : [metricsText(model.test)]),
  ].join('\n');
}

/** Earlier evaluations, a row each. */
export function evaluationsText(evaluations: readonly ModelEvaluationSummary[]): string {
  return table(
    ['measured', 'cohort', 'split', 'images', 'patients', 'result', 'accuracy'],
    evaluations.map(({ measuredAt, cohort, cohortHash, split, examples, patients, ...figures }) => [
      measuredAt.slice(0, 16).replace('T', ' '),
      `${cohort} (${cohortHash.slice(0, 8)})`,
      split,
      examples,
      patients,
      headline(figures),
      estimateText(figures.accuracy),
    ]),
  );
}

/** What an evaluation found, also by group. @param wanted kinds of groups that were asked for */
export function reportText({ metrics, groups }: EvaluationReport, wanted: readonly GroupKind[]): string {
  const parts = [metricsText(metrics)];
  const unknown = wanted.filter((kind) => !groups.some(({ by }) => by === kind));
  if (unknown.length > 0) parts.push(`By ${unknown.join(', ')}: not known of these patients.`);
  if (groups.length > 0) {
    parts.push(
      table(
        ['by', 'group', 'patients', 'images', 'accuracy', metrics.task === 'segmentation' ? 'Dice' : 'AUC'],
        groups.map(({ by, name, patients, examples, accuracy, auc, dice }) => [
          by,
          name,
          patients,
          examples,
          estimateText(accuracy),
          estimateText(metrics.task === 'segmentation' ? dice : auc),
        ]),
      ),
    );
  }
  return parts.join('\n\n');
}

function metricsText(metrics: Metrics): string {
  const { perClass, hausdorffUnit } = metrics;
  const number = (value: number | null): string => (value === null ? 'n/a' : value.toFixed(3));
  const head =
    metrics.task === 'segmentation'
      ? `Dice ${estimateText(metrics.dice)}, ${hausdorffText(metrics)}, pixel accuracy ${estimateText(metrics.accuracy)}`
      : `accuracy ${estimateText(metrics.accuracy)}, ${aucText(metrics)}, F1 ${number(metrics.f1)}, average precision ${number(metrics.averagePrecision)}, ECE ${number(metrics.calibrationError)}`;
  const rows = perClass.map((entry) =>
    metrics.task === 'segmentation'
      ? [
          entry.name,
          number(entry.dice),
          number(entry.hausdorff95),
          number(entry.sensitivity),
          number(entry.specificity),
        ]
      : [
          entry.name,
          number(entry.sensitivity),
          number(entry.specificity),
          number(entry.auc),
          number(entry.averagePrecision),
          entry.atThreshold === null
            ? ''
            : `≥ ${entry.atThreshold.threshold.toFixed(3)}: ${estimateText(entry.atThreshold.sensitivity)}, ${estimateText(entry.atThreshold.specificity)}`,
        ],
  );
  const header =
    metrics.task === 'segmentation'
      ? ['class', 'Dice', `HD95 ${hausdorffUnit ?? ''}`, 'sensitivity', 'specificity']
      : ['class', 'sensitivity', 'specificity', 'AUC', 'AP', 'at the operating point: sensitivity, specificity'];
  const caution = intervalCaution(metrics);
  const few = caution === null ? '' : `${caution}\n`;
  return `${metrics.examples} images of ${metrics.patients} patients: ${head}\n${few}${table(header, rows)}`;
}
