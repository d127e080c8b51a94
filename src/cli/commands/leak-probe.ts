// leak-probe: what somebody could see of this site's images in its next update.
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { CallOutput } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import type { LeakPictures } from '../../contract/privacy.ts';
import { systemReason } from '../../contract/system-reason.ts';
import { makeFolder } from '../../disk/make-folder.ts';
import { contextOf } from '../context.ts';
import { positiveInteger, positiveNumber } from '../options.ts';
import { addPrivacyOptions, type PrivacyOptions, privacyOf } from '../privacy-options.ts';
import type { StationLink } from '../station-link.ts';
import { chosenFederation } from './member.ts';

interface Options extends PrivacyOptions {
  readonly cohort?: string;
  readonly federation?: string;
  readonly network: string;
  readonly model?: string;
  readonly batch?: number;
  readonly seconds: number;
  readonly pictures?: string;
  readonly again?: boolean;
}

const lookEveryMs = 200;
const longestWaitMs = 600_000;

export function leakProbeCommand(): Command {
  const probe = new Command('leak-probe')
    .description('try to reconstruct training images from a gradient of this site, before anybody else does')
    .option('--cohort <name>', 'cohort whose images are tried')
    .option('--federation <name>', 'its project’s next update; what was found under the approval, without --cohort')
    .option('--again', 'with --federation alone: run the probe of the approval once more')
    .option('--network <name>', 'network that would be trained, or a .json file with one of your own', 'cnn-small')
    .option('--model <id>', 'from this model’s weights instead of untrained ones')
    .option('--batch <number>', 'images behind the gradient; 1, or the project’s batch size', positiveInteger)
    .option('--seconds <number>', 'the attack ends after so long', positiveNumber, 60)
    .option('--pictures <folder>', 'writes true and guessed pictures there (PGM), the likest first');
  return addPrivacyOptions(probe).action(async (options: Options, command: Command) => {
    const { output, withStation } = contextOf(command);
    const { cohort, federation, pictures } = options;
    // Before the attack, which takes a minute.
    if (pictures !== undefined) makePicturesFolder(pictures);
    if (cohort !== undefined) {
      output.log(`Tries to see an image in an update, for ${options.seconds} seconds at most …`);
      const found = await withStation((station) => probed(station, options, cohort));
      if (pictures !== undefined) writePictures(pictures, found);
      output.result(found, () => found.sentence);
      return;
    }
    if (federation === undefined)
      throw new Fault({
        code: 816,
        message: 'Say whose update is meant: --cohort NAME or --federation NAME.',
        retry: 'never',
      });
    const kept = await withStation((station) => keptProbe(station, federation, options.again ?? false));
    if (pictures !== undefined && kept.pictures !== null) writePictures(pictures, kept.pictures);
    output.result(kept, () => keptText(kept.finding, federation));
  });
}

async function probed(station: StationLink, options: Options, cohort: string): Promise<CallOutput<'leak-probe'>> {
  const { federation, network, model, batch, seconds } = options;
  return station.call('leak-probe', {
    cohort,
    ...(network.endsWith('.json') ? { networkFile: path.resolve(network) } : { network }),
    federation: federation ?? null,
    model: model ?? null,
    batch: batch ?? null,
    maxSeconds: seconds,
    privacy: await privacyOf(station, options, { cohort, batchSize: batch ?? 1 }),
  });
}

/** What the station found, or finds now, under the approval. @throws Fault 804 */
async function keptProbe(
  station: StationLink,
  named: string,
  isAgain: boolean,
): Promise<CallOutput<'kept-leak-probe'>> {
  const { memberships } = await station.call('memberships', {});
  const federation = chosenFederation(memberships, named, 'probe');
  if (isAgain) await station.call('probe-again', { federation });
  // A probe that is under way, or was just asked for, is waited for: the station runs it as soon as it holds the shared model.
  for (let waitedMs = 0; ; waitedMs += lookEveryMs) {
    const kept = await station.call('kept-leak-probe', { federation });
    const { memberships: now } = await station.call('memberships', {});
    const membership = now.find((one) => one.federation === federation);
    const isExpected = membership?.activity === 'probing' || (isAgain && membership?.cohort != null);
    if (kept.finding !== null || !isExpected || waitedMs >= longestWaitMs) return kept;
    await delay(lookEveryMs);
  }
}

function keptText(finding: CallOutput<'kept-leak-probe'>['finding'], federation: string): string {
  if (finding === null)
    return `No leak probe has been run for ${federation}: it comes before the first update, once a cohort is approved. Try one now with --cohort NAME.`;
  if (!finding.isHeld) return finding.sentence;
  return `${finding.sentence}\nNothing is sent before you decide: \`imagiq run --send-anyway\` or \`imagiq project decline\`.`;
}

/** @throws Fault 821 where there can be none */
function makePicturesFolder(folder: string): void {
  try {
    makeFolder(folder);
    if (statSync(folder).isDirectory()) return;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    throw unusableFolder(folder, systemReason(code));
  }
  throw unusableFolder(folder, 'a file of its name is there already');
}

const unusableFolder = (folder: string, reason: string): Fault =>
  new Fault({
    code: 821,
    message: `The pictures cannot be written into ${folder}: ${reason}. Name another folder by --pictures.`,
    retry: 'never',
  });

function writePictures(folder: string, { pairs, width, height }: LeakPictures): void {
  for (const [index, { truth, guess }] of pairs.entries()) {
    for (const [name, grey] of [
      ['truth', truth],
      ['guess', guess],
    ] as const) {
      const file = path.join(folder, `${String(index + 1).padStart(2, '0')}-${name}.pgm`);
      const head = Buffer.from(`P5\n${width} ${height}\n255\n`);
      writeFileSync(file, Buffer.concat([head, Buffer.from(grey, 'base64')]));
    }
  }
}
