// Where the trunk computes. Of more than a few numbers in a thread of its own, so that the hub goes on answering: heartbeats, greetings
// and transfers do not wait for a commit.
import { Worker } from 'node:worker_threads';
import { Fault, type FaultValue } from '../../contract/fault.ts';
import {
  type CheckTask,
  type CommitStep,
  type CommitTask,
  type MadeCommit,
  checkUpdate,
  makeCommit,
} from './trunk-work.ts';
import { type MadeVariates, makeVariates, type VariateTask } from './variate-work.ts';

/** Values of a task up to which it is done sooner than handed over: a few milliseconds. */
const valuesDoneHere = 1_000_000;

type TrunkTask = CheckTask | CommitTask | VariateTask;
type Made = MadeCommit | MadeVariates | null;
export type ToTrunkWorker = TrunkTask | { readonly kind: 'go-on'; readonly isWanted: boolean };
export type FromTrunkWorker =
  | { readonly kind: 'step'; readonly step: CommitStep }
  | { readonly kind: 'done'; readonly made: Made }
  | { readonly kind: 'refused'; readonly fault: FaultValue }
  | {
      readonly kind: 'failed';
      readonly error: {
        readonly message: string;
        readonly code?: unknown;
        readonly path?: unknown;
      };
    };

/** One task at a time. `values` is how many numbers it takes in. */
export interface TrunkThreads {
  /** @throws Fault 550–557, 562 or 563 with the reason why the update is refused. */
  check(task: CheckTask, values: number): Promise<void>;
  /** @param onStep is called before it goes on; what that throws ends the commit. */
  commit(task: CommitTask, values: number, onStep: (step: CommitStep) => void): Promise<MadeCommit>;
  variates(task: VariateTask, values: number): Promise<MadeVariates>;
  close(): Promise<void>;
}

/** @param options other values only in tests. */
export function openTrunkThreads(options: { readonly doneHere?: number } = {}): TrunkThreads {
  const { doneHere = valuesDoneHere } = options;
  let worker: Worker | null = null;

  /** One that ends is replaced for the next task; what it was at fails, and is made again as after a kill. */
  const started = (): Worker => {
    const thread = new Worker(new URL('./trunk-worker.ts', import.meta.url));
    // Who waits for its answer hears of it too.
    const forget = (): void => {
      if (worker === thread) worker = null;
    };
    return thread.on('error', forget).on('exit', forget);
  };
  const ask = (task: TrunkTask, onStep: (step: CommitStep) => void): Promise<Made> => {
    worker ??= started();
    const asked = worker;
    const say = (message: ToTrunkWorker): void => asked.postMessage(message, []);
    return new Promise<Made>((resolve, reject) => {
      const end = (finish: () => void): void => {
        asked.off('message', hear).off('error', fail).off('exit', exit);
        // An idle thread does not keep the process alive.
        asked.unref();
        finish();
      };
      const hear = (message: FromTrunkWorker): void => {
        switch (message.kind) {
          case 'step':
            try {
              onStep(message.step);
              say({ kind: 'go-on', isWanted: true });
            } catch (thrown) {
              say({ kind: 'go-on', isWanted: false });
              end(() => reject(thrown as Error));
            }
            return;
          case 'done':
            return end(() => resolve(message.made));
          case 'refused':
            return end(() => reject(new Fault(message.fault)));
          case 'failed':
            return end(() => reject(Object.assign(new Error(message.error.message), message.error)));
        }
      };
      const lose = (reason: string): void =>
        end(() => reject(new Error(`the thread that computes the trunk was lost: ${reason}`)));
      const fail = (error: Error): void => lose(error.message);
      const exit = (code: number): void => lose(`it ended with code ${code}`);
      asked.on('message', hear).on('error', fail).on('exit', exit);
      asked.ref();
      say(task);
    });
  };

  return {
    async check(task, values) {
      if (values <= doneHere) checkUpdate(task);
      else await ask(task, () => {});
    },
    async commit(task, values, onStep) {
      return values <= doneHere ? makeCommit(task, onStep) : ((await ask(task, onStep)) as MadeCommit);
    },
    async variates(task, values) {
      return values <= doneHere ? makeVariates(task) : ((await ask(task, () => {})) as MadeVariates);
    },
    async close() {
      await worker?.terminate();
      worker = null;
    },
  };
}
