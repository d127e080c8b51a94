// evaluate, and models list, show, export, import, delete.
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Fault } from '../../contract/fault.ts';
import type { EvaluationReport, GroupKind, Metrics } from '../../contract/metrics.ts';
import { groupKinds } from '../../contract/metrics.ts';
import type { ModelEvaluationSummary } from '../../contract/model-evaluation.ts';
import { epochsText } from '../../contract/epochs-text.ts';
import { intervalCaution } from '../../contract/estimate-text.ts';
import { type MemberResult, type Model, modelIdOf } from '../../contract/model.ts';
import { promiseText } from '../../contract/training-words.ts';
import { splitNames, type SplitName } from '../../contract/training.ts';
import { contextOf } from '../context.ts';
import { followModelWork } from '../follow-model-work.ts';
import { probability } from '../options.ts';
import { shortened, table } from '../output.ts';
import type { StationLink } from '../station-link.ts';
import { aucText, estimateText, hausdorffText } from '../follow-run.ts';

interface EvaluateOptions {
  model: string;
  cohort?: string;
  split: SplitName;
  by?: GroupKind[];
  sensitivity?: number;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('measure a model on a split of a cohort')
    .requiredOption('--model <id>', 'from `imagiq models list`')
    .option(
      '--cohort <name>',
      'cohort to measure it on; its classes must be among the model’s (default: the one that it was trained on here)',
    )
    .addOption(new Option('--split <split>', 'images of the cohort').choices(splitNames).default('test'))
    .addOption(new Option('--by <groups...>', 'also for each group of patients').choices(groupKinds))
    .option(
      '--sensitivity <share>',
      'operate where the cohort’s validation images reach this sensitivity, not where the model’s own thresholds lie',
      probability,
    )
    .action(async ({ model, cohort, split, by, sensitivity }: EvaluateOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const result = await withStation((station) =>
        followModelWork(
          station,
          output,
          ({ work, done, total }) => (work === 'preparing' ? `Preparing image ${done} of ${total}` : 'Measuring …'),
          async () => {
            const id = await fullId(station, model);
            const measured = cohort ?? (await ownCohort(station, id));
            const asked = { id, cohort: measured, split, by: by ?? [], sensitivity: sensitivity ?? null };
            return { cohort: measured, ...(await station.call('evaluate-model', asked)) };
          },
        ),
      );
      output.result({ model, split, ...result }, () =>
        [
          `On cohort ${result.cohort}, split ${split}:`,
          reportText(result.report, by ?? []),
          ...membersText(result.members),
        ].join('\n'),
      );
    });
}

/**
 * The cohort that a model was trained on, in that very version: another site's of the same name holds other images.
 * @throws Fault 820 where it is not here
 */
async function ownCohort(station: StationLink, id: string): Promise<string> {
  const { cohort, cohortHash } = (await station.call('model', { id })).model;
  const { cohorts } = await station.call('cohorts', {});
  if (cohorts.some(({ name, hash }) => name === cohort && hash === cohortHash)) return cohort;
  const message = `The cohort “${cohort}” that model ${id} was trained on is not here as it was then. Say on which to measure it: --cohort NAME (\`imagiq cohort list\`).`;
  throw new Fault({ code: 820, message, retry: 'never' });
}

/** How each member of an ensemble does alone. */
function membersText(members: readonly MemberResult[]): string[] {
  if (members.length === 0) return [];
  const rows = members.map(({ model, metrics }) => [model, headline(metrics), estimateText(metrics.accuracy)]);
  return ['', 'Its members alone:', table(['model', 'result', 'accuracy'], rows)];
}

const isGraph = (file: string): boolean => file.toLowerCase().endsWith('.onnx');

/** The name's ending says what is written: another one would hide which of the two it is. */
function exportFile(file: string): string {
  if (!isGraph(file) && !file.toLowerCase().endsWith('.imagiq-model'))
    throw new InvalidArgumentError('must end in .onnx or .imagiq-model.');
  return file;
}

