// The form of a new project: every field of a project's file, in words. Limits, and what does not go together, are the hub's to say.
import { updateCodecs, updateCompressions } from '../../contract/federation.ts';
import { newProjectValues } from '../../contract/project-draft.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import { fieldGroups as trainingGroups } from '../../renderer/ui/hyper-parameter-fields.ts';
import { type Draft, valueAt } from './draft-path.ts';

interface Common {
  readonly path: string;
  readonly label: string;
  readonly help: string;
  /** Offered only when this holds. */
  readonly when?: (draft: Draft) => boolean;
}

export type DraftField = Common &
  (
    | {
        readonly kind: 'number';
        readonly unit?: string;
        /** Of what is written there: minutes of milliseconds. */ readonly per?: number;
      }
    | {
        readonly kind: 'choice';
        readonly choices: readonly { readonly value: string; readonly label: string }[];
        /** A choice among shapes: what the object around it becomes. */
        readonly shapes?: Readonly<Record<string, object>>;
      }
    | {
        readonly kind: 'switch';
        /** What stands there when it is on; `true` where nothing is said. Off is null then, else `false`. */
        readonly on?: unknown;
      }
  );

export interface DraftGroup {
  readonly title: string;
  readonly about: string;
  readonly fields: readonly DraftField[];
  /** Seldom changed: folded at first. */
  readonly more?: readonly DraftField[];
}

const minute = 60_000;
const is =
  (path: string, ...values: readonly unknown[]) =>
  (draft: Draft): boolean =>
    values.includes(valueAt(draft, path) ?? undefined);
const isSet =
  (path: string) =>
  (draft: Draft): boolean =>
    valueAt(draft, path) != null;
const hasTrunk = (draft: Draft): boolean => (valueAt(draft, 'mode.kind') ?? 'trunk') === 'trunk';
const moments = { beta1: 0.9, beta2: 0.99, tau: 1e-3 };
const codecLabels = {
  float32: '32-bit floats: nothing is lost',
  float16: '16-bit floats: half the bytes',
  int8: '8 bits each: a quarter',
  'top-k': 'only what changed most: a twentieth',
} as const;
const compressionLabels = { none: 'not packed', zstd: 'packed with zstd' } as const;

const training: readonly DraftField[] = trainingGroups.flatMap(({ fields }) =>
  fields.map((field): DraftField => {
    const path = `hyperParameters.${field.name}`;
    const { label, help } = field;
    const when = (draft: Draft): boolean => {
      if (field.kind !== 'number' || field.when === undefined) return true;
      const chosen = hyperParametersSchema.safeParse(valueAt(draft, 'hyperParameters'));
      return !chosen.success || field.when(chosen.data);
    };
    if (field.kind === 'choice') return { kind: 'choice', path, label, help, choices: field.choices };
    if (field.kind === 'switch') return { kind: 'switch', path, label, help };
    return { kind: 'number', path, label, help, when, ...(field.unit !== undefined && { unit: field.unit }) };
  }),
);

