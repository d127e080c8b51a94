// pacs get, move, send: studies fetched from a peer and sent to one.
import { Command } from 'commander';
import type { CallInput } from '../../../contract/calls.ts';
import type { RetrieveMethod, TransferReport } from '../../../contract/pacs.ts';
import { type Context, contextOf } from '../../context.ts';
import { counted, exitCode } from '../../output.ts';
import type { StationLink } from '../../station-link.ts';

/** Failures listed in text mode; --json lists up to a thousand. */
const failuresShown = 20;

const onlySeries = 'only this series of the one study; may be given several times';
const withUid = (uid: string, before: string[]): string[] => [...before, uid];

export function retrieveCommand(method: RetrieveMethod, description: string): Command {
  return new Command(method)
    .description(description)
    .argument('<peer>')
    .argument('<studyInstanceUID...>', 'from `imagiq pacs find --json`')
    .option('--series <uid>', onlySeries, withUid, [])
    .action((peer: string, studyInstanceUIDs: string[], options: { series: string[] }, command: Command) => {
      const wanted = chosen(studyInstanceUIDs, options.series, command);
      return transfer(contextOf(command), 'fetched', (station) =>
        station.call('retrieve-studies', { peer, ...wanted, method }),
      );
    });
}

type Chosen = Pick<CallInput<'send-studies'>, 'studyInstanceUIDs' | 'series'>;

/** Whole studies, or series of one. */
function chosen(studyInstanceUIDs: readonly string[], seriesUIDs: readonly string[], command: Command): Chosen {
  const [studyInstanceUID = '', ...others] = studyInstanceUIDs;
  if (seriesUIDs.length === 0) return { studyInstanceUIDs: [...studyInstanceUIDs] };
  if (others.length > 0)
    command.error('error: --series chooses of one study: name one study only.', { exitCode: exitCode.wrongUse });
  return { series: seriesUIDs.map((seriesInstanceUID) => ({ studyInstanceUID, seriesInstanceUID })) };
}

export function sendCommand(): Command {
  return new Command('send')
    .description('send studies of this library to a peer, as they are (C-STORE, STOW-RS)')
    .argument('<peer>')
    .argument('<studyInstanceUID...>', 'from `imagiq studies --json`')
    .option('--series <uid>', onlySeries, withUid, [])
    .action((peer: string, studyInstanceUIDs: string[], options: { series: string[] }, command: Command) => {
      const wanted = chosen(studyInstanceUIDs, options.series, command);
      return transfer(contextOf(command), 'sent', (station) => station.call('send-studies', { peer, ...wanted }));
    });
}

async function transfer(
  { output, withStation }: Context,
  done: string,
  run: (station: StationLink) => Promise<TransferReport>,
): Promise<void> {
  const report = await withStation(async (station) => {
    station.listen('transfer-progress', ({ completed, failed, total }) =>
      output.progress(`${completed} of ${total ?? '?'} instances, ${failed} failed`),
    );
    const cancel = (): void => {
      output.log(`Cancelling; what was ${done} stays.`);
      // Where it cannot be asked to, it has ended by itself: the command tells how.
      void station.call('cancel-transfer', {}).catch(() => {});
    };
    process.once('SIGINT', cancel);
    return run(station).finally(() => process.off('SIGINT', cancel));
  });
  output.result(report, () => reportText(report, done));
  if (report.cancelled || report.failed > 0) process.exitCode = exitCode.failed;
}

function reportText(
  { studies, series, completed, duplicates, replaced, failed, failures, seconds, cancelled }: TransferReport,
  done: string,
): string {
  const already = duplicates > 0 ? `, ${duplicates} were here already` : '';
  const mended = replaced > 0 ? `, ${replaced} of them replaced a damaged copy` : '';
  const isAllHere = done === 'fetched' && !cancelled && completed + failed === 0;
  const asked = series > 0 ? `${series} series` : counted(studies, 'study', 'studies');
  if (isAllHere) return `${asked} asked for; all of it was here already (${counted(duplicates, 'instance')}).`;
  const lines = [
    `${counted(completed, 'instance')} of ${asked} ${done}${mended}${already}, ${failed} failed (${seconds.toFixed(1)} s).`,
  ];
  if (cancelled) lines.push('Cancelled before the end: the same command continues.');
  for (const why of failures.slice(0, failuresShown)) lines.push(`  ${why}`);
  if (failures.length > failuresShown)
    lines.push(`  … and ${failures.length - failuresShown} more (--json lists them)`);
  return lines.join('\n');
}
