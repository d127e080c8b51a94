// runs list, show, resume, pause, stop, delete: the training runs of this station.
import { Command } from 'commander';
import type { Run } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import { modelIdOf } from '../../contract/model.ts';
import { contextOf } from '../context.ts';
import { followRun, tellRun, toldText } from '../follow-run.ts';
import { shortened, table } from '../output.ts';
import { headline } from '../model-text.ts';

export function runsCommand(): Command {
  const runs = new Command('runs').description('training runs: list, show, resume, pause, stop, delete');
  runs
    .command('list')
    .description('list the runs, newest first')
    .action(async (_options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const found = await withStation((station) => station.call('runs', {}));
      for (const id of found.damaged)
        output.log(
          `The record of run ${id} is damaged: free its room with \`imagiq runs delete ${id}\`. Its model stays.`,
        );
      output.result(found, () =>
        [
          table(
            ['id', 'network', 'cohort', 'settings', 'state', 'progress', 'test', 'note'],
            found.runs.map(rowOf),
            'No training runs yet. `imagiq train` begins one.',
          ),
          ...found.runs.flatMap(({ id, state, fault }) =>
            fault !== null && state !== 'running' ? [`${id}: ${fault.message}`] : [],
          ),
        ].join('\n'),
      );
    });
  runs
    .command('show')
    .argument('<id>', 'from `imagiq runs list`')
    .description('show what a run told while it went on: its notes, its epochs, and what became of it')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { runs: all } = await withStation((station) => station.call('runs', {}));
      const run = all.find((one) => one.id === id);
      if (run === undefined) {
        const message = `There is no run “${id.slice(0, 60)}”. \`imagiq runs list\` shows those of this site.`;
        throw new Fault({ code: 823, message, retry: 'never' });
      }
      output.result(run, () => toldText(run));
    });
  runs
    .command('resume')
    .argument('<id>')
    .description('go on with a paused run from its checkpoint, and follow it')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const started = performance.now();
      const run = await withStation((station) =>
        followRun(
          station,
          async () => {
            await station.call('resume-run', { id });
            return { id };
          },
          output,
        ),
      );
      tellRun(run, (performance.now() - started) / 1_000, output);
    });
  for (const [name, call, did] of [
    ['pause', 'pause-run', 'pauses at its next step'],
    ['stop', 'stop-run', 'stops at its next step, its weights so far become a model'],
  ] as const) {
    runs
      .command(name)
      .argument('<id>')
      .description(name === 'pause' ? 'pause a run that another window or command runs' : 'end a run for good')
      .action(async (id: string, _options: unknown, command: Command) => {
        const { output, withStation } = contextOf(command);
        const run = await withStation(async (station) => {
          await station.call(call, { id });
          return (await station.call('runs', {})).runs.find((one) => one.id === id);
        });
        const modelId = run?.outcome ? modelIdOf(run.outcome.weightsFile) : null;
        output.result({ id, order: name, state: run?.state ?? null, modelId }, () => {
          if (run?.state === 'failed' && run.fault !== null) return `The run has ended. ${run.fault.message}`;
          if (run?.state !== 'stopped') return `The run ${did}.`;
          if (modelId !== null) return `The run was stopped. Model ${modelId}.`;
          // Such as that its checkpoints are damaged.
          return ['The run was stopped. It had learnt nothing that could be kept.', ...run.notes].join('\n');
        });
      });
  }
  runs
    .command('delete')
    .argument('<id>')
    .description('delete a run that is not under way, with its checkpoints; its model stays')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      await withStation((station) => station.call('delete-run', { id }));
      output.result({ deleted: id }, () => `Run ${id} deleted.`);
    });
  return runs;
}

function rowOf({ id, network, cohort, state, progress, outcome, hyperParameters, seed, note }: Run): string[] {
  const steps = outcome ? `${outcome.steps} steps` : progress ? `step ${progress.step} of ${progress.steps}` : '';
  return [
    id,
    network,
    cohort,
    hyperParameters === null
      ? ''
      : `${hyperParameters.epochs} × ${hyperParameters.batchSize}, ${hyperParameters.optimiser} ${hyperParameters.learningRate}, seed ${seed}`,
    state,
    progress?.waitsFor && state === 'running' ? `waits: ${progress.waitsFor}` : steps,
    outcome?.test ? headline(outcome.test) : '',
    shortened(note),
  ];
}
