// What the acts of a ledger are called for a person, whether something left or arrived by them, and with whom. Window, command line and
// the hub's console show the same words; the entries themselves keep their names.

export const directions = ['left', 'arrived', 'here'] as const;
/** `left`: bytes left this place, or may have; `arrived`: bytes came; `here`: nothing crossed the wall. */
export type Direction = (typeof directions)[number];

type Detail = Readonly<Record<string, string | number | boolean | null>>;

interface Act {
  readonly words: string;
  readonly direction: Direction;
  /** The detail as a sentence, where its names alone would not tell. */
  readonly told?: (detail: Detail) => string;
}

/** An entry as a row: what happened, with whom, how many bytes, and the rest in words. */
export interface LedgerRow {
  readonly words: string;
  readonly direction: Direction;
  /** Who it went to or came from; '' where nobody else took part. */
  readonly whom: string;
  /** Null where none are counted. */
  readonly bytes: number | null;
  readonly told: string;
}

const acts: Readonly<Record<string, Act>> = {
  checkpoint: { words: 'Checkpoint signed', direction: 'here', told: () => 'Everything before this line is signed.' },
  'ledger-repaired': {
    words: 'Ledger repaired',
    direction: 'here',
    told: ({ removedBytes }) => `${removedBytes} bytes of an entry that a crash cut short were removed.`,
  },
  'ledger-contradicted': {
    words: 'Ledger contradicted',
    direction: 'here',
    told: ({ reason }) => String(reason),
  },
  'ledger-broken': {
    words: 'Ledger found changed',
    direction: 'here',
    told: ({ firstBroken, reason }) => `Entry ${firstBroken} is not as it was written: ${reason}.`,
  },
  import: {
    words: 'Studies imported',
    direction: 'here',
    told: ({ files, imported, duplicates, refused }) =>
      `${number(imported)} of ${number(files)} files taken; ${number(duplicates)} were here already, ${number(refused)} refused.`,
  },
  'leak-probe': {
    words: 'Leak probe run',
    direction: 'here',
    told: ({ cohort, network, isRecognised }) =>
      `An attack on an update of ${network} from “${cohort}” ${isRecognised === true ? 'recognised an image' : 'recognised no image'}.`,
  },
  'leak-probe-failed': { words: 'Leak probe failed', direction: 'here' },
  'updates-held': { words: 'Updates held back', direction: 'here' },
  'leak-accepted': {
    words: 'Sending in spite of the leak probe decided',
    direction: 'here',
    told: ({ project, isBeforehand }) =>
      isBeforehand === true
        ? `A person said beforehand that updates of ${project} are sent whatever the probe finds. Nobody looked at it.`
        : `A person saw what the probe of ${project} found, and decided to send updates.`,
  },
  'privacy-budget': {
    words: 'Privacy budget set',
    direction: 'here',
    told: ({ epsilon, delta }) =>
      `ε of at most ${epsilon} at δ ${delta} for any one image, over all trainings; about k times that for a patient with k images.`,
  },
  'studies-removal-begun': {
    words: 'Removal of studies from the library begun',
    direction: 'here',
    told: ({ studies, series, instances, copies }) =>
      `Of ${counted(studies, 'study', 'studies')} (${number(series)} series, ${counted(instances, 'instance')}; ${counted(copies, 'copy', 'copies')} to be deleted).`,
  },
  'studies-removal-failed': { words: 'Removal of studies from the library failed', direction: 'here' },
  'studies-removed': {
    words: 'Studies removed from the library',
    direction: 'here',
    told: ({ studies, series, instances, copies }) =>
      `${counted(studies, 'study', 'studies')} (${number(series)} series, ${counted(instances, 'instance')}); ${counted(copies, 'copy', 'copies')} deleted.`,
  },
  'cohort-created': {
    words: 'Cohort created',
    direction: 'here',
    told: ({ cohort, version, instances }) => `“${cohort}”, version ${version}, ${number(instances)} images.`,
  },
  'cohort-deleted': { words: 'Cohort deleted', direction: 'here', told: ({ cohort }) => `“${cohort}”.` },
  'patient-forgotten': {
    words: 'Patient forgotten',
    direction: 'here',
    told: ({ cohorts }) => (cohorts === '' ? 'No cohort held the patient.' : `Taken out of ${cohorts}.`),
  },
  'run-started': { words: 'Training run started', direction: 'here', told: runTold },
  'run-resumed': { words: 'Training run resumed', direction: 'here', told: runTold },
  'run-paused': { words: 'Training run paused', direction: 'here', told: runTold },
  'run-finished': { words: 'Training run finished', direction: 'here', told: runTold },
  'run-stopped': { words: 'Training run stopped', direction: 'here', told: runTold },
  'run-failed': { words: 'Training run failed', direction: 'here', told: runTold },
  'run-deleted': { words: 'Training run deleted', direction: 'here', told: ({ run }) => `Run ${run}.` },
  'studies-sent': { words: 'Studies sent to a peer', direction: 'left' },
  'sending-ended': { words: 'Sending to a peer ended', direction: 'here' },
  'studies-retrieved': { words: 'Studies retrieved from a peer', direction: 'arrived' },
  'model-run': { words: 'Model run on own images', direction: 'here' },
  'model-exported': { words: 'Model exported to a file', direction: 'left' },
  'model-imported': { words: 'Model imported from a file', direction: 'arrived' },
  'model-kept': { words: 'Model of a federation taken among this site’s models', direction: 'here' },
  'model-deleted': { words: 'Model deleted', direction: 'here' },
  joined: { words: 'Joined a federation', direction: 'left' },
  left: { words: 'Left a federation', direction: 'here' },
  refused: { words: 'Refused by the hub', direction: 'here' },
  'membership-damaged': { words: 'Membership file set aside', direction: 'here' },
  'project-announced': { words: 'Project proposed to this site', direction: 'arrived' },
  'project-approved': { words: 'Project approved', direction: 'left' },
  'project-declined': { words: 'Project declined', direction: 'left' },
  'trunk-received': { words: 'Shared model received', direction: 'arrived' },
  'update-trained': { words: 'Update trained', direction: 'here' },
  'update-sent': { words: 'Update sent', direction: 'left' },
  'masked-buffer-joined': { words: 'Key shares for a masked buffer sent', direction: 'left' },
  'masks-revealed': { words: 'Helped to take masks off a sum', direction: 'left' },
  'masked-buffer-refused': { words: 'Masked buffer refused', direction: 'here' },
  'update-discarded': { words: 'Accepted update discarded by the hub', direction: 'here' },
  'update-refused': { words: 'Update refused', direction: 'here' },
  'model-shared': { words: 'Model shared with peers', direction: 'left' },
  'model-not-shared': { words: 'Model not shared', direction: 'here' },
  'model-received': { words: 'Model received', direction: 'arrived' },
  'model-refused': { words: 'Model refused', direction: 'here' },
  'keys-sealed': {
    words: 'Keys sealed',
    direction: 'here',
    told: () => 'The keys of this device open only with the system’s key chain from here on.',
  },
  'keys-unsealed': {
    words: 'Keys written plain',
    direction: 'here',
    told: () => 'The keys of this device are plain files again.',
  },
  'listening-changed': { words: 'Listening for peers changed', direction: 'here' },
  'peer-muted': { words: 'Peer muted', direction: 'here' },
  'peer-heard': { words: 'Peer heard again', direction: 'here' },
  'work-failed': { words: 'Federation work failed', direction: 'here' },
  // At the hub.
  'hub-started': { words: 'Hub started', direction: 'here' },
  'invite-made': { words: 'Invite made', direction: 'here' },
  'invite-withdrawn': { words: 'Invite withdrawn', direction: 'here' },
  'site-enrolled': { words: 'Site enrolled', direction: 'arrived' },
  'site-left': { words: 'Site left', direction: 'here' },
  'site-revoked': { words: 'Site revoked', direction: 'here' },
  'site-expelled': { words: 'Site expelled', direction: 'here' },
  'site-retired': { words: 'Site retired', direction: 'here' },
  'project-proposed': { words: 'Project proposed', direction: 'here' },
  'project-taken-up-again': { words: 'Earlier project taken up again', direction: 'here' },
  'project-retired': { words: 'Project retired', direction: 'here' },
  'approval-recorded': { words: 'Site approved the project', direction: 'arrived' },
  'turns-done': { words: 'Site made its last turn', direction: 'arrived' },
  'decline-recorded': { words: 'Site declined the project', direction: 'arrived' },
  'update-accepted': { words: 'Update accepted', direction: 'arrived' },
  'updates-discarded': { words: 'Waiting updates discarded', direction: 'here' },
  'trunk-committed': { words: 'Shared model moved', direction: 'here' },
  'trunk-sent': { words: 'Shared model sent', direction: 'left' },
  'model-taken': { words: 'Sealed model taken', direction: 'arrived' },
  'model-relayed': { words: 'Sealed model handed on', direction: 'left' },
  'backup-taken': { words: 'Backup taken', direction: 'here' },
  'hub-restored': { words: 'Restored from a backup', direction: 'here' },
  'console-link-made': { words: 'Sign-in link made', direction: 'here' },
  'console-signed-in': { words: 'Signed in to the console', direction: 'here' },
  'console-sign-in-refused': { words: 'Sign-in refused', direction: 'here' },
  'console-signed-out': { words: 'Signed out', direction: 'here' },
  'console-passphrase-set': { words: 'Passphrase set', direction: 'here' },
};

