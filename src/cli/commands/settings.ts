// settings: when training may use this workstation, and how hubs are reached.
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  mostIdleMinutes,
  mostThreads,
  type Neighbour,
  type TrainingRules,
  trainingRulesSchema,
  type WeekDay,
  weekDays,
} from '../../contract/neighbour.ts';
import { contextOf } from '../context.ts';
import { type ConnectionOptions, connectionChanges, connectionText } from '../connection-options.ts';
import { proxy, wholeNumberIn } from '../options.ts';
import { counted } from '../output.ts';

interface SettingsOptions {
  idleMinutes?: number;
  hours?: { from: string; to: string } | 'any';
  days?: WeekDay[];
  battery?: TrainingRules['onBattery'];
  heat?: TrainingRules['whenHot'];
  computeShare?: number;
  threads?: number | 'auto';
  viewer?: 'yield' | 'train';
}

export function settingsCommand(): Command {
  return new Command('settings')
    .description('when training may run and how hubs are reached: without options they are shown, with options changed')
    .option(
      '--idle-minutes <number>',
      'only after so many minutes without input (window only); 0: always',
      wholeNumberIn(0, mostIdleMinutes),
    )
    .option('--hours <from-to|any>', 'only between these local times, such as 20:00-06:00', hoursOf)
    .option('--days <list>', `the days of --hours, of ${weekDays.join(',')}`, daysOf)
    .addOption(new Option('--battery <what>', 'on battery').choices(['pause', 'train']))
    .addOption(new Option('--heat <what>', 'when the machine is hot').choices(['pause', 'train']))
    .option('--compute-share <share>', 'largest share of the time that training computes, 0.05 to 1', shareOf)
    .option('--threads <number|auto>', 'CPU threads of a step', (text) =>
      text === 'auto' ? text : wholeNumberIn(1, mostThreads)(text),
    )
    .addOption(new Option('--viewer <what>', 'while images are being looked at').choices(['yield', 'train']))
    .option(
      '--proxy <address|environment|none>',
      'the HTTP proxy to hubs; environment: HTTPS_PROXY and NO_PROXY',
      proxy,
    )
    .option('--proxy-user <name>', 'its login (none: takes it away); the password is read from IMAGIQ_PROXY_PASSWORD')
    .option('--ca <file|none>', 'PEM file of further certificate authorities')
    .action(async (options: SettingsOptions & ConnectionOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { neighbour, connection } = await withStation(async (station) => {
        const known = await station.call('training-rules', {});
        const changes = changesOf(options, known.rules);
        const way = connectionChanges(options, process.env['IMAGIQ_PROXY_PASSWORD']);
        // First what may be refused: the rules were checked with the options.
        const connection =
          Object.keys(way).length > 0
            ? await station.call('change-connection-settings', way)
            : await station.call('connection-settings', {});
        const isChanged = Object.keys(changes).length > 0;
        return { neighbour: isChanged ? await station.call('change-training-rules', changes) : known, connection };
      });
      output.result({ ...neighbour, connection }, () => `${neighbourText(neighbour)}\n${connectionText(connection)}`);
    });
}

function changesOf(options: SettingsOptions, rules: TrainingRules): Partial<TrainingRules> {
  const { idleMinutes, hours, days, battery, heat, computeShare, threads, viewer } = options;
  const changes: Partial<TrainingRules> = {};
  if (idleMinutes !== undefined) changes.idleMinutes = idleMinutes;
  if (hours === 'any') changes.hours = null;
  else if (hours !== undefined || days !== undefined) {
    const before = rules.hours ?? { from: '00:00', to: '00:00', days: [...weekDays] };
    changes.hours = { ...before, ...hours, ...(days && { days }) };
  }
  if (battery !== undefined) changes.onBattery = battery;
  if (heat !== undefined) changes.whenHot = heat;
  if (computeShare !== undefined) changes.computeShare = computeShare;
  if (threads !== undefined) changes.threads = threads === 'auto' ? null : threads;
  if (viewer !== undefined) changes.yieldToViewer = viewer === 'yield';
  return changes;
}

function neighbourText({ rules, waitsFor, unkept }: Neighbour): string {
  const { hours } = rules;
  return [
    `input:   ${rules.idleMinutes === 0 ? 'trains while the workstation is used' : `only after ${rules.idleMinutes} min without input`}`,
    `hours:   ${hours === null ? 'any' : `${hours.from === hours.to ? `around the clock from ${hours.from}` : `${hours.from} to ${hours.to}`} on ${hours.days.join(', ')}`}`,
    `battery: ${rules.onBattery}s`,
    `heat:    ${rules.whenHot}s`,
    `share:   ${Math.round(rules.computeShare * 100)} % of the time, ${rules.threads === null ? 'half of the cores’ threads' : counted(rules.threads, 'thread')}`,
    `viewer:  ${rules.yieldToViewer ? 'training rests while images are looked at' : 'training goes on'}`,
    ...unkept.map((sentence) => `Note: ${sentence}`),
    waitsFor === null ? 'Training may go on now.' : `Training waits now: ${waitsFor}.`,
  ].join('\n');
}

function hoursOf(text: string): SettingsOptions['hours'] {
  if (text === 'any') return 'any';
  const [from = '', to = ''] = text.split('-');
  const parsed = trainingRulesSchema.shape.hours.safeParse({ from, to, days: ['mon'] });
  if (!parsed.success) throw new InvalidArgumentError('must be two times such as 20:00-06:00, or any.');
  return { from, to };
}

function daysOf(text: string): WeekDay[] {
  const given = text.toLowerCase().split(',');
  const known = weekDays.filter((day) => given.includes(day));
  if (known.length !== given.length) throw new InvalidArgumentError(`must be of ${weekDays.join(',')}.`);
  return known;
}

function shareOf(text: string): number {
  const parsed = trainingRulesSchema.shape.computeShare.safeParse(Number(text));
  if (!parsed.success) throw new InvalidArgumentError('must be from 0.05 to 1.');
  return parsed.data;
}
