// Plays a scenario in a process of its own, where time is imagined, and gives what came of it.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { simulationFault } from './faults.ts';
import { outcomeSchema, progressSchema, type SimulationOutcome, type SimulationProgress } from './outcome.ts';
import type { Scenario } from './scenario.ts';

const workerFile = fileURLToPath(new URL('./simulation-worker.ts', import.meta.url));
const fromWorkerSchema = z.union([z.object({ progress: progressSchema }), z.object({ outcome: outcomeSchema })]);
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
    let complaint = '';
    child.stderr?.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString('utf8')).slice(-2_000);
    });
    child.on('message', (raw) => {
      const message = fromWorkerSchema.parse(raw);
      if ('outcome' in message) resolve(message.outcome);
      else options.onProgress?.(message.progress);
    });
    child.once('error', reject);
    child.once('exit', () => {
      const reason = options.signal?.aborted ? 'it was stopped' : complaint.trim() || 'its process ended';
      reject(simulationFault.notEnded(reason));
    });
    child.send(scenario);
  }).finally(() => {
    options.signal?.removeEventListener('abort', end);
    end();
  });
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
