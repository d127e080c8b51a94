// What the study list says of a study beside its name and date.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StudyQuery, studyQuerySchema } from '../../../../src/contract/dicom.ts';
import { dicomFile, type ElementSpec, sliceElements } from '../../../fixtures/dicom-bytes.ts';
import { FilesAndLibrary } from './files-and-library.ts';

let place: FilesAndLibrary;
beforeEach(() => void (place = new FilesAndLibrary()));
afterEach(() => place.close());

function write(name: string, studyTime: string, institutionName: string): void {
  const own: ElementSpec[] = [
    { tag: 0x00080030, value: studyTime },
    { tag: 0x00080080, value: institutionName },
  ];
  const others = sliceElements({ uid: `1.2.${name}.1`, study: `1.2.${name}`, series: `1.2.${name}.9` });
  const kept = others.filter(({ tag }) => own.every((one) => one.tag !== tag));
  place.write(`${name}.dcm`, dicomFile([...kept, ...own].sort((a, b) => a.tag - b.tag)));
}

it('the time of a study and its institution are listed and sort', async () => {
  write('1', '154233.210000', 'Zürich');
  write('2', '081500', 'aarau');
  write('3', '', '');
  const signal = new AbortController().signal;
  await place.library.importPaths([place.files], { mode: 'reference', labels: null, onProgress: () => {}, signal });
  const listed = (sortBy: StudyQuery['sortBy']): string[][] =>
    place.library
      .studies(studyQuerySchema.parse({ sortBy, descending: false }))
      .studies.map((study) => [study.studyTime, study.institutionName]);
  expect(listed('studyTime')).toEqual([
    ['', ''],
    ['081500', 'aarau'],
    ['154233.210000', 'Zürich'],
  ]);
  expect(listed('institutionName').map(([, institution]) => institution)).toEqual(['', 'aarau', 'Zürich']);
});
