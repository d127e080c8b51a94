// simulate: what asynchronous commits gain over synchronous rounds when sites differ in speed, and which rules stand sites that lie.
import { Command, Option } from 'commander';
import {
  type CombinationRule,
  type ServerOptimizer,
  type StalenessRule,
  type TrunkRule,
  trunkRuleSchema,
} from '../../contract/federation.ts';
import { newProjectValues } from '../../contract/project-draft.ts';
import {
  simulate,
  type RuleOutcome,
  type RuleProgress,
  type SimulationResult,
} from '../../sync/simulation/simulate.ts';
import { contextOf } from '../context.ts';
import { simulateScenario } from './simulate-scenario.ts';
import { positiveInteger, positiveNumber, share, wholeNumber } from '../options.ts';
import { counted, table } from '../output.ts';
import { progressLines } from '../progress-lines.ts';
import { combination, combinationWords, serverOptimizer, staleness } from '../trunk-rule-options.ts';

interface SimulateOptions {
  sites: number;
  slowest: number;
  buffer: number;
  staleness: StalenessRule;
  stalenessEffect: TrunkRule['stalenessEffect'];
  combination: CombinationRule;
  clipNorm?: number;
  serverOptimizer: ServerOptimizer;
  serverLearningRate: number;
  lying: number;
  drop: number;
  seconds: number;
  seed: number;
  scenario?: string;
  processes?: boolean;
  againstRounds?: boolean;
}

