// How a site trains, in words for a person: the same in window, console and command line.
import type { Project } from './federation.ts';
import type { HyperParameters } from './training.ts';

/** A sentence for the optimiser, and one for each method that the project adds to it. */
export function trainingWords({ hyperParameters, controlVariates }: Project): string[] {
  const { batchSize, learningRate, proximalStrength, privacy } = hyperParameters;
  return [
    `Trains by ${optimiserWords(hyperParameters)} in batches of ${batchSize} ${batchSize === 1 ? 'image' : 'images'}; the learning rate is ${learningRate}${scheduleWords(hyperParameters)}.`,
    ...(proximalStrength > 0
      ? [
          `Weights are pulled back towards those that the training began from, so that unlike sites drift less (FedProx, μ = ${proximalStrength}).`,
        ]
      : []),
    ...(controlVariates
      ? ['Each step is corrected by how this site’s gradients differ from those of all sites (SCAFFOLD).']
      : []),
    ...(privacy === null
      ? []
      : [
          `Each image’s gradient is clipped to a length of ${privacy.clipNorm}, and noise of ${privacy.noiseMultiplier} times that is added to each step (DP-SGD).`,
        ]),
  ];
}

/** What a model may give away of one of the images that it was trained on, or null where no promise was made. */
export function promiseText({ privacy }: Pick<HyperParameters, 'privacy'>): string | null {
  if (privacy === null) return null;
  const { maxEpsilon, delta, noiseMultiplier, clipNorm } = privacy;
  return `ε of ${maxEpsilon} at most for each training image at δ = ${delta} (noise ${Number(noiseMultiplier.toPrecision(4))}, clipped at ${clipNorm})`;
}

function optimiserWords({ optimiser, momentum }: HyperParameters): string {
  if (optimiser === 'sgd') return momentum === 0 ? 'SGD' : `SGD with momentum ${momentum}`;
  return { adam: 'Adam', adamw: 'AdamW' }[optimiser];
}

function scheduleWords({ schedule, stepFactor, stepEpochs }: HyperParameters): string {
  switch (schedule) {
    case 'constant':
      return '';
    case 'cosine':
      return ' and falls along a cosine until the project ends';
    case 'step':
      return `, multiplied by ${stepFactor} after every ${stepEpochs === 1 ? 'epoch' : `${stepEpochs} epochs`}`;
  }
}
