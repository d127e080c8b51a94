// leak-probe: what somebody could see of this site's images in its next update.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { contextOf } from '../context.ts';
import { positiveInteger, positiveNumber } from '../options.ts';
import { addPrivacyOptions, type PrivacyOptions, privacyOf } from '../privacy-options.ts';

interface Options extends PrivacyOptions {
  readonly cohort: string;
  readonly network: string;
  readonly model?: string;
  readonly batch: number;
  readonly seconds: number;
  readonly pictures?: string;
}

export function leakProbeCommand(): Command {
  const probe = new Command('leak-probe')
    .description('try to reconstruct training images from a gradient of this site, before anybody else does')
    .requiredOption('--cohort <name>', 'cohort whose images are tried')
    .option('--network <name>', 'network that would be trained', 'cnn-small')
    .option('--model <id>', 'from this model’s weights instead of untrained ones')
    .option('--batch <number>', 'images behind the gradient', positiveInteger, 1)
    .option('--seconds <number>', 'ends after so long', positiveNumber, 60)
    .option('--pictures <folder>', 'writes true and guessed pictures there (PGM), the likest first');
  return addPrivacyOptions(probe).action(async (options: Options, command: Command) => {
    const { output, withStation } = contextOf(command);
    const { cohort, network, model, batch, seconds, pictures } = options;
    const found = await withStation(async (station) =>
      station.call('leak-probe', {
        cohort,
        network,
        model: model ?? null,
        batch,
        maxSeconds: seconds,
        privacy: await privacyOf(station, options, { cohort, batchSize: batch }),
      }),
    );
    if (pictures !== undefined) {
      mkdirSync(pictures, { recursive: true });
      for (const [index, { truth, guess }] of found.pairs.entries()) {
        for (const [name, grey] of [
          ['truth', truth],
          ['guess', guess],
        ] as const) {
          const file = path.join(pictures, `${String(index + 1).padStart(2, '0')}-${name}.pgm`);
          const head = Buffer.from(`P5\n${found.width} ${found.height}\n255\n`);
          writeFileSync(file, Buffer.concat([head, Buffer.from(grey, 'base64')]));
        }
      }
    }
    output.result(found, () => found.sentence);
  });
}
