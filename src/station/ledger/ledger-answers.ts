// The ledger's calls, answered: pages of it, its check, its export.
import type { Answers } from '../../contract/calls.ts';
import { reasonOf } from '../../contract/fault.ts';
import type { LedgerEntry, ledgerCalls } from '../../contract/ledger.ts';
import { ledgerFault } from '../../ledger/faults.ts';
import { ledgerExport } from '../../ledger/export-text.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import type { Station } from '../open-station.ts';

type Filter = { readonly act: string | null; readonly federation: string | null };

export function ledgerAnswers({ ledger, site }: Pick<Station, 'ledger' | 'site'>): Answers<keyof typeof ledgerCalls> {
  return {
    ledger({ limit, before, ...filter }) {
      const acts = new Set<string>();
      const federations = new Set<string>();
      let total = 0;
      const entries = ledger.entries(limit, (entry) => {
        acts.add(entry.act);
        const { federation } = entry.detail;
        if (typeof federation === 'string') federations.add(federation);
        if (!isWanted(entry, filter)) return false;
        total += 1;
        return before === null || entry.sequence < before;
      });
      return { entries, total, acts: [...acts].sort(), federations: [...federations].sort() };
    },
    'verify-ledger': () => {
      const witnesses = site.ledgerWitnesses();
      const verification = ledger.verify(witnesses);
      return { ...verification, witnesses: witnesses.map(({ by, entries, at }) => ({ by, entries, at })) };
    },
    'export-ledger': ({ file, format, ...filter }) => {
      const entries = ledger.entries(Infinity, (entry) => isWanted(entry, filter)).reverse();
      try {
        writeFileDurably(file, ledgerExport(entries, format));
      } catch (thrown) {
        throw ledgerFault.exportNotWritten(file, reasonOf(thrown));
      }
      return { entries: entries.length };
    },
  };
}

function isWanted({ act, detail }: LedgerEntry, filter: Filter): boolean {
  return (
    (filter.act === null || act === filter.act) &&
    (filter.federation === null || detail['federation'] === filter.federation)
  );
}
