// A parent process for tests: starts the training job of its argument, prints the trainer's process id, waits.
import { trainJobSchema } from '../../../src/contract/training.ts';
import { startTrainer } from '../../../src/trainer/client.ts';

const trainer = startTrainer();
const job = trainJobSchema.parse(JSON.parse(process.argv[2] ?? ''));
await trainer.train(job, { onEpoch: ({ epoch }) => epoch === 1 && console.log(trainer.processId) });
