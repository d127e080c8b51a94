// A DICOMweb server as a peer: QIDO-RS to find, WADO-RS to retrieve, STOW-RS to send.
import type { DicomwebPeer } from '../../../contract/pacs.ts';
import type { PeerClient } from '../peer-client.ts';
import { httpExchange } from './http-exchange.ts';
import { askForSign, findSeries, findStudies } from './qido.ts';
import { retrieveStudy } from './retrieve-study.ts';
import { storeFiles } from './stow.ts';

export interface DicomwebLimits {
  /** A peer from which nothing comes for so long is given up. */
  readonly silenceMs: number;
  /** Of one JSON answer. */
  readonly pageBytesLimit: number;
  /** Of one instance. */
  readonly instanceBytesLimit: number;
}

const usualLimits: DicomwebLimits = {
  silenceMs: 60_000,
  pageBytesLimit: 64 * 1024 * 1024,
  instanceBytesLimit: 16 * 1024 ** 3,
};
/** A person waits for the answer to “Test connection”. */
const echoSilenceMs = 15_000;

export function dicomwebClient(peer: DicomwebPeer, limits: Partial<DicomwebLimits> = {}): PeerClient {
  const { silenceMs, ...bounds } = { ...usualLimits, ...limits };
  const asked = { ...bounds, name: peer.name, http: httpExchange(peer, { silenceMs }) };
  return {
    async echo(signal) {
      const startedMs = performance.now();
      const http = httpExchange(peer, { silenceMs: Math.min(silenceMs, echoSilenceMs) });
      await askForSign({ ...asked, http }, signal);
      return performance.now() - startedMs;
    },
    find: (query, signal) => findStudies(asked, query, signal),
    findSeries: (studyInstanceUID, signal) => findSeries(asked, studyInstanceUID, signal),
    retrieve: (studyInstanceUID, options) => retrieveStudy(asked, studyInstanceUID, options),
    send: (files, options) => storeFiles(asked, files, options),
  };
}
