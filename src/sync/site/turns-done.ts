// In a mode without a trunk the hub sees no turn: the site says when it has come to its last one, at each connection until the hub has heard.
import { wireFeature } from '../protocol/limits.ts';
import { signStatement } from '../protocol/statement.ts';
import type { MembershipDesk } from './membership-desk.ts';

/** @returns tells the hub if there is something to tell. Never rejects: what fails now is told at the next connection. */
export function openTurnsDone({ state, keys, clock, channel, save }: MembershipDesk) {
  let isTelling = false;
  return async (hubFeatures: readonly string[]): Promise<void> => {
    const { project, trunk } = state;
    const line = channel();
    if (project === null || trunk === null || line === null || isTelling) return;
    if (!project.isFinished || project.project.mode.kind === 'trunk' || state.endHeardOf === project.hash) return;
    if (!hubFeatures.includes(wireFeature.turnsDone)) return;
    const at = new Date(clock()).toISOString();
    const done = signStatement(
      'turns-done',
      { project: project.project.id, projectHash: project.hash, turn: trunk.version, model: trunk.blob, at },
      keys,
    );
    isTelling = true;
    try {
      await line.ask({ kind: 'turns-done', done });
      state.endHeardOf = project.hash;
      save();
    } catch {
      // The hub went away, or works on another project by now.
    } finally {
      isTelling = false;
    }
  };
}
