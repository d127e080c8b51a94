// The data manager's answer to a project: signed here, kept until the hub has it, told again at each connection until then.
import { wireFeature } from '../protocol/limits.ts';
import { signStatement } from '../protocol/statement.ts';
import type { MembershipDesk } from './membership-desk.ts';

export interface ProjectAnswers {
  /** Signs an answer to the present project; the caller saves. `because` is told to the coordinator. */
  give(answer: {
    readonly answer: 'approved' | 'declined';
    readonly because: string | null;
    readonly datasetFingerprint: string | null;
  }): void;
  /** Tells the hub what it has not heard. Never rejects: what fails now is told at the next connection. */
  deliver(hubFeatures: readonly string[]): Promise<void>;
}

export function openProjectAnswers(desk: MembershipDesk): ProjectAnswers {
  const { state, keys } = desk;
  return {
    give({ answer, because, datasetFingerprint }) {
      const { project } = state;
      if (project === null) return;
      const answeredAt = new Date(desk.clock()).toISOString();
      const signed = signStatement(
        'project-answer',
        { project: project.project.id, projectHash: project.hash, answer, because, datasetFingerprint, answeredAt },
        keys,
      );
      state.answer = { answer, because, projectHash: project.hash, signed, isHeard: false };
    },
    async deliver(hubFeatures) {
      const { answer } = state;
      const channel = desk.channel();
      if (answer === null || answer.isHeard || channel === null) return;
      if (!hubFeatures.includes(wireFeature.projectAnswers)) return;
      try {
        await channel.ask({ kind: 'project-answered', answer: answer.signed });
        answer.isHeard = true;
        desk.save();
      } catch {
        // The hub went away, or works on another project by now: then it asks anew.
      }
    },
  };
}