export const draftGroups: readonly DraftGroup[] = [
  {
    title: 'Training at each site',
    about: 'Every site trains with these.',
    fields: [
      {
        kind: 'number',
        path: 'hyperParameters.epochs',
        label: 'Local epochs',
        help: 'Passes over its own images between two updates. More saves bytes and lets sites drift apart.',
      },
      {
        kind: 'number',
        path: 'hyperParameters.batchSize',
        label: 'Images per step',
        help: 'Fewer where memory is short.',
      },
      {
        kind: 'number',
        path: 'hyperParameters.learningRate',
        label: 'Learning rate',
        help: 'The highest that it reaches; 0.001 suits Adam.',
      },
      {
        kind: 'number',
        path: 'hyperParameters.proximalStrength',
        label: 'Pull to the shared model (FedProx)',
        help: '0.001 to 1 keeps sites with unlike patients together; 0 is off.',
      },
      {
        kind: 'switch',
        path: 'hyperParameters.privacy',
        label: 'Privacy promise (DP-SGD)',
        help: 'Training adds noise and ends before a budget is spent: what one image changes is bounded.',
        on: { noiseMultiplier: 1, clipNorm: 1, delta: 1e-5, maxEpsilon: 8 },
      },
      {
        kind: 'number',
        path: 'hyperParameters.privacy.maxEpsilon',
        label: 'ε at most',
        help: 'A site ends before it would spend more on one image.',
        when: isSet('hyperParameters.privacy'),
      },
      {
        kind: 'number',
        path: 'hyperParameters.privacy.delta',
        label: 'δ',
        help: 'The probability that the promise does not hold: well below 1 over a site’s images.',
        when: isSet('hyperParameters.privacy'),
      },
      {
        kind: 'number',
        path: 'hyperParameters.privacy.noiseMultiplier',
        label: 'Noise',
        help: 'In clipping norms. More noise spends less and learns less.',
        when: isSet('hyperParameters.privacy'),
      },
      {
        kind: 'number',
        path: 'hyperParameters.privacy.clipNorm',
        label: 'Clipping norm of an image',
        help: 'Each image’s gradient is scaled to at most this.',
        when: isSet('hyperParameters.privacy'),
      },
    ],
    more: training,
  },
  {
    title: 'How the shared model moves',
    about: 'By a trunk that the hub keeps, or between the sites alone.',
    fields: [
      {
        kind: 'choice',
        path: 'mode.kind',
        label: 'Way',
        help: 'Without a trunk the hub commits nothing, and the rules below do not apply.',
        choices: [
          { value: 'trunk', label: 'Trunk: the hub combines updates' },
          { value: 'gossip', label: 'Gossip: each site mixes with its neighbours' },
          { value: 'cyclic', label: 'Cyclic: one model from site to site' },
          { value: 'rotating', label: 'Rotating: another site averages each round' },
        ],
        shapes: {
          trunk: { kind: 'trunk' },
          gossip: { kind: 'gossip', neighbours: 2, patienceMs: 5 * minute },
          cyclic: { kind: 'cyclic', patienceMs: 5 * minute },
          rotating: { kind: 'rotating', patienceMs: 5 * minute },
        },
      },
      {
        kind: 'number',
        path: 'mode.neighbours',
        label: 'Neighbours',
        help: 'With how many other sites each mixes its model.',
        when: is('mode.kind', 'gossip'),
      },
      {
        kind: 'number',
        path: 'mode.patienceMs',
        label: 'Patience',
        unit: 'minutes',
        per: minute,
        help: 'How long a site waits for another before it goes on.',
        when: is('mode.kind', 'gossip', 'cyclic', 'rotating'),
      },
      {
        kind: 'number',
        path: 'trunkRule.bufferSize',
        label: 'Updates for each commit',
        help: '1 is FedAsync, between is FedBuff, all sites with a deadline is FedAvg.',
        when: hasTrunk,
      },
      {
        kind: 'switch',
        path: 'trunkRule.rounds',
        label: 'Synchronous rounds',
        help: 'A site trains once from each trunk and waits for the next. Without, nobody waits for anybody.',
        when: hasTrunk,
      },
      {
        kind: 'switch',
        path: 'trunkRule.deadlineMs',
        label: 'Deadline',
        help: 'A commit happens then with fewer updates, if a quorum is there.',
        on: 60 * minute,
        when: hasTrunk,
      },
      {
        kind: 'number',
        path: 'trunkRule.deadlineMs',
        label: 'After the oldest update',
        unit: 'minutes',
        per: minute,
        help: 'Sites that are slower are counted in the next commit.',
        when: (draft) => hasTrunk(draft) && isSet('trunkRule.deadlineMs')(draft),
      },
      {
        kind: 'number',
        path: 'trunkRule.quorum',
        label: 'Quorum',
        help: 'Updates that must be there at the deadline.',
        when: (draft) => hasTrunk(draft) && isSet('trunkRule.deadlineMs')(draft),
      },
      {
        kind: 'choice',
        path: 'trunkRule.combination.kind',
        label: 'Combination',
        help: 'The mean learns fastest; the others stand some sites that lie or are broken.',
        choices: [
          { value: 'mean', label: 'Mean by examples' },
          { value: 'median', label: 'Median: stands fewer than half' },
          { value: 'trimmed-mean', label: 'Trimmed mean: stands a share' },
          { value: 'krum', label: 'Krum: stands a number' },
        ],
        shapes: {
          mean: newProjectValues.combination,
          median: { kind: 'median' },
          'trimmed-mean': { kind: 'trimmed-mean', trimShare: 0.2 },
          krum: { kind: 'krum', byzantine: 1, kept: 1 },
        },
        when: hasTrunk,
      },
      {
        kind: 'choice',
        path: 'trunkRule.combination.of',
        label: 'Mean of',
        help: 'Of sites: a slow hospital’s images count like a quick one’s. Of updates: whoever delivers more often counts more.',
        choices: [
          { value: 'sites', label: 'Sites, by their images' },
          { value: 'updates', label: 'Updates, by their images' },
        ],
        when: (draft) => hasTrunk(draft) && is('trunkRule.combination.kind', 'mean')(draft),
      },
      {
        kind: 'number',
        path: 'trunkRule.combination.trimShare',
        label: 'Trimmed share',
        help: 'Of the lowest and of the highest values, each.',
        when: (draft) => hasTrunk(draft) && is('trunkRule.combination.kind', 'trimmed-mean')(draft),
      },
      {
        kind: 'number',
        path: 'trunkRule.combination.byzantine',
        label: 'Sites that may lie',
        help: 'Of at least twice as many and three.',
        when: (draft) => hasTrunk(draft) && is('trunkRule.combination.kind', 'krum')(draft),
      },
      {
        kind: 'number',
        path: 'trunkRule.combination.kept',
        label: 'Updates kept',
        help: 'More than one is Multi-Krum, which learns faster.',
        when: (draft) => hasTrunk(draft) && is('trunkRule.combination.kind', 'krum')(draft),
      },
      {
        kind: 'switch',
        path: 'trunkRule.clipNorm',
        label: 'Clip updates',
        help: 'A longer update is scaled down, so that no site can pull further. Start at about twice an honest one’s norm.',
        on: 10,
        when: hasTrunk,
      },
      {
        kind: 'number',
        path: 'trunkRule.clipNorm',
        label: 'Longest update',
        help: 'Its Euclidean norm.',
        when: (draft) => hasTrunk(draft) && isSet('trunkRule.clipNorm')(draft),
      },
    ],
    more: [
      {
        kind: 'switch',
        path: 'trunkRule.maxUpdateNorm',
        label: 'Refuse long updates',
        help: 'One far longer than the others is a training gone wrong, or a site that lies. Take several times an honest one’s norm.',
        on: 100,
        when: hasTrunk,
      },
      {
        kind: 'number',
        path: 'trunkRule.maxUpdateNorm',
        label: 'Longest accepted update',
        help: 'Its Euclidean norm.',
        when: (draft) => hasTrunk(draft) && isSet('trunkRule.maxUpdateNorm')(draft),
      },
      {
        kind: 'number',
        path: 'trunkRule.maxStalenessCommits',
        label: 'Oldest update',
        unit: 'commits',
        help: 'An update that began from an older trunk is refused.',
        when: hasTrunk,
      },
      {
        kind: 'choice',
        path: 'trunkRule.staleness.kind',
        label: 'How much a stale update counts',
        help: 'By how many commits the trunk moved while it was made.',
        choices: [
          { value: 'polynomial', label: 'Falls with its age' },
          { value: 'threshold', label: 'Whole at first, falls then' },
          { value: 'constant', label: 'Like a fresh one' },
        ],
        shapes: {
          polynomial: { kind: 'polynomial', exponent: 0.5 },
          threshold: { kind: 'threshold', slope: 1, freeCommits: 4 },
          constant: { kind: 'constant' },
        },
        when: hasTrunk,
      },
      {
        kind: 'number',
        path: 'trunkRule.staleness.exponent',
        label: 'Exponent',
        help: 'An update τ commits old counts (1+τ) to the minus this.',
        when: (draft) => hasTrunk(draft) && is('trunkRule.staleness.kind', 'polynomial')(draft),
      },
      {
        kind: 'number',
        path: 'trunkRule.staleness.freeCommits',
        label: 'Commits without loss',
        help: 'Up to this age it counts whole.',
        when: (draft) => hasTrunk(draft) && is('trunkRule.staleness.kind', 'threshold')(draft),
      },
      {
        kind: 'number',
        path: 'trunkRule.staleness.slope',
        label: 'Slope',
        help: 'How fast it counts less from there.',
        when: (draft) => hasTrunk(draft) && is('trunkRule.staleness.kind', 'threshold')(draft),
      },
      {
        kind: 'choice',
        path: 'trunkRule.stalenessEffect',
        label: 'What staleness lessens',
        help: 'For small buffers and sites of very different speed the step.',
        choices: [
          { value: 'share', label: 'Its share of the commit' },
          { value: 'step', label: 'The commit’s step' },
        ],
        when: hasTrunk,
      },
      {
        kind: 'choice',
        path: 'trunkRule.serverOptimizer.kind',
        label: 'Optimiser at the hub',
        help: 'Plain averaging, or one that adapts the step of each weight where sites differ much.',
        choices: [
          { value: 'sgd', label: 'Averaging, with momentum or without' },
          { value: 'adam', label: 'FedAdam' },
          { value: 'yogi', label: 'FedYogi' },
        ],
        shapes: {
          sgd: { kind: 'sgd', momentum: 0 },
          adam: { kind: 'adam', ...moments },
          yogi: { kind: 'yogi', ...moments },
        },
        when: hasTrunk,
      },
      {
        kind: 'number',
        path: 'trunkRule.serverOptimizer.momentum',
        label: 'Momentum',
        help: '0.9 speeds up many small commits; 0 is plain averaging.',
        when: (draft) => hasTrunk(draft) && is('trunkRule.serverOptimizer.kind', 'sgd')(draft),
      },
      ...(['beta1', 'beta2', 'tau'] as const).map((name): DraftField => ({
        kind: 'number',
        path: `trunkRule.serverOptimizer.${name}`,
        label: { beta1: 'β₁', beta2: 'β₂', tau: 'τ' }[name],
        help: {
          beta1: 'How much of the last steps goes on.',
          beta2: 'How much of the last squares goes on.',
          tau: 'Keeps the step of weights that hardly change small.',
        }[name],
        when: (draft) => hasTrunk(draft) && is('trunkRule.serverOptimizer.kind', 'adam', 'yogi')(draft),
      })),
      {
        kind: 'number',
        path: 'trunkRule.serverLearningRate',
        label: 'Step of the hub',
        help: '1 for averaging, 0.01 or so for Adam and Yogi.',
        when: hasTrunk,
      },
    ],
  },
  {
    title: 'What travels',
    about: 'What leaves a site, in how many bytes, and what the hub can see of it.',
    fields: [
      {
        kind: 'choice',
        path: 'updateCodec',
        label: 'Updates as',
        help: 'What is lost of one update is added to the next, so that it arrives later and not never.',
        choices: updateCodecs.map((value) => ({ value, label: codecLabels[value] })),
      },
      {
        kind: 'number',
        path: 'keptShare',
        label: 'Kept share',
        help: 'Of each tensor’s weights, how many travel: 0.001 to 0.5.',
        when: is('updateCodec', 'top-k'),
      },
      {
        kind: 'choice',
        path: 'updateCompression',
        label: 'Packing',
        help: 'Where it makes them shorter.',
        choices: updateCompressions.map((value) => ({ value, label: compressionLabels[value] })),
      },
      {
        kind: 'switch',
        path: 'secureAggregation',
        label: 'Secure aggregation',
        help: 'The hub sees the sum of a buffer’s updates and none of them.',
        on: { threshold: 3, stepMs: 10 * minute },
      },
      {
        kind: 'number',
        path: 'secureAggregation.threshold',
        label: 'Threshold',
        help: 'Sites of a buffer that must deliver and take the masks off: more than half.',
        when: isSet('secureAggregation'),
      },
      {
        kind: 'number',
        path: 'secureAggregation.stepMs',
        label: 'Longest step',
        unit: 'minutes',
        per: minute,
        help: 'A site that is slower in one step is not waited for.',
        when: isSet('secureAggregation'),
      },
      {
        kind: 'switch',
        path: 'controlVariates',
        label: 'Correct drift (SCAFFOLD)',
        help: 'Each site also sends its mean gradient: twice the bytes. For sites whose patients differ; with SGD.',
      },
      {
        kind: 'switch',
        path: 'siteNormalisation',
        label: 'Normalisation stays at home (FedBN)',
        help: 'For sites whose scanners differ more than what they show.',
      },
      {
        kind: 'switch',
        path: 'peerModels',
        label: 'Models between sites',
        help: 'Sites also train alone and share these models with each other, sealed: the bench.',
      },
    ],
  },
  {
    title: 'Beginning and end',
    about: '',
    fields: [
      {
        kind: 'number',
        path: 'sitesToStart',
        label: 'Sites to start',
        help: 'So many different sites must have delivered before the first commit: no site makes the shared model alone.',
      },
      {
        kind: 'number',
        path: 'commits',
        label: 'Commits',
        help: 'The project is finished after so many. In a way without trunk: turns.',
      },
      { kind: 'number', path: 'seed', label: 'Seed', help: 'The weights that the shared model starts from.' },
    ],
  },
];

/** Longest first, so that a field inside another is not taken for it. */
const labels = draftGroups
  .flatMap(({ fields, more = [] }) => [...fields, ...more])
  .map(({ path, label }) => ({ path: path.replace(/\.kind$/, ''), label }))
  .toSorted((one, other) => other.path.length - one.path.length);

/** What the hub says, with a field's words in place of its name in a project's file. */
export function inWords(message: string): string {
  return labels.reduce(
    (text, { path, label }) => text.replaceAll(new RegExp(`(?<![\\w.“])${path}(?![\\w.])`, 'g'), `“${label}”`),
    message,
  );
}