export function modelsCommand(): Command {
  const models = new Command('models').description('the models that were trained or taken in here');
  models
    .command('list')
    .description('list the models, newest first')
    .action(async (_options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const {
        models: all,
        damaged,
        runs,
      } = await withStation(async (station) => {
        const { runs } = await station.call('runs', {});
        return { ...(await station.call('models', {})), runs };
      });
      const notes = new Map(
        runs.map((run) => [run.outcome === null ? '' : modelIdOf(run.outcome.weightsFile), run.note]),
      );
      for (const id of damaged) output.log(damagedText(id));
      output.result({ models: all, damaged }, () =>
        table(
          ['id', 'network', 'task', 'cohort', 'made', 'author', 'test', 'note'],
          all.map((model) => [
            model.id,
            model.network,
            model.task,
            model.cohort,
            model.createdAt.slice(0, 16).replace('T', ' '),
            model.origin === 'imported' ? (model.author?.site ?? '?') : (model.federation?.federation ?? 'this site'),
            model.test === null ? '' : headline(model.test),
            shortened(notes.get(model.id) ?? ''),
          ]),
          'No models yet. `imagiq train` makes one, `imagiq models import` takes one in.',
        ),
      );
    });
  models
    .command('show')
    .argument('<id>')
    .description('show where a model came from and how good it is')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { model, evaluations } = await withStation(async (station) => {
        const found = await station.call('model', { id: await fullId(station, id) });
        return { ...found, ...(await station.call('model-evaluations', { model: found.model.id })) };
      });
      output.result({ ...model, evaluations }, () =>
        [modelText(model), ...(evaluations.length > 0 ? [evaluationsText(evaluations)] : [])].join('\n\n'),
      );
    });
  models
    .command('export')
    .argument('<id>')
    .argument(
      '<file>',
      'ending .onnx: an inference graph for any ONNX Runtime; .imagiq-model: a signed file for another ImagiQ',
      exportFile,
    )
    .description('write a model as a file')
    .action(async (id: string, file: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const format = isGraph(file) ? 'onnx' : 'imagiq';
      const written = await withStation(async (station) =>
        station.call('export-model', { id: await fullId(station, id), file: path.resolve(file), format }),
      );
      output.result({ ...written, format }, () => `${written.file} (${written.bytes} bytes)`);
    });
  models
    .command('import')
    .argument('<file>', 'a signed file from `imagiq models export`')
    .description('take in another site’s model; nothing of it is executed, and a file that was changed is refused')
    .action(async (file: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const model = await withStation((station) => station.call('import-model', { file: path.resolve(file) }));
      if (model.isKnown) output.log('This model is here already: nothing changed.');
      output.result(model, () => modelText(model));
    });
  models
    .command('delete')
    .argument('<id>')
    .description('delete a model and its weights')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      await withStation(async (station) => station.call('delete-model', { id: await fullId(station, id) }));
      output.result({ deleted: id }, () => `Model ${id} deleted.`);
    });
  return models;
}

const damagedText = (id: string): string =>
  `The record of model ${id} is damaged: import its file again, or delete it with \`imagiq models delete ${id}\`.`;

/** An id may be shortened as far as it names one model. @throws Fault 817 when it names none or several */
export async function fullId(station: StationLink, id: string): Promise<string> {
  const { models, damaged } = await station.call('models', {});
  const ids = [...models.map((model) => model.id), ...damaged];
  const found = ids.filter((one) => id !== '' && one.startsWith(id));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const message =
    only === undefined
      ? `There is no model “${id}”. \`imagiq models list\` shows those of this site.`
      : `“${id}” is the beginning of ${found.length} models (${found.join(', ')}). Give more of it.`;
  throw new Fault({ code: 817, message, retry: 'never' });
}

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

function modelText(model: Model): string {
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

function evaluationsText(evaluations: readonly ModelEvaluationSummary[]): string {
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

function reportText({ metrics, groups }: EvaluationReport, wanted: readonly GroupKind[]): string {
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
