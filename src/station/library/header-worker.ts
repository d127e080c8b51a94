// The worker thread that reads files for an import. It answers a batch of candidates with one outcome each, in order.
import { parentPort, workerData } from 'node:worker_threads';
import type { Candidate } from './intake/candidate.ts';
import { readCandidate, type ReadingPlace } from './intake/read-candidate.ts';

const place = workerData as ReadingPlace;
parentPort?.on('message', (candidates: readonly Candidate[]) => {
  const outcomes = candidates.map((candidate) => readCandidate(candidate, place));
  parentPort?.postMessage(outcomes, []);
});
