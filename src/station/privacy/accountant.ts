// The accountant as station and command line use it; it lives with the trainer, whose runs ask it before each step.
export { checkDelta, composedLoss, noiseMultiplierFor, privacyLoss, stepsWithin } from '../../trainer/client.ts';
