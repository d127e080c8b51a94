import { expect, test } from 'vitest';
import type { RemoteSeries, RemoteStudy } from '../../../../src/contract/pacs.ts';
import { RemoteRows } from '../../../../src/renderer/pacs/remote-rows.svelte.ts';

const study = (studyInstanceUID: string): RemoteStudy => ({
  studyInstanceUID,
  patientName: 'Practice',
  patientID: 'P1',
  patientBirthDate: '',
  studyDate: '20240106',
  accessionNumber: '',
  description: '',
  modalities: ['CT'],
  series: 2,
  instances: 20,
  instancesHere: 0,
});

const series = (seriesInstanceUID: string): RemoteSeries => ({
  seriesInstanceUID,
  modality: 'CT',
  seriesNumber: 1,
  description: '',
  instances: 10,
  instancesHere: 0,
});

/** Two studies of two series each; `answer` stands in for the peer. */
function twoStudies(
  answer = (uid: string): Promise<readonly RemoteSeries[]> => Promise.resolve([series(`${uid}.1`), series(`${uid}.2`)]),
): { readonly rows: RemoteRows; readonly faults: unknown[] } {
  const faults: unknown[] = [];
  const rows = new RemoteRows({
    studies: () => [study('1'), study('2')],
    seriesOf: ({ studyInstanceUID }) => answer(studyInstanceUID),
    onFault: (fault) => faults.push(fault),
  });
  return { rows, faults };
}

const uids = (rows: RemoteRows): string[] =>
  rows.all.map((row) => (row.kind === 'study' ? row.study.studyInstanceUID : row.series.seriesInstanceUID));
const chosen = ({ chosen: { studies, series: ones } }: RemoteRows): string[] => [
  ...studies.map(({ studyInstanceUID }) => studyInstanceUID),
  ...ones.map((row) => row.series.seriesInstanceUID),
];

test('a chosen series stays chosen while its study is folded', async () => {
  const { rows } = twoStudies();
  await rows.unfold(rows.all[0]!);
  rows.toggle(2);
  rows.fold(rows.all[0]!);
  expect(uids(rows)).toEqual(['1', '2']);
  expect(chosen(rows)).toEqual(['1.2']);
  expect(rows.hasSelection).toBe(true);
});

test('what was chosen and what is shown outlive a question that fails', async () => {
  let isReachable = true;
  const { rows, faults } = twoStudies((uid) =>
    isReachable ? Promise.resolve([series(`${uid}.1`)]) : Promise.reject(new Error('away')),
  );
  await rows.unfold(rows.all[0]!);
  rows.toggle(1);
  isReachable = false;
  await rows.reload();
  expect(faults).toHaveLength(1);
  expect(chosen(rows)).toEqual(['1.1']);
  expect(uids(rows)).toEqual(['1', '1.1', '2']);
  // Of one that was never shown nothing is unfolded.
  await rows.unfold(rows.all[2]!);
  expect(rows.isUnfolded(rows.all[2]!)).toBe(false);
});

test('a selection is one of what can be retrieved', async () => {
  let answer = [series('1.1')];
  const { rows } = twoStudies(() => Promise.resolve(answer));
  await rows.unfold(rows.all[0]!);
  rows.toggle(1);
  answer = [series('1.2')];
  await rows.reload();
  expect(chosen(rows)).toEqual([]);
  expect(rows.hasSelection).toBe(false);
});

test('an answer to a question from before a new start is dropped', async () => {
  const answers: ((series: readonly RemoteSeries[]) => void)[] = [];
  const { rows } = twoStudies(() => new Promise((resolve) => answers.push(resolve)));
  const before = rows.unfold(rows.all[0]!);
  rows.restart();
  const after = rows.unfold(rows.all[0]!);
  answers[0]!([series('of-another-peer')]);
  await before;
  expect(uids(rows)).toEqual(['1', '2']);
  answers[1]!([series('1.1')]);
  await after;
  expect(uids(rows)).toEqual(['1', '1.1', '2']);
});
