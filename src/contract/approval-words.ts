// What the person who approves a project reads: when the shared model moves, and what leaves this machine.
import type { Project, TrunkRule } from './federation.ts';
import { modeLeaves } from './mode-words.ts';
import { updateWords } from './update-words.ts';

const counted = (value: number, one: string): string =>
  `${value.toLocaleString('en-GB')} ${value === 1 ? one : `${one}s`}`;

/** How long is trained here at a time, when the shared model moves, and when it all ends, in one line. */
export function rhythmWords({ hyperParameters, mode, trunkRule, commits }: Project): string {
  const epochs = counted(hyperParameters.epochs, 'epoch');
  if (mode.kind !== 'trunk') return `${epochs} here in a turn · ends after ${counted(commits, 'turn')}`;
  return `${epochs} here between two updates · trunk moves ${movesWords(trunkRule)} · ends after ${counted(commits, 'commit')}`;
}

/** To follow “trunk moves”. */
export function movesWords({ bufferSize, rounds }: TrunkRule): string {
  if (rounds) return `in rounds, after ${bufferSize === 1 ? 'the first update' : `${bufferSize} updates`} of each`;
  return bufferSize === 1 ? 'after each update (asynchronous)' : `after every ${bufferSize} updates`;
}

/** A sentence for each thing that leaves this machine while the site takes part. */
export function leavesWords(project: Project): string[] {
  const { mode, network, hyperParameters, secureAggregation, controlVariates, siteNormalisation, peerModels } = project;
  const { privacy } = hyperParameters;
  const saysValidation = mode.kind === 'trunk' && secureAggregation === null && privacy === null;
  const withEach = mode.kind === 'trunk' ? 'With each update' : 'With each turn';
  return [
    modeLeaves(mode) ??
      `Model updates: the differences of ${network.name}'s weights after training here${siteNormalisation ? ', without those of its normalisation layers' : ''}, as ${updateWords(project)}, signed with your site's key.`,
    ...(peerModels
      ? [
          'The model that is trained on your images alone, with its validation metrics: sealed, to every member; the hub cannot read it.',
        ]
      : []),
    ...(controlVariates
      ? [
          'With each update the mean gradient of its training (SCAFFOLD). The hub keeps each site’s newest until the project ends; sites get the mean of all.',
        ]
      : []),
    saysValidation
      ? `${withEach}: the number of training images, the training loss, how the shared model does on your validation images (${network.task === 'segmentation' ? 'Dice, pixel accuracy' : 'AUC, accuracy'}, loss), and a fingerprint of the cohort version.`
      : `${withEach}: the number of training images, the training loss, and a fingerprint of the cohort version.`,
    ...(secureAggregation === null
      ? []
      : [
          `Each update under a mask: the hub can open the sum of at least ${secureAggregation.threshold} sites only, with these sites' help. The sites of a sum see each other's number of training images.`,
        ]),
    'Your site name and its public key, and your answer to this project, signed.',
    ...(privacy === null
      ? []
      : [`All of it under a privacy promise: ε of at most ${privacy.maxEpsilon} for each training image.`]),
  ];
}
