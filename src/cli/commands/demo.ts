// demo: the practice federation; and the hidden command that each of its hospitals runs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { runHospital } from '../demo/hospital.ts';
import { runPracticeFederation } from '../demo/practice-federation.ts';
import { contextOf } from '../context.ts';
import { positiveInteger, share } from '../options.ts';
import { exitCode, table } from '../output.ts';
import type { DemoResult } from '../report/demo-result.ts';
import { federationReport } from '../report/federation-report.ts';
import { estimateText } from '../follow-run.ts';

/** Trunk commits of the practice project: enough to converge, few enough to end in minutes on two cores. */
const demoCommits = 48;

export function demoCommand(): Command {
  return new Command('demo')
    .description('run a practice federation on this machine: a hub and four hospitals with generated studies')
    .option('--commits <number>', 'trunk commits until it is finished', positiveInteger, demoCommits)
    .option('--folder <folder>', 'where its hospitals live (default: a temporary folder, removed at the end)')
    .option('--report <file>', 'where the HTML report goes', 'practice-federation.html')
    .action(async (options: { commits: number; folder?: string; report: string }, command: Command) => {
      const { output } = contextOf(command);
      const folder = options.folder ?? mkdtempSync(path.join(os.tmpdir(), 'imagiq-practice-'));
      try {
        const result = await runPracticeFederation({
          folder: path.resolve(folder),
          commits: options.commits,
          stream: process.stderr,
        });
        const report = path.resolve(options.report);
        writeFileSync(report, federationReport(result));
        output.result({ ...result, report }, () => `${resultText(result)}\nReport: ${report}`);
        process.exitCode = result.passed ? exitCode.done : exitCode.failed;
      } finally {
        if (options.folder === undefined) {
          // A trainer of a killed hospital may write for another moment.
          rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
        }
      }
    });
}

/** One hospital of the practice federation; started by `demo` only. */
export function hospitalCommand(): Command {
  return new Command('practice-hospital')
    .requiredOption('--site <number>', 'which practice hospital, from 0', Number)
    .requiredOption('--name <name>')
    .requiredOption('--invite <invite>')
    .option('--idle-share <share>', '', share, 0)
    .action(async (options: { site: number; name: string; invite: string; idleShare: number }, command: Command) => {
      await runHospital({ home: contextOf(command).home, ...options });
    });
}

function resultText({ pooled, localMean, passed, seconds }: DemoResult): string {
  const rows = pooled.rows.map(({ model, site, metrics }) => [
    site ? `${model} (${site})` : model,
    estimateText(metrics.auc),
    estimateText(metrics.accuracy),
    metrics.loss.toFixed(3),
    metrics.calibrationError.toFixed(3),
  ]);
  const verdict = passed
    ? 'The trunk beats the mean of the local-only models'
    : 'The trunk does NOT beat the mean of the local-only models';
  return [
    `Pooled test set: ${pooled.examples} images of ${pooled.patients} patients; 95 % confidence intervals over patients.`,
    table(['model', 'AUC', 'accuracy', 'loss', 'ECE'], rows),
    `Mean of the local-only models: AUC ${localMean.auc?.toFixed(3) ?? 'n/a'}, accuracy ${localMean.accuracy.toFixed(3)}.`,
    `${verdict} on the pooled test set (${seconds.toFixed(0)} s).`,
  ].join('\n');
}
