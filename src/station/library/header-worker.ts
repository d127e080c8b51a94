// The worker thread that reads files for an import. It answers a batch of paths with one outcome each, in order.
import { parentPort, workerData } from 'node:worker_threads';
import { readInstance } from './read-instance.ts';

export interface HeaderWorkerSetUp {
  readonly copyFolder: string | null;
}

const { copyFolder } = workerData as HeaderWorkerSetUp;
parentPort?.on('message', (paths: readonly string[]) => {
  const outcomes = paths.map((file) => readInstance(file, copyFolder));
  parentPort?.postMessage(outcomes, []);
});
