// The thread that computes what the trunk becomes (trunk-work.ts). At each step it waits to be told to go on.
import { flushCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { Fault } from '../../contract/fault.ts';
import type { FromTrunkWorker, ToTrunkWorker } from './trunk-threads.ts';
import { checkUpdate, type CommitStep, type CommitTask, makeCommit } from './trunk-work.ts';
import { makeVariates } from './variate-work.ts';

// As `imagiq hub` does for its own code: a thread that has to compile this anew takes 26 MB more.
flushCompileCache();

const say = (message: FromTrunkWorker): void => parentPort?.postMessage(message, []);
let goOn: (isWanted: boolean) => void = () => {};

class Unwanted extends Error {}

const commit = (task: CommitTask): ReturnType<typeof makeCommit> =>
  makeCommit(task, async (step: CommitStep) => {
    const isWanted = await new Promise<boolean>((resolve) => {
      goOn = resolve;
      say({ kind: 'step', step });
    });
    if (!isWanted) throw new Unwanted();
  });

parentPort?.on('message', (message: ToTrunkWorker) => {
  if (message.kind === 'go-on') return goOn(message.isWanted);
  const done = async () => {
    switch (message.kind) {
      case 'commit':
        return commit(message);
      case 'variates':
        return makeVariates(message);
      case 'check':
        checkUpdate(message);
        return null;
    }
  };
  void done()
    .then((made): FromTrunkWorker => ({ kind: 'done', made }))
    .catch((thrown: unknown): FromTrunkWorker | null => {
      if (thrown instanceof Unwanted) return null;
      if (thrown instanceof Fault) return { kind: 'refused', fault: thrown.toValue() };
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const { code, path } = error as NodeJS.ErrnoException;
      return {
        kind: 'failed',
        error: {
          message: error.message,
          ...(code !== undefined && { code }),
          ...(path !== undefined && { path }),
        },
      };
    })
    .then((answer) => answer !== null && say(answer));
});
