// The hub's ledger as a person reads it.
import type { ConsoleOverview } from '../contract/console.ts';
import { bytes } from '../renderer/ui/format.ts';

type Detail = ConsoleOverview['recent'][number]['detail'];

const words: Readonly<Record<string, string>> = {
  'hub-started': 'Hub started',
  'invite-made': 'Invite made',
  'invite-withdrawn': 'Invite withdrawn',
  'site-enrolled': 'Site joined',
  'site-left': 'Site left',
  'site-revoked': 'Site revoked',
  'site-retired': 'Site retired',
  'approval-recorded': 'Project approved',
  'turns-done': 'Last turn made',
  'decline-recorded': 'Project declined',
  'project-retired': 'Project retired',
  'backup-taken': 'Backup taken',
  'hub-restored': 'Restored from a backup',
  'site-expelled': 'Site expelled',
  'update-accepted': 'Update accepted',
  'update-refused': 'Update refused',
  'trunk-committed': 'Trunk committed',
  'model-relayed': 'Model relayed',
  'project-proposed': 'Project proposed',
  'project-taken-up-again': 'Earlier project taken up again',
  'updates-discarded': 'Updates discarded',
  'console-link-made': 'Sign-in link made',
  'console-signed-in': 'Signed in to the console',
  'console-sign-in-refused': 'Sign-in refused',
  'console-signed-out': 'Signed out',
  'console-passphrase-set': 'Passphrase set',
};

export function actWords(act: string): string {
  const plain = act.replaceAll('-', ' ');
  return words[act] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** Without hashes and keys, which nobody reads here; the exported ledger has them. */
export function detailWords(detail: Detail): string {
  return Object.entries(detail)
    .filter(
      ([, value]) => value !== null && value !== false && !(typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)),
    )
    .filter(([name]) => !['federation', 'project', 'publicKey', 'signature', 'entries'].includes(name))
    .map(([name, value]) => {
      if (name === 'bytes') return bytes(Number(value));
      if (value === true) return name.replace(/^is/, '').toLowerCase();
      if (name === 'site' || name === 'from' || name === 'to' || name === 'reason' || name === 'url')
        return String(value);
      return `${name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)} ${String(value)}`;
    })
    .join(' · ');
}
