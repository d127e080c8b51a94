// The trunk as far as it is at this site: fetched from the hub, measured on the own images, and the last that may be trained from.
import type { Project } from '../../contract/federation.ts';
import type { Bench } from './bench.ts';
import { trunkOnBench } from './bench-candidate.ts';
import { keepHomeTrunk } from './home-normalisation.ts';
import type { Activity, MembershipDesk } from './membership-desk.ts';
import type { MembershipState } from './membership-file.ts';

type KnownTrunk = NonNullable<MembershipState['trunk']>;

/** Does something, and shows meanwhile what. */
export type During = <T>(what: Activity, run: () => Promise<T>) => Promise<T>;

export function openTrunkHere(desk: MembershipDesk, bench: Bench, during: During) {
  const { state, blobs } = desk;

  const partsOf = ({ blob, bytes, controlVariate }: KnownTrunk): readonly { blob: string; bytes: number }[] =>
    controlVariate === null || state.role === 'observer' ? [{ blob, bytes }] : [{ blob, bytes }, controlVariate];
  const isHere = (trunk: KnownTrunk): boolean => partsOf(trunk).every(({ blob }) => blobs.has(blob));

  /** @returns whether it was fetched: it is here already, or the hub is not there, otherwise. */
  const fetchTrunk = async (project: Project, trunk: KnownTrunk): Promise<boolean> => {
    const channel = desk.channel();
    if (channel === null || isHere(trunk)) return false;
    for (const { blob, bytes } of partsOf(trunk)) {
      if (blobs.has(blob)) continue;
      try {
        await during('downloading', () => channel.getBlob(blob, bytes));
      } catch (thrown) {
        // Of an earlier trunk the hub has no control variate any more.
        if (state.trunk?.version !== trunk.version) return true;
        throw thrown;
      }
    }
    if (state.trunk?.blob !== trunk.blob) desk.forget(trunk.blob);
    desk.ledger('trunk-received', { project: project.id, version: trunk.version, bytes: trunk.bytes });
    return true;
  };

  /** The trunk to train from: the newest, or while it cannot be fetched the last that was. */
  const newestHeld = (): { version: number; blob: string } | null => {
    if (state.trunk !== null && isHere(state.trunk)) return state.trunk;
    // The control variate of an earlier one is gone.
    if (state.project?.project.controlVariates === true) return null;
    const held = state.candidates.find(({ site, model }) => site === trunkOnBench && blobs.has(model));
    const version = held?.trunkVersion ?? null;
    return held === undefined || version === null ? null : { version, blob: held.model };
  };

  const judgeTrunk = async (
    project: Project,
    cohort: string,
    trunk: { version: number; blob: string },
    signal: AbortSignal,
  ): Promise<void> => {
    const network = project.network.name;
    const weights = project.siteNormalisation ? await blobs.read(trunk.blob) : null;
    const forgetHomeTrunk = weights === null ? null : keepHomeTrunk(desk, project, { blob: trunk.blob, weights });
    bench.add({ model: trunk.blob, site: trunkOnBench, network, trunkVersion: trunk.version });
    forgetHomeTrunk?.();
    const judged = (): (typeof state.candidates)[number] | undefined =>
      state.candidates.find(({ model, site }) => model === trunk.blob && site === trunkOnBench);
    while (!signal.aborted && judged()?.metrics === null) await bench.evaluateNext(project, cohort);
    const metrics = judged()?.metrics;
    if (!metrics || signal.aborted) return;
    state.history.push({
      trunkVersion: trunk.version,
      at: new Date(desk.clock()).toISOString(),
      auc: metrics.auc?.value ?? null,
      accuracy: metrics.accuracy?.value ?? null,
      dice: metrics.dice?.value ?? null,
      loss: metrics.loss,
    });
    desk.save();
  };

  return { isHere, fetchTrunk, newestHeld, judgeTrunk };
}
