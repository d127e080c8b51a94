// QIDO-RS (PS3.18 10.6): studies that fit a query, and the series and instances of one study.
import type { RemoteQuery } from '../../../contract/pacs.ts';
import { pacsFault } from '../faults.ts';
import { type FoundSeries, type FoundStudies, type FoundStudy, seriesLimit } from '../peer-client.ts';
import { type DicomJson, firstCount, firstText, textsOf } from './dicom-json.ts';
import type { HttpExchange } from './http-exchange.ts';
import { dicomJsonType, jsonAnswer } from './json-answer.ts';

export interface QidoPeer {
  readonly name: string;
  readonly http: HttpExchange;
  /** Of one page's JSON. */
  readonly pageBytesLimit: number;
}

export interface PeerInstance {
  readonly seriesInstanceUID: string;
  readonly sopInstanceUID: string;
}

const studyPage = 200;
const seriesPage = 200;
const instancePage = 1_000;
const instancesLimit = 200_000;
const uid = /^[0-9.]{1,64}$/;

/** ModalitiesInStudy, StudyDescription, and the related counts, which servers leave out unless asked. */
const included = ['00080061', '00081030', '00201206', '00201208'];

/** SeriesDescription and NumberOfSeriesRelatedInstances. */
const includedOfSeries = ['0008103E', '00201209'];

export async function findStudies(peer: QidoPeer, query: RemoteQuery, signal: AbortSignal): Promise<FoundStudies> {
  const found = await askForStudies(peer, query, signal);
  const plain = { patientName: plainPattern(query.patientName), description: plainPattern(query.description) };
  const isPlain = plain.patientName === query.patientName && plain.description === query.description;
  if (found.studies.length > 0 || isPlain) return found;
  // Some servers (Orthanc 1.10) take `%5E` for three letters: once more, with a wildcard for what must be escaped.
  return askForStudies(peer, { ...query, ...plain }, signal);
}

/** `?` (any one character) for each character that a URL does not carry as it is. */
function plainPattern(pattern: string): string {
  return pattern.trim().replaceAll(/[^A-Za-z0-9*?._~-]/gu, '?');
}

async function askForStudies(peer: QidoPeer, query: RemoteQuery, signal: AbortSignal): Promise<FoundStudies> {
  const asked: [string, string][] = included.map((tag) => ['includefield', tag]);
  const ask = (keyword: string, value: string): void => {
    if (value.trim() !== '') asked.push([keyword, value.trim()]);
  };
  ask('PatientName', query.patientName);
  ask('PatientID', query.patientID);
  ask('AccessionNumber', query.accessionNumber);
  ask('StudyDate', query.studyDate);
  ask('ModalitiesInStudy', query.modality);
  ask('StudyDescription', query.description);
  ask('StudyInstanceUID', query.studyInstanceUID);

  const studies = new Map<string, FoundStudy>();
  // One more than asked for tells whether there are more.
  const wanted = query.limit + 1;
  await eachPage(peer, '/studies', asked, { size: Math.min(studyPage, wanted), signal }, (page) => {
    const before = studies.size;
    for (const dataSet of page) {
      const study = studyOf(dataSet);
      if (study !== null) studies.set(study.studyInstanceUID, study);
    }
    return studies.size > before && studies.size < wanted;
  });
  return { studies: [...studies.values()].slice(0, query.limit), isCut: studies.size > query.limit };
}

/**
 * Asks for one study, as a server does that has a DICOMweb service at the peer's address.
 * @throws Fault 656 (nothing there), 657 (something else), 658 (it does not take the question), and those of the connection.
 */
export async function askForSign({ name, http, pageBytesLimit }: QidoPeer, signal: AbortSignal): Promise<void> {
  const answer = await http.ask({ method: 'GET', place: '/studies?limit=1', accept: dicomJsonType, signal });
  await jsonAnswer(name, answer, pageBytesLimit);
}

