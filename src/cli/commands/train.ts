// train: one run from the command line, the same as the window's.
import path from 'node:path';
import { Command, Option } from 'commander';
import { engineNames, providerNames } from '../../contract/training.ts';
import { mostThreads } from '../../contract/neighbour.ts';
import { contextOf } from '../context.ts';
import { bundledNetworkNames } from '../../station/initial-trunk.ts';
import { fullId } from './models.ts';
import { followRun, tellRun } from '../follow-run.ts';
import { addHyperParameterOptions, type HyperParameterOptions, hyperParametersOf } from '../hyper-parameter-options.ts';
import { wholeNumber, wholeNumberIn } from '../options.ts';
import { addPrivacyOptions, checkPrivacyOptions, type PrivacyOptions, privacyOf } from '../privacy-options.ts';

type TrainOptions = HyperParameterOptions &
  PrivacyOptions & {
    cohort: string;
    network: string;
    from?: string;
    threads?: number;
    seed?: number;
    note?: string;
    engine: (typeof engineNames)[number];
    provider: (typeof providerNames)[number];
  };

export function trainCommand(): Command {
  const train = new Command('train')
    .description(
      'train a network on a cohort and measure it on the cohort’s test split (Ctrl+C stops it with a model so far)',
    )
    .requiredOption('--cohort <name>', 'cohort to train on (`imagiq cohort list`)')
    .option(
      '--network <name>',
      `one of ${bundledNetworkNames().join(', ')}, or a .json file with one of your own (docs/networks.md)`,
      'cnn-small',
    )
    .addOption(
      new Option(
        '--from <model>',
        'go on from this model (`imagiq models list`): its network and classes, its weights to begin with',
      ).conflicts('network'),
    )
    .option('--seed <number>', 'the same seed gives the same model on the CPU', wholeNumber)
    .option('--note <text>', 'what to call the run in the lists')
    .option('--threads <number>', 'CPU threads', wholeNumberIn(1, mostThreads))
    .addOption(new Option('--engine <engine>').choices(engineNames).default('compiled'))
    .addOption(
      new Option('--provider <provider>', 'device of the compiled engine').choices(providerNames).default('auto'),
    );
  return addPrivacyOptions(addHyperParameterOptions(train)).action(async (options: TrainOptions, command: Command) => {
    checkPrivacyOptions(command);
    const { output, withStation } = contextOf(command);
    const { cohort, network, from, engine, provider, seed } = options;
    const started = performance.now();
    const run = await withStation(
      (station) =>
        followRun(
          station,
          async () => {
            const hyperParameters = hyperParametersOf(options);
            const privacy = await privacyOf(station, options, { cohort, ...hyperParameters });
            return station.call('start-run', {
              cohort,
              ...(network.endsWith('.json')
                ? { network: '', networkFile: path.resolve(network) }
                : { network, networkFile: null }),
              from: from === undefined ? null : await fullId(station, from),
              hyperParameters: { ...hyperParameters, privacy },
              fitMemory: options.batch === 'auto',
              engine,
              provider,
              note: options.note ?? '',
              ...(seed !== undefined && { seed }),
            });
          },
          output,
        ),
      options.threads === undefined ? {} : { threads: options.threads },
    );
    tellRun(run, (performance.now() - started) / 1_000, output);
  });
}
