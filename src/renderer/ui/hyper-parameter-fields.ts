// The hyper-parameters that the form offers under “Advanced”: words, limits and help. The contract checks them again.
import { type HyperParameters, lossNames, optimiserNames, scheduleNames } from '../../contract/training.ts';

export interface NumberField {
  readonly kind: 'number';
  readonly name: keyof HyperParameters;
  readonly label: string;
  readonly unit?: string;
  readonly help: string;
  readonly min: number;
  readonly max: number;
  readonly isWhole: boolean;
  /** Offered only when this holds. */
  readonly when?: (chosen: HyperParameters) => boolean;
}

export interface ChoiceField {
  readonly kind: 'choice';
  readonly name: 'optimiser' | 'schedule' | 'loss';
  readonly label: string;
  readonly help: string;
  readonly choices: readonly { readonly value: string; readonly label: string }[];
}

export interface SwitchField {
  readonly kind: 'switch';
  readonly name: 'augment' | 'balanceClasses';
  readonly label: string;
  readonly help: string;
}

export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly (NumberField | ChoiceField | SwitchField)[];
}

const optimiserLabels = { sgd: 'SGD with momentum', adam: 'Adam', adamw: 'AdamW' } as const;
const scheduleLabels = { constant: 'Stays the same', cosine: 'Falls along a cosine', step: 'Falls in steps' } as const;
const lossLabels = {
  auto: 'By the cohort’s task',
  'cross-entropy': 'Cross-entropy',
  focal: 'Focal (rare classes)',
  'binary-cross-entropy': 'Binary cross-entropy',
  'dice-cross-entropy': 'Dice and cross-entropy',
} as const;

export const fieldGroups: readonly FieldGroup[] = [
  {
    title: 'Learning',
    fields: [
      {
        kind: 'choice',
        name: 'optimiser',
        label: 'Optimiser',
        help: 'How the weights follow the gradient. Adam suits most networks.',
        choices: optimiserNames.map((value) => ({ value, label: optimiserLabels[value] })),
      },
      {
        kind: 'number',
        name: 'momentum',
        label: 'Momentum',
        help: 'How much of the last step goes on.',
        min: 0,
        max: 0.999,
        isWhole: false,
        when: ({ optimiser }) => optimiser === 'sgd',
      },
      {
        kind: 'choice',
        name: 'schedule',
        label: 'Rate over the run',
        help: 'What it does over the run.',
        choices: scheduleNames.map((value) => ({ value, label: scheduleLabels[value] })),
      },
      {
        kind: 'number',
        name: 'stepEpochs',
        label: 'Falls after every',
        unit: 'epochs',
        help: 'The length of a step.',
        min: 1,
        max: 10_000,
        isWhole: true,
        when: ({ schedule }) => schedule === 'step',
      },
      {
        kind: 'number',
        name: 'stepFactor',
        label: 'Falls to',
        unit: '× before',
        help: 'The share that is left after each step.',
        min: 0.001,
        max: 0.999,
        isWhole: false,
        when: ({ schedule }) => schedule === 'step',
      },
      {
        kind: 'number',
        name: 'warmupSteps',
        label: 'Warm-up',
        unit: 'steps',
        help: 'The rate first rises over so many steps; 0 starts in full.',
        min: 0,
        max: 1_000_000,
        isWhole: true,
      },
    ],
  },
  {
    title: 'Loss',
    fields: [
      {
        kind: 'choice',
        name: 'loss',
        label: 'Loss',
        help: 'What is made small.',
        choices: lossNames.map((value) => ({ value, label: lossLabels[value] })),
      },
      {
        kind: 'number',
        name: 'focalGamma',
        label: 'Focus γ',
        help: 'How much less easy images count; 0 is cross-entropy.',
        min: 0,
        max: 10,
        isWhole: false,
        when: ({ loss }) => loss === 'focal',
      },
      {
        kind: 'number',
        name: 'labelSmoothing',
        label: 'Label smoothing',
        help: 'Share of each label spread over all classes, against over-confidence.',
        min: 0,
        max: 0.5,
        isWhole: false,
      },
      {
        kind: 'switch',
        name: 'balanceClasses',
        label: 'Rare classes count more',
        help: 'Each class weighs by the inverse of its frequency; of masks only where the loss has no Dice.',
      },
    ],
  },
  {
    title: 'Against learning by heart',
    fields: [
      {
        kind: 'number',
        name: 'patience',
        label: 'Patience',
        unit: 'epochs',
        help: 'Ends when the validation loss has not fallen for so long; 0 never. The best epoch’s weights are kept either way.',
        min: 0,
        max: 10_000,
        isWhole: true,
      },
      {
        kind: 'number',
        name: 'weightDecay',
        label: 'Weight decay',
        help: 'Pulls the weights towards zero; 0 is off.',
        min: 0,
        max: 1,
        isWhole: false,
      },
      {
        kind: 'number',
        name: 'clipNorm',
        label: 'Largest gradient',
        help: 'Longer ones are shortened to this norm; 0 leaves them. Helps when the loss explodes.',
        min: 0,
        max: 1_000_000,
        isWhole: false,
      },
      {
        kind: 'switch',
        name: 'augment',
        label: 'Vary the images',
        help: 'Random flips, shifts and intensity changes at each pass.',
      },
    ],
  },
];
