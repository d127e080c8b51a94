// simulate --scenario: a federation played with the real protocol, told as a table of its trunk, or compared with synchronous rounds.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { reasonOf } from '../../contract/fault.ts';
import { issueWords, namesAt } from '../../contract/issue-words.ts';
import { unknownFields, unknownName } from '../../sync/hub/unknown-draft-fields.ts';
import type { SimulationOutcome } from '../../sync/simulation/outcome.ts';
import { runProcesses } from '../../sync/simulation/run-processes.ts';
import { runScenario, synchronousTwin } from '../../sync/simulation/run-scenario.ts';
import { type Scenario, scenarioSchema } from '../../sync/simulation/scenario.ts';
import { contextOf } from '../context.ts';
import { table } from '../output.ts';
import { progressLines } from '../progress-lines.ts';

export interface ScenarioOrder {
  readonly file: string;
  /** In place of the file's. */
  readonly sites: number | undefined;
  readonly seed: number | undefined;
  readonly processes: boolean;
  readonly againstRounds: boolean;
}

/** Lines of the trunk's table. */
const shownCommits = 12;

export async function simulateScenario(command: Command, order: ScenarioOrder): Promise<void> {
  const { output } = contextOf(command);
  const scenario = readScenario(command, order);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const told = progressLines(output);
  if (!output.isJson) output.log(`Playing ${scenario.name || order.file}: ${scenario.sites} sites; Ctrl+C ends it.`);
  const play = (one: Scenario): Promise<SimulationOutcome> =>
    (order.processes ? runProcesses : runScenario)(one, {
      signal: stopping.signal,
      onProgress: ({ seconds, joined, updates, commits }) =>
        told(
          () =>
            `${one === scenario ? '' : 'In rounds: '}${seconds.toFixed(0)} s of the federation’s time: ${joined} of ${one.sites} sites joined, ${updates} updates, ${commits} of ${one.project.commits} commits`,
        ),
    });
  try {
    const outcome = await play(scenario);
    const rounds = order.againstRounds ? await play(synchronousTwin(scenario)) : null;
    const speedup =
      rounds === null || rounds.secondsToTarget === null || outcome.secondsToTarget === null
        ? null
        : rounds.secondsToTarget / outcome.secondsToTarget;
    const result = { scenario, outcome, ...(order.againstRounds && { rounds, speedup }) };
    output.result(result, () => words(outcome, rounds, speedup));
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

function readScenario(command: Command, { file, sites, seed }: ScenarioOrder): Scenario {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    return command.error(`error: ${file} cannot be read: ${reasonOf(thrown)}.`, { exitCode: 2 });
  }
  const fields = typeof given === 'object' && given !== null ? given : null;
  const name = fields !== null && 'name' in fields ? fields.name : undefined;
  const parsed = scenarioSchema.safeParse(
    fields && {
      ...fields,
      // What the file calls it may speak of its own number.
      ...(typeof name === 'string' && sites !== undefined && { name: `${name} (with ${sites} sites)`.slice(0, 200) }),
      ...(sites !== undefined && { sites }),
      ...(seed !== undefined && { seed }),
    },
    { reportInput: true },
  );
  const problems = parsed.success
    ? unknownFields(given, parsed.data)
    : parsed.error.issues.flatMap((issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => ({
              field: [...issue.path, key].join('.'),
              message: unknownName(key, namesAt(scenarioSchema.parse({ sites: 2 }), issue.path)),
            }))
          : [{ field: issue.path.join('.'), message: issueWords(issue, given) }],
      );
  if (parsed.success && problems.length === 0) return parsed.data;
  const told = problems.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('\n');
  return command.error(`error: ${file} is no scenario:\n${told}`, { exitCode: 2 });
}

function words(outcome: SimulationOutcome, rounds: SimulationOutcome | null, speedup: number | null): string {
  const { curve, updates, hubDeaths, linesCut, vanished } = outcome;
  const every = Math.max(1, Math.ceil(curve.length / shownCommits));
  const shown = curve.filter((_, index) => index % every === 0 || index === curve.length - 1);
  return [
    table(
      ['seconds', 'trunk', 'updates', 'score'],
      shown.map(({ seconds, version, updates: counted, score }) => [
        seconds.toFixed(0),
        String(version),
        String(counted),
        score.toFixed(4),
      ]),
    ),
    `${updates.accepted} updates accepted, ${updates.refused} refused, ${updates.lost} lost, ${updates.duplicated} counted twice.`,
    ...(hubDeaths + linesCut + vanished > 0
      ? [`The hub died ${hubDeaths} times, ${linesCut} lines broke, ${vanished} sites vanished.`]
      : []),
    ...(outcome.secondsToTarget === null ? [] : [`Target reached after ${outcome.secondsToTarget.toFixed(0)} s.`]),
    ...(rounds === null
      ? []
      : [
          speedup === null
            ? `${outcome.targetScore === null ? 'The scenario has no target (targetShare) to compare the times to' : 'Not both reached the target'}: ${endWords(outcome)}, in rounds ${endWords(rounds)}.`
            : `${speedup.toFixed(2)}× as fast as synchronous rounds (${rounds.secondsToTarget?.toFixed(0)} s).`,
        ]),
  ].join('\n');
}

const endWords = ({ curve, seconds }: SimulationOutcome): string =>
  `score ${curve.at(-1)?.score.toFixed(4) ?? '–'} after ${seconds.toFixed(0)} s`;
