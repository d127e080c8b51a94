// The detail of an entry of the hub's ledger as a person reads it at the console.
import type { ConsoleOverview } from '../contract/console.ts';
import { bytes, when } from '../renderer/ui/format.ts';

const isoMoment = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

type Detail = ConsoleOverview['recent'][number]['detail'];

/** Without hashes and keys, which nobody reads here; the exported ledger has them. */
export function detailWords(detail: Detail): string {
  return Object.entries(detail)
    .filter(
      ([, value]) => value !== null && value !== false && !(typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)),
    )
    .filter(([name]) => !['federation', 'project', 'publicKey', 'key', 'signature', 'entries'].includes(name))
    .map(([name, value]) => {
      if (name === 'bytes') return bytes(Number(value));
      if (value === true) return name.replace(/^is/, '').toLowerCase();
      if (name === 'site' || name === 'from' || name === 'to' || name === 'reason' || name === 'url')
        return String(value);
      return `${name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)} ${shown(value)}`;
    })
    .join(' · ');
}

/** A problem of the hub's health as a sentence. */
export const problemSentence = (problem: string): string =>
  `${problem.charAt(0).toUpperCase()}${problem.slice(1).replace(/\.$/, '')}.`;

const shown = (value: Detail[string] | undefined): string =>
  typeof value === 'string' && isoMoment.test(value) ? when(value) : String(value);
