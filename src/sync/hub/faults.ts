// Faults of the hub (500–549; 550–569 are aggregation's): most of them are read at the site that was refused.
import { Fault } from '../../contract/fault.ts';
import { expiryText } from '../../contract/invite.ts';

const reason = (because: string | null): string => (because === null || because === '' ? '' : `: ${because}`);

export const hubFault = {
  unknownInvite: () =>
    new Fault({
      code: 500,
      message: 'The hub does not know this invite. Ask its coordinator for a new one.',
      retry: 'never',
    }),
  expiredInvite: (expiredAt: string) =>
    new Fault({
      code: 501,
      message: `This invite expired on ${expiryText(expiredAt)}. Ask the coordinator for a new one.`,
      retry: 'never',
    }),
  usedInvite: () =>
    new Fault({
      code: 502,
      message: 'This invite has been used already: each lets one site in, once. Ask the coordinator for a new one.',
      retry: 'never',
    }),
  nameTaken: (site: string) =>
    new Fault({
      code: 503,
      message: `Another site of this federation is called ${site}. Join again under another name.`,
      retry: 'never',
    }),
  notMember: () =>
    new Fault({
      code: 504,
      message: 'This site is not a member of the federation, or left it. Ask the coordinator for an invite.',
      retry: 'never',
    }),
  revoked: (because: string | null) =>
    new Fault({
      code: 505,
      message: `The coordinator withdrew this site's membership${reason(because)}. Ask the coordinator what happened.`,
      retry: 'never',
    }),
  expelled: (because: string) =>
    new Fault({
      code: 506,
      message: `The coordinator ended this site's membership${reason(because)}. To come back it needs a new invite.`,
      retry: 'never',
    }),
  retired: (because: string) =>
    new Fault({
      code: 507,
      message: `The coordinator ended this site's part in the federation${reason(because)}. What it contributed stays. To come back it needs a new invite.`,
      retry: 'never',
    }),
  leftAtDoor: (isRefusal: boolean) =>
    new Fault({
      code: 508,
      message: isRefusal
        ? 'It ended the greeting: this is not the hub that its invite names, or the hub did not prove it. Compare the fingerprint in its invite with that of this hub.'
        : 'It went away before it had said who it is.',
      retry: 'later',
    }),
  noProject: () =>
    new Fault({
      code: 510,
      message: 'The federation has no project yet. Wait until one is announced.',
      retry: 'later',
    }),
  otherProject: () =>
    new Fault({
      code: 511,
      message: 'This is for a project that the federation does not work on any more. It was not used.',
      retry: 'never',
    }),
  finished: () =>
    new Fault({ code: 512, message: 'The project is finished: no more updates are taken.', retry: 'never' }),
  unknownVersion: (version: number) =>
    new Fault({
      code: 513,
      message: `The update starts from trunk version ${version}, which does not exist here.`,
      retry: 'never',
    }),
  missingBlob: () =>
    new Fault({ code: 514, message: "The update's bytes have not arrived at the hub. Send them again.", retry: 'now' }),
  keyTaken: () =>
    new Fault({
      code: 515,
      message: "This update's idempotency key belongs to another site's update. It was not used.",
      retry: 'never',
    }),
  notAuthor: () => new Fault({ code: 516, message: 'A model can be published by its author only.', retry: 'never' }),
  tooManyBranches: (limit: number) =>
    new Fault({
      code: 518,
      message: `This site shows ${limit} models in this project already. It can show another in the place of one of them only.`,
      retry: 'never',
    }),
  notForYou: () => new Fault({ code: 517, message: 'This blob was not shared with this site.', retry: 'never' }),
  siteTooOld: (what: string) =>
    new Fault({
      code: 519,
      message: `This project asks for ${what}, which the ImagiQ of this site does not know: its updates could not be used. Update ImagiQ at this site; it stays a member, and goes on from the newest trunk.`,
      retry: 'later',
    }),
  tooManyUnoffered: (bytes: number, limit: number) =>
    new Fault({
      code: 546,
      message: `This site has ${bytes} bytes on their way to the hub that no update and no model names yet; at most ${limit} are kept for it. The next is taken when one of them is offered or ended.`,
      retry: 'later',
    }),
  tooOften: () =>
    new Fault({
      code: 547,
      message:
        'This site asks the hub for the same kind of thing so often that it has to wait. It goes on by itself in some minutes; if it does not, update ImagiQ at this site.',
      retry: 'later',
    }),
  folderInUse: (folder: string) =>
    new Fault({
      code: 520,
      message: `A hub runs on the data folder ${folder} already: it serves its sites, and \`imagiq invite\`, \`members\` and \`project\` work beside it. Stop it first, or choose another folder with --data.`,
      retry: 'later',
    }),
  portInUse: (port: number) =>
    new Fault({
      code: 521,
      message: `Port ${port} is taken by another program. Choose another with --port.`,
      retry: 'later',
    }),
  /** `areRowsElsewhere`: a hub process over PostgreSQL has its keys and blobs there, and no rows. */
  noHubHere: (folder: string, { areRowsElsewhere = false } = {}) =>
    new Fault({
      code: 522,
      message: areRowsElsewhere
        ? `The hub of ${folder} keeps its rows in PostgreSQL, not in this folder. Name that database with --postgres; for a backup use pg_dump, as docs/hub.md tells.`
        : `There is no hub in ${folder}. Look whether the folder is the right one, or start a hub there: imagiq hub --data ${folder} --port 8443`,
      retry: 'never',
    }),
  cannotListen: (reason: string) =>
    new Fault({
      code: 523,
      message: `The hub cannot listen: ${reason}. Choose another address with --host, or another port with --port.`,
      retry: 'later',
    }),
  unusableProject: (reason: string) =>
    new Fault({ code: 524, message: `This project cannot be used: ${reason}.`, retry: 'never' }),
  badPublicUrl: (url: string) =>
    new Fault({
      code: 526,
      message: `Sites could not use invites to the public address ${url}. Give an encrypted one, such as wss://hub.example.org.`,
      retry: 'never',
    }),
  newerDatabase: (version: number) =>
    new Fault({
      code: 525,
      message: `The hub's data was written by a newer ImagiQ (schema ${version}). Update this one.`,
      retry: 'never',
    }),
  otherHubKeys: (folder: string) =>
    new Fault({
      code: 540,
      message: `The keys in ${folder} are not those of this federation's hub, which its invites name. Copy hub-keys.json into it from the data folder of the first hub.`,
      retry: 'never',
    }),
  databaseUnreachable: (reason: string) =>
    new Fault({
      code: 541,
      message: `The hub's PostgreSQL database cannot be used: ${reason}. Check the address, PGPASSWORD, and that the server runs.`,
      retry: 'later',
    }),
  fenced: () =>
    new Fault({
      code: 542,
      message:
        'Another hub process took over this commit, because this one gave no sign of life for too long. Nothing was written.',
      retry: 'now',
    }),
  noHubInDatabase: () =>
    new Fault({
      code: 543,
      message: 'No hub was ever started on this database. Start one first: imagiq hub --data FOLDER --postgres ADDRESS',
      retry: 'never',
    }),
  declined: () =>
    new Fault({
      code: 528,
      message:
        "This site's data manager declined the project: nothing is taken from it. Approve the project to take part.",
      retry: 'never',
    }),
  observer: () =>
    new Fault({
      code: 529,
      message:
        'This site observes the federation: it may read the shared model and sends none. Ask the coordinator for an invite as a site.',
      retry: 'never',
    }),
  unknownMember: (site: string) =>
    new Fault({
      code: 527,
      message: `No member of the federation is called ${site}. \`imagiq members list\` shows who is.`,
      retry: 'never',
    }),
  tooManyWrongInvites: () =>
    new Fault({
      code: 548,
      message: 'Too many wrong invites were tried at this hub. Wait a minute and join again; members are not affected.',
      retry: 'later',
    }),
  unusableData: (folder: string, reason: string) =>
    new Fault({
      code: 549,
      message: `The hub's data in ${folder} cannot be used: ${reason}. Make the folder writable, or restore it from a backup.`,
      retry: 'later',
    }),
  signInRefused: () =>
    new Fault({
      code: 530,
      message:
        'This sign-in is not right, or its link was used or is older than 15 minutes. Make a new one on the hub’s machine: imagiq hub console-link --data FOLDER',
      retry: 'never',
    }),
  unusableCertificate: (reason: string) =>
    new Fault({
      code: 531,
      message: `The certificate or its key cannot be used: ${reason}. Give PEM files with --tls-cert and --tls-key.`,
      retry: 'never',
    }),
  tooManySignIns: () =>
    new Fault({ code: 532, message: 'Too many attempts to sign in. Wait a minute and try again.', retry: 'later' }),
  notSignedIn: () =>
    new Fault({ code: 533, message: 'You are not signed in, or no longer. Sign in again.', retry: 'never' }),
  unusableRequest: (reason: string) =>
    new Fault({ code: 534, message: `The request cannot be used: ${reason}.`, retry: 'never' }),
  observerActs: () =>
    new Fault({ code: 535, message: 'An observer looks on: only a coordinator can do this.', retry: 'never' }),
  foreignPage: () =>
    new Fault({
      code: 536,
      message: 'The request did not come from the console’s own page. Open the console at the hub’s public address.',
      retry: 'never',
    }),
  damagedBackup: (reason: string) =>
    new Fault({
      code: 538,
      message: `The backup is damaged: ${reason}. Nothing was changed. Use another one.`,
      retry: 'never',
    }),
  noBackup: (folder: string) =>
    new Fault({ code: 539, message: `There is no backup of a hub in ${folder}.`, retry: 'never' }),
  placeTaken: (folder: string) =>
    new Fault({
      code: 544,
      message: `${folder} is there already and not empty. Nothing was changed. Name a new folder.`,
      retry: 'never',
    }),
  unusablePlace: (folder: string, reason: string) =>
    new Fault({
      code: 509,
      message: `${folder} cannot be made: ${reason}. Nothing was changed. Name another folder.`,
      retry: 'never',
    }),
  changesTooQuickly: () =>
    new Fault({
      code: 545,
      message: 'The hub changed too quickly for a backup. Try again, or stop the hub for it.',
      retry: 'now',
    }),
  inviteNotOpen: () => new Fault({ code: 537, message: 'This invite is used or withdrawn already.', retry: 'never' }),
} as const;
