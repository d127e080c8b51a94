import { expect, test, vi } from 'vitest';
import type { PatientRow } from '../../../../src/contract/browse.ts';
import type { Study, StudyQuery } from '../../../../src/contract/dicom.ts';
import { PatientTree } from '../../../../src/renderer/studies/patient-tree.svelte.ts';
import { StudyList } from '../../../../src/renderer/studies/studies.svelte.ts';
import { Toasts } from '../../../../src/renderer/ui/toasts.svelte.ts';
import { stationStandIn } from '../station-stand-in.ts';

/** Each patient by its number, with the studies that it has. */
type Library = { patient: number; studies: string[] }[];

async function treeOf(library: Library) {
  const { link, tell } = stationStandIn({
    patients: ({ offset = 0, limit = 100 }: Partial<StudyQuery>) => ({
      total: library.length,
      patients: library.slice(offset, offset + limit).map(({ patient }) => ({ patient }) as PatientRow),
    }),
    studies: ({ filters = [] }: Partial<StudyQuery>) => {
      const [wanted] = filters.flatMap((filter) => ('patients' in filter ? filter.patients : []));
      const studies = library
        .filter(({ patient }) => wanted === undefined || patient === wanted)
        .flatMap(({ studies: uids }) => uids.map((uid) => ({ studyInstanceUID: uid, series: [] as unknown }) as Study));
      return { total: studies.length, studies };
    },
  });
  const toasts = new Toasts(() => 'studies');
  const list = new StudyList(link, toasts);
  const tree = new PatientTree(link, toasts, list);
  tree.follow();
  await vi.waitFor(() => expect(tree.patients).toBe(library.length));
  const change = (act: () => void): void => {
    act();
    tell('library-changed', {});
    tree.follow();
  };
  const shown = (): string[] =>
    Array.from({ length: tree.length }, (_, at) => {
      const row = tree.at(at);
      return row.kind === 'patient' ? `patient ${row.patient?.patient}` : row.study.studyInstanceUID;
    });
  return { tree, change, shown };
}

test('what is unfolded stays so when studies arrive, and the cursor on its row', async () => {
  const library: Library = [
    { patient: 1, studies: ['1a', '1b'] },
    { patient: 2, studies: ['2a'] },
  ];
  const { tree, change, shown } = await treeOf(library);
  tree.unfold(tree.at(1));
  tree.unfold(tree.at(0));
  await vi.waitFor(() => expect(shown()).toEqual(['patient 1', '1a', '1b', 'patient 2', '2a']));
  tree.moveCursor(4);
  change(() => {
    library[0]!.studies.push('1c');
    library.unshift({ patient: 3, studies: ['3a'] });
  });
  await vi.waitFor(() => expect(shown()).toEqual(['patient 3', 'patient 1', '1a', '1b', '1c', 'patient 2', '2a']));
  expect(tree.cursor).toBe(6);
  // Two changes at once: the last is shown.
  change(() => library.shift());
  change(() => library.pop());
  await vi.waitFor(() => expect(shown()).toEqual(['patient 1', '1a', '1b', '1c']));
  expect(tree.cursor).toBe(3);
});
