// Faults of training with a privacy promise: codes 680–689.
import { Fault } from '../../contract/fault.ts';

export const privacyFault = {
  outOfRange: (name: string, value: number, range: string) =>
    new Fault({ code: 680, message: `${name} is ${value}; it has to be ${range}.`, retry: 'never' }),
  unreachable: (epsilon: number) =>
    new Fault({
      code: 681,
      message: `No amount of noise keeps this training within ε = ${epsilon}: take fewer steps, a smaller batch or a larger δ.`,
      retry: 'never',
    }),
  batchNorm: (network: string, layer: string) =>
    new Fault({
      code: 682,
      message: `The network ${network} cannot be trained with a privacy promise: layer ${layer} is a batch norm, which mixes the images of a batch. Choose its twin with group norm (${network}-group-norm), or a network without batch norm.`,
      retry: 'never',
    }),
  gradientNotFinite: () =>
    new Fault({
      code: 683,
      message:
        'Training was ended because the gradient of an image is not a finite number. The last checkpoint is kept. Try a lower learning rate.',
      retry: 'never',
    }),
  /** At 1 / images and beyond: giving one image away whole would keep the promise. */
  deltaTooLarge: (delta: number, images: number) =>
    new Fault({
      code: 684,
      message: `A privacy promise with δ = ${delta} means nothing for ${images} training images: it allows to give one of them away whole. Choose a δ below 1/${images}; a tenth of it is usual.`,
      retry: 'never',
    }),
  budgetSpent: (budget: number) =>
    new Fault({
      code: 685,
      message: `The privacy budget (ε = ${budget}) leaves no step of this training. Raise the budget, if the data manager agrees, or use more noise.`,
      retry: 'never',
    }),
  countUnreadable: (cause: unknown) =>
    new Fault(
      {
        code: 686,
        message:
          'The count of the private steps that this run has made (private-steps.json in its folder) cannot be read, so nobody can say what it has spent of its privacy promise. It cannot go on, and no model is made of it; its patients stay charged with all that it was allowed. Start a new run.',
        retry: 'never',
      },
      cause,
    ),
} as const;

/** @throws Fault 684 for a δ that promises nothing for so many training images. */
export function checkDelta(delta: number, images: number): void {
  if (delta >= 1 / images) throw privacyFault.deltaTooLarge(delta, images);
}