/** @throws Fault 659 (more series than a study has). */
export async function findSeries(
  peer: QidoPeer,
  studyInstanceUID: string,
  signal: AbortSignal,
): Promise<FoundSeries[]> {
  const asked: [string, string][] = includedOfSeries.map((tag) => ['includefield', tag]);
  const found = new Map<string, FoundSeries>();
  await eachPage(peer, `/studies/${studyInstanceUID}/series`, asked, { size: seriesPage, signal }, (page) => {
    const before = found.size;
    for (const dataSet of page) {
      const series = seriesOf(dataSet);
      if (series !== null) found.set(series.seriesInstanceUID, series);
    }
    if (found.size > seriesLimit) throw pacsFault.tooLarge(peer.name, `more than ${seriesLimit} series of one study`);
    return found.size > before;
  });
  return [...found.values()];
}

/** The instances of a study by UID; null where the peer does not tell them. */
export async function instancesOf(
  peer: QidoPeer,
  studyInstanceUID: string,
  signal: AbortSignal,
): Promise<PeerInstance[] | null> {
  const instances = new Map<string, PeerInstance>();
  let isStrange = false;
  const place = `/studies/${studyInstanceUID}/instances`;
  await eachPage(peer, place, [], { size: instancePage, signal }, (page) => {
    const before = instances.size;
    for (const dataSet of page) {
      const seriesInstanceUID = firstText(dataSet, '0020000E');
      const sopInstanceUID = firstText(dataSet, '00080018');
      if (uid.test(seriesInstanceUID) && uid.test(sopInstanceUID)) {
        instances.set(sopInstanceUID, { seriesInstanceUID, sopInstanceUID });
      } else isStrange = true;
    }
    return instances.size > before && instances.size < instancesLimit;
  });
  return isStrange || instances.size >= instancesLimit ? null : [...instances.values()];
}

/** Asks page after page until one is not full, or `take` says that it is enough (or brought nothing new). */
async function eachPage(
  peer: QidoPeer,
  place: string,
  asked: readonly [string, string][],
  { size, signal }: { size: number; signal: AbortSignal },
  take: (page: DicomJson[]) => boolean,
): Promise<void> {
  for (let offset = 0; ;) {
    const parameters = [...asked, ['limit', String(size)], ['offset', String(offset)]];
    const answer = await peer.http.ask({
      method: 'GET',
      // Escaped by hand: a form's `+` for a space, and an escaped comma or asterisk, are not understood by every server.
      place: `${place}?${parameters.map(([name, value = '']) => `${name}=${escaped(value)}`).join('&')}`,
      accept: dicomJsonType,
      signal,
    });
    // A server that gives fewer than asked for says so by a warning (PS3.18 8.3.4.4).
    const hasMore = /^299\b/.test(answer.headers['warning'] ?? '');
    const page = await jsonAnswer(peer.name, answer, peer.pageBytesLimit);
    const goesOn = take(page);
    if (!goesOn || page.length === 0 || (page.length < size && !hasMore)) return;
    offset += page.length;
  }
}

/** RFC 3986 3.4 allows these in a query as they are. */
function escaped(value: string): string {
  return encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%2A', '*').replaceAll('%3F', '?');
}

function studyOf(dataSet: DicomJson): FoundStudy | null {
  const studyInstanceUID = firstText(dataSet, '0020000D');
  if (!uid.test(studyInstanceUID)) return null;
  return {
    studyInstanceUID,
    patientID: firstText(dataSet, '00100020'),
    patientName: firstText(dataSet, '00100010'),
    patientBirthDate: firstText(dataSet, '00100030'),
    studyDate: firstText(dataSet, '00080020'),
    description: firstText(dataSet, '00081030'),
    accessionNumber: firstText(dataSet, '00080050'),
    modalities: textsOf(dataSet, '00080061').sort(),
    series: firstCount(dataSet, '00201206'),
    instances: firstCount(dataSet, '00201208'),
  };
}

function seriesOf(dataSet: DicomJson): FoundSeries | null {
  const seriesInstanceUID = firstText(dataSet, '0020000E');
  if (!uid.test(seriesInstanceUID)) return null;
  const seriesNumber = firstText(dataSet, '00200011');
  return {
    seriesInstanceUID,
    modality: firstText(dataSet, '00080060'),
    seriesNumber: /^-?\d{1,12}$/.test(seriesNumber) ? Number(seriesNumber) : null,
    description: firstText(dataSet, '0008103E'),
    instances: firstCount(dataSet, '00201209'),
  };
}
