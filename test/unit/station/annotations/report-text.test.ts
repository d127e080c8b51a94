import { expect, test } from 'vitest';
import type { ReportLine } from '../../../../src/contract/annotation.ts';
import { reportText } from '../../../../src/station/annotations/report-text.ts';
import { parseDataset } from '../../../../src/station/library/parse-dataset.ts';
import { dicomFile, type ElementSpec } from '../../../fixtures/dicom-bytes.ts';

const code = (tag: number, meaning: string, value = 'C1', scheme = '99TEST'): ElementSpec => ({
  tag,
  value: [
    [
      { tag: 0x00080100, value },
      { tag: 0x00080102, value: scheme },
      { tag: 0x00080104, value: meaning },
    ],
  ],
});
const name = (meaning: string): ElementSpec => code(0x0040a043, meaning);
const item = (type: string, ...rest: readonly ElementSpec[]): ElementSpec[] =>
  [{ tag: 0x0040a010, value: 'CONTAINS' }, { tag: 0x0040a040, value: type }, ...rest].sort((a, b) => a.tag - b.tag);
const report = (...children: ElementSpec[][]): ReturnType<typeof reportText> =>
  reportText(
    parseDataset(
      dicomFile([
        { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.88.33' },
        { tag: 0x0040a040, value: 'CONTAINER' },
        name('Imaging Report'),
        { tag: 0x0040a491, value: 'COMPLETE' },
        { tag: 0x0040a493, value: 'UNVERIFIED' },
        { tag: 0x0040a730, value: children },
      ]),
    ),
  );
const said = ({ concept, value, depth }: ReportLine): string => `${depth} ${concept}=${value}`;

test('a report is told in its order, each value as its type is written', () => {
  const number = [
    code(0x004008ea, 'millimeter', 'mm', 'UCUM'),
    { tag: 0x0040a30a, value: '12.5' },
  ] satisfies ElementSpec[];
  const { title, isComplete, isVerified, lines, isCut } = report(
    item('CONTAINER', name('Findings'), {
      tag: 0x0040a730,
      value: [
        item('NUM', name('Diameter'), { tag: 0x0040a300, value: [number] }),
        item('TEXT', name('Remark'), { tag: 0x0040a160, value: 'x'.repeat(3_000) }),
        item('CODE', name('Finding'), code(0x0040a168, 'Nodule')),
      ],
    }),
    item('PNAME', name('Observer'), { tag: 0x0040a123, value: 'Curie^Marie' }),
    item('SCOORD', { tag: 0x00700022, value: floats(1, 2, 3, 4), vr: 'FL' }, { tag: 0x00700023, value: 'POLYLINE' }),
  );
  expect({ title, isComplete, isVerified, isCut }).toEqual({
    title: 'Imaging Report',
    isComplete: true,
    isVerified: false,
    isCut: false,
  });
  expect(lines.map(said)).toEqual([
    '0 Findings=',
    '1 Diameter=12.5 mm',
    `1 Remark=${'x'.repeat(3_000)}`,
    '1 Finding=Nodule',
    '0 Observer=Curie^Marie',
    '0 =polyline, 2 points',
  ]);
});

test('a number that could not be measured says why; one without a unit has none', () => {
  const ratio = [code(0x004008ea, 'no units', '1', 'UCUM'), { tag: 0x0040a30a, value: '3' }] satisfies ElementSpec[];
  const { lines } = report(
    item('NUM', name('Volume'), code(0x0040a301, 'Measurement failure')),
    item('NUM', name('Ratio'), { tag: 0x0040a300, value: [ratio] }),
  );
  expect(lines.map(({ value }) => value)).toEqual(['Measurement failure', '3']);
});

test('a reference names its image and frame, or the kind of what is no image', () => {
  const reference = (sopClassUID: string, uid: string, frame: string): ElementSpec => ({
    tag: 0x00081199,
    value: [
      [
        { tag: 0x00081150, value: sopClassUID },
        { tag: 0x00081155, value: uid },
        { tag: 0x00081160, value: frame },
      ],
    ],
  });
  const { lines } = report(
    item('IMAGE', reference('1.2.840.10008.5.1.4.1.1.2', '1.2.3', '7\\9')),
    item('IMAGE', reference('1.2.840.10008.5.1.4.1.1.66.4', '1.2.4', '1')),
  );
  expect(lines.flatMap(({ images }) => images)).toEqual([
    { sopInstanceUID: '1.2.3', frame: 7, kind: null },
    { sopInstanceUID: '1.2.4', frame: 1, kind: 'SEG' },
  ]);
});

test('more lines than anybody reads are cut, and it is said', () => {
  const { lines, isCut } = report(
    ...Array.from({ length: 5_001 }, () => item('TEXT', { tag: 0x0040a160, value: 'again' })),
  );
  expect(lines).toHaveLength(5_000);
  expect(isCut).toBe(true);
});

function floats(...values: number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}
