// A privacy promise as options of `train`: by the ε to stay within, or by the noise itself.
import { type Command } from 'commander';
import type { PrivacySettings } from '../contract/training.ts';
import { positiveNumber } from './options.ts';
import type { StationLink } from './station-link.ts';

export interface PrivacyOptions {
  readonly targetEpsilon?: number;
  readonly delta?: number;
  readonly noiseMultiplier?: number;
  readonly exampleClipNorm: number;
}

export function addPrivacyOptions(command: Command): Command {
  return command
    .option(
      '--target-epsilon <epsilon>',
      'trains with differential privacy (DP-SGD) and ends before its ε exceeds this',
      positiveNumber,
    )
    .option('--delta <probability>', 'its δ (default: a tenth of 1 / training images, at most 1e-5)', positiveNumber)
    .option(
      '--noise-multiplier <ratio>',
      'its noise, instead of the least that all epochs need to stay within --target-epsilon',
      positiveNumber,
    )
    .option(
      '--example-clip-norm <norm>',
      'the gradient of each image is scaled to at most this norm',
      positiveNumber,
      1,
    );
}

/** Ends the command where noise is asked for without the ε that it is to keep: nobody may believe in a promise that is not made. */
export function checkPrivacyOptions(command: Command): void {
  if (command.getOptionValueSource('targetEpsilon') !== undefined) return;
  const given = ['delta', 'noiseMultiplier', 'exampleClipNorm'].filter(
    (name) => command.getOptionValueSource(name) === 'cli',
  );
  const flags = command.options.filter((option) => given.includes(option.attributeName())).map(({ long }) => long);
  if (flags.length > 0)
    command.error(`error: ${flags.join(', ')} belongs to --target-epsilon: without it nothing is trained privately`);
}

/** The settings for this training, asked of the station, which knows how many images there are; null without a promise. */
export async function privacyOf(
  station: StationLink,
  options: PrivacyOptions,
  training: { readonly cohort: string; readonly epochs?: number | undefined; readonly batchSize?: number | undefined },
): Promise<PrivacySettings | null> {
  const { targetEpsilon, delta, noiseMultiplier, exampleClipNorm } = options;
  if (targetEpsilon === undefined) return null;
  const { privacy } = await station.call('privacy-settings', {
    cohort: training.cohort,
    epsilon: targetEpsilon,
    delta: delta ?? null,
    clipNorm: exampleClipNorm,
    hyperParameters: {
      ...(training.epochs !== undefined && { epochs: training.epochs }),
      ...(training.batchSize !== undefined && { batchSize: training.batchSize }),
    },
  });
  return noiseMultiplier === undefined ? privacy : { ...privacy, noiseMultiplier };
}
