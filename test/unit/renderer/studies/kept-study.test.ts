import { expect, test, vi } from 'vitest';
import type { Study, StudyQuery } from '../../../../src/contract/dicom.ts';
import { StudyList } from '../../../../src/renderer/studies/studies.svelte.ts';
import { Toasts } from '../../../../src/renderer/ui/toasts.svelte.ts';
import { stationStandIn } from '../station-stand-in.ts';

const study = (name: string): Study => ({ studyInstanceUID: name, patientName: name }) as Study;

/** The list of a library whose studies the test changes. */
async function listOf(names: string[]) {
  const { link, tell } = stationStandIn({
    studies: ({ offset = 0, limit = 100 }: Partial<StudyQuery>) => ({
      total: names.length,
      studies: names.slice(offset, offset + limit).map(study),
    }),
  });
  const list = new StudyList(link, new Toasts(() => 'studies'));
  await vi.waitFor(() => expect(list.at(0)).not.toBeNull());
  const change = async (act: () => void): Promise<void> => {
    const before = list.at(0);
    act();
    tell('library-changed', {});
    await vi.waitFor(() => expect(list.at(0)).not.toBe(before));
  };
  return { list, change };
}

const patients = (count: number): string[] => Array.from({ length: count }, (_, index) => `P${index}`);

test('the cursor stays on its study when others come above it, also a page further down', async () => {
  const names = patients(300);
  const { list, change } = await listOf(names);
  list.moveCursor(5);
  expect(list.cursorStudy?.studyInstanceUID).toBe('P5');
  await change(() => names.unshift('new'));
  expect([list.cursor, list.cursorStudy?.studyInstanceUID]).toEqual([6, 'P5']);
  await change(() => names.unshift(...patients(97).map((name) => `new ${name}`)));
  await vi.waitFor(() => expect(list.cursor).toBe(103));
  expect(list.cursorStudy?.studyInstanceUID).toBe('P5');
  await change(() => names.splice(0, 98));
  await vi.waitFor(() => expect(list.cursor).toBe(5));
  expect(list.cursorStudy?.studyInstanceUID).toBe('P5');
});

test('where its study is gone it stays in its row', async () => {
  const names = patients(8);
  const { list, change } = await listOf(names);
  list.moveCursor(7);
  await change(() => names.pop());
  await vi.waitFor(() => expect(list.cursorStudy?.studyInstanceUID).toBe('P6'));
});
