// One training, in this process, for tests that limit its memory: the job of its argument; prints the batch size that was taken.
import { trainJobSchema } from '../../../src/contract/training.ts';
import { runControl } from '../../../src/trainer/run/run-control.ts';
import { sessionCache } from '../../../src/trainer/run/session-cache.ts';
import { train } from '../../../src/trainer/run/train.ts';

const silent = (): void => {};
const { batchSize, steps } = await train(trainJobSchema.parse(JSON.parse(process.argv[2] ?? '')), {
  sessions: sessionCache(),
  control: runControl(),
  onProgress: silent,
  onEpoch: silent,
  onNote: silent,
});
process.stdout.write(JSON.stringify({ batchSize, steps }));
