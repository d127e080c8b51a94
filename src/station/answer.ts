// The contract's calls, answered. Arguments are decoded before, answers checked by the types of the one table.
import { createRequire } from 'node:module';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Answers, type CallName, calls } from '../contract/calls.ts';
import { Fault } from '../contract/fault.ts';
import { readInvite } from '../sync/site/read-invite.ts';
import { annotationAnswers } from './annotations/annotation-answers.ts';
import { classLabels } from './cohorts/build-dataset.ts';
import { isDiskFull, stationFault } from './faults.ts';
import { reachOf } from './site-work.ts';
import { importAnswers } from './library/validation/import-answers.ts';
import { patientKeysNamed } from './library/patient-key.ts';
import type { Station } from './open-station.ts';
import { connectionAnswers } from './connection/connection-settings.ts';
import { ledgerAnswers } from './ledger/ledger-answers.ts';
import { modelAnswers } from './models/model-answers.ts';
import { pacsAnswers } from './pacs/pacs-answers.ts';
import { peerAnswers } from './peers/peer-answers.ts';
import { privacyAnswers } from './privacy/privacy-answers.ts';
import { libraryFaults } from './library/faults.ts';
import { frameAnswers } from './library/pixels/frame-answers.ts';
import { removalAnswers } from './removal-answers.ts';
import { browseAnswers } from './library/browse/browse-answers.ts';
import { writePracticeStudies } from './practice/practice-studies.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** A station's way to answer: `answer(name, input)` decodes, runs and returns, or throws a `Fault`. */
export function stationAnswers(
  station: Station,
): (name: CallName, input: unknown, signal?: AbortSignal) => Promise<unknown> {
  const { library, cohorts, runs, site, ledger, home } = station;
  /** Cohorts whose images are being removed. */
  const leaving = new Set<string>();
  let activeImport: AbortController | null = null;

  const importPaths: Answers<'import-paths'>['import-paths'] = async ({ paths, mode, labels }) => {
    if (activeImport) throw stationFault.importRunning();
    activeImport = new AbortController();
    try {
      const report = await library.importPaths(paths, {
        mode,
        labels,
        signal: activeImport.signal,
        onProgress: (progress) => station.onEvent('import-progress', progress),
      });
      const { files, imported, duplicates, refused, seconds } = report;
      ledger.append('import', { files, imported, duplicates, refused, seconds });
      return report;
    } finally {
      activeImport = null;
      station.onEvent('library-changed', {});
    }
  };

  const answers: Answers<CallName> = {
    about: () => ({
      version,
      home: home.folder,
      node: process.versions.node,
      studies: library.studies({
        query: '',
        filters: [],
        limit: 1,
        offset: 0,
        sortBy: 'studyDate',
        descending: true,
      }).total,
      freeBytes: home.freeBytes(),
      keysSealed: station.seal.isSealed,
      networks: station.networks,
    }),
    'import-paths': importPaths,
    'cancel-import': () => {
      activeImport?.abort();
      return {};
    },
    'import-practice-studies': async ({ site: practiceSite }) => {
      const folder = path.join(home.practice, `site-${practiceSite}`);
      const { labelsFile } = await writePracticeStudies({ site: practiceSite, folder });
      return { ...(await importPaths({ paths: [folder], mode: 'reference', labels: null })), labelsFile };
    },
    studies: (query) => library.studies(query),
    study: ({ studyInstanceUID }) => found(library.study(studyInstanceUID), 'study'),
    instances: ({ seriesInstanceUID }) => found(library.instances(seriesInstanceUID), 'series'),
    'prepare-frames': async () => {
      await library.prepareFrames();
      return {};
    },
    ...frameAnswers(station),
    header: async ({ sopInstanceUID }) => ({ elements: await library.header(sopInstanceUID) }),
    'create-cohort': async (request, signal) => {
      const cohort = await cohorts.create(request, {
        signal,
        onProgress: (progress) => station.onEvent('cohort-progress', progress),
      });
      ledger.append('cohort-created', {
        cohort: cohort.name,
        version: cohort.version,
        hash: cohort.hash,
        instances: cohort.instances,
      });
      station.onEvent('library-changed', {});
      return cohort;
    },
    'stored-labels': () => ({ origins: library.labels.origins() }),
    cohorts: () => ({ cohorts: cohorts.list() }),
    'forget-patient': ({ patientID }) => {
      const names = [...new Set(patientKeysNamed(patientID).flatMap((key) => cohorts.forgetPatient(key)))];
      station.leakPictures.forgetCohorts(names);
      // Who it was is what is to be forgotten.
      ledger.append('patient-forgotten', { cohorts: names.join(', ') });
      station.onEvent('library-changed', {});
      return { cohorts: names };
    },
    'delete-cohort': ({ name }) => {
      cohorts.delete(name);
      station.leakPictures.forgetCohorts([name]);
      ledger.append('cohort-deleted', { cohort: name });
      station.onEvent('library-changed', {});
      return {};
    },
    'start-run': async (request) => {
      await runs.checkEngine(request);
      if (leaving.has(request.cohort)) throw libraryFaults.removalRunning();
      return runs.start(request);
    },
    'pause-run': ({ id }) => done(runs.pause(id)),
    'resume-run': ({ id }) => done(runs.resume(id)),
    'stop-run': ({ id }) => done(runs.stop(id)),
    'delete-run': ({ id }) => {
      runs.delete(id);
      ledger.append('run-deleted', { run: id });
      station.onEvent('library-changed', {});
      return {};
    },
    runs: () => ({ runs: runs.list(), damaged: runs.damaged() }),
    'read-invite': ({ invite }) => readInvite(invite),
    join: ({ invite, site: siteName }) => site.join(invite.trim(), { siteName }),
    'approve-project': ({ federation, cohort, acceptsLeak, projectHash }) => {
      const membership = site.memberships().find((one) => one.federation === federation);
      const project = membership?.project ?? null;
      if (leaving.has(cohort)) throw libraryFaults.removalRunning();
      // The person who approves must hear it, not a training run days later.
      classLabels(cohorts.show(cohort), project?.classes);
      if (project !== null && membership?.role !== 'observer') reachOf(station, project, cohort);
      return site.approve(federation, cohort, { acceptsLeak, projectHash });
    },
    'decline-project': ({ federation, because, projectHash }) => site.decline(federation, because, projectHash),
    leave: async ({ federation }) => {
      const hasHubHeard = await site.leave(federation);
      station.leakPictures.forget(federation);
      return { hasHubHeard };
    },
    memberships: () => ({ memberships: site.memberships() }),
    'training-rules': () => station.neighbour.now(),
    'change-training-rules': (rules) => station.neighbour.change(rules),
    'viewer-works': () => done(station.neighbour.viewerWorks()),
    workstation: (news) => done(station.neighbour.hear(news)),
    ...annotationAnswers(station),
    ...browseAnswers(station),
    ...connectionAnswers(station),
    ...importAnswers(library.imports),
    ...ledgerAnswers(station),
    ...modelAnswers(station),
    ...pacsAnswers(station),
    ...peerAnswers(station),
    ...privacyAnswers(station),
    ...removalAnswers(station, leaving),
  };

  return async (name, input, signal = new AbortController().signal) => {
    // What was sent together is read first: a search that the next keystroke abandons is not made.
    await setImmediate();
    if (signal.aborted) throw stationFault.abandoned();
    const decoded = calls[name].in.safeParse(input);
    if (!decoded.success) {
      const [issue] = decoded.error.issues;
      throw stationFault.unknownCall(`${name}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
    }
    try {
      // The table's type ties each name to its own arguments; the lookup by a variable name loses that tie.
      return await (answers[name] as (value: unknown, signal: AbortSignal) => unknown)(decoded.data, signal);
    } catch (error) {
      if (!(error instanceof Fault) && isDiskFull(error)) throw stationFault.diskFull();
      throw error;
    }
  };
}

function found<Value>(value: Value | null, what: string): Value {
  if (value === null) throw stationFault.noSuchObject(what);
  return value;
}

/** The empty answer of a call that only gives an order. */
function done(_order: void): Record<string, never> {
  return {};
}
