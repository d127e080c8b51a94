// The contract's calls about peers and the receiver, answered. What leaves the hospital is in the ledger before it leaves.
import { createHash } from 'node:crypto';
import type { Answers, CallInput } from '../../contract/calls.ts';
import type { pacsCalls } from '../../contract/pacs.ts';
import type { Library } from '../library/library.ts';
import type { Station } from '../open-station.ts';
import { pacsFault } from './faults.ts';
import type { FoundSeries } from './peer-client.ts';
import { readAuthority, readIdentity } from './pem-files.ts';
import { partsOf, type StudyToSend } from './transfers.ts';

/** A person waits for these answers. */
const echoDeadlineMs = 30_000;
const findDeadlineMs = 120_000;

export function pacsAnswers({
  pacs,
  library,
  ledger,
}: Pick<Station, 'pacs' | 'library' | 'ledger'>): Answers<keyof typeof pacsCalls> {
  const { book, transfers } = pacs;
  return {
    peers: () => ({ peers: book.peers() }),
    'save-peer': ({ peer }) => {
      if (peer.authorityFile !== null) readAuthority(peer.authorityFile);
      if (peer.identity !== null) readIdentity(peer.identity.certificateFile, peer.identity.keyFile);
      book.save(peer);
      return {};
    },
    'delete-peer': ({ peer }) => {
      book.remove(peer);
      return {};
    },
    'echo-peer': async ({ peer }) => ({
      milliseconds: await withDeadline(peer, echoDeadlineMs, (signal) => pacs.client(peer).echo(signal)),
    }),
    'find-studies': async ({ peer, query }, cancelled) => {
      const ask = (signal: AbortSignal) => pacs.client(peer).find(query, signal);
      const found = await withDeadline(peer, findDeadlineMs, ask, cancelled);
      const studies = found.studies.map((study) => ({
        ...study,
        instancesHere: library.study(study.studyInstanceUID)?.instances ?? 0,
      }));
      return { studies: studies.sort((a, b) => b.studyDate.localeCompare(a.studyDate)), isCut: found.isCut };
    },
    'find-series': async ({ peer, studyInstanceUID }) => {
      const found = await withDeadline(peer, findDeadlineMs, (signal) =>
        pacs.client(peer).findSeries(studyInstanceUID, signal),
      );
      if (found.length === 0) throw pacsFault.noSuchStudy(peer);
      const here = new Map(
        library.study(studyInstanceUID)?.series.map((one) => [one.seriesInstanceUID, one.instances]),
      );
      const numberOf = (one: FoundSeries): number => one.seriesNumber ?? Number.POSITIVE_INFINITY;
      const series = found
        .map((one) => ({ ...one, instancesHere: here.get(one.seriesInstanceUID) ?? 0 }))
        .sort((a, b) => (numberOf(a) === numberOf(b) ? 0 : numberOf(a) - numberOf(b)));
      return { series };
    },
    'retrieve-studies': async ({ peer, studyInstanceUIDs, series, method }) => {
      const sender = `Retrieved from ${peer}`;
      // What a C-MOVE brings comes through the receiver, which reports it.
      const isReceived = method === 'move' && book.peer(peer).kind === 'dimse';
      const report = await transfers.retrieve({
        peer,
        client: pacs.client(peer),
        studies: wantedSeries(studyInstanceUIDs, series),
        method,
        intake: library.intake(),
        onArrival(accepted) {
          if (!isReceived) library.arrivals.came(sender, accepted);
        },
        isHere: (sopInstanceUID) => library.isWhole(sopInstanceUID),
      });
      await library.arrivals.write(sender);
      const { studies, completed, duplicates, failed, seconds, cancelled } = report;
      ledger.append('studies-retrieved', { peer, studies, completed, duplicates, failed, seconds, cancelled });
      return report;
    },
    'send-studies': async ({ peer, studyInstanceUIDs, series }) => {
      const client = pacs.client(peer);
      const studies = filesOf(library, wantedSeries(studyInstanceUIDs, series));
      const uids = studies.flatMap(({ files }) => files.map(({ sopInstanceUID }) => sopInstanceUID)).sort();
      if (uids.length === 0) throw pacsFault.nothingToSend();
      if (transfers.isRunning()) throw pacsFault.transferRunning();
      // UIDs identify patients to whoever has the images: the ledger holds their hash, which proves a list given later.
      const instancesHash = createHash('sha256').update(uids.join('\n')).digest('hex');
      const { whole, single } = partsOf(studies);
      ledger.append('studies-sent', { peer, studies: whole, series: single, instances: uids.length, instancesHash });
      const report = await transfers.send({ peer, client, studies });
      const { completed, failed, seconds, cancelled } = report;
      ledger.append('sending-ended', { peer, completed, failed, seconds, cancelled, instancesHash });
      return report;
    },
    'cancel-transfer': () => {
      transfers.cancel();
      return {};
    },
    receiver: () => pacs.receiver.state(),
    'configure-receiver': ({ settings }) => pacs.receiver.configure(settings),
  };
}

/** The wanted series of each study; null where all of it is wanted. */
function wantedSeries(
  studyInstanceUIDs: readonly string[],
  series: CallInput<'retrieve-studies'>['series'],
): Map<string, readonly string[] | null> {
  const wanted = new Map<string, readonly string[] | null>(studyInstanceUIDs.map((uid) => [uid, null]));
  const byStudy = Map.groupBy(series ?? [], ({ studyInstanceUID }) => studyInstanceUID);
  for (const [study, chosen] of byStudy)
    if (!wanted.has(study)) wanted.set(study, [...new Set(chosen.map(({ seriesInstanceUID }) => seriesInstanceUID))]);
  return wanted;
}

async function withDeadline<Value>(
  peer: string,
  deadlineMs: number,
  ask: (signal: AbortSignal) => Promise<Value>,
  cancelled?: AbortSignal,
): Promise<Value> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    return await ask(cancelled === undefined ? deadline : AbortSignal.any([deadline, cancelled]));
  } catch (error) {
    throw deadline.aborted ? pacsFault.timedOut(peer, deadlineMs / 1000) : error;
  }
}

/** Of each study what is here of it, and which of it is not. */
function filesOf(library: Library, wanted: ReadonlyMap<string, readonly string[] | null>): StudyToSend[] {
  return [...wanted].map(([studyInstanceUID, chosen]) => {
    const held = new Set(library.study(studyInstanceUID)?.series.map(({ seriesInstanceUID }) => seriesInstanceUID));
    const series = chosen === null ? [...held] : chosen.filter((uid) => held.has(uid));
    const files = series.flatMap((uid) =>
      (library.instances(uid)?.instances ?? []).flatMap((instance) => {
        const { sopClassUID, sopInstanceUID, transferSyntaxUID } = instance;
        const path = library.instanceFile(sopInstanceUID)?.path;
        return path === undefined ? [] : [{ path, sopClassUID, sopInstanceUID, transferSyntaxUID }];
      }),
    );
    const absent = chosen === null ? [] : chosen.filter((uid) => !held.has(uid)).map((uid) => `Series ${uid}`);
    if (files.length === 0 && absent.length === 0) absent.push(`Study ${studyInstanceUID}`);
    return { studyInstanceUID, series: chosen === null ? null : series.length, files, absent };
  });
}
