// evaluate, and models list, show, export, import, delete.
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Fault } from '../../contract/fault.ts';
import { type GroupKind, groupKinds } from '../../contract/metrics.ts';
import { type MemberResult, modelIdOf } from '../../contract/model.ts';
import { splitNames, type SplitName } from '../../contract/training.ts';
import { contextOf } from '../context.ts';
import { followModelWork } from '../follow-model-work.ts';
import { estimateText } from '../follow-run.ts';
import { evaluationsText, headline, modelText, reportText } from '../model-text.ts';
import { probability } from '../options.ts';
import { shortened, table } from '../output.ts';
import type { StationLink } from '../station-link.ts';

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
