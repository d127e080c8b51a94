// A new project by options, or from a file: the same at `imagiq hub` and `imagiq project propose`.
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { Fault, reasonOf } from '../contract/fault.ts';
import {
  type CombinationRule,
  type Mode,
  type Project,
  type StalenessRule,
  type TrunkRule,
  type UpdateForm,
  updateCodecs,
  updateCompressions,
} from '../contract/federation.ts';
import { type Task, taskNames } from '../contract/network.ts';
import { newProjectValues, type ProjectProblem } from '../contract/project-draft.ts';
import { optimiserNames } from '../contract/training.ts';
import { unknownDraftFields } from '../sync/hub/unknown-draft-fields.ts';
import { problemsText, readProjectDraft } from '../sync/hub/project-draft.ts';
import { modeOption } from './mode-option.ts';
import { projectNetworks } from './project-networks.ts';
import { combination, combinationWords, staleness } from './trunk-rule-options.ts';

export interface ProjectOptions {
  project?: string;
  network?: string;
  task?: Task;
  classes?: string;
  commits: number;
  buffer: number;
  combination?: CombinationRule;
  staleness?: StalenessRule;
  stalenessEffect?: TrunkRule['stalenessEffect'];
  sitesToStart?: number;
  localEpochs: number;
  learningRate?: number;
  mode?: Mode;
  updateCodec?: UpdateForm['updateCodec'];
  keptShare?: number;
  updateCompression?: UpdateForm['updateCompression'];
  siteNormalisation?: true;
  controlVariates?: true;
  optimiser?: (typeof optimiserNames)[number];
}

/** Code of the fault that a new project's options cannot be used: wrong use, which ends with exit code 2. */
export const unusableOptionsCode = 802;

/** The option that a field of the project is given by. */
const optionOf: Readonly<Record<string, string>> = {
  network: '--network',
  task: '--task',
  classes: '--classes',
  commits: '--commits',
  sitesToStart: '--sites-to-start',
  mode: '--mode',
  updateCodec: '--update-codec',
  keptShare: '--kept-share',
  updateCompression: '--update-compression',
  controlVariates: '--control-variates',
  siteNormalisation: '--site-normalisation',
  'trunkRule.bufferSize': '--buffer',
  'trunkRule.combination': '--combination',
  'trunkRule.combination.kept': '--combination',
  'trunkRule.combination.trimShare': '--combination',
  'trunkRule.stalenessEffect': '--staleness-effect',
  'hyperParameters.epochs': '--local-epochs',
  'hyperParameters.learningRate': '--learning-rate',
  'hyperParameters.optimiser': '--optimiser',
};

/** What to change, by the names of the options. */
function inOptions({ field, message }: ProjectProblem): ProjectProblem {
  const told = Object.entries(optionOf)
    .filter(([name]) => name.includes('.'))
    .reduce((text, [name, option]) => text.replaceAll(name, option), message)
    .replace('lower byzantine', 'lower LIARS of --combination')
    .replace('set kept to', 'set KEPT of --combination to')
    .replace('raise trimShare', 'raise SHARE of --combination');
  return { field, message: told };
}

/**
 * The options of a new project; its file is an option of `imagiq hub`, and the argument of `imagiq project propose`. Numbers are looked at with the
 * project, so that all that is wrong is said at once.
 */
