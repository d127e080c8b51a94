// labels: what labels the library holds, and labels read out of segmentations, structure sets and reports.
import { readFile } from 'node:fs/promises';
import { Argument, Command, Option } from 'commander';
import { Fault } from '../../contract/fault.ts';
import { type LabelReport, labelSources } from '../../contract/label-source.ts';
import { decodeText, parseDelimitedText } from '../../station/cohorts/delimited-text.ts';
import { contextOf } from '../context.ts';
import { counted, shortened, table } from '../output.ts';

/** Refused objects and offered labels listed in text mode; --json lists all. */
const linesShown = 20;
/** Regions of one object that gave no label for one reason. */
const namesShown = 3;

export function labelsCommand(): Command {
  return new Command('labels')
    .description('labels that came with the studies')
    .addCommand(listCommand())
    .addCommand(fromCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('where labels come from, and how many there are')
    .action(async (_options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const found = await withStation((station) => station.call('stored-labels', {}));
      output.result(found, () =>
        found.origins.length === 0
          ? 'No labels yet. `imagiq labels from seg|rtstruct|sr` reads them out of the library.'
          : table(
              ['origin', 'labels'],
              found.origins.map(({ origin, labels }) => [origin, labels]),
            ),
      );
    });
}

interface FromOptions {
  readonly query: string;
  readonly level: 'instance' | 'series';
  readonly segment?: string;
  readonly concept?: string;
  readonly negatives?: string | true;
  readonly map?: string;
}

function fromCommand(): Command {
  return new Command('from')
    .description(
      'read labels out of the library’s objects; they replace earlier ones of the same origin; with --query, only those of the studies that match',
    )
    .addArgument(
      new Argument('<source>', 'segmentations, structure sets or reports').choices(
        labelSources.map((one) => one.toLowerCase()),
      ),
    )
    .option('--query <text>', 'only objects of the studies that match', '')
    .addOption(
      new Option('--level <level>', 'label each image or the series')
        .choices(['instance', 'series'])
        .default('instance'),
    )
    .option('--segment <label>', 'only this segment or ROI; without it all of them, joined by " + "')
    .option('--concept <name>', 'of reports: the concept whose value is the label; without it the finding')
    .option('--negatives [label]', 'label what the referenced series hold besides (default label: none)')
    .option('--map <file>', 'CSV of two columns: a label as it is written, and as it is wanted (empty leaves it out)')
    .action(async (source: string, options: FromOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const origin = labelSources.find((one) => one.toLowerCase() === source)!;
      const map = options.map === undefined ? [] : await readMap(options.map);
      const report = await withStation((station) => {
        const cancelling = new AbortController();
        const cancel = (): void => {
          output.log('Cancelling; no label is changed.');
          cancelling.abort();
        };
        process.once('SIGINT', cancel);
        station.listen('labels-progress', ({ done, found }) => output.progress(`Read ${done} of ${found} objects`));
        const asked = {
          origin,
          query: options.query,
          level: options.level,
          choice: (origin === 'SR' ? options.concept : options.segment) ?? null,
          negative: options.negatives === true ? 'none' : (options.negatives ?? null),
          map,
        } as const;
        return station.call('read-labels', asked, cancelling.signal).finally(() => process.off('SIGINT', cancel));
      });
      output.result(report, () => reportText(report, origin));
    });
}

async function readMap(file: string): Promise<{ from: string; to: string }[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch {
    throw new Fault({ code: 812, message: `The map ${file} cannot be read.`, retry: 'never' });
  }
  const { columns, rows } = parseDelimitedText(decodeText(bytes));
  if (columns.length !== 2) {
    const found = `it has ${counted(columns.length, 'column')}${columns.length > 2 ? ` (${columns.join(', ')})` : ''}`;
    throw new Fault({
      code: 813,
      message: `The map ${file} needs two columns, a label as it is written and as it is wanted, below a line of headings: ${found}.`,
      retry: 'never',
    });
  }
  return rows.map(([from = '', to = '']) => ({ from, to }));
}

function reportText(report: LabelReport, origin: string): string {
  const { objects, read, saved, notHere, labels, offered, refused, unlabelledCount } = report;
  const lines = [`${read} of ${counted(objects, `${origin} object`)} read: ${counted(saved, 'label')} kept.`];
  if (notHere > 0)
    lines.push(`${notHere} of them ${notHere === 1 ? 'waits' : 'wait'} for images that are not in this library.`);
  if (labels.length > 0)
    lines.push(
      table(
        ['label', 'count'],
        labels.slice(0, linesShown).map(({ label, count }) => [shortened(label), count]),
      ),
    );
  if (saved === 0 && offered.length > 0) {
    lines.push('Nothing was labelled; earlier labels stay. The objects offer:');
    for (const { label, count } of offered.slice(0, linesShown)) lines.push(`  ${label} (${count})`);
  }
  for (const { sopInstanceUID, reason } of refused.slice(0, linesShown))
    lines.push(`  refused ${sopInstanceUID}: ${reason}`);
  if (unlabelledCount > 0) lines.push(...unlabelledLines(report));
  if (saved > 0) lines.push(`\`imagiq cohort create NAME --labels-from ${origin}\` makes a cohort of them.`);
  return lines.join('\n');
}

/** Those of one reason follow one another. */
function unlabelledLines({ unlabelled, unlabelledCount, saved }: LabelReport): string[] {
  const shown = [...unlabelled]
    .sort((one, other) => (one.reason < other.reason ? -1 : Number(one.reason > other.reason)))
    .slice(0, linesShown)
    .map(({ sopInstanceUID, regions, count, reason }) => {
      const names = regions.slice(0, namesShown).map((region) => `“${shortened(region)}”`);
      const more = count > names.length ? ` and ${count - names.length} more` : '';
      return `  ${names.length === 0 ? '' : `${names.join(', ')}${more} of `}${sopInstanceUID}: ${reason}`;
    });
  const more = unlabelledCount - shown.length;
  const listed = unlabelled.length === unlabelledCount ? 'all' : `the first ${unlabelled.length}`;
  return [
    saved > 0 ? 'No label came of:' : 'Why no label came of them:',
    ...shown,
    ...(more > 0 ? [`  … and ${more} more (--json lists ${listed})`] : []),
  ];
}
