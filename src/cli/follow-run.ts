// A run as the terminal follows it: a line of progress while it lives, a text when it has ended.
import type { Run } from '../contract/calls.ts';
import { aucScope, intervalCaution, intervalEnds } from '../contract/estimate-text.ts';
import { Fault } from '../contract/fault.ts';
import type { Estimate, Metrics } from '../contract/metrics.ts';
import { modelIdOf } from '../contract/model.ts';
import { exitCode, type Output } from './output.ts';
import type { StationLink } from './station-link.ts';

/**
 * Follows the run that `begin` starts or resumes, until it no longer runs, and tells each epoch and why it waits. Ctrl+C stops it with a model of
 * what it learnt; a request to terminate, as of a system that shuts down, pauses it.
 * @returns the run as it ended.
 */
export async function followRun(
  station: StationLink,
  begin: () => Promise<{ readonly id: string }>,
  output: Output,
): Promise<Run> {
  const early: Run[] = [];
  let hear = (run: Run): void => void early.push(run);
  const stopListening = station.listen('run-changed', (run) => hear(run));
  try {
    const { id } = await begin();
    // A run that ended meanwhile refuses to be stopped: its end is told below.
    const stop = (): void => void station.call('stop-run', { id }).catch(() => {});
    const pause = (): void => void station.call('pause-run', { id }).catch(() => {});
    process.once('SIGINT', stop);
    process.once('SIGTERM', pause);
    try {
      let notesTold = 0;
      let epochsTold = 0;
      let waitTold: string | null = null;
      return await new Promise<Run>((resolve) => {
        hear = (run) => {
          if (run.id !== id) return;
          for (const note of run.notes.slice(notesTold)) output.log(note);
          notesTold = run.notes.length;
          for (const epoch of run.epochs.slice(epochsTold)) output.log(epochText(epoch));
          epochsTold = run.epochs.length;
          const waits = run.waitsFor ?? (run.progress?.state === 'waiting' ? run.progress.waitsFor : null);
          if (waits !== null && waits !== waitTold) output.log(`The run waits: ${waits}`);
          if (waits === null && waitTold !== null && run.state === 'running') output.log('The run goes on.');
          waitTold = waits;
          output.progress(progressText(run));
          if (run.state !== 'running') resolve(run);
        };
        early.forEach(hear);
      });
    } finally {
      process.off('SIGINT', stop);
      process.off('SIGTERM', pause);
    }
  } finally {
    stopListening();
  }
}

/** Prints what became of a run; a run that is not done ends with exit code 1. @throws Fault of a run without a result. */
export function tellRun(run: Run, seconds: number, output: Output): void {
  // A run that is done but could not be written down has a model to tell of all the same.
  if (run.fault && !run.outcome) throw new Fault(run.fault);
  if (run.fault) output.log(run.fault.message);
  const { epochs, test, weightsFile } = run.outcome ?? { epochs: run.epochs, test: null, weightsFile: null };
  output.result(
    {
      id: run.id,
      epochs,
      test,
      model: weightsFile,
      modelId: weightsFile === null ? null : modelIdOf(weightsFile),
      seconds,
      state: run.state,
      ending: run.outcome?.ending ?? null,
      bestEpoch: run.outcome?.bestEpoch ?? null,
      imagesPerSecond: run.outcome?.imagesPerSecond ?? null,
      provider: run.outcome?.provider ?? null,
      notes: run.notes,
      privacy: run.outcome?.privacy ?? run.progress?.privacy ?? null,
    },
    () => runText(run),
  );
  if (run.state !== 'done') process.exitCode = exitCode.failed;
}

