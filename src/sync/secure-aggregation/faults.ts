// Faults of secure aggregation (580–599): what site and hub say to each other about a masked buffer.
import { Fault } from '../../contract/fault.ts';

const never = (code: number, message: string): Fault => new Fault({ code, message, retry: 'never' });
const later = (code: number, message: string): Fault => new Fault({ code, message, retry: 'later' });

export const maskingFault = {
  /** `never` is for this buffer's keys: the site offers its update anew, with fresh ones. */
  bufferEnded: () =>
    never(580, 'This masked buffer has ended. The update is offered again with fresh keys; nothing is lost.'),
  otherOfferOpen: () =>
    later(
      581,
      'Another update of this site is in a masked buffer that has not ended. This one is taken when it has: offer it again then.',
    ),
  masksOnly: () =>
    never(
      582,
      'This project takes masked updates only: a site that sends an open one would give away what secure aggregation hides. Update ImagiQ here.',
    ),
  notMasked: () => never(583, 'This project does not use secure aggregation. The masked update was not used.'),
  badRoster: (reason: string) =>
    never(
      584,
      `The hub proposed a group of sites that this site does not trust: ${reason}. Nothing was sent into it. Ask the coordinator which sites take part.`,
    ),
  badShares: (site: string, reason: string) =>
    never(
      585,
      `The key shares of ${site} are not right: ${reason}. The masked buffer was given up; nothing of this site's update was shown.`,
    ),
  bothSecrets: () =>
    never(
      586,
      "The hub asked a second time, with another list of sites, for the secrets of a masked buffer. Both answers together would lay a single site's update open, so it was refused. Tell the coordinator.",
    ),
  badUnmasking: (reason: string) =>
    never(587, `The hub's question for the secrets of a masked buffer was refused: ${reason}. Tell the coordinator.`),
  tooFewUpdates: (updates: number, threshold: number) =>
    later(
      588,
      `Only ${updates} of the ${threshold} masked updates that are needed came in time. The buffer was given up and opened by nobody; updates are offered again.`,
    ),
  tooFewShares: (sites: number, threshold: number) =>
    later(
      589,
      `Only ${sites} of the ${threshold} sites that are needed gave their key shares in time. The masked buffer was given up; updates are offered again.`,
    ),
  memberGone: (sites: readonly string[]) =>
    later(
      590,
      `${sites.join(', ')} did not deal key shares in time. The masked buffer was given up before any update was sent; updates are offered again.`,
    ),
  siteRefused: (site: string) =>
    later(591, `${site} refused to take part in a masked buffer. It was given up; updates are offered again.`),
  wrongSize: (bytes: number, expected: number) =>
    never(592, `The masked update has ${bytes} bytes where the project's network makes ${expected}. It was not used.`),
  outOfRange: (tensor: string, limit: number) =>
    never(
      593,
      `Tensor ${tensor} of the update holds a value beyond ±${limit}, which secure aggregation cannot add up exactly. Train with a lower learning rate, or use a network with group norm.`,
    ),
  noProof: (what: string) => never(594, `The ${what} does not belong to this masked buffer. It was not used.`),
  wrongShare: () => never(595, 'A key share is not the one that was dealt. It was not used.'),
  leftOut: () =>
    later(
      597,
      "This site's masked update did not arrive in time, so the others' sum was completed without it. The update is offered again.",
    ),
  memberEnded: (site: string) =>
    later(
      598,
      `${site} takes no part any more. The masked buffer was given up and opened by nobody; updates are offered again.`,
    ),
  trunkMoved: () =>
    later(
      596,
      'The trunk changed before the masked buffer was complete. The buffer was given up; updates are offered again.',
    ),
} as const;
