// train: one run from the command line, the same as the window's.
import { Command, Option } from 'commander';
import type { Run } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import type { Estimate } from '../../contract/metrics.ts';
import { engineNames, providerNames } from '../../contract/training.ts';
import { contextOf } from '../context.ts';
import { bundledNetworkNames } from '../../station/initial-trunk.ts';
import { positiveInteger, positiveNumber, wholeNumber } from '../options.ts';
import type { StationLink } from '../station-link.ts';

interface TrainOptions {
  cohort: string;
  network: string;
  epochs?: number;
  batch?: number;
  learningRate?: number;
  threads?: number;
  seed?: number;
  engine: (typeof engineNames)[number];
  provider: (typeof providerNames)[number];
}

export function trainCommand(): Command {
  return new Command('train')
    .description('train a network on a cohort and measure it on the cohort’s test split')
    .requiredOption('--cohort <name>', 'cohort to train on (`imagiq cohort list`)')
    .option('--network <name>', `one of ${bundledNetworkNames().join(', ')}`, 'cnn-small')
    .option('--seed <number>', 'the same seed gives the same model on the CPU', wholeNumber)
    .option('--epochs <number>', 'passes over the training split', positiveInteger)
    .option('--batch <number>', 'images per step', positiveInteger)
    .option('--learning-rate <number>', 'first learning rate', positiveNumber)
    .option('--threads <number>', 'CPU threads', positiveInteger)
    .addOption(new Option('--engine <engine>').choices(engineNames).default('compiled'))
    .addOption(
      new Option('--provider <provider>', 'device of the compiled engine').choices(providerNames).default('auto'),
    )
    .action(async (options: TrainOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const run = await withStation(
        async (station) => {
          const started = performance.now();
          const ended = await trainToEnd(station, options, (current) => output.progress(progressText(current)));
          return { ...ended, seconds: (performance.now() - started) / 1000 };
        },
        options.threads === undefined ? {} : { threads: options.threads },
      );
      // A run that is done but could not be written down has a model to tell of all the same.
      if (run.fault && run.state === 'failed') throw new Fault(run.fault);
      if (run.fault) output.log(run.fault.message);
      const { epochs, test, weightsFile } = run.outcome ?? { epochs: run.epochs, test: null, weightsFile: null };
      output.result(
        {
          epochs,
          test,
          model: weightsFile,
          seconds: run.seconds,
          state: run.state,
          imagesPerSecond: run.outcome?.imagesPerSecond ?? null,
          provider: run.outcome?.provider ?? null,
        },
        () => runText(run),
      );
      if (run.state !== 'done') process.exitCode = 1;
    });
}

async function trainToEnd(station: StationLink, options: TrainOptions, onChange: (run: Run) => void): Promise<Run> {
  const hyperParameters = {
    ...(options.epochs !== undefined && { epochs: options.epochs }),
    ...(options.batch !== undefined && { batchSize: options.batch }),
    ...(options.learningRate !== undefined && { learningRate: options.learningRate }),
  };
  const early: Run[] = [];
  let hear = (run: Run): void => void early.push(run);
  const stopListening = station.listen('run-changed', (run) => hear(run));
  const { cohort, network, engine, provider } = options;
  const { id } = await station.call('start-run', {
    cohort,
    network,
    hyperParameters,
    engine,
    provider,
    ...(options.seed !== undefined && { seed: options.seed }),
  });
  // A run that ended meanwhile refuses to be stopped: its end is told below.
  const stop = (): void => void station.call('stop-run', { id }).catch(() => {});
  process.once('SIGINT', stop);
  try {
    return await new Promise<Run>((resolve) => {
      hear = (run) => {
        if (run.id !== id) return;
        onChange(run);
        if (run.state !== 'running') resolve(run);
      };
      early.forEach(hear);
    });
  } finally {
    process.off('SIGINT', stop);
    stopListening();
  }
}

function progressText({ progress }: Run): string {
  if (!progress) return 'Preparing the data …';
  const { epoch, epochs, step, steps, loss, imagesPerSecond, secondsLeft, state } = progress;
  const left = secondsLeft === null ? '' : `, ${Math.ceil(secondsLeft)} s left`;
  return `${state} epoch ${epoch}/${epochs} step ${step}/${steps}, loss ${loss.toFixed(4)}, ${imagesPerSecond.toFixed(0)} images/s${left}`;
}

function runText(run: Run): string {
  const lines = run.epochs.map(({ epoch, loss, validation }) => {
    const measured = validation
      ? `, validation accuracy ${estimateText(validation.accuracy)}, AUC ${estimateText(validation.auc)}`
      : '';
    return `epoch ${epoch}: loss ${loss.toFixed(4)}${measured}`;
  });
  const test = run.outcome?.test;
  if (test)
    lines.push(
      `test (${test.patients} patients): accuracy ${estimateText(test.accuracy)}, AUC ${estimateText(test.auc)}, ECE ${test.calibrationError.toFixed(3)}`,
    );
  if (run.outcome) lines.push(`model ${run.outcome.weightsFile}`);
  if (run.state !== 'done') lines.push(`The run is ${run.state}.`);
  return lines.join('\n');
}

export function estimateText(estimate: Estimate): string {
  if (!estimate) return 'n/a';
  return `${estimate.value.toFixed(3)} [${estimate.low.toFixed(3)}, ${estimate.high.toFixed(3)}]`;
}
