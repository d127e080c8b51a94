// What of a study, or of some of its series, is to be fetched, as the peer's own index tells it: series, instances and their SOP classes. So only
// what is missing is asked for, and what will come can be announced.
import { pacsFault } from '../faults.ts';
import { find, type FindOptions } from './find.ts';
import type { Identifier, Key } from './identifier.ts';
import type { PeerAssociation } from './peer-connection.ts';

export interface StudyPlan {
  /** The requests that together fetch what is missing. */
  readonly requests: readonly Identifier[];
  readonly sopInstanceUIDs: ReadonlySet<string>;
  /** Wanted by name, and not there. */
  readonly absentSeries: readonly string[];
  /** Null where the peer does not tell them. */
  readonly sopClassUIDs: readonly string[] | null;
}

/** All series where they are not named. */
export interface WantedStudy {
  readonly studyInstanceUID: string;
  readonly seriesInstanceUIDs?: readonly string[] | undefined;
}

/** In one request; a value of VR UI has 64 bytes at most, an element of explicit length 64 KiB. */
const uidsPerRequest = 500;
const instanceLimit = 1_000_000;
const isUid = (text: string): boolean => /^[0-9.]{1,64}$/.test(text);

/**
 * Null where the peer lists more than `limit` instances (or as many series): part of a list must not pass for the study.
 * @throws Fault 667 (no such study or series), 658 (it refuses such queries).
 */
export async function studyPlan(
  peerAssociation: PeerAssociation,
  { studyInstanceUID, seriesInstanceUIDs }: WantedStudy,
  isHere: (sopInstanceUID: string) => boolean,
  { limit = instanceLimit, ...options }: Omit<FindOptions, 'limit' | 'messageID'> & { readonly limit?: number },
): Promise<StudyPlan | null> {
  const ask = (messageID: number, identifier: Identifier, most: number) =>
    find(peerAssociation, identifier, uidsOf, { ...options, messageID, limit: most });
  const study = { StudyInstanceUID: studyInstanceUID };
  let series = seriesInstanceUIDs;
  if (series === undefined) {
    const listed = await ask(2, { ...study, QueryRetrieveLevel: 'SERIES', SeriesInstanceUID: '' }, limit);
    if (listed.isCut) return null;
    series = listed.answers.map(({ seriesInstanceUID }) => seriesInstanceUID).filter(isUid);
  }
  const requests: Identifier[] = [];
  const missing = new Set<string>();
  const absentSeries: string[] = [];
  const classes = new Set<string>();
  let isWhole = seriesInstanceUIDs === undefined;
  let instances = 0;
  for (const [index, seriesInstanceUID] of [...new Set(series)].entries()) {
    const place = { ...study, SeriesInstanceUID: seriesInstanceUID };
    const identifier = { ...place, QueryRetrieveLevel: 'IMAGE', SOPInstanceUID: '', SOPClassUID: '' };
    const { answers, isCut } = await ask((index % 60_000) + 3, identifier, limit - instances);
    if (isCut) return null;
    if (answers.length === 0 && seriesInstanceUIDs !== undefined) {
      absentSeries.push(seriesInstanceUID);
      continue;
    }
    instances += answers.length;
    const wanted: string[] = [];
    for (const { sopInstanceUID: uid, sopClassUID } of answers) {
      if (!isUid(uid)) continue;
      if (isHere(uid)) {
        isWhole = false;
        continue;
      }
      wanted.push(uid);
      missing.add(uid);
      classes.add(sopClassUID);
    }
    if (wanted.length === answers.length) requests.push({ ...place, QueryRetrieveLevel: 'SERIES' });
    else {
      for (let at = 0; at < wanted.length; at += uidsPerRequest) {
        const uids = wanted.slice(at, at + uidsPerRequest).join('\\');
        requests.push({ ...place, QueryRetrieveLevel: 'IMAGE', SOPInstanceUID: uids });
      }
    }
  }
  if (instances === 0)
    throw pacsFault.noSuchStudy(options.peerName, seriesInstanceUIDs === undefined ? 'study' : 'series');
  return {
    requests: isWhole && missing.size > 0 ? [{ ...study, QueryRetrieveLevel: 'STUDY' }] : requests,
    sopInstanceUIDs: missing,
    absentSeries,
    sopClassUIDs: [...classes].every(isUid) ? [...classes] : null,
  };
}

const uidsOf = (text: (key: Key) => string) => ({
  seriesInstanceUID: text('SeriesInstanceUID'),
  sopInstanceUID: text('SOPInstanceUID'),
  sopClassUID: text('SOPClassUID'),
});
