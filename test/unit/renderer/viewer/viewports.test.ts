import { expect, test } from 'vitest';
import type { Study } from '../../../../src/contract/dicom.ts';
import { layouts, Viewports } from '../../../../src/renderer/viewer/viewports.svelte.ts';

const study = { studyInstanceUID: '1.2' } as Study;
const prior = { studyInstanceUID: '1.1' } as Study;

interface Fake {
  readonly id: string;
  readonly study: Study;
  isClosed: boolean;
  close(): void;
}

function viewports(): Viewports<Fake> {
  const opened = (id: string, of: Study): Fake => ({
    id,
    study: of,
    isClosed: false,
    close() {
      this.isClosed = true;
    },
  });
  return new Viewports<Fake>(study, opened);
}

const namesOf = ({ all }: Viewports<Fake>): string[] => all.map(({ id }) => id);

test('viewports keep names of their own whichever is compared with a prior, and whatever replaces it', () => {
  const shown = viewports();
  shown.arrange(layouts[1]);
  const second = shown.all[1]!;
  shown.activate(second);
  const beside = shown.compare(prior);
  expect(shown.all).toEqual([second, beside]);
  expect(shown.active).toBe(second);
  const fresh = shown.replace(beside);
  expect([beside.isClosed, fresh.study]).toEqual([true, study]);
  expect(new Set(namesOf(shown)).size).toBe(2);
  shown.arrange(layouts[0]);
  shown.arrange(layouts[2]);
  expect(new Set(namesOf(shown)).size).toBe(4);
});

test('fewer viewports keep the first ones, and one of them is active', () => {
  const shown = viewports();
  const added = shown.arrange(layouts[2]);
  expect(added).toEqual(shown.all.slice(1));
  shown.activate(shown.all[3]!);
  shown.arrange(layouts[1]);
  expect(added.map(({ isClosed }) => isClosed)).toEqual([false, true, true]);
  expect(shown.active).toBe(shown.all[0]);
  shown.activateNext();
  expect(shown.active).toBe(shown.all[1]);
});
