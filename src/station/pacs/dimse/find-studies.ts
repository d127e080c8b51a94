// Studies at a DIMSE peer, and the series of one (PS3.4 C.6.2.1.2, C.6.2.1.3).
import type { RemoteQuery } from '../../../contract/pacs.ts';
import { pacsFault } from '../faults.ts';
import { type FoundSeries, type FoundStudies, type FoundStudy, seriesLimit } from '../peer-client.ts';
import { find, type FindOptions } from './find.ts';
import type { Key } from './identifier.ts';
import type { PeerAssociation } from './peer-connection.ts';

export async function findStudies(
  peerAssociation: PeerAssociation,
  query: RemoteQuery,
  options: Omit<FindOptions, 'limit' | 'messageID'>,
): Promise<FoundStudies> {
  const identifier = {
    QueryRetrieveLevel: 'STUDY',
    StudyInstanceUID: query.studyInstanceUID,
    PatientName: query.patientName,
    PatientID: query.patientID,
    PatientBirthDate: '',
    StudyDate: query.studyDate,
    AccessionNumber: query.accessionNumber,
    ModalitiesInStudy: query.modality,
    StudyDescription: query.description,
    NumberOfStudyRelatedSeries: '',
    NumberOfStudyRelatedInstances: '',
  };
  const { answers, isCut } = await find(peerAssociation, identifier, foundStudy, {
    ...options,
    messageID: 1,
    limit: query.limit,
  });
  const studies = answers
    .filter(({ studyInstanceUID }) => /^[0-9.]{1,64}$/.test(studyInstanceUID))
    // ModalitiesInStudy is an optional key: a peer may answer as if it had not been asked for.
    .filter(
      ({ modalities }) => query.modality === '' || modalities.length === 0 || modalities.includes(query.modality),
    );
  return { studies, isCut };
}

/** @throws Fault 659 (more series than a study has). */
export async function findSeries(
  peerAssociation: PeerAssociation,
  studyInstanceUID: string,
  options: Omit<FindOptions, 'limit' | 'messageID'>,
): Promise<FoundSeries[]> {
  const identifier = {
    QueryRetrieveLevel: 'SERIES',
    StudyInstanceUID: studyInstanceUID,
    SeriesInstanceUID: '',
    Modality: '',
    SeriesNumber: '',
    SeriesDescription: '',
    NumberOfSeriesRelatedInstances: '',
  };
  const { answers, isCut } = await find(peerAssociation, identifier, foundSeries, {
    ...options,
    messageID: 1,
    limit: seriesLimit,
  });
  if (isCut) throw pacsFault.tooLarge(options.peerName, `more than ${seriesLimit} series of one study`);
  return answers.filter(({ seriesInstanceUID }) => /^[0-9.]{1,64}$/.test(seriesInstanceUID));
}

function foundSeries(text: (key: Key) => string): FoundSeries {
  const seriesNumber = text('SeriesNumber').trim();
  return {
    seriesInstanceUID: text('SeriesInstanceUID'),
    modality: text('Modality'),
    seriesNumber: /^-?\d{1,12}$/.test(seriesNumber) ? Number(seriesNumber) : null,
    description: text('SeriesDescription'),
    instances: count(text('NumberOfSeriesRelatedInstances')),
  };
}

function foundStudy(text: (key: Key) => string): FoundStudy {
  return {
    studyInstanceUID: text('StudyInstanceUID'),
    patientID: text('PatientID'),
    patientName: text('PatientName'),
    patientBirthDate: text('PatientBirthDate'),
    studyDate: text('StudyDate'),
    description: text('StudyDescription'),
    accessionNumber: text('AccessionNumber'),
    modalities: text('ModalitiesInStudy').split('\\').filter(Boolean),
    series: count(text('NumberOfStudyRelatedSeries')),
    instances: count(text('NumberOfStudyRelatedInstances')),
  };
}

const count = (text: string): number | null => (/^\d{1,9}$/.test(text.trim()) ? Number(text) : null);
