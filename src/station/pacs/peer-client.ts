// What a peer can be asked, whatever it speaks: DIMSE (PS3.7) or DICOMweb (PS3.18).
import type { RemoteQuery, RemoteSeries, RemoteStudy, RetrieveMethod } from '../../contract/pacs.ts';
import type { Accepted, InstanceIntake } from '../library/instance-intake.ts';

/** What the peer tells of a study; what of it lies here already, the library tells. */
export type FoundStudy = Omit<RemoteStudy, 'instancesHere'>;

export type FoundSeries = Omit<RemoteSeries, 'instancesHere'>;

/** A study with more is not believed. */
export const seriesLimit = 10_000;

export interface FoundStudies {
  readonly studies: FoundStudy[];
  /** There are more than the query's `limit`. */
  readonly isCut: boolean;
}

/** A file of the library that is to be sent. */
export interface SendFile {
  /** Absolute path of a file that holds this instance; not every one begins with a preamble (PS3.10 7.1). */
  readonly path: string;
  readonly sopClassUID: string;
  readonly sopInstanceUID: string;
  readonly transferSyntaxUID: string;
}

export interface RetrieveOptions {
  /** Only these series of the study; absent for all. */
  readonly seriesInstanceUIDs?: readonly string[];
  /** For DIMSE peers; DICOMweb knows one way. */
  readonly method: RetrieveMethod;
  readonly signal: AbortSignal;
  readonly intake: InstanceIntake;
  /** Whether the library has a whole file of an instance: such a one need not be fetched where the peer tells its instances. */
  isHere(sopInstanceUID: string): boolean;
  /** Once for each instance that arrived, when it is where it stays. */
  onInstance(accepted: Accepted): void;
  /** Once for each instance that failed, with a sentence that names it by UID and says why. */
  onFailure(why: string): void;
  /** How many instances of this study will be fetched, as soon as it is known; may be called again. */
  onTotal(instances: number): void;
}

export interface SendOptions {
  readonly signal: AbortSignal;
  /** Once for each instance that the peer acknowledged. */
  onSent(sopInstanceUID: string): void;
  onFailure(why: string): void;
}

/** All throw faults of 650–679, and fault 665 when `signal` ends them. What arrived or was sent before stays. */
export interface PeerClient {
  /** Resolves with the milliseconds that the answer took. */
  echo(signal: AbortSignal): Promise<number>;
  find(query: RemoteQuery, signal: AbortSignal): Promise<FoundStudies>;
  /** The series of one study; none where the peer has no such study. */
  findSeries(studyInstanceUID: string, signal: AbortSignal): Promise<FoundSeries[]>;
  /** Resolves when each instance of the study, or of its wanted series, was told to `onInstance` or `onFailure`. */
  retrieve(studyInstanceUID: string, options: RetrieveOptions): Promise<void>;
  /** Resolves when each file was told to `onSent` or `onFailure`. */
  send(files: readonly SendFile[], options: SendOptions): Promise<void>;
}
