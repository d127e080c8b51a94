// A new project by options, or from a file: the same at `imagiq hub` and `imagiq project propose`.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { Fault, faultValueOf } from '../contract/fault.ts';
import {
  type Mode,
  type Project,
  projectSchema,
  type UpdateForm,
  updateCodecs,
  updateCompressions,
  updateFormSchema,
} from '../contract/federation.ts';
import { type Task, taskNames } from '../contract/network.ts';
import { optimiserNames } from '../contract/training.ts';
import { bundledNetwork } from '../station/initial-trunk.ts';
import { modeOption } from './mode-option.ts';
import { positiveInteger, positiveNumber } from './options.ts';

export interface ProjectOptions {
  project?: string;
  network?: string;
  task?: Task;
  classes?: string;
  commits: number;
  buffer: number;
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

/** One site alone is no federation. */
const defaultSitesToStart = 2;

/** Code of the fault that a new project lacks an option: wrong use, which ends with exit code 2. */
export const incompleteProjectCode = 802;

/** The options of a new project; its file is an option of `imagiq hub`, and the argument of `imagiq project propose`. */
export function addProjectOptions(command: Command, file: 'project' | 'argument'): Command {
  if (file === 'project')
    command.option('--project <file>', 'JSON of the project (docs/hub.md); or make one with the options below');
  return command
    .option('--network <name>', 'network of a new project')
    .addOption(new Option('--task <task>', 'what its network is asked for; default: its own task').choices(taskNames))
    .option('--classes <list>', 'classes of a new project, separated by commas, in the order of the logits')
    .option('--commits <number>', 'trunk commits until the project is finished', positiveInteger, 20)
    .option('--buffer <number>', 'updates per trunk commit', positiveInteger, 2)
    .option(
      '--sites-to-start <number>',
      `different sites that must deliver before the first commit (${defaultSitesToStart} if not given; a file's own otherwise)`,
      positiveInteger,
    )
    .option('--local-epochs <number>', 'epochs of a site between two updates', positiveInteger, 1)
    .option('--learning-rate <number>', 'learning rate at the sites', positiveNumber)
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
    .option(
      '--kept-share <share>',
      'with top-k: of each tensor’s weights, how many travel (0.1 if not given)',
      keptShare,
    )
    .addOption(
      new Option('--update-compression <how>', 'what updates are packed with; none if not given').choices(
        updateCompressions,
      ),
    )
    .addOption(new Option('--optimiser <optimiser>', 'at the sites; adam if not given').choices(optimiserNames))
    .option('--control-variates', 'SCAFFOLD: corrects what sites’ training drifts apart; needs --optimiser sgd')
    .option('--site-normalisation', 'FedBN: what normalisation layers learn and measure stays at each site');
}

function keptShare(text: string): number {
  const share = updateFormSchema.shape.keptShare.safeParse(Number(text));
  if (!share.success) throw new InvalidArgumentError('must be a share from 0.001 to 0.5.');
  return share.data;
}

/** The project that the options describe; null when they describe none. @throws Fault 802, 803 */
export function projectOf(options: ProjectOptions): Project | null {
  if (options.project !== undefined) return readProject(options.project, options.sitesToStart);
  if (options.network === undefined && options.classes === undefined) return null;
  const classes = (options.classes ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (options.network === undefined || classes.length < 2) {
    throw new Fault({
      code: incompleteProjectCode,
      message: 'A new project needs both --network NAME and --classes A,B[,…] with at least two classes.',
      retry: 'never',
    });
  }
  return projectSchema.parse({
    id: `${options.network}-${classes.length}-classes`.toLowerCase(),
    title: `${options.network} on ${classes.join(', ')}`,
    classes,
    network: bundledNetwork(options.network, options.task),
    hyperParameters: {
      epochs: options.localEpochs,
      schedule: 'cosine',
      ...(options.learningRate !== undefined && { learningRate: options.learningRate }),
      ...(options.optimiser !== undefined && { optimiser: options.optimiser }),
    },
    trunkRule: { bufferSize: options.buffer },
    mode: options.mode,
    updateCodec: options.updateCodec,
    keptShare: options.keptShare,
    updateCompression: options.updateCompression,
    siteNormalisation: options.siteNormalisation,
    controlVariates: options.controlVariates,
    sitesToStart: options.sitesToStart ?? defaultSitesToStart,
    commits: options.commits,
    seed: 1,
  });
}

function readProject(file: string, sitesToStart: number | undefined): Project {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as {
      network?: unknown;
      task?: unknown;
    };
    // A network given by name is one of the bundled ones, and then the task may be given too.
    const network =
      typeof value.network === 'string'
        ? bundledNetwork(value.network, z.enum(taskNames).optional().parse(value.task))
        : value.network;
    return projectSchema.parse({ ...value, network, ...(sitesToStart !== undefined && { sitesToStart }) });
  } catch (error) {
    throw new Fault(
      { code: 803, message: `The project file ${file} cannot be used: ${faultValueOf(error).message}`, retry: 'never' },
      error,
    );
  }
}
