// epsilon: what a training with noise costs in privacy, and how much noise a budget asks for. No station is opened.
import { Command } from 'commander';
import { noiseMultiplierFor, privacyLoss } from '../../station/privacy/accountant.ts';
import { contextOf } from '../context.ts';
import { positiveNumber, probability, wholeNumber } from '../options.ts';

interface Options {
  readonly q: number;
  readonly sigma?: number;
  readonly target?: number;
  readonly steps: number;
  readonly delta: number;
}

export function epsilonCommand(): Command {
  return new Command('epsilon')
    .description('the privacy loss ε of DP-SGD from its noise, or the noise for an ε (RDP accountant)')
    .requiredOption('--q <probability>', 'sample rate: batch size divided by the number of examples', probability)
    .option(
      '--sigma <ratio>',
      'noise multiplier: standard deviation of the noise divided by the clipping norm',
      positiveNumber,
    )
    .option(
      '--target <epsilon>',
      'instead of --sigma: the ε to stay within; answers the noise multiplier',
      positiveNumber,
    )
    .requiredOption('--steps <number>', 'optimiser steps', wholeNumber)
    .requiredOption('--delta <probability>', 'failure probability, well below 1 / number of examples', probability)
    .action((options: Options, command: Command) => {
      const { output } = contextOf(command);
      const { q: sampleRate, sigma, target, steps, delta } = options;
      if (target !== undefined && sigma === undefined) {
        const found = noiseMultiplierFor(target, { sampleRate, steps }, delta);
        output.result({ sigma: found }, () => `σ = ${found.toFixed(5)} stays within ε = ${target} at δ = ${delta}`);
      } else if (sigma !== undefined && target === undefined) {
        const { epsilon, order } = privacyLoss({ sampleRate, noiseMultiplier: sigma, steps }, delta);
        output.result({ epsilon, order }, () => `ε = ${epsilon.toFixed(5)} at δ = ${delta} (Rényi order ${order})`);
      } else {
        command.error('error: name either --sigma or --target');
      }
    });
}
