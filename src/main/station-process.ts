// The station's process as the shell sees it: started, heard, restarted after a crash. No business rule passes through here.
import { type ChildProcess, fork } from 'node:child_process';
import { type Abandon, type FromStation, fromStationSchema, type ToStation } from '../contract/calls.ts';
import type { StationState } from '../contract/shell.ts';
import type { StationProgram } from './home-folder.ts';

export interface StationProcessOptions {
  readonly program: StationProgram;
  readonly home: string;
  readonly onMessage: (message: FromStation) => void;
  readonly onState: (state: StationState) => void;
}

export interface StationProcess {
  readonly state: StationState;
  /** Sends an order; false when no station hears it. */
  send(order: ToStation | Abandon): boolean;
  /** Ends the station and resolves when it is gone; after `closeDeadlineMs` it is killed. */
  close(): Promise<void>;
}

/** A station that dies again within this time of its start counts as failing. */
const healthyAfterMs = 10_000;
const restartDelayMs = 500;
const maxQuickDeaths = 3;
const closeDeadlineMs = 5_000;
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
export function startStationProcess({ program, home, onMessage, onState }: StationProcessOptions): StationProcess {
  let state: StationState = { state: 'starting' };
  let child: ChildProcess | null = null;
  let closing = false;
  let quickDeaths = 0;
  /** What the station said about why it cannot start: a fault under id 0. */
  let lastWords: string | null = null;

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
    started.on('message', (raw) => {
      const message = fromStationSchema.safeParse(raw);
      if (!message.success) return;
      if ('fault' in message.data && message.data.id === 0) {
        lastWords = message.data.fault.message;
        return;
      }
      if ('preparing' in message.data) {
        const { step, steps } = message.data.preparing;
        change({ state: 'starting', message: `Preparing the study index for this version: step ${step} of ${steps}.` });
        return;
      }
      if (state.state !== 'running') change({ state: 'running' });
      onMessage(message.data);
    });
    started.on('error', (error) => {
      lastWords ??= error.message;
      ended(started, startedAt);
    });
    started.on('exit', () => ended(started, startedAt));
  };

  const ended = (dead: ChildProcess, startedAt: number): void => {
    if (child !== dead) return;
    child = null;
    if (closing) return;
    quickDeaths = Date.now() - startedAt < healthyAfterMs ? quickDeaths + 1 : 1;
    if (lastWords !== null || quickDeaths >= maxQuickDeaths) {
      const reason = lastWords ?? 'It ended several times right after its start.';
      change({ state: 'failed', message: `${reason} Restart ImagiQ to try again; your data is untouched.` });
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
