// Waits until the hub has told a new member which project there is: nothing can be approved before it was seen.
import { Fault } from '../contract/fault.ts';
import type { Membership } from '../contract/federation.ts';
import { settledMemberships } from './settled-memberships.ts';

/** A hub announces its project within a second of joining; a coordinator may also set it later. */
const deadlineMs = 60_000;
const pollMs = 100;
/** Of the fault that none was announced in time. */
export const notAnnouncedCode = 808;

/** A command that was just opened holds the project of last time until the hub has spoken; without it this is what is answered. */
const greetingMs = 10_000;
/** A hub that has spoken tells its project in the same moment; how long a command looks that does not wait for a new one. */
export const lookMs = 2_000;

/** The membership with the project that the hub has now, as far as it answers. @throws Fault 808 when there is none by the deadline. */
export async function presentProject(
  memberships: () => Promise<{ memberships: Membership[] }>,
  federation: string,
): Promise<Membership> {
  const ofIt = async (): Promise<{ memberships: Membership[] }> => ({
    memberships: (await memberships()).memberships.filter((membership) => membership.federation === federation),
  });
  await settledMemberships(ofIt, greetingMs);
  return announcedProject(memberships, federation, lookMs);
}

/** The membership once its project is announced. @throws Fault 808 when there is none by the deadline. */
export async function announcedProject(
  memberships: () => Promise<{ memberships: Membership[] }>,
  federation: string,
  withinMs = deadlineMs,
): Promise<Membership> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = (await memberships()).memberships.find((membership) => membership.federation === federation);
    if (found?.project) return found;
    if (Date.now() > deadline) {
      throw new Fault({
        code: notAnnouncedCode,
        message: `${federation} has announced no project yet. You are a member; approve it with \`imagiq approve --cohort NAME\` when there is one, or in the app.`,
        retry: 'later',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