export function simulateCommand(): Command {
  const plain = trunkRuleSchema.parse({ ...newProjectValues, bufferSize: 1 });
  return new Command('simulate')
    .description('asynchronous against synchronous rules: real aggregation of a small real task on a virtual clock')
    .option('--sites <number>', '2 to 1000', positiveInteger, 8)
    .option('--slowest <factor>', 'how many times slower the slowest site is', positiveNumber, 20)
    .option('--buffer <number>', 'updates per asynchronous commit', positiveInteger, newProjectValues.bufferSize)
    .addOption(
      new Option('--staleness <rule>', 'constant, an exponent as 0.5, or threshold:SLOPE:FREE-COMMITS')
        .argParser(staleness)
        .default(plain.staleness, '1'),
    )
    .addOption(
      new Option('--staleness-effect <what>', 'what staleness lessens: an update’s share, or the step')
        .choices(['share', 'step'])
        .default(plain.stalenessEffect),
    )
    .addOption(
      new Option('--combination <rule>', combinationWords)
        .argParser(combination)
        .default(plain.combination, 'mean:sites'),
    )
    .option('--clip-norm <number>', 'norm to which an update’s weights are scaled down', positiveNumber)
    .addOption(
      new Option('--server-optimizer <name>', 'sgd[:MOMENTUM], adam or yogi')
        .argParser(serverOptimizer)
        .default(plain.serverOptimizer, 'sgd'),
    )
    .option('--server-learning-rate <number>', 'how far a commit moves the trunk', positiveNumber, 1)
    .option('--lying <number>', 'sites that send the negated, fourfold update', wholeNumber, 0)
    .option('--drop <share>', 'share of updates lost on the way', share, 0)
    .option('--seconds <number>', 'virtual seconds of one update of the fastest site', positiveNumber, 10)
    .option('--seed <number>', 'the same seed gives the same result', positiveInteger, 1)
    .option('--scenario <file>', 'play this scenario with the real protocol, hub and sites (docs/simulation.md)')
    .option('--processes', 'with a scenario: real processes, sockets and seconds instead of imagined ones')
    .option('--against-rounds', 'with a scenario: play it again in synchronous rounds, and compare')
    .action(async (options: SimulateOptions, command: Command) => {
      const { scenario, processes = false, againstRounds = false } = options;
      if (scenario === undefined && (processes || againstRounds))
        return command.error('error: --processes and --against-rounds need a --scenario.', { exitCode: 2 });
      if (scenario !== undefined) {
        const meant = ['scenario', 'sites', 'seed', 'processes', 'againstRounds'];
        const unmeant = command.options.filter(
          (option) =>
            !meant.includes(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === 'cli',
        );
        if (unmeant.length > 0) {
          const named = unmeant.map(({ long }) => long).join(', ');
          return command.error(`error: ${named}: a --scenario says that itself, in its file.`, { exitCode: 2 });
        }
        const given = (name: 'sites' | 'seed'): number | undefined =>
          command.getOptionValueSource(name) === 'cli' ? options[name] : undefined;
        return simulateScenario(command, {
          file: scenario,
          sites: given('sites'),
          seed: given('seed'),
          processes,
          againstRounds,
        });
      }
      if (options.sites < 2 || options.sites > 1_000)
        command.error('error: --sites must be 2 to 1000.', { exitCode: 2 });
      if (options.drop > 0.9) command.error('error: --drop must be at most 0.9.', { exitCode: 2 });
      if (options.lying > options.sites) command.error('error: --lying must be at most --sites.', { exitCode: 2 });
      const { output } = contextOf(command);
      const trunkRule = trunkRuleSchema.safeParse({
        bufferSize: options.buffer,
        staleness: options.staleness,
        stalenessEffect: options.stalenessEffect,
        combination: options.combination,
        clipNorm: options.clipNorm ?? null,
        serverLearningRate: options.serverLearningRate,
        serverOptimizer: options.serverOptimizer,
      });
      if (!trunkRule.success) {
        const { path = [], message = '' } = trunkRule.error.issues[0] ?? {};
        return command.error(`error: ${path.join('.')}: ${message}.`, { exitCode: 2 });
      }
      const told = progressLines(output);
      const result = await simulate({
        sites: options.sites,
        slowest: options.slowest,
        trunkRule: trunkRule.data,
        lying: options.lying,
        dropRate: options.drop,
        secondsPerUpdate: options.seconds,
        seed: options.seed,
        onProgress: (progress) => told(() => progressText(progress)),
      });
      output.result({ ...options, ...result }, () =>
        [
          `Time until the test loss falls from ${result.initialLoss.toFixed(3)} to ${result.targetLoss.toFixed(3)}:`,
          table(
            ['rule', 'virtual s', 'commits', 'updates', 'lost', 'refused', 'mean staleness', 'loss'],
            [
              ['asynchronous', ...cells(result.asynchronous)],
              ['synchronous', ...cells(result.synchronous)],
            ],
          ),
          result.speedup === null ? 'Not both reached it.' : `Asynchronous is ${result.speedup.toFixed(1)}× as fast.`,
          ...(options.lying > 0 ? lieAdvice(options, result) : staleAdvice(options, result.asynchronous)),
        ].join('\n'),
      );
    });
}

function progressText({ rule, seconds, commits, updates, mostUpdates, loss, targetLoss }: RuleProgress): string {
  return targetLoss === null
    ? `Finding the loss to reach: ${updates} of ${mostUpdates} updates, loss ${loss.toFixed(3)}`
    : `${rule === 'asynchronous' ? '1 of 2, asynchronous' : '2 of 2, synchronous'}: ${seconds.toFixed(0)} virtual s, ${commits} commits, ${updates} of at most ${mostUpdates} updates, loss ${loss.toFixed(3)} (wanted: ${targetLoss.toFixed(3)})`;
}

/** Where sites lie, that is the first cause to look at. */
function lieAdvice({ lying, sites, combination: { kind } }: SimulateOptions, result: SimulationResult): string[] {
  if (result.asynchronous.secondsToTarget !== null && result.synchronous.secondsToTarget !== null) return [];
  const what = `${counted(lying, 'site')} of ${sites} ${lying === 1 ? 'lies' : 'lie'}`;
  return [
    kind === 'mean'
      ? `${what}, and a mean takes in whatever they send. Try --combination median, trimmed-mean:SHARE or krum:${lying}, with a --buffer of more sites, or --clip-norm.`
      : `${what}. What ${kind} left of the others’ updates did not reach the target: a larger --buffer gives it more sites to compare; ${kind === 'krum' ? 'a larger KEPT takes in more of them' : 'krum:LIARS is told how many lie'}.`,
  ];
}

/** Small commits of many sites, each as large as a whole step, overshoot (docs/hub.md). */
function staleAdvice({ stalenessEffect, buffer, sites }: SimulateOptions, found: RuleOutcome): string[] {
  if (found.secondsToTarget !== null || stalenessEffect === 'step' || found.meanStaleness * buffer < sites / 2)
    return [];
  return [
    `The asynchronous commits held updates ${found.meanStaleness.toFixed(0)} commits old, each at full size, and overshot. Try --staleness 1 --staleness-effect step, as new projects have, or a larger --buffer.`,
  ];
}

function cells({
  secondsToTarget,
  commits,
  updates,
  dropped,
  refused,
  meanStaleness,
  finalLoss,
}: RuleOutcome): string[] {
  return [
    secondsToTarget?.toFixed(0) ?? 'not reached',
    String(commits),
    String(updates),
    String(dropped),
    String(refused),
    meanStaleness.toFixed(2),
    finalLoss.toFixed(3),
  ];
}
