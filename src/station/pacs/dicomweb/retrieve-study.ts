// Retrieves one study, or some of its series, by WADO-RS. Where the peer tells its instances, those that are here already are not fetched again, a
// body that breaks off is taken up by fetching the rest, and what the peer did not send is told by UID.
import { Fault } from '../../../contract/fault.ts';
import { absentSeries, pacsFault } from '../faults.ts';
import type { RetrieveOptions } from '../peer-client.ts';
import { askForSign, instancesOf, type PeerInstance, type QidoPeer } from './qido.ts';
import { fetchInstances, type WadoPeer } from './wado.ts';

/** As long as each brings at least one instance more. */
const attemptsLimit = 5;

export async function retrieveStudy(
  peer: QidoPeer & WadoPeer,
  studyInstanceUID: string,
  options: RetrieveOptions,
): Promise<void> {
  const { signal, intake, seriesInstanceUIDs } = options;
  const all = await toldInstances(peer, studyInstanceUID, signal);
  const told =
    seriesInstanceUIDs === undefined
      ? all
      : (all?.filter((one) => seriesInstanceUIDs.includes(one.seriesInstanceUID)) ?? null);
  if (told?.length === 0) throw pacsFault.noSuchStudy(peer.name, seriesInstanceUIDs === undefined ? 'study' : 'series');
  const isHeld = (uid: string): boolean => told === null || told.some((one) => one.seriesInstanceUID === uid);
  const chosen = seriesInstanceUIDs?.filter(isHeld);
  for (const uid of seriesInstanceUIDs ?? []) if (!isHeld(uid)) options.onFailure(absentSeries(peer.name, uid));
  const wanted = told?.filter(({ sopInstanceUID }) => !options.isHere(sopInstanceUID)) ?? null;
  if (wanted !== null) options.onTotal(wanted.length);

  const arrived = new Set<string>();
  let refused = 0;
  let refusedNow = 0;
  const onInstance: RetrieveOptions['onInstance'] = (accepted) => {
    // A body fetched anew brings again what it had brought before.
    if (accepted.kind === 'refused') {
      refusedNow += 1;
      if (refusedNow <= refused) return;
      refused = refusedNow;
    } else if (arrived.has(accepted.sopInstanceUID)) return;
    else arrived.add(accepted.sopInstanceUID);
    options.onInstance(accepted);
  };
  for (let attempt = 1; ; attempt += 1) {
    const before = arrived.size;
    refusedNow = 0;
    try {
      const missing = wanted?.filter(({ sopInstanceUID }) => !arrived.has(sopInstanceUID)) ?? null;
      for (const place of places({ studyInstanceUID, chosen }, told, missing)) {
        await fetchInstances(peer, place, { signal, intake, onInstance });
      }
      break;
    } catch (error) {
      // A server that tells no instances and holds none may not be a DICOMweb one at this address: then that is the reason.
      if (told === null && error instanceof Fault && error.code === 668) await askForSign(peer, signal);
      const isBroken = error instanceof Fault && error.retry === 'now' && !signal.aborted;
      if (!isBroken || arrived.size === before || attempt === attemptsLimit) throw error;
    }
  }
  const missing = wanted?.filter(({ sopInstanceUID }) => !arrived.has(sopInstanceUID)) ?? [];
  // Refused ones were told already; which of the missing they are, only their unreadable files could say.
  for (const { sopInstanceUID } of missing.slice(refused)) {
    options.onFailure(`Instance ${sopInstanceUID}: ${peer.name} did not send it.`);
  }
}

async function toldInstances(peer: QidoPeer, study: string, signal: AbortSignal): Promise<PeerInstance[] | null> {
  try {
    return await instancesOf(peer, study, signal);
  } catch (error) {
    // Not every server answers on this level; those that do not are asked for the whole study.
    if (error instanceof Fault && (error.code === 656 || error.code === 658)) return null;
    throw error;
  }
}

/** The fewest places that bring what is missing, and nothing else unless the peer did not tell its instances. */
function places(
  { studyInstanceUID, chosen }: { studyInstanceUID: string; chosen: readonly string[] | undefined },
  told: readonly PeerInstance[] | null,
  missing: readonly PeerInstance[] | null,
): string[] {
  const root = `/studies/${studyInstanceUID}`;
  if (told === null || missing === null || missing.length === told.length)
    return chosen === undefined ? [root] : chosen.map((series) => `${root}/series/${series}`);
  const inSeries = (list: readonly PeerInstance[]): Map<string, PeerInstance[]> =>
    Map.groupBy(list, ({ seriesInstanceUID }) => seriesInstanceUID);
  const toldInSeries = inSeries(told);
  return [...inSeries(missing)].flatMap(([series, instances]) =>
    instances.length === toldInSeries.get(series)?.length
      ? [`${root}/series/${series}`]
      : instances.map(({ sopInstanceUID }) => `${root}/series/${series}/instances/${sopInstanceUID}`),
  );
}
