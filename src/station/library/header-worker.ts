// The worker thread that reads files for an import. It answers a batch of candidates with one outcome each, in order.
import { parentPort } from 'node:worker_threads';
import type { Candidate } from './intake/candidate.ts';
import { readCandidate, type ReadingPlace } from './intake/read-candidate.ts';

export interface HeaderBatch {
  readonly candidates: readonly Candidate[];
  readonly place: ReadingPlace;
}

parentPort?.on('message', ({ candidates, place }: HeaderBatch) => {
  const outcomes = candidates.map((candidate) => readCandidate(candidate, place));
  // As text: the other side reads that six times faster than a structured clone of a thousand small objects.
  parentPort?.postMessage(JSON.stringify(outcomes), []);
});
