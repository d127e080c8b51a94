// What the ledger's acts are called for a person, and whether something left or arrived by them.

export const directions = ['left', 'arrived', 'here'] as const;
/** `left`: bytes left this hospital, or may have; `arrived`: bytes came; `here`: nothing crossed the wall. */
export type Direction = (typeof directions)[number];

interface Act {
  readonly words: string;
  readonly direction: Direction;
}

const acts: Readonly<Record<string, Act>> = {
  import: { words: 'Studies imported', direction: 'here' },
  'leak-probe': { words: 'Leak probe run', direction: 'here' },
  'privacy-budget': { words: 'Privacy budget set', direction: 'here' },
  'cohort-created': { words: 'Cohort created', direction: 'here' },
  'cohort-deleted': { words: 'Cohort deleted', direction: 'here' },
  'studies-sent': { words: 'Studies sent to a peer', direction: 'left' },
  'sending-ended': { words: 'Sending to a peer ended', direction: 'here' },
  'studies-retrieved': { words: 'Studies retrieved from a peer', direction: 'arrived' },
  joined: { words: 'Joined a federation', direction: 'here' },
  left: { words: 'Left a federation', direction: 'here' },
  refused: { words: 'Refused by the hub', direction: 'here' },
  'membership-damaged': { words: 'Membership file set aside', direction: 'here' },
  'project-announced': { words: 'Project announced', direction: 'arrived' },
  'project-approved': { words: 'Project approved', direction: 'here' },
  'trunk-received': { words: 'Trunk received', direction: 'arrived' },
  'update-trained': { words: 'Update trained', direction: 'here' },
  'update-sent': { words: 'Update sent', direction: 'left' },
  'update-refused': { words: 'Update refused', direction: 'here' },
  'model-shared': { words: 'Model shared with peers', direction: 'left' },
  'model-not-shared': { words: 'Model not shared', direction: 'here' },
  'model-received': { words: 'Model received', direction: 'arrived' },
  'model-refused': { words: 'Model refused', direction: 'here' },
  'peer-muted': { words: 'Peer muted', direction: 'here' },
  'peer-heard': { words: 'Peer heard again', direction: 'here' },
  'work-failed': { words: 'Federation work failed', direction: 'here' },
};

/** An act of a newer version, or of another part, keeps its own name. */
export function actOf(name: string): Act {
  return acts[name] ?? { words: name, direction: /sent|shared/.test(name) ? 'left' : 'here' };
}

type Detail = Readonly<Record<string, string | number | boolean | null>>;

/** An entry's detail in one line. Hashes are cut and fractions rounded: the whole values stay in the file. */
export function detailText(detail: Detail, bytesText: (bytes: number) => string): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => {
      if (name === 'bytes' && typeof value === 'number') return bytesText(value);
      if (name === 'seconds' && typeof value === 'number') return `${value.toFixed(1)} s`;
      return `${spaced(name)} ${shownValue(value)}`;
    })
    .join(' · ');
}

function shownValue(value: Detail[string]): string {
  if (typeof value === 'string' && /^[0-9a-f]{40,}$/.test(value)) return value.slice(0, 12);
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : String(value);
}

/** `projectHash` → `project hash`. */
const spaced = (name: string): string =>
  name.replace(/([a-z])([A-Z])/g, (_match, before: string, after: string) => `${before} ${after.toLowerCase()}`);
