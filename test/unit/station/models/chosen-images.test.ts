import { expect, test } from 'vitest';
import type { Model } from '../../../../src/contract/model.ts';
import { chosenImages, mostImages } from '../../../../src/station/models/chosen-images.ts';
import type { SelectedInstance } from '../../../../src/station/library/library.ts';

const model = { modalities: ['CT'] } as unknown as Model;
const asked = { query: null, studyInstanceUIDs: null, seriesInstanceUID: null, cohort: null };

/** A library of so many images, of which every tenth is an MR. */
function libraryOf(images: number) {
  return {
    *selectInstances() {
      for (let at = 0; at < images; at += 1) {
        const instance = { sopInstanceUID: `1.${at}`, seriesInstanceUID: '1', modality: at % 10 === 0 ? 'MR' : 'CT' };
        yield instance as SelectedInstance;
      }
    },
  };
}
const cohortOf = (...images: string[]) => ({ show: () => null as never, sopInstanceUIDs: () => images });

test('of a query images of another modality are passed over and counted', () => {
  const { chosen, passedOver } = chosenImages(
    model,
    { ...asked, query: 'chest' },
    { library: libraryOf(20), cohorts: cohortOf() },
  );
  expect({ chosen: chosen.length, passedOver }).toEqual({ chosen: 18, passedOver: 2 });
});

test('of a cohort all of its images, and none of the others', () => {
  const { chosen, passedOver } = chosenImages(
    model,
    { ...asked, cohort: 'chest' },
    { library: libraryOf(1_000_000), cohorts: cohortOf('1.0', '1.999999') },
  );
  expect(chosen.map(({ sopInstanceUID }) => sopInstanceUID)).toEqual(['1.0', '1.999999']);
  expect(passedOver).toBe(0);
});

test('more images than one run takes are refused by their number', () => {
  const library = libraryOf(mostImages + 1);
  expect(() => chosenImages(model, { ...asked, seriesInstanceUID: '1' }, { library, cohorts: cohortOf() })).toThrow(
    expect.objectContaining({ code: 239, message: expect.stringContaining(String(mostImages + 1)) }),
  );
});

test('nothing is chosen where nothing was asked for', () => {
  expect(chosenImages(model, asked, { library: libraryOf(3), cohorts: cohortOf() }).chosen).toEqual([]);
});

test('pictures without a modality are no images of a CT model; a model of pictures takes all', () => {
  const selectInstances = () => ['CT', 'OT', 'MR'].map((modality) => ({ modality }) as SelectedInstance);
  const chosenOf = (modalities: string[]) => {
    const trained = { modalities } as unknown as Model;
    return chosenImages(trained, { ...asked, query: '' }, { library: { selectInstances }, cohorts: cohortOf() });
  };
  expect(chosenOf(['CT'])).toEqual({ chosen: [{ modality: 'CT' }], passedOver: 2 });
  expect(chosenOf(['OT'])).toMatchObject({ passedOver: 0 });
});
