import { expect, test } from 'vitest';
import type { Series, Study } from '../../../../src/contract/dicom.ts';
import type { Projection } from '../../../../src/contract/hanging.ts';
import { firstSeries, type Hanging, hangingOf } from '../../../../src/renderer/viewer/hanging.ts';

function image(name: string, changes: Partial<Projection> = {}): Projection {
  const [laterality = '', view = ''] = name.split(' ');
  return {
    seriesInstanceUID: '1',
    sopInstanceUID: name,
    modality: 'MG',
    laterality,
    view,
    patientOrientation: null,
    isForProcessing: false,
    ...changes,
  };
}

/** Names of the images in their places; `|` where one is mirrored left and right, `-` where up and down, `<` and `>` at which side. */
function places(hanging: Hanging | null): (string | null)[] | null {
  return (
    hanging?.places.map((hung) =>
      hung
        ? `${hung.image.sopInstanceUID}${hung.view.isFlippedHorizontally ? '|' : ''}${hung.view.isFlippedVertically ? '-' : ''}${
            { left: '<', middle: '', right: '>' }[hung.view.justified]
          }`
        : null,
    ) ?? null
  );
}

const series = (uid: string, modality: string, frames: number): Series =>
  ({ seriesInstanceUID: uid, modality, frames }) as Series;
const first = (...all: Series[]): string | undefined => firstSeries({ series: all } as Study)?.seriesInstanceUID;

test('four mammograms hang with CC over MLO, the right breast on the left', () => {
  const hanging = hangingOf([image('L MLO'), image('R MLO'), image('L CC'), image('R CC')]);
  expect(hanging?.layout).toBe('2 × 2');
  expect(places(hanging)).toEqual(['R CC', 'L CC', 'R MLO', 'L MLO']);
});

test('a pair of mammograms hangs side by side, and a missing view leaves its place empty', () => {
  expect(places(hangingOf([image('L CC'), image('R CC')]))).toEqual(['R CC', 'L CC']);
  expect(places(hangingOf([image('R MLO'), image('R CC')]))).toEqual(['R CC', 'R MLO']);
  expect(places(hangingOf([image('L CC'), image('L MLO'), image('R CC')]))).toEqual(['R CC', 'L CC', null, 'L MLO']);
  expect(places(hangingOf([image('R CC'), image('L MLO')]))).toEqual(['R CC', null, null, 'L MLO']);
  expect(hangingOf([image('R CC')])).toBe(null);
});

test('chest walls face each other where the headers tell the directions, and nothing is mirrored where they do not', () => {
  const told = (name: string, ...patientOrientation: [string, string]): Projection =>
    image(name, { patientOrientation });
  // As acquired: all rows lead to the front.
  const acquired = [told('R CC', 'A', 'L'), told('L CC', 'A', 'L'), told('R MLO', 'A', 'F'), told('L MLO', 'A', 'HR')];
  expect(places(hangingOf(acquired))).toEqual(['R CC|>', 'L CC-<', 'R MLO|>', 'L MLO-<']);
  const asRead = [told('R CC', 'P', 'L'), told('L CC', 'A', 'R'), told('R MLO', 'P', 'FL'), told('L MLO', 'A', 'FR')];
  expect(places(hangingOf(asRead))).toEqual(['R CC>', 'L CC<', 'R MLO>', 'L MLO<']);
});

test('raw images are not hung', () => {
  const raw = image('R CC', { sopInstanceUID: 'raw', isForProcessing: true });
  expect(places(hangingOf([raw, image('R CC'), image('L CC')]))).toEqual(['R CC', 'L CC']);
});

test('a frontal radiograph hangs beside a lateral one, and two of unknown views as they come', () => {
  const of = (view: string, modality = 'DX'): Projection =>
    image(view, { view, laterality: '', modality, sopInstanceUID: view });
  expect(places(hangingOf([of('LL'), of('PA')]))).toEqual(['PA', 'LL']);
  expect(places(hangingOf([of('AP', 'CR'), of('LATERAL', 'CR')]))).toEqual(['AP', 'LATERAL']);
  expect(hangingOf([of(''), of('')])).toBe(null);
  expect(hangingOf([of('PA'), of('AP')])).toBe(null);
});

test('the longest series of a CT, MR or PET comes first, of others the first with images', () => {
  expect(first(series('scout', 'CT', 2), series('lung', 'CT', 300), series('bone', 'CT', 300))).toBe('lung');
  expect(first(series('seg', 'SEG', 900), series('scout', 'MR', 3), series('t1', 'MR', 40))).toBe('t1');
  expect(first(series('one', 'US', 1), series('two', 'US', 90))).toBe('one');
  expect(first(series('ct', 'CT', 80), series('dose', 'SC', 200))).toBe('ct');
  expect(first(series('report', 'SR', 0))).toBe('report');
  expect(first()).toBe(undefined);
});
