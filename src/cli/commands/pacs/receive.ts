// pacs receive: the receiver for as long as the command runs.
import path from 'node:path';
import { Command } from 'commander';
import { receiverSettingsSchema, type ReceiverState } from '../../../contract/pacs.ts';
import { contextOf } from '../../context.ts';
import { counted, exitCode } from '../../output.ts';
import { aeTitle, peerPort } from './options.ts';

interface ReceiveOptions {
  port?: number;
  aeTitle?: string;
  allow?: string[];
  certificate?: string;
  key?: string;
  authority?: string;
}

/** A sender that keeps its association open is told of so often. */
const tellEveryMs = 10_000;

/** Tells what came of each study, when the senders are through with it. */
function studiesTeller(start: ReceiverState, tell: (line: string) => void): (now: ReceiverState) => void {
  const toldOf = new Map(start.studies.map(({ studyInstanceUID, instances }) => [studyInstanceUID, instances]));
  let toldMs = performance.now();
  return ({ associations, studies }) => {
    if (associations > 0 && performance.now() - toldMs < tellEveryMs) return;
    toldMs = performance.now();
    for (const { studyInstanceUID, instances } of studies) {
      const fresh = instances - (toldOf.get(studyInstanceUID) ?? 0);
      if (fresh > 0) tell(`Received ${counted(fresh, 'instance')} of study ${studyInstanceUID}.`);
      toldOf.set(studyInstanceUID, instances);
    }
  };
}

export function receiveCommand(): Command {
  return new Command('receive')
    .description('receive what other nodes send (C-STORE), until Ctrl+C; without options as it was set up last')
    .option('--port <number>', 'port to listen on', peerPort)
    .option('--ae-title <title>', 'AE title of this station', aeTitle)
    .option('--allow <title...>', 'AE titles that may send; nobody else may', (value: string, all?: string[]) => [
      ...(all ?? []),
      aeTitle(value),
    ])
    .option('--certificate <file>', 'PEM file, for TLS')
    .option('--key <file>', 'PEM file, for TLS')
    .option('--authority <file>', 'PEM file: senders must show a certificate that this authority signed')
    .action(async (options: ReceiveOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      await withStation(async (station) => {
        const before = (await station.call('receiver', {})).settings;
        const file = (name: string | undefined, kept: string | null): string | null =>
          name === undefined ? kept : path.resolve(name);
        const settings = receiverSettingsSchema.parse({
          isEnabled: true,
          port: options.port ?? before.port,
          aeTitle: options.aeTitle ?? before.aeTitle,
          allowedAETitles: options.allow ?? before.allowedAETitles,
          certificateFile: file(options.certificate, before.certificateFile),
          keyFile: file(options.key, before.keyFile),
          authorityFile: file(options.authority, before.authorityFile),
        });
        const interrupted = new Promise<void>((resolve) => {
          process.once('SIGINT', () => resolve());
          process.once('SIGTERM', () => resolve());
        });
        const state = await station.call('configure-receiver', { settings });
        if (!state.isListening) {
          await station.call('configure-receiver', { settings: before });
          output.result(state, () => state.problem ?? 'The receiver does not listen.');
          process.exitCode = exitCode.failed;
          return;
        }
        if (settings.allowedAETitles.length === 0)
          output.log('Nobody may send yet: name senders with --allow AE_TITLE.');
        output.log(`${settings.aeTitle} listens on port ${settings.port}. Ctrl+C ends it.`);
        let told = state.refused;
        const tellStudies = studiesTeller(state, (line) => output.log(line));
        station.listen('receiver-changed', (now) => {
          const { received, duplicates, refused, associations, refusals } = now;
          tellStudies(now);
          output.progress(
            `${received} received (${duplicates} again), ${refused} refused, ${associations} associations`,
          );
          for (const { aeTitle: title, reason } of refusals.slice(0, Math.max(0, refused - told)).reverse()) {
            output.log(`Refused ${title === '' ? 'a connection' : title}: ${reason}`);
          }
          told = refused;
        });
        await interrupted;
        // What the app had set up stays as it was.
        await station.call('configure-receiver', { settings: { ...settings, isEnabled: before.isEnabled } });
        const { received, duplicates, refused, studies, refusals } = await station.call('receiver', {});
        output.result({ received, duplicates, refused, studies, refusals }, () =>
          [
            `${counted(received, 'instance')} received, ${refused} refused.`,
            ...studies.map((study) => `  ${study.studyInstanceUID}: ${study.instances}`),
          ].join('\n'),
        );
      });
    });
}
