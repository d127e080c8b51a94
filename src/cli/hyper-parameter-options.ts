// The hyper-parameters as options of `train`: names and limits are the contract's, each value is checked before anything
// is opened.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import {
  type HyperParameters,
  hyperParametersSchema,
  lossNames,
  optimiserNames,
  scheduleNames,
} from '../contract/training.ts';

type NumberName = {
  [Name in keyof HyperParameters]: HyperParameters[Name] extends number ? Name : never;
}[keyof HyperParameters];

const numbers: readonly (readonly [NumberName, string])[] = [
  ['epochs', 'passes over the training split'],
  ['learningRate', 'highest learning rate'],
  ['warmupSteps', 'steps over which the learning rate first rises'],
  ['stepEpochs', 'with --schedule step: the rate falls after every so many epochs'],
  ['stepFactor', 'with --schedule step: to this share of what it was'],
  ['momentum', 'momentum of sgd'],
  ['weightDecay', 'how strongly weights are pulled to zero'],
  ['focalGamma', 'exponent of the focal loss'],
  ['clipNorm', 'gradients are scaled to at most this norm; 0 leaves them'],
  ['patience', 'ends after so many epochs without a lower validation loss; 0 never does'],
  ['labelSmoothing', 'share of each label that is spread over all classes'],
  ['proximalStrength', 'FedProx: pull towards the initial weights'],
];

export type HyperParameterOptions = { [Name in NumberName]?: number } & {
  batch?: number | 'auto';
  optimiser?: HyperParameters['optimiser'];
  schedule?: HyperParameters['schedule'];
  loss?: HyperParameters['loss'];
  /** False with `--no-augment` and `--no-balance-classes`. */
  augment: boolean;
  balanceClasses: boolean;
  classWeight?: Record<string, number>;
};

/** Adds the options to a command. */
export function addHyperParameterOptions(command: Command): Command {
  const defaults = hyperParametersSchema.parse({});
  command.option(
    '--batch <number|auto>',
    `images per step; auto takes ${defaults.batchSize}, or fewer where memory is short`,
    (text) => (text === 'auto' ? text : numberOf('batchSize', text)),
    'auto',
  );
  for (const [name, description] of numbers) {
    command.option(`--${flagOf(name)} <number>`, `${description} (default: ${defaults[name]})`, (text) =>
      numberOf(name, text),
    );
  }
  return command
    .addOption(new Option('--optimiser <name>', `(default: ${defaults.optimiser})`).choices(optimiserNames))
    .addOption(
      new Option('--schedule <name>', `how the learning rate falls (default: ${defaults.schedule})`).choices(
        scheduleNames,
      ),
    )
    .addOption(new Option('--loss <name>', 'auto: by the cohort’s task (default: auto)').choices(lossNames))
    .option('--no-augment', 'no random flips, shifts and intensity changes')
    .option('--no-balance-classes', 'every image counts alike, however rare its class')
    .option(
      '--class-weight <class=weight>',
      'what a class weighs in the loss (several labels: its positives), again for each class; others weigh 1',
      classWeightOption,
    );
}

/** The hyper-parameters that were given; what is absent takes its default. */
export function hyperParametersOf(options: HyperParameterOptions): Partial<HyperParameters> {
  const { batch, optimiser, schedule, loss, augment, balanceClasses, classWeight } = options;
  const given: Partial<HyperParameters> = { augment, balanceClasses };
  if (classWeight !== undefined) given.classWeights = classWeight;
  if (typeof batch === 'number') given.batchSize = batch;
  if (optimiser !== undefined) given.optimiser = optimiser;
  if (schedule !== undefined) given.schedule = schedule;
  if (loss !== undefined) given.loss = loss;
  for (const [name] of numbers) {
    const value = options[name];
    if (value !== undefined) given[name] = value;
  }
  return given;
}

/** `nodule=4`: a name may hold an equals sign itself. */
function classWeightOption(text: string, earlier: Record<string, number> = {}): Record<string, number> {
  const at = text.lastIndexOf('=');
  const value = at < 1 || text.slice(at + 1).trim() === '' ? Number.NaN : Number(text.slice(at + 1));
  const parsed = hyperParametersSchema.shape.classWeights.safeParse({
    ...earlier,
    [text.slice(0, Math.max(0, at))]: value,
  });
  if (!parsed.success || parsed.data === null)
    throw new InvalidArgumentError('write it as class=weight, the weight above 0 and at most 1000.');
  return parsed.data;
}

function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function whyNot(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'too_big') return `must be ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}.`;
  if (issue?.code === 'too_small')
    return `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}.`;
  return issue?.code === 'invalid_type' && issue.expected === 'int' ? 'must be a whole number.' : 'must be a number.';
}

function numberOf(name: NumberName, text: string): number {
  const parsed = hyperParametersSchema.shape[name].safeParse(text.trim() === '' ? Number.NaN : Number(text));
  if (!parsed.success) throw new InvalidArgumentError(whyNot(parsed.error.issues[0]));
  return parsed.data;
}
