// The form of a new project: every field of a project's file, in words. Limits, and what does not go together, are the hub's to say.
import { updateCodecs, updateCompressions } from '../../contract/federation.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import { fieldGroups as trainingGroups } from '../../renderer/ui/hyper-parameter-fields.ts';
import { type DraftField, type DraftGroup, is, isSet } from './draft-field.ts';
import { type Draft, valueAt } from './draft-path.ts';
import { trunkGroup } from './trunk-group.ts';

const minute = 60_000;
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
  trunkGroup,
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