function progressText({ progress, preparing, waitsFor: holds }: Run): string {
  if (holds !== null) return `waits: ${holds} (${percent(preparing ?? 0)} of the data read)`;
  if (!progress) return preparing === null ? 'Preparing the data …' : `Preparing the data: ${percent(preparing)}`;
  const { epoch, epochs, step, steps, loss, imagesPerSecond, secondsLeft, state, waitsFor, dataWaitShare } = progress;
  const { privacy, measured } = progress;
  if (state === 'waiting') return `waits: ${waitsFor ?? ''} (epoch ${epoch}/${epochs}, step ${step}/${steps})`;
  if (measured !== null)
    return `measuring on images it has not seen (epoch ${epoch}/${epochs}): ${measured.images} of ${measured.of}`;
  const left = secondsLeft === null ? '' : `, ${Math.ceil(secondsLeft)} s left`;
  const spent = privacy === null ? '' : `, ε ${privacy.epsilon.toFixed(2)} of ${privacy.budget}`;
  const waits = dataWaitShare >= 0.01 ? `, ${percent(dataWaitShare)} waiting for data` : '';
  return `${state} epoch ${epoch}/${epochs} step ${step}/${steps}, loss ${loss.toFixed(4)}, ${imagesPerSecond.toFixed(0)} images/s${spent}${waits}${left}`;
}

function epochText({ epoch, loss, validation }: Run['epochs'][number]): string {
  return `epoch ${epoch}: loss ${loss.toFixed(4)}${validation ? `, validation ${figuresText(validation)}` : ''}`;
}

/** All that a run told while it was followed, and what became of it. */
export function toldText(run: Run): string {
  return [
    `${run.network} on ${run.cohort}${run.note === '' ? '' : `: ${run.note}`}`,
    ...run.notes,
    ...run.epochs.map(epochText),
    ...(run.state === 'running' ? [progressText(run)] : []),
    ...(run.fault === null ? [] : [run.fault.message]),
    runText(run),
  ].join('\n');
}

/** Without the epochs: they were told while they were made. */
function runText(run: Run): string {
  const lines: string[] = [];
  const test = run.outcome?.test;
  if (test) {
    lines.push(
      `test (${test.patients} ${test.patients === 1 ? 'patient' : 'patients'}): ${figuresText(test)}, ECE ${test.calibrationError.toFixed(3)}`,
    );
    const caution = intervalCaution(test);
    if (caution !== null) lines.push(caution);
  }
  if (run.outcome?.ending === 'patience') {
    lines.push(
      `Ended early: no lower validation loss since epoch ${run.outcome.bestEpoch ?? 0}, whose weights are kept.`,
    );
  }
  const privacy = run.outcome?.privacy;
  if (privacy) {
    const how = run.outcome?.ending === 'budget' ? ' The budget ended the run.' : '';
    lines.push(
      `privacy: ε = ${privacy.epsilon.toFixed(3)} at δ = ${privacy.delta} for each training image (budget ${privacy.budget}).${how}`,
    );
  }
  lines.push(`run ${run.id}`);
  if (run.outcome) lines.push(`model ${modelIdOf(run.outcome.weightsFile)} (${run.outcome.weightsFile})`);
  if (run.state === 'paused') lines.push(`The run is paused. \`imagiq runs resume ${run.id}\` goes on.`);
  else if (run.state !== 'done') lines.push(`The run ${run.state === 'failed' ? 'failed' : 'was stopped'}.`);
  return lines.join('\n');
}

/** The two figures by which a task is judged. Accuracy says little of masks, which are mostly background. */
function figuresText(metrics: Metrics): string {
  const { task, accuracy, dice } = metrics;
  if (task !== 'segmentation') return `accuracy ${estimateText(accuracy)}, ${aucText(metrics)}`;
  return `Dice ${estimateText(dice)}, ${hausdorffText(metrics)}`;
}

/** With the number of classes that it is of, where some have none. */
export function aucText(metrics: Metrics): string {
  const scope = aucScope(metrics);
  return `AUC ${estimateText(metrics.auc)}${scope === null ? '' : ` (${scope})`}`;
}

/** With the patients that it rests on, where some have a structure without any distance. */
export function hausdorffText({ hausdorff95, hausdorffUnit, hausdorffPatients, patients }: Metrics): string {
  const text = `Hausdorff 95 ${estimateText(hausdorff95)} ${hausdorffUnit ?? ''}`.trimEnd();
  if (hausdorffPatients === null || hausdorffPatients === patients) return text;
  return `${text} (whole in ${hausdorffPatients} of ${patients} patients: what is missed altogether has no distance)`;
}

export function estimateText(estimate: Estimate): string {
  if (!estimate) return 'n/a';
  const ends = intervalEnds(estimate, (value) => value.toFixed(3));
  return `${estimate.value.toFixed(3)} [${ends.join(', ')}]`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
