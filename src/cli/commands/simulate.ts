// simulate: what asynchronous commits gain over synchronous rounds when sites differ in speed.
import { Command } from 'commander';
import { simulate, type RuleOutcome } from '../../sync/simulation/simulate.ts';
import { contextOf } from '../context.ts';
import { positiveInteger, positiveNumber, share } from '../options.ts';
import { table } from '../output.ts';

interface SimulateOptions {
  sites: number;
  slowest: number;
  buffer: number;
  staleness: number;
  drop: number;
  seconds: number;
  seed: number;
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('asynchronous against synchronous rules: real aggregation of a small real task on a virtual clock')
    .option('--sites <number>', '2 to 1000', positiveInteger, 8)
    .option('--slowest <factor>', 'how many times slower the slowest site is', positiveNumber, 20)
    .option('--buffer <number>', 'updates per asynchronous commit', positiveInteger, 2)
    .option('--staleness <exponent>', 'exponent of the staleness weight', Number, 0.5)
    .option('--drop <share>', 'share of updates lost on the way', share, 0)
    .option('--seconds <number>', 'virtual seconds of one update of the fastest site', positiveNumber, 10)
    .option('--seed <number>', 'the same seed gives the same result', positiveInteger, 1)
    .action((options: SimulateOptions, command: Command) => {
      if (options.sites < 2 || options.sites > 1_000)
        command.error('error: --sites must be 2 to 1000.', { exitCode: 2 });
      if (options.drop > 0.9) command.error('error: --drop must be at most 0.9.', { exitCode: 2 });
      const { output } = contextOf(command);
      const result = simulate({
        sites: options.sites,
        slowest: options.slowest,
        bufferSize: options.buffer,
        stalenessExponent: options.staleness,
        dropRate: options.drop,
        secondsPerUpdate: options.seconds,
        seed: options.seed,
      });
      output.result({ ...options, ...result }, () =>
        [
          `Time until the test loss falls from ${result.initialLoss.toFixed(3)} to ${result.targetLoss.toFixed(3)}:`,
          table(
            ['rule', 'virtual s', 'commits', 'updates', 'lost', 'mean staleness', 'loss'],
            [
              ['asynchronous', ...cells(result.asynchronous)],
              ['synchronous', ...cells(result.synchronous)],
            ],
          ),
          result.speedup === null ? 'Not both reached it.' : `Asynchronous is ${result.speedup.toFixed(1)}× as fast.`,
        ].join('\n'),
      );
    });
}

function cells({ secondsToTarget, commits, updates, dropped, meanStaleness, finalLoss }: RuleOutcome): string[] {
  return [
    secondsToTarget?.toFixed(0) ?? 'not reached',
    String(commits),
    String(updates),
    String(dropped),
    meanStaleness.toFixed(2),
    finalLoss.toFixed(3),
  ];
}
