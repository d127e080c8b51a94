// What a data manager says to a project: with which cohort this site takes part, or that it does not, and what leaves it though the leak
// probe recognised an image.
import type { Bench } from './bench.ts';
import { siteFault } from './faults.ts';
import { acceptLeak, enterAcceptance, forgetProbe } from './leak-gate.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { Outbox } from './outbox.ts';
import type { ProjectAnswers } from './project-answer.ts';
import type { WorkLoop } from './work-loop.ts';

export interface Approval {
  /** @throws Fault 456 without a project, 457 when the cohort is not the one that was looked at, 470 when the project is not. */
  approve(cohort: string, options?: ApprovalOptions): Promise<void>;
  /** A person has looked at what the leak probe found: updates are sent. @throws Fault 465 where nothing is held */
  acceptLeak(isBeforehand: boolean): void;
  /** @throws Fault 456 without an approved project. */
  probeAgain(): void;
  /** @throws Fault 456 without a project, 470 when it is not the one that was looked at. */
  decline(because: string | null, projectHash?: string | null): void;
}

export interface ApprovalOptions {
  /** The data set fingerprint that was looked at; null: whatever the cohort is now. */
  readonly fingerprint?: string | null;
  /** Updates are sent whatever the leak probe finds. */
  readonly acceptsLeak?: boolean;
  /** The project that was looked at; null: whatever it is now. */
  readonly projectHash?: string | null;
}

export function openApproval(order: {
  readonly desk: MembershipDesk;
  readonly bench: Bench;
  readonly outbox: Outbox;
  readonly loop: WorkLoop;
  readonly answers: { readonly give: ProjectAnswers['give']; readonly deliver: () => void };
  /** What a person held back may leave now. */
  readonly onMayLeave: () => void;
}): Approval {
  const { desk, bench, outbox, loop, answers } = order;
  const { state } = desk;
  /** The project that is answered to. */
  const presentProject = (projectHash: string | null): NonNullable<typeof state.project> => {
    if (state.project === null) throw siteFault.noProject(state.federation);
    if (projectHash !== null && projectHash !== state.project.hash) throw siteFault.projectChanged(state.federation);
    return state.project;
  };
  return {
    async approve(cohort, { fingerprint = null, acceptsLeak = false, projectHash = null } = {}) {
      const { hash } = presentProject(projectHash);
      const datasetFingerprint = await desk.work.datasetFingerprint(cohort);
      // From here to the signature nothing else runs.
      const project = presentProject(hash);
      if (fingerprint !== null && fingerprint !== datasetFingerprint) throw siteFault.cohortChanged(cohort);
      const isOther = state.approval?.datasetFingerprint !== datasetFingerprint || state.approval.cohort !== cohort;
      if (isOther) {
        bench.judgeAnew();
        outbox.clear();
        state.history = [];
      }
      const isSame = !isOther && state.approval?.projectHash === project.hash;
      const didAccept = isSame && state.approval?.acceptsLeak === true;
      state.approval = {
        cohort,
        projectHash: project.hash,
        datasetFingerprint,
        acceptsLeak: acceptsLeak || didAccept,
      };
      state.reason = null;
      answers.give({ answer: 'approved', because: null, datasetFingerprint });
      desk.save();
      desk.ledger('project-approved', { project: project.project.id, projectHash: project.hash, datasetFingerprint });
      if (acceptsLeak && !didAccept) enterAcceptance(desk, true);
      answers.deliver();
      if (isOther) loop.restart();
      order.onMayLeave();
    },
    acceptLeak(isBeforehand) {
      acceptLeak(desk, isBeforehand);
      order.onMayLeave();
    },
    probeAgain() {
      forgetProbe(desk);
      loop.lookAgain();
    },
    decline(because, projectHash = null) {
      const project = presentProject(projectHash);
      state.approval = null;
      state.reason = null;
      // What waits to be sent was trained under a consent that is withdrawn.
      outbox.clear();
      answers.give({ answer: 'declined', because, datasetFingerprint: null });
      desk.save();
      desk.ledger('project-declined', { project: project.project.id, projectHash: project.hash, reason: because });
      answers.deliver();
      loop.restart();
    },
  };
}
