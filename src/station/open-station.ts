// Opens the home folder and composes the parts of a station. Window and command line both talk to what this returns.
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { EventName, EventValue } from '../contract/calls.ts';
import type { KeyChainNews } from '../contract/key-chain.ts';
import type { Membership } from '../contract/federation.ts';
import { openAuthor } from '../sync/site/author.ts';
import { openSite, type Site } from '../sync/site/site.ts';
import { wayOut } from '../sync/site/way-out.ts';
import {
  networkCatalogue,
  recordedSteps,
  resolveNetwork,
  startTrainer,
  type TrainerProcess,
} from '../trainer/client.ts';
import { type Cohorts, openCohorts } from './cohorts/cohorts.ts';
import { type ConnectionBook, openConnectionBook } from './connection/connection-settings.ts';
import { openBlobStore } from './home/blob-store.ts';
import { openHomeFolder, type HomeFolder } from './home/home-folder.ts';
import { openSystemSeal, type SystemSeal } from './home/system-seal.ts';
import { type NeighbourWatch, watchNeighbour } from './neighbour/neighbour.ts';
import type { WorkRules } from './neighbour/work-rules.ts';
import { checkpointEvery } from '../ledger/checkpoint.ts';
import { openFileLedger } from '../ledger/file-ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { OnPreparing } from './library/database.ts';
import { type Library, openLibrary } from './library/library.ts';
import { openPacs, type Pacs } from './pacs/pacs.ts';
import { type Evaluations, openEvaluationStore } from './models/evaluation-store.ts';
import { type ModelRegistry, openModelRegistry } from './models/model-registry.ts';
import { type ModelWork, openModelWork } from './models/model-work.ts';
import { openPrivacyLedger, type PrivacyLedger } from './privacy/privacy-ledger.ts';
import { type KeptPictures, openLeakPictures } from './privacy/leak-pictures.ts';
import { projectProbeSeconds } from './privacy/project-probe.ts';
import { runActs } from './runs/run-acts.ts';
import { openRunBook, type RunBook } from './runs/run-book.ts';
import { retrySealing } from './sealing-acts.ts';
import { siteWork } from './site-work.ts';

export interface StationOptions {
  /** The home folder; made when absent. */
  readonly home: string;
  /** Hears the station's news. */
  readonly onEvent: <N extends EventName>(event: N, value: EventValue<N>) => void;
  /** Hears the index of an older version being brought to this one's form. */
  readonly onPreparing?: OnPreparing;
  /** What the system's key chain gave; nothing without a shell. */
  readonly keyChain?: KeyChainNews;
  /** Threads for one training step; default: half of the cores, at least one. */
  readonly threads?: number;
  /** Slows federation work down, for practice: 0.9 makes the site ten times slower. */
  readonly idleShare?: number;
  /** How long the leak probe of a project may attack, in seconds; 20 by default. */
  readonly leakProbeSeconds?: number;
}

/** The parts of an open station. */
export interface Station {
  readonly home: HomeFolder;
  readonly library: Library;
  readonly cohorts: Cohorts;
  readonly runs: RunBook;
  readonly models: ModelRegistry;
  readonly modelWork: ModelWork;
  readonly evaluations: Evaluations;
  readonly trainer: TrainerProcess;
  readonly site: Site;
  readonly seal: SystemSeal;
  readonly neighbour: NeighbourWatch;
  readonly pacs: Pacs;
  readonly ledger: Ledger;
  readonly connection: ConnectionBook;
  readonly privacy: PrivacyLedger;
  readonly leakPictures: KeptPictures;
  readonly networks: ReturnType<typeof networkCatalogue>;
  /** Where built data sets lie. */
  readonly datasets: string;
  readonly onEvent: StationOptions['onEvent'];
  close(): Promise<void>;
}

/** A disk that is full now takes the checkpoint with a later one: nothing else may end by it. */
function signLedger(ledger: Ledger): void {
  try {
    ledger.checkpoint();
  } catch {
    // The next act that cannot be entered says so.
  }
}

/** Longest wait for what a killed station left, at the start and at the end. */
const takeUpMs = 2_000;

/**
 * What a killed station had acknowledged and not indexed is in the index, or goes on being taken up after `withinMs`. Never rejects: what
 * cannot be indexed now stays where it is.
 */
