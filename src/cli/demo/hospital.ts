// One hospital of the practice federation, as a process of its own: its own home folder, studies, cohort, trainer and sockets.
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { CallInput, CallName, CallOutput, EventValue } from '../../contract/calls.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Membership } from '../../contract/federation.ts';
import { stationAnswers } from '../../station/answer.ts';
import { openStation } from '../../station/open-station.ts';
import { announcedProject } from '../announced-project.ts';
import type { HospitalNews } from './hospital-news.ts';

export interface HospitalOrder {
  readonly home: string;
  readonly site: number;
  readonly name: string;
  readonly invite: string;
  readonly idleShare: number;
}

const cohortName = 'practice';
/** A practice federation takes half a minute; generated images may be attacked for a shorter time. */
const practiceProbeSeconds = 1;

/** Runs a hospital from empty folder to finished project, telling its parent what happens. */
export async function runHospital(order: HospitalOrder): Promise<void> {
  const tell = (news: HospitalNews): void => void process.send?.(news);
  let onMembership: (membership: Membership) => void = () => {};
  const station = await openStation({
    home: order.home,
    threads: 1,
    idleShare: order.idleShare,
    leakProbeSeconds: practiceProbeSeconds,
    onEvent: (event, value) => {
      if (event === 'membership-changed') onMembership(value as EventValue<'membership-changed'>);
    },
  });
  const answer = stationAnswers(station);
  const call = async <N extends CallName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> =>
    (await answer(name, input)) as CallOutput<N>;
  try {
    tell({ kind: 'phase', phase: 'importing' });
    const { labelsFile, studies } = await call('import-practice-studies', { site: order.site });
    tell({ kind: 'phase', phase: 'cohort' });
    const cohort = await call('create-cohort', { name: cohortName, labelsFile });
    tell({ kind: 'cohort', cohort, studies });
    tell({ kind: 'phase', phase: 'joining' });
    const finished = new Promise<Membership>((resolve, reject) => {
      onMembership = (membership) => {
        tell({ kind: 'membership', membership });
        if (membership.state === 'finished') resolve(membership);
        if (membership.state === 'refused') reject(new Error(membership.reason ?? 'refused by the hub'));
      };
    });
    const { federation } = await call('join', { invite: order.invite, site: order.name });
    tell({ kind: 'phase', phase: 'working' });
    await announcedProject(() => call('memberships', {}), federation);
    await call('approve-project', { federation, cohort: cohortName });
    const membership = await finished;
    tell({ kind: 'phase', phase: 'closing' });
    tell(await outcomeOf(station, membership, order.home));
  } catch (error) {
    tell({ kind: 'fault', fault: faultValueOf(error) });
    process.exitCode = 1;
  } finally {
    await station.close();
    process.disconnect?.();
  }
}

async function outcomeOf(
  station: Awaited<ReturnType<typeof openStation>>,
  membership: Membership,
  home: string,
): Promise<HospitalNews> {
  if (!membership.project) throw new Error('the federation finished without a project');
  const { file } = await station.cohorts.buildDataset(cohortName, {
    ...membership.project.network.input,
    classes: membership.project.classes,
    folder: station.datasets,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  const models = station.site.ensembleOf(membership.federation);
  if (!models?.trunkFile || !models.localOnlyFile) throw new Error('the federation finished without models to compare');
  const folder = path.join(home, 'outcome');
  mkdirSync(folder, { recursive: true });
  const keep = (name: string, source: string): string => {
    const target = path.join(folder, `${name}.safetensors`);
    copyFileSync(source, target);
    return target;
  };
  return {
    kind: 'outcome',
    datasetFile: file,
    trunkFile: keep('trunk', models.trunkFile),
    localOnlyFile: keep('local-only', models.localOnlyFile),
    ensembleFiles: models.members.map(({ weightsFile: source }, index) => keep(`ensemble-${index}`, source)),
    ledgerHead: station.ledger.entries(1).at(-1)?.hash ?? '',
    ledgerEntries: station.ledger.entries(1_000).length,
  };
}