export function addProjectOptions(command: Command, file: 'project' | 'argument'): Command {
  if (file === 'project')
    command.option('--project <file>', 'JSON of the project (docs/hub.md); or make one with the options below');
  return command
    .option('--network <name>', 'network of a new project')
    .addOption(new Option('--task <task>', 'what its network is asked for; default: its own task').choices(taskNames))
    .option('--classes <list>', 'classes of a new project, separated by commas, in the order of the logits')
    .option('--commits <number>', 'trunk commits until the project is finished', Number, newProjectValues.commits)
    .option('--buffer <number>', 'updates per trunk commit', Number, newProjectValues.bufferSize)
    .option(
      '--sites-to-start <number>',
      `different sites that must deliver before the first commit (${newProjectValues.sitesToStart} if not given; a file's own otherwise)`,
      Number,
    )
    .option('--combination <rule>', `of updates; mean:sites if not given: ${combinationWords}`, combination)
    .option(
      '--staleness <rule>',
      'what a stale update counts: constant, an exponent (1 if not given), or threshold:SLOPE:FREE-COMMITS',
      staleness,
    )
    .addOption(
      new Option('--staleness-effect <what>', 'what staleness lessens (step if not given)').choices(['share', 'step']),
    )
    .option('--local-epochs <number>', 'epochs of a site between two updates', Number, newProjectValues.localEpochs)
    .option('--learning-rate <number>', 'learning rate at the sites', Number)
    .option(
      '--mode <mode>',
      'how the shared model moves: trunk, gossip[:NEIGHBOURS], cyclic or rotating (docs/peers.md)',
      modeOption,
    )
    .addOption(
      new Option('--update-codec <codec>', 'how updates travel (docs/hub.md); float16 if not given').choices(
        updateCodecs,
      ),
    )
    .option('--kept-share <share>', 'with top-k: of each tensor’s weights, how many travel (0.1 if not given)', Number)
    .addOption(
      new Option('--update-compression <how>', 'what updates are packed with; none if not given').choices(
        updateCompressions,
      ),
    )
    .addOption(new Option('--optimiser <optimiser>', 'at the sites; adam if not given').choices(optimiserNames))
    .option('--control-variates', 'SCAFFOLD: corrects what sites’ training drifts apart; needs --optimiser sgd')
    .option('--site-normalisation', 'FedBN: what normalisation layers learn and measure stays at each site');
}

/** The project that the options describe; null when they describe none. @throws Fault 802, 803 with all that is wrong */
export function projectOf(options: ProjectOptions): Project | null {
  if (options.project !== undefined) return readProject(options.project, options.sitesToStart);
  if (options.network === undefined && options.classes === undefined) return null;
  const classes = (options.classes ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  const { network = '', task } = options;
  const { project, problems } = readProjectDraft(
    {
      id: `${network}-${classes.length}-classes`.toLowerCase(),
      title: `${network} on ${classes.join(', ')}`,
      classes,
      network: options.network,
      task,
      hyperParameters: {
        epochs: options.localEpochs,
        schedule: newProjectValues.schedule,
        learningRate: options.learningRate,
        optimiser: options.optimiser,
      },
      trunkRule: {
        bufferSize: options.buffer,
        combination: options.combination ?? newProjectValues.combination,
        staleness: options.staleness ?? newProjectValues.staleness,
        stalenessEffect: options.stalenessEffect ?? newProjectValues.stalenessEffect,
      },
      mode: options.mode,
      updateCodec: options.updateCodec,
      keptShare: options.keptShare,
      updateCompression: options.updateCompression,
      siteNormalisation: options.siteNormalisation,
      controlVariates: options.controlVariates,
      sitesToStart: options.sitesToStart ?? newProjectValues.sitesToStart,
      commits: options.commits,
      seed: newProjectValues.seed,
    },
    projectNetworks,
  );
  if (project !== null) return project;
  // What the missing name makes of the id is no fault of its own.
  const told = options.network === undefined ? problems.filter(({ field }) => field !== 'id') : problems;
  throw unusable(
    unusableOptionsCode,
    'The project cannot be used',
    told.map(inOptions),
    (field) => optionOf[field] ?? field,
  );
}

function readProject(file: string, sitesToStart: number | undefined): Project {
  let draft: unknown;
  try {
    draft = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Fault(
      { code: 803, message: `The project file ${file} cannot be used: ${reasonOf(error)}.`, retry: 'never' },
      error,
    );
  }
  const { project, problems } = readProjectDraft(
    typeof draft === 'object' && draft !== null && sitesToStart !== undefined ? { ...draft, sitesToStart } : draft,
    projectNetworks,
  );
  const all = project === null ? problems : unknownDraftFields(draft, project);
  if (project === null || all.length > 0)
    throw unusable(803, `The project file ${file} cannot be used`, all, (field) => field);
  return project;
}

function unusable(
  code: number,
  what: string,
  problems: readonly ProjectProblem[],
  named: (field: string) => string,
): Fault {
  return new Fault({ code, message: `${what}:\n${problemsText(problems, named)}`, retry: 'never' });
}
