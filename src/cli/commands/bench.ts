// bench: measurements from the command line. Each runs in a process of its own, so that its memory is its own.
import { Command, Option } from 'commander';
import { workloadNames } from '../../contract/bench.ts';
import { providerNames } from '../../contract/training.ts';
import { runWorkload } from '../../station/runs/workload.ts';
import { type BenchFigures, type CloneBench, cloneBenches, runCloneBench } from '../clone-bench.ts';
import { contextOf } from '../context.ts';
import { positiveInteger } from '../options.ts';

interface BenchFlags {
  readonly workload: string;
  readonly threads: number;
  readonly steps: number;
  readonly provider: string;
  readonly from?: string;
}

export function benchCommand(): Command {
  const bench = new Command('bench').description('measure this machine');
  bench
    .command('train')
    .description('steps of one training workload, with the fields of the PyTorch reference')
    .addOption(new Option('--workload <name>').choices(workloadNames).makeOptionMandatory())
    .option('--threads <number>', 'CPU threads', positiveInteger, 1)
    .option('--steps <number>', 'steps to run', positiveInteger, 20)
    .addOption(new Option('--provider <name>', 'what computes').choices(providerNames).default('cpu'))
    .option('--from <folder>', 'repeat a run that the reference exported: its weights, its data')
    .action(async (options: BenchFlags, command: Command) => {
      const { output } = contextOf(command);
      const flags = [
        '--workload',
        options.workload,
        '--threads',
        String(options.threads),
        '--steps',
        String(options.steps),
        '--provider',
        options.provider,
      ];
      if (options.from !== undefined) flags.push('--from', options.from);
      const row = await runWorkload(flags);
      output.result(row, () => JSON.stringify(row, null, 1));
    });
  for (const name of Object.keys(cloneBenches) as CloneBench[]) {
    bench
      .command(name)
      .description(cloneBenches[name])
      .option('--quick', 'a small part of it: to see that it works, not to quote')
      .action(async ({ quick }: { readonly quick?: true }, command: Command) => {
        const figures = await runCloneBench(name, quick === true);
        contextOf(command).output.result(figures, () => lines(figures));
      });
  }
  return bench;
}

function lines({ measurements }: BenchFigures): string {
  if (measurements.length === 0) return 'Nothing could be measured here.';
  return measurements
    .map(({ what, ours, unit, peers, ratio }) => {
      const against = [{ name: 'here', value: ours }, ...peers].map(
        ({ name, value }) => `${name} ${value.toPrecision(3)}`,
      );
      return `${what} (${unit}): ${against.join(', ')}${ratio === null ? '' : `; ratio ${ratio.toFixed(2)}`}`;
    })
    .join('\n');
}
