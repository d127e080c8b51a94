// What an import found amiss, gathered: all of it is counted, and the first of each kind are kept by name, so that an archive of a million
// damaged files needs no more memory than one of some thousands.
import { type Finding, type FindingCount, type FindingKind, findingKinds } from '../../../contract/import-report.ts';

/** Findings of one kind kept with an import; counts stay exact beyond it. */
const keptOfAKind = 20_000;

interface OfKind {
  findings: number;
  count: number;
  keptCount: number;
  readonly kept: Finding[];
}

export class FindingsTally {
  readonly #ofKinds = new Map<FindingKind, OfKind>();
  /** By what is suspected: a research set of pictures gives the same suspicion once for each, and they are told together. */
  readonly #suspicions = new Map<string, { readonly first: Finding; series: number; images: number }>();

  add(finding: Finding): void {
    if (finding.kind !== 'burned-in-text') return this.#keep(finding);
    const why = finding.what.slice(finding.what.indexOf(': ') + 2);
    const known = this.#suspicions.get(why);
    if (known === undefined) this.#suspicions.set(why, { first: finding, series: 1, images: finding.count });
    else {
      known.series += 1;
      known.images += finding.count;
    }
  }

  /** So many more, each about one file, of which nothing else is known. */
  addUnnamed(kind: FindingKind, count: number): void {
    const held = this.#ofKind(kind);
    held.findings += count;
    held.count += count;
  }

  /** Both in the order of the kinds. Ends the gathering. */
  end(): { readonly counts: FindingCount[]; readonly kept: Finding[] } {
    for (const [why, { first, series, images }] of this.#suspicions) {
      const subject = `${series} series, the first of them: ${first.subject}`;
      this.#keep(series === 1 ? first : { ...first, subject, count: images, what: `${images} images: ${why}` });
    }
    this.#suspicions.clear();
    const inOrder = findingKinds.flatMap((kind) => {
      const ofKind = this.#ofKinds.get(kind);
      return ofKind === undefined ? [] : [{ kind, ...ofKind }];
    });
    return {
      counts: inOrder.map(({ kind, findings, count }) => ({ kind, findings, count })),
      kept: inOrder.flatMap((one) => [...one.kept, ...restOf(one)]),
    };
  }

  #ofKind(kind: FindingKind): OfKind {
    const held = this.#ofKinds.get(kind) ?? { findings: 0, count: 0, keptCount: 0, kept: [] };
    this.#ofKinds.set(kind, held);
    return held;
  }

  #keep(finding: Finding): void {
    const held = this.#ofKind(finding.kind);
    held.findings += 1;
    held.count += finding.count;
    if (held.kept.length >= keptOfAKind) return;
    held.kept.push(finding);
    held.keptCount += finding.count;
  }
}

function restOf({ kind, findings, count, keptCount, kept }: OfKind & { kind: FindingKind }): Finding[] {
  const more = findings - kept.length;
  if (more === 0) return [];
  const what = `A report names the first ${keptOfAKind} of a kind.`;
  return [
    {
      kind,
      studyInstanceUID: null,
      seriesInstanceUID: null,
      subject: `… and ${more} more`,
      what,
      count: count - keptCount,
    },
  ];
}
