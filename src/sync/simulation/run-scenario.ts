// Plays a scenario in a process of its own, where time is imagined, and gives what came of it.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { simulationFault } from './faults.ts';
import { outcomeSchema, progressSchema, type SimulationOutcome, type SimulationProgress } from './outcome.ts';
import type { Scenario } from './scenario.ts';

const workerFile = fileURLToPath(new URL('./simulation-worker.ts', import.meta.url));
const fromWorkerSchema = z.union([
  z.object({ progress: progressSchema }),
  z.object({ outcome: outcomeSchema }),
  z.object({ failed: z.string() }),
]);
/** A federation of a thousand sites in one process. */
const heapMegabytes = 8_192;

/** The same scenario gives the same outcome. @throws Fault 571 when the process fails. */
export function runScenario(
  scenario: Scenario,
  options: { readonly onProgress?: (progress: SimulationProgress) => void; readonly signal?: AbortSignal } = {},
): Promise<SimulationOutcome> {
  const child = fork(workerFile, [], {
    execArgv: [`--max-old-space-size=${heapMegabytes}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const end = (): void => void child.kill('SIGKILL');
  options.signal?.addEventListener('abort', end, { once: true });
  return new Promise<SimulationOutcome>((resolve, reject) => {
    let trace = '';
    let failed: string | null = null;
    child.stderr?.on('data', (text: Buffer) => {
      trace = (trace + text.toString('utf8')).slice(-2_000);
    });
    child.on('message', (raw) => {
      const message = fromWorkerSchema.parse(raw);
      if ('outcome' in message) resolve(message.outcome);
      else if ('failed' in message) failed = message.failed;
      else options.onProgress?.(message.progress);
    });
    child.once('error', reject);
    // After the last of its words.
    child.once('close', (code, signal) => {
      const reason = options.signal?.aborted ? 'it was stopped' : (failed ?? endWords(code, signal));
      reject(simulationFault.notEnded(reason, trace));
    });
    child.send(scenario);
  }).finally(() => {
    options.signal?.removeEventListener('abort', end);
    end();
  });
}

/** V8 aborts where its heap is full; a machine that is short of memory kills. */
function endWords(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === 'SIGABRT' || signal === 'SIGKILL')
    return `its process was ended (${signal}), as happens where memory is short; try fewer sites (--sites)`;
  return `its process ended ${signal === null ? `with code ${code}` : `by ${signal}`}`;
}

/**
 * The same federation in synchronous rounds: every site trains once from each trunk and waits. Where sites go away, a round ends
 * at twice the slowest site's time with those that are there, as a coordinator would have it.
 */
export function synchronousTwin(scenario: Scenario): Scenario {
  const { churn, training, sites, project } = scenario;
  const slowestSeconds =
    training.kind === 'replayed'
      ? Math.max(...training.secondsOfUpdates.flat())
      : training.secondsPerUpdate * training.speedSpread * (1 + training.jitter);
  const canWaitForAll = churn.vanishShare === 0;
  return {
    ...scenario,
    project: {
      ...project,
      trunkRule: {
        ...project.trunkRule,
        rounds: true,
        bufferSize: sites,
        deadlineMs: canWaitForAll ? null : Math.round(2_000 * slowestSeconds),
        quorum: canWaitForAll ? 1 : Math.max(1, Math.floor((1 - churn.vanishShare) * sites)),
      },
    },
  };
}