async function takenUp(library: Library, withinMs: number): Promise<void> {
  const over = new AbortController();
  const all = library
    .intake()
    .flush()
    .catch(() => {});
  const waited = setTimeout(withinMs, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([all.finally(() => over.abort()), waited]);
}

/**
 * Opens a station on a home folder.
 * @throws Fault 601, 602 when the folder cannot be owned; 695, 696 and the key chain's when its keys are sealed and stay so; the library's faults when its database cannot be read.
 */
export async function openStation(options: StationOptions): Promise<Station> {
  const home = openHomeFolder(path.resolve(options.home));
  /** What ends whatever is open, the last opened first: when the station closes, and where one of its parts cannot be opened. */
  const opened = new AsyncDisposableStack();
  opened.defer(() => home.close());
  try {
    const seal = openSystemSeal(home.folder, path.join(home.federations, 'keys'), options.keyChain ?? null);
    const threads = options.threads ?? Math.max(1, Math.floor(os.availableParallelism() / 2));
    const datasets = path.join(home.blobs, 'datasets');
    const blobs = openBlobStore(path.join(home.blobs, 'models'));
    const author = openAuthor(home.federations, seal.sealing);
    const ledger = openFileLedger(home.folder, { seal: author });
    const privacy = openPrivacyLedger(home.folder, recordedSteps);
    // Federation work has a process of its own: a long run at the screen must not hold an update back. Nor must a run hold back a
    // model that somebody wants to try.
    const trainer = startTrainer({});
    const federationTrainer = startTrainer({});
    const modelTrainer = startTrainer({});
    const trainers = [trainer, federationTrainer, modelTrainer];
    opened.defer(() => trainers.forEach((one) => one.close()));
    const neighbour = watchNeighbour({
      folder: home.folder,
      trainers,
      threads,
      onChange: (news) => options.onEvent('training-rules-changed', news),
    });
    opened.defer(() => neighbour.close());
    /** A number that was asked for at the start goes before that of the rules. */
    const rules: WorkRules = { ...neighbour.work, threads: () => options.threads ?? neighbour.work.threads() };
    const library = openLibrary({
      folder: home.folder,
      cohortInstances: (name) => cohorts.sopInstanceUIDs(name),
      ...(options.onPreparing === undefined ? {} : { onPreparing: options.onPreparing }),
      onArrivals: () => options.onEvent('library-changed', {}),
    });
    opened.defer(() => library.close());
    const cohorts = openCohorts({
      folder: home.folder,
      datasets,
      library,
      pseudonymKey: home.pseudonymKey,
      rules,
    });
    opened.defer(() => cohorts.close());
    const models = openModelRegistry(path.join(home.folder, 'models'), blobs, {
      author,
      siteName: os.hostname(),
    });
    const evaluations = openEvaluationStore(path.join(home.folder, 'models'));
    opened.defer(() => evaluations.close());
    const signing = setInterval(() => {
      retrySealing({ seal, ledger });
      signLedger(ledger);
    }, checkpointEvery.ms).unref();
    opened.defer(() => {
      clearInterval(signing);
      signLedger(ledger);
    });
    /** Ended together: the shell does not wait for ever. */
    const atWork: { close(): Promise<void> }[] = [];
    opened.defer(async () => {
      await Promise.all(atWork.map((one) => one.close()));
      await takenUp(library, takeUpMs);
    });
    const modelWork = openModelWork({
      models,
      cohorts,
      trainer: modelTrainer,
      datasets,
      rules,
      library,
      onProgress: (progress) => options.onEvent('model-progress', progress),
    });
    atWork.push(modelWork);
    const acts = runActs(ledger);
    const runs = openRunBook({
      folder: home.runs,
      datasets,
      cohorts,
      trainer,
      models,
      privacy,
      resolveNetwork,
      threads: rules.threads,
      notes: () => neighbour.now().unkept,
      onStart: acts.started,
      onChange(run) {
        acts.changed(run);
        options.onEvent('run-changed', run);
      },
    });
    atWork.push(runs);
    const leakPictures = openLeakPictures(path.join(home.folder, 'leak-probes'));
    const connection = openConnectionBook(home.folder);
    const site = await openSite({
      wayOut: wayOut(connection.settings),
      ledger,
      folder: home.federations,
      sealing: seal.sealing,
      siteName: os.hostname(),
      work: siteWork({
        folder: path.join(home.federations, 'work'),
        datasets,
        cohorts,
        trainer: federationTrainer,
        privacy,
        threads: rules.threads,
        idleShare: options.idleShare ?? 0,
        leakPictures,
        leakProbeSeconds: options.leakProbeSeconds ?? projectProbeSeconds,
      }),
      onChange: (membership: Membership) => options.onEvent('membership-changed', membership),
      onLedger: (act, detail) => ledger.append(act, detail),
    });
    atWork.push(site);
    const pacs = openPacs({ folder: home.folder, library, onEvent: options.onEvent });
    atWork.push(pacs);
    await takenUp(library, takeUpMs);
    return {
      home,
      library,
      cohorts,
      runs,
      models,
      modelWork,
      evaluations,
      trainer,
      site,
      seal,
      neighbour,
      pacs,
      ledger,
      connection,
      privacy,
      leakPictures,
      networks: networkCatalogue(),
      datasets,
      onEvent: options.onEvent,
      close: () => opened.disposeAsync(),
    };
  } catch (error) {
    // What kept it from opening is what is told.
    await opened.disposeAsync().catch(() => {});
    throw error;
  }
}
