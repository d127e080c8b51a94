// The gate before the first bytes that were made from a site's images leave it: under each approval the leak probe is run once, and where it
// recognised an image, or failed, nothing is trained or sent for the project until a person has said otherwise. What the probe attacks and
// what it found in pictures is the station's: here are words and numbers only.
import type { Project } from '../../contract/federation.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { MembershipState } from './membership-file.ts';

/** What the probe found under the present approval; null before it was run. */
function probeOf({ approval, leakProbe }: MembershipState): MembershipState['leakProbe'] {
  if (approval === null || leakProbe === null) return null;
  const { projectHash, datasetFingerprint } = approval;
  return leakProbe.projectHash === projectHash && leakProbe.datasetFingerprint === datasetFingerprint
    ? leakProbe
    : null;
}

/** Whether the probe has still to be run before anything is trained under the present approval. */
export function owesProbe(state: MembershipState): boolean {
  return state.approval !== null && probeOf(state) === null;
}

/** Whether a person has to decide first. */
export function isHeld(state: MembershipState): boolean {
  const finding = probeOf(state)?.finding;
  if (finding === undefined || state.approval === null) return false;
  return (finding.isRecognised || finding.failure !== null) && !state.approval.acceptsLeak;
}

/** Whether what was made under the present approval may leave. */
export function mayLeave(state: MembershipState): boolean {
  return !owesProbe(state) && !isHeld(state);
}

export function leakProbeShown(state: MembershipState) {
  const probe = probeOf(state);
  if (probe === null) return null;
  const { finding, at } = probe;
  return { ...finding, at, isHeld: isHeld(state), isAccepted: state.approval?.acceptsLeak ?? false };
}

/** Runs the probe of the present approval from these weights and keeps what it found. */
export async function runProbe(
  desk: MembershipDesk,
  order: {
    readonly project: Project;
    readonly cohort: string;
    readonly trunkWeights: Uint8Array;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { state, work } = desk;
  const { approval } = state;
  const finding = await work.probeLeak({ ...order, federation: state.federation });
  // Another project, cohort or answer meanwhile: it was not asked about this one.
  if (order.signal.aborted || approval === null || state.approval !== approval) return;
  const { projectHash, datasetFingerprint } = approval;
  state.leakProbe = { projectHash, datasetFingerprint, at: new Date(desk.clock()).toISOString(), finding };
  desk.save();
  const { isRecognised, failure, images, similarity } = finding;
  const { cohort, project } = order;
  if (failure === null)
    desk.ledger('leak-probe', {
      cohort,
      project: project.id,
      network: project.network.name,
      batch: images,
      similarity,
      isRecognised,
    });
  else desk.ledger('leak-probe-failed', { project: project.id, reason: failure });
  if (isHeld(state)) desk.ledger('updates-held', { project: project.id, reason: finding.sentence });
}

/** A person has looked, or said beforehand that it does not matter, and wants the updates sent. @throws Fault 465 where nothing is held */
export function acceptLeak(desk: MembershipDesk, isBeforehand: boolean): void {
  const { state } = desk;
  if (state.approval === null || !isHeld(state)) throw siteFault.nothingHeld(state.federation);
  state.approval.acceptsLeak = true;
  desk.save();
  enterAcceptance(desk, isBeforehand);
}

/** @param isBeforehand said before there was anything to look at */
export function enterAcceptance(desk: MembershipDesk, isBeforehand: boolean): void {
  const { project } = desk.state;
  if (project !== null)
    desk.ledger('leak-accepted', { project: project.project.id, projectHash: project.hash, isBeforehand });
}

/** Has the probe run once more, as after a failure. @throws Fault 456 without an approved project */
export function forgetProbe(desk: MembershipDesk): void {
  const { state } = desk;
  if (state.approval === null) throw siteFault.noProject(state.federation);
  state.leakProbe = null;
  desk.save();
}
