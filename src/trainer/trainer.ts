// The trainer process: takes one job at a time from its parent, does it, says how it goes. It ends with its parent.
import { flushCompileCache } from 'node:module';
import { constants, setPriority } from 'node:os';
import { faultValueOf } from '../contract/fault.ts';
import { type FromTrainer, type ToTrainer, toTrainerSchema } from '../contract/trainer-messages.ts';
import { openEngine } from './engines/open-engine.ts';
import { messageMalformed, trainerUnavailable } from './faults.ts';
import { probeLeak } from './privacy/leak-probe.ts';
import { evaluate } from './run/evaluate.ts';
import { exportModel } from './run/export-model.ts';
import { predictImages } from './run/predict-images.ts';
import { type RunControl, runControl } from './run/run-control.ts';
import { sessionCache } from './run/session-cache.ts';
import { train } from './run/train.ts';

const sessions = sessionCache();
let running: RunControl | null = null;
let heldFor: string | null = null;
let idleShare = 0;

/** A parent may go while it is told: with a callback that is no error of this process, which has to close in order. */
const tell = (message: FromTrainer): void => {
  if (process.connected) process.send?.(message, () => {});
};

async function perform(order: Extract<ToTrainer, { id: number }>): Promise<void> {
  const { id } = order;
  if (running !== null) {
    tell({ kind: 'fault', id, fault: trainerUnavailable('another job is running').toValue() });
    return;
  }
  const control = runControl({ heldFor, idleShare });
  running = control;
  let last: FromTrainer;
  try {
    if (order.kind === 'train') {
      const outcome = await train(order.job, {
        sessions,
        control,
        onProgress: (progress) => tell({ kind: 'progress', id, progress }),
        onEpoch: (epoch) => tell({ kind: 'epoch', id, epoch }),
        onNote: (note) => tell({ kind: 'note', id, note: note.slice(0, 2_000) }),
      });
      last = { kind: 'trained', id, outcome };
    } else if (order.kind === 'probe-leak') {
      last = { kind: 'leak-probed', id, probe: await probeLeak(order.job, { control }) };
    } else if (order.kind === 'evaluate') {
      last = { kind: 'evaluated', id, evaluation: await evaluate(order.job, { sessions, control }) };
    } else if (order.kind === 'predict') {
      last = { kind: 'predicted', id, prediction: await predictImages(order.job, sessions) };
    } else if (order.kind === 'check-engine') {
      await openEngine({ ...order.job, threads: 1 });
      last = { kind: 'engine-checked', id };
    } else {
      last = { kind: 'exported', id, bytes: exportModel(order.job) };
    }
  } catch (error) {
    last = { kind: 'fault', id, fault: faultValueOf(error) };
  }
  running = null;
  tell(last);
  // This process may be ended at any moment, and would then leave nothing for the next one.
  flushCompileCache();
}

process.on('message', (message) => {
  const order = toTrainerSchema.safeParse(message);
  if (!order.success) {
    const fault = messageMalformed(order.error.issues[0]?.path.join('.') ?? 'unknown').toValue();
    tell({ kind: 'fault', id: idOf(message), fault });
  } else if ('job' in order.data) {
    void perform(order.data);
  } else if (order.data.kind === 'hold') {
    heldFor = order.data.reason;
    running?.hold(heldFor);
  } else if (order.data.kind === 'pace') {
    ({ idleShare } = order.data);
    running?.pace(idleShare);
  } else if (order.data.kind === 'rest') {
    running?.rest(order.data.milliseconds);
  } else {
    running?.[order.data.kind]();
  }
});
// Work nobody waits for is not finished: the run goes on from its checkpoint when the parent is back.
process.on('disconnect', () => process.exit(0));

// Ctrl+C goes to the whole group; the parent then stops the job, which needs this process to write its checkpoint.
process.on('SIGINT', () => {});

try {
  // Hospitals' workstations have other work: training takes what is left.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Not allowed here: it trains at normal priority.
}
tell({ kind: 'ready' });

/** The id of a message that could not be decoded, so that its sender hears of it; −1 without one. */
function idOf(message: unknown): number {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined;
  return Number.isSafeInteger(id) ? Number(id) : -1;
}