/** All that this version writes. */
export const ledgerActs: readonly string[] = Object.keys(acts);

/** `cnn-small on “chest”, 5 epochs. Run ID.`, or after how many steps. */
function runTold({ run, cohort, network, epochs, epsilon, steps, reason }: Detail): string {
  const promise = typeof epsilon === 'number' ? `, with a privacy budget of ε ${epsilon}` : '';
  const what =
    network === undefined
      ? `On “${cohort}”, at step ${number(steps)}${typeof reason === 'string' ? `: ${reason}` : ''}.`
      : `${network} on “${cohort}”, ${number(epochs)} ${epochs === 1 ? 'epoch' : 'epochs'}${promise}.`;
  return `${what} Run ${run}.`;
}

/** An entry for a person. An act of a newer version, or of another part, keeps its own name. */
export function ledgerRow({ act, detail }: { readonly act: string; readonly detail: Detail }): LedgerRow {
  const known = acts[act] ?? { words: act, direction: /sent|shared|relayed/.test(act) ? 'left' : 'here' };
  const { bytes = null, ...rest } = detail;
  const whom = [rest['to'], rest['from'], rest['peer'], rest['federation'], rest['site']].find(
    (name) => typeof name === 'string' && name !== '',
  );
  return {
    words: known.words,
    direction: known.direction,
    whom: typeof whom === 'string' ? whom : '',
    bytes: typeof bytes === 'number' ? bytes : null,
    told: known.told?.(detail) ?? toldOf(rest, whom),
  };
}

