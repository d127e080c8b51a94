// Faults of the site's end (450–499).
import { Fault } from '../../contract/fault.ts';
import { expiryText } from '../../contract/invite.ts';
import { connectReason } from '../../contract/system-reason.ts';

/** A site's work may train no more: the project's part or the site's budget is spent. */
export const nothingMoreCode = 471;

/** What was not expected ends without a full stop. */
const asSentence = (reason: string): string => (/[.!?…]$/.test(reason) ? reason : `${reason}.`);

export const siteFault = {
  hubUnreachable: (host: string, reason: string) =>
    new Fault({
      code: 450,
      message:
        `The hub at ${host} does not answer (${reason}). Check this machine's network, and ask the coordinator whether ` +
        'the hub is running; then try again.',
      retry: 'later',
    }),
  wrongHub: (host: string) =>
    new Fault({
      code: 451,
      message:
        `What answers at ${host} is not the hub of the invite: its key is another one. Nothing was sent to it. Tell the ` +
        'coordinator, and ask for a new invite if the hub was set up anew.',
      retry: 'later',
    }),
  notAHub: (host: string, reason: string) =>
    new Fault({
      code: 452,
      message: `What answers at ${host} is not an ImagiQ hub of this version (${reason}). Check the address, or update ImagiQ.`,
      retry: 'later',
    }),
  expiredInvite: (expiredAt: string) =>
    new Fault({
      code: 453,
      message: `This invite expired on ${expiryText(expiredAt)}. Ask the coordinator for a new one.`,
      retry: 'never',
    }),
  /** `otherHub` is the address of the member's hub where the invite comes from another one. */
  alreadyMember: (federation: string, otherHub: string | null) =>
    new Fault({
      code: 454,
      message:
        otherHub === null
          ? `This site is a member of ${federation} already. Leave it first to join again.`
          : `This site is a member of another federation called ${federation}, at ${otherHub}. Leave that one first, or ask the coordinator to give this one another name (\`imagiq hub --federation NAME\`) and send a new invite.`,
      retry: 'never',
    }),
  noSuchFederation: (federation: string) =>
    new Fault({
      code: 455,
      message: `This site is not a member of a federation called ${federation}.`,
      retry: 'never',
    }),
  noProject: (federation: string) =>
    new Fault({
      code: 456,
      message: `${federation} has not announced a project yet: there is nothing to approve. Try again when it has.`,
      retry: 'later',
    }),
  projectChanged: (federation: string) =>
    new Fault({
      code: 470,
      message: `The coordinator of ${federation} has changed the project since you read it. Nothing was answered: read the new one, and answer to that.`,
      retry: 'never',
    }),
  cohortChanged: (cohort: string) =>
    new Fault({
      code: 457,
      message: `The cohort ${cohort} has changed since it was approved. Look at it and approve it again.`,
      retry: 'never',
    }),
  /** @param tried how often in a row it failed, and after how long at most it is tried again */
  workFailed: (reason: string, tried: { readonly failures: number; readonly restMs: number } | null = null) =>
    new Fault({
      code: 458,
      message: `The work for the federation failed${tried !== null && tried.failures > 1 ? ` ${tried.failures} times in a row` : ''}: ${asSentence(reason)} It is tried again ${tried === null ? 'by itself' : `within ${Math.ceil(tried.restMs / 1_000)} s`}.`,
      retry: 'later',
    }),
  /** What the site may train is spent; `reason` says what, and what can be done. */
  nothingMore: (reason: string) => new Fault({ code: nothingMoreCode, message: reason, retry: 'later' }),
  damagedState: (folder: string) =>
    new Fault({
      code: 459,
      message: `The stored state of a federation (folder ${folder}) cannot be read. It was set aside. Join again with a new invite.`,
      retry: 'never',
    }),
  damagedKeys: () =>
    new Fault({
      code: 460,
      message:
        "This device's federation keys cannot be opened. Restore them from a backup, or remove the folder `federations/keys` and join again.",
      retry: 'never',
    }),
  otherSeal: () =>
    new Fault({
      code: 467,
      message:
        "This device's federation keys are sealed, and do not open with the key that was made for them: a file in `federations/keys` was changed or cut short, or comes from another data folder. Nothing was changed. Restore the folders `federations/keys` and `keys` of the data folder from one backup, or move `federations/keys` out of it and join again with a new invite.",
      retry: 'never',
    }),
  nothingHeld: (federation: string) =>
    new Fault({
      code: 465,
      message: `Nothing is held back for ${federation}: there is no leak probe to decide about.`,
      retry: 'never',
    }),
  probeOwed: () =>
    new Fault({
      code: 468,
      message:
        'Whether images could be recognised in what this site sends is not known yet: the leak probe is made by itself once the project is approved and its shared model is here. Try again when `imagiq status` tells its result.',
      retry: 'later',
    }),
  held: (federation: string) =>
    new Fault({
      code: 469,
      message: `No model is shown: an image of this site could be recognised in what it sends for ${federation}, or the leak probe failed. Look at what it found (Federation, or imagiq leak-probe --federation) and decide first.`,
      retry: 'later',
    }),
  badModel: (reason: string) =>
    new Fault({ code: 461, message: `A peer's model was not used: ${reason}.`, retry: 'never' }),
  forgedTrunk: () =>
    new Fault({
      code: 462,
      message: 'A trunk version does not fit its project or its bytes. It was not used.',
      retry: 'never',
    }),
  unreadableProject: () =>
    new Fault({
      code: 466,
      message:
        'The hub announces a project that this version of ImagiQ cannot read: most likely it was made for a newer one. Nothing was changed here. Update ImagiQ at this site, or ask the coordinator which version the project needs.',
      retry: 'later',
    }),
  badTraining: (reason: string) =>
    new Fault({ code: 463, message: `Training gave an update that cannot be sent: ${reason}`, retry: 'never' }),
  diskFull: () =>
    new Fault({
      code: 464,
      message: 'The disk is full. Nothing stored so far is lost. Free some space; the federation goes on by itself.',
      retry: 'later',
    }),
  notApproved: () =>
    new Fault({
      code: 480,
      message:
        'No cohort takes part in this project yet. Approve the project with a cohort first (`imagiq approve --cohort NAME`, or in the window).',
      retry: 'later',
    }),
  notPublishable: (reason: string) =>
    new Fault({
      code: 481,
      message: `This model cannot be shown to the project's peers: ${reason}. Task and classes have to be the project's.`,
      retry: 'never',
    }),
  noSuchPeer: (site: string) =>
    new Fault({
      code: 482,
      message: `No other member of this federation is called ${site}. \`imagiq peers list\` names them.`,
      retry: 'never',
    }),
  /** `says`: the peer's own words, where it refused. */
  peerUnreachable: (site: string, reason: string | { readonly says: string }) =>
    new Fault({
      code: 490,
      message: `${site} cannot be reached directly${typeof reason === 'string' ? ` (${connectReason(reason)}).` : `. It says: “${reason.says}”`} Its models come through the hub, sealed, where that reaches it.`,
      retry: 'later',
    }),
  wrongPeer: (site: string) =>
    new Fault({
      code: 491,
      message: `What answers at the address of ${site} has not its key. Nothing was sent to it.`,
      retry: 'later',
    }),
  strangerHere: () =>
    new Fault({
      code: 492,
      message: 'This site does not know yours as a member of the federation yet. It is asked again later.',
      retry: 'later',
    }),
  peerPortInUse: (port: number) =>
    new Fault({
      code: 493,
      message: `Port ${port} is taken by another program, so peers cannot reach this site directly. Choose another port.`,
      retry: 'later',
    }),
  cannotListen: (reason: string) =>
    new Fault({
      code: 494,
      message: `This site cannot listen for its peers (${reason}). Check address and port in the settings.`,
      retry: 'later',
    }),
  badPeerAddress: (address: string) =>
    new Fault({
      code: 495,
      message: `${address} is no address that peers could use. Give a name or an IP address, such as imagiq.hospital.example, and the port apart.`,
      retry: 'never',
    }),
  notCertified: (site: string, problem: string) =>
    new Fault({
      code: 496,
      message: `The certificate of membership of ${site} ${problem}. Until it shows a good one its models go through the hub, which gives it a new one as soon as it is reached.`,
      retry: 'later',
    }),
  /** @param asked how its hash was to begin; null for the trunk. */
  noSuchModel: (asked: string | null) =>
    new Fault({
      code: 497,
      message:
        asked === null
          ? 'No shared model has come here yet. `imagiq status` says how far the project is.'
          : `Not one model on the bench has an id that begins with ${asked}. \`imagiq peers list\` shows them.`,
      retry: asked === null ? 'later' : 'never',
    }),
  emptyBench: () =>
    new Fault({
      code: 483,
      message:
        "No model on the bench has been evaluated on this site's validation images yet. Try again when the first is there (`imagiq peers pull`).",
      retry: 'later',
    }),
  ledgerContradicted: (reason: string) =>
    new Fault({
      code: 479,
      message: `A ledger is not what it was: ${reason}. Keep the data folder as it is, run \`imagiq ledger verify\`, and tell your data protection officer and the coordinator.`,
      retry: 'never',
    }),
  unusableAuthorities: (file: string, why: string) =>
    new Fault({
      code: 484,
      message: `The file of certificate authorities ${file} cannot be used: ${why}. Choose a PEM file in Settings, or with \`imagiq settings --ca FILE\`.`,
      retry: 'later',
    }),
  proxyLogin: (proxy: string) =>
    new Fault({
      code: 485,
      message:
        `The proxy ${proxy} asks for a name and a password, or does not take the ones it was given (407). Enter them in ` +
        'Settings, or with `imagiq settings --proxy-user NAME` and IMAGIQ_PROXY_PASSWORD.',
      retry: 'later',
    }),
  proxyRefuses: (proxy: string, host: string, status: number) =>
    new Fault({
      code: 486,
      message: `The proxy ${proxy} does not let this machine reach ${host} (${status}). Ask your IT department to allow it: one outbound connection, port 443.`,
      retry: 'later',
    }),
  proxyAway: (proxy: string, why: string) =>
    new Fault({
      code: 487,
      message: `The proxy ${proxy} does not answer (${why}). Check its address in Settings, or HTTPS_PROXY.`,
      retry: 'later',
    }),
  unbelievedCertificate: (host: string, code: string) =>
    new Fault({
      code: 488,
      message:
        `The certificate that ${host} shows is not one that this machine believes (${code}). If your network looks into TLS, give ` +
        'the PEM file of its authority in Settings, or with `imagiq settings --ca FILE`; if not, tell your IT department.',
      retry: 'later',
    }),
  upgradeStripped: (host: string, status: number) =>
    new Fault({
      code: 489,
      message:
        `What answers for ${host} opens no WebSocket (it answers ${status}): it is no hub, or a proxy on the way takes the ` +
        'upgrade out. Ask your IT department to let WebSockets through to this host, or not to look into its TLS.',
      retry: 'later',
    }),
} as const;
