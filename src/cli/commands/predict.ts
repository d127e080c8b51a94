// predict: a model on this site's own images.
import { Command, Option } from 'commander';
import type { CallOutput } from '../../contract/calls.ts';
import { type ResultObjectKind, resultObjects } from '../../contract/model.ts';
import { contextOf } from '../context.ts';
import { followModelWork } from '../follow-model-work.ts';
import { newFile } from '../options.ts';
import { counted, table } from '../output.ts';
import { fullId } from './models.ts';

interface PredictOptions {
  model: string;
  studies?: string;
  series?: string;
  cohort?: string;
  write?: ResultObjectKind[];
  csv?: string;
}

/** Rows shown without --json; all are in the document. */
const shownRows = 40;

export function predictCommand(): Command {
  return new Command('predict')
    .description('run a model on this site’s own images; for research, not for diagnosis')
    .requiredOption('--model <id>', 'from `imagiq models list`')
    .addOption(new Option('--studies <query>', 'images of the studies found, as in `imagiq studies`; "" for all'))
    .addOption(new Option('--series <uid>', 'images of one series').conflicts(['studies', 'cohort']))
    .addOption(new Option('--cohort <name>', 'images of a cohort').conflicts(['studies', 'series']))
    .addOption(
      new Option(
        '--write <objects...>',
        'also write into the library: reports of the numbers (sr), masks (seg), pictures with heat maps (sc)',
      ).choices(resultObjects),
    )
    .option('--csv <file>', 'also write a row for each image, with all UIDs', newFile)
    .action(async ({ model, studies, series, cohort, write, csv }: PredictOptions, command: Command) => {
      if (studies === undefined && series === undefined && cohort === undefined)
        command.error('error: name the images by --studies, --series or --cohort');
      const { output, withStation } = contextOf(command);
      const found = await withStation((station) =>
        followModelWork(
          station,
          output,
          ({ done, total }) => `Image ${done} of ${total}`,
          async () => {
            const answer = await station.call('predict-studies', {
              id: await fullId(station, model),
              query: studies ?? null,
              seriesInstanceUID: series ?? null,
              cohort: cohort ?? null,
              write: write ?? [],
            });
            if (csv !== undefined) await station.call('save-predictions', { run: answer.run, file: csv });
            return answer;
          },
        ),
      );
      for (const warning of found.warnings) output.log(warning);
      output.result(found, () =>
        [
          predictionsTable(found, cohort !== undefined),
          ...(found.images.length > shownRows
            ? [`and ${found.images.length - shownRows} more: --json and --csv FILE tell all, with every UID`]
            : []),
          `Model ${found.model}${found.members.length > 0 ? `, the mean of ${found.members.join(', ')}` : ''}. ${found.use}`,
          `${counted(found.images.length, 'image')}, ${found.failures.length} that could not be read, ${counted(found.writtenNow, 'object')} written into the library${found.written > found.writtenNow ? `, ${found.written - found.writtenNow} were there already` : ''}`,
          ...(found.passedOver > 0
            ? [`${counted(found.passedOver, 'image')} of a kind that the model was not trained on: passed over`]
            : []),
          ...found.failures.slice(0, 5).map(({ reason }) => `Not read: ${reason}`),
        ].join('\n'),
      );
    });
}

/** @param isCohort whether truth and split are known */
function predictionsTable({ classes, images }: CallOutput<'predict-studies'>, isCohort: boolean): string {
  const hasFrames = images.some(({ frame }) => frame !== null);
  return table(
    [
      'patient',
      'file',
      'image',
      ...(hasFrames ? ['frame'] : []),
      ...(isCohort ? ['split', 'truth'] : []),
      'class',
      ...classes,
    ],
    images
      .slice(0, shownRows)
      .map((image) => [
        image.patientID,
        image.file,
        image.sopInstanceUID,
        ...(hasFrames ? [image.frame === null ? '' : String(image.frame)] : []),
        ...(isCohort ? [image.split ?? '', image.truth ?? ''] : []),
        image.class,
        ...image.probabilities.map((value) => value.toFixed(3)),
      ]),
  );
}