/** Names that say the same as the columns, or are of use to a program only. */
const untold = ['device', 'key', 'signature', 'seconds'];

function toldOf(detail: Detail, whom: Detail[string] | undefined): string {
  return Object.entries(detail)
    .filter(([name, value]) => value !== null && value !== '' && value !== whom && !untold.includes(name))
    .map(([name, value]) => told(name, value))
    .join(' · ');
}

function told(name: string, value: Detail[string]): string {
  if (name === 'reason' || name === 'because') return String(value);
  if (typeof value === 'boolean') return value ? spaced(name) : `not ${spaced(name)}`;
  if (typeof value === 'number') return `${spaced(name)} ${Number.isInteger(value) ? number(value) : value.toFixed(2)}`;
  // Hashes are cut: the whole ones stay in the entry, and in the export.
  return `${spaced(name)} ${/^[0-9a-f]{40,}$/.test(String(value)) ? String(value).slice(0, 12) : value}`;
}

const number = (value: Detail[string] | undefined): string =>
  typeof value === 'number' ? value.toLocaleString('en-US') : String(value ?? 'some');

const counted = (value: Detail[string] | undefined, one: string, many = `${one}s`): string =>
  `${number(value)} ${value === 1 ? one : many}`;

/** `projectHash` → `project hash`, `isFinished` → `finished`. */
const spaced = (name: string): string =>
  name
    .replace(/^is(?=[A-Z])/, '')
    .replace(/([a-z])([A-Z])/g, (_match, before: string, after: string) => `${before} ${after}`)
    .toLowerCase();
