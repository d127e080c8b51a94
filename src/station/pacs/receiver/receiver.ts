// The C-STORE receiver of a station: its settings on disk, its server, and what it tells of itself.
import { openTurns } from '../../../contract/in-turn.ts';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../../contract/fault.ts';
import { type ReceiverSettings, receiverSettingsSchema, type ReceiverState } from '../../../contract/pacs.ts';
import { writeFileDurably } from '../../home/durable-file.ts';
import type { InstanceIntake } from '../../library/instance-intake.ts';
import { ReceiverLog } from './receiver-log.ts';
import { listen, tlsOf, type ReceiverLimits, receiverLimits, type ReceiverServer } from './receiver-server.ts';
import type { StoredInstance } from './storage-provider.ts';

export interface Receiver {
  state(): ReceiverState;
  /** Resolves when it listens, or when it is known why it does not. */
  settled(): Promise<void>;
  /**
   * Saves the settings, lets running associations end (10 s), and listens anew. Why it cannot is in `problem`.
   * @throws Fault 662, 671 or 676 where it shall listen and the files for TLS cannot be used; the settings stay as they were.
   */
  configure(settings: ReceiverSettings): Promise<ReceiverState>;
  /** Hears of each instance that arrives; returns the way to stop. For C-MOVE, whose answers tell only numbers. */
  watch(listener: (stored: StoredInstance) => void): () => void;
  close(): Promise<void>;
}

export interface ReceiverOptions {
  /** Holds receiver.json. */
  readonly folder: string;
  readonly intake: InstanceIntake;
  readonly onChange: (state: ReceiverState) => void;
  readonly limits?: ReceiverLimits;
}

const graceMs = 10_000;
/** The shell does not wait long for a closing station. */
const closingGraceMs = 1_000;

/** Begins to listen where the saved settings say so. */
export function openReceiver({ folder, intake, onChange, limits = receiverLimits }: ReceiverOptions): Receiver {
  const file = path.join(folder, 'receiver.json');
  const listeners = new Set<(stored: StoredInstance) => void>();
  let { settings, problem } = readSettings(file);
  let server: ReceiverServer | null = null;
  let isClosed = false;

  const state = (): ReceiverState => ({ settings, isListening: server !== null, problem, ...log.counts() });
  const log = new ReceiverLog(() => onChange(state()));

  /** Starts and stops one after another. */
  const inTurn = openTurns();

  async function stop(withinMs: number): Promise<void> {
    const running = server;
    server = null;
    await running?.close(withinMs);
  }

  async function start(): Promise<void> {
    if (!settings.isEnabled || isClosed) return;
    try {
      server = await listen({
        settings,
        intake,
        log,
        limits,
        onStored: (stored) => {
          for (const listener of listeners) listener(stored);
        },
      });
      problem = null;
    } catch (error) {
      problem = error instanceof Fault ? error.message : String(error);
    }
    if (!isClosed) onChange(state());
  }

  void inTurn(start);
  return {
    state,
    settled: () => inTurn(async () => {}),
    async configure(next) {
      if (next.isEnabled) tlsOf(next);
      await inTurn(async () => {
        writeFileDurably(file, `${JSON.stringify(next, null, 2)}\n`);
        settings = next;
        problem = null;
        await stop(graceMs);
        await start();
        if (!settings.isEnabled) onChange(state());
      });
      return state();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      isClosed = true;
      await inTurn(() => stop(closingGraceMs));
      log.close();
    },
  };
}

function readSettings(file: string): { settings: ReceiverSettings; problem: string | null } {
  const initial = receiverSettingsSchema.parse({});
  if (!existsSync(file)) return { settings: initial, problem: null };
  try {
    return { settings: receiverSettingsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))), problem: null };
  } catch {
    return { settings: initial, problem: `The settings in ${file} are damaged: set the receiver up again.` };
  }
}
