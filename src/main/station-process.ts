// The station's process as the shell sees it: started, heard, restarted after a crash. No business rule passes through here.
import { type ChildProcess, fork } from 'node:child_process';
import { type Abandon, type FromStation, fromStationSchema, type ToStation } from '../contract/calls.ts';
import { type KeyChainNews, type NewSeal, sealingAnswerSchema, type SealingOrder } from '../contract/key-chain.ts';
import { Fault } from '../contract/fault.ts';
import type { StationState } from '../contract/shell.ts';
import { shellFault } from './faults.ts';
import type { StationProgram } from './home-folder.ts';

export interface StationProcessOptions {
  readonly program: StationProgram;
  readonly home: string;
  /** Asked at each start; what it says is the first that the station hears. */
  readonly keyChain: () => KeyChainNews;
  readonly onMessage: (message: FromStation) => void;
  readonly onState: (state: StationState) => void;
  /** It is gone: what it was asked and had not answered is not answered any more. */
  readonly onGone: () => void;
}

export interface StationProcess {
  readonly state: StationState;
  /** Sends an order; false when no station hears it. */
  send(order: ToStation | Abandon): boolean;
  /**
   * Has the station seal its keys, or write them plain again (null); whether they are sealed then.
   * @throws Fault as it tells it, 700 when it stopped, 702 when its answer is none, 707 when an order is under way, 708 after `sealingDeadlineMs`
   */
  changeSealing(seal: NewSeal | null): Promise<boolean>;
  /** Ends the station and resolves when it is gone; after `closeDeadlineMs` it is killed. */
  close(): Promise<void>;
}

interface SealingUnderWay {
  readonly id: number;
  resolve(isSealed: boolean): void;
  reject(fault: Fault): void;
}

/** Orders of windows have numbers from 1, and nobody waits for what has −1: orders to seal go down from here. */
const firstSealingId = -2;
/** A station that dies again within this time of its start counts as failing. */
const healthyAfterMs = 10_000;
const restartDelayMs = 500;
const maxQuickDeaths = 3;
const closeDeadlineMs = 5_000;
/** For a station that is busy; sealing itself takes milliseconds. */
export const sealingDeadlineMs = 30_000;
/**
 * A young generation of V8's that stays small, in the station and in its threads: one that grows keeps garbage for long, the more the
 * more images go by (building a data set of 40,000: 222 MB instead of 172, for the same processor time). A still smaller one hands
 * more on to the old generation, and an import takes more again.
 */
const nodeFlags = ['--max-semi-space-size=8'];
/** Variables that the station needs; nothing else of the shell's environment goes to it. */
const passedVariables = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
  'HTTPS_PROXY',
  'https_proxy',
  'NO_PROXY',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'CUDA_VISIBLE_DEVICES',
  'LD_LIBRARY_PATH',
] as const;

/** Starts the station and keeps it running until `close`. */
export function startStationProcess({
  program,
  home,
  keyChain,
  onMessage,
  onState,
  onGone,
}: StationProcessOptions): StationProcess {
  let state: StationState = { state: 'starting' };
  let child: ChildProcess | null = null;
  let closing = false;
  let quickDeaths = 0;
  /** What the station said about why it cannot start: a fault under id 0. */
  let lastWords: { readonly message: string; readonly code: number | null } | null = null;
  /** The order to change the sealing that is under way. */
  let sealing: SealingUnderWay | null = null;
  let nextSealingId = firstSealingId;

  const change = (next: StationState): void => {
    state = next;
    onState(next);
  };

  const start = (): void => {
    const startedAt = Date.now();
    lastWords = null;
    const started = fork(program.file, ['--home', home], {
      execPath: program.node,
      execArgv: nodeFlags,
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: Object.fromEntries(
        passedVariables.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
      ),
    });
    child = started;
    started.send({ keyChain: keyChain() }, () => {});
    started.on('message', (raw) => {
      const message = fromStationSchema.safeParse(raw);
      if (!message.success) return;
      if ('fault' in message.data && message.data.id === 0) {
        lastWords = message.data.fault;
        return;
      }
      if ('preparing' in message.data) {
        const { step, steps } = message.data.preparing;
        change({ state: 'starting', message: `Preparing the study index for this version: step ${step} of ${steps}.` });
        return;
      }
      if (state.state !== 'running') change({ state: 'running' });
      if ('id' in message.data && message.data.id <= firstSealingId) {
        // The answer to an order that was given up comes too late.
        if (message.data.id !== sealing?.id) return;
        const answer = sealingAnswerSchema.safeParse('value' in message.data ? message.data.value : null);
        if (answer.success) sealing.resolve(answer.data.isSealed);
        else sealing.reject('fault' in message.data ? new Fault(message.data.fault) : shellFault.badOrder());
        return;
      }
      onMessage(message.data);
    });
    started.on('error', (error) => {
      lastWords ??= { message: error.message, code: null };
      ended(started, startedAt);
    });
    started.on('exit', () => ended(started, startedAt));
  };

  const ended = (dead: ChildProcess, startedAt: number): void => {
    if (child !== dead) return;
    child = null;
    sealing?.reject(shellFault.stationStopped());
    onGone();
    if (closing) return;
    quickDeaths = Date.now() - startedAt < healthyAfterMs ? quickDeaths + 1 : 1;
    if (lastWords !== null || quickDeaths >= maxQuickDeaths) {
      const { message: reason, code } = lastWords ?? {
        message: 'It ended several times right after its start.',
        code: null,
      };
      change({ state: 'failed', message: `${reason} Restart ImagiQ to try again; your data is untouched.`, code });
      return;
    }
    change({
      state: 'restarting',
      message: 'The background process stopped and is being restarted. Nothing stored is lost.',
    });
    setTimeout(() => {
      if (!closing) start();
    }, restartDelayMs);
  };

  start();
  return {
    get state() {
      return state;
    },
    send(order) {
      if (!child?.connected) return false;
      return child.send(order, () => {}) || child.connected;
    },
    changeSealing(seal) {
      if (sealing !== null) return Promise.reject(shellFault.sealingUnderWay());
      const asked = child;
      if (!asked?.connected) return Promise.reject(shellFault.stationStopped());
      let deadline: NodeJS.Timeout | undefined;
      const id = nextSealingId;
      nextSealingId -= 1;
      return new Promise<boolean>((resolve, reject) => {
        sealing = { id, resolve, reject };
        deadline = setTimeout(() => reject(shellFault.sealingUnanswered()), sealingDeadlineMs);
        asked.send({ id, sealing: seal } satisfies SealingOrder, () => {});
      }).finally(() => {
        clearTimeout(deadline);
        sealing = null;
      });
    },
    close() {
      closing = true;
      const dying = child;
      if (!dying) return Promise.resolve();
      return new Promise((resolve) => {
        const kill = setTimeout(() => dying.kill('SIGKILL'), closeDeadlineMs);
        dying.once('exit', () => {
          clearTimeout(kill);
          resolve();
        });
        // The station closes its files when its channel goes.
        if (dying.connected) dying.disconnect();
      });
    },
  };
}
