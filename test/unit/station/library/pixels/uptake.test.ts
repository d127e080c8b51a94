import { expect, test } from 'vitest';
import { measured } from '../../../../../src/renderer/viewer/measured.ts';
import { valueUnit } from '../../../../../src/renderer/viewer/pixel-units.ts';
import { windowsOf } from '../../../../../src/renderer/viewer/presets.ts';
import { type Frame, frameSchema } from '../../../../../src/contract/dicom.ts';
import { readFrame } from '../../../../../src/station/library/pixels/read-frame.ts';
import { dicomFile } from '../../../../fixtures/dicom-bytes.ts';
import { petElements, type PetSlice } from '../../../../fixtures/pet-series.ts';

const explicit = '1.2.840.10008.1.2.1';

async function pet(changes: PetSlice['changes'] = {}, syntax = explicit): Promise<Frame> {
  return frameSchema.parse(await readFrame(dicomFile(petElements({ number: 1, changes }), syntax), 1));
}

test('a synthetic PET is read out in SUV: probe, mean and range', async () => {
  const frame = await pet();
  expect(frame.uptake).toMatchObject({ unit: 'Bq/ml', reason: null });
  expect(valueUnit(frame)).toBe('SUVbw');
  // 2,000 and 16,000 Bq/ml × 75,000 / 200,000,000.
  expect(measured('probe', [[8, 16]], frame)['value']).toBeCloseTo(0.75, 9);
  const { mean, max, min } = measured(
    'rectangle',
    [
      [18, 14],
      [22, 14],
      [22, 18],
      [18, 18],
    ],
    frame,
  );
  expect([mean, max, min].map((value) => value?.toFixed(6))).toEqual(['6.000000', '6.000000', '6.000000']);
});

test('windows of a PET are offered in SUV, and none where there is no SUV', async () => {
  const five = windowsOf(await pet()).find(({ name }) => name === 'SUV 0 to 5')?.window;
  // From 0 to 5 × 200,000,000 / 75,000 Bq/ml.
  expect(five?.center).toBeCloseTo(6_666.667, 2);
  expect(five?.width).toBeCloseTo(13_333.333, 2);
  expect(windowsOf(await pet({ 0x00101030: '' })).filter(({ name }) => name.startsWith('SUV'))).toEqual([]);
});

test('a PET without all that SUV needs keeps its unit, with the reason', async () => {
  const frame = await pet({ 0x00101030: '' });
  expect(frame.uptake).toEqual({ unit: 'Bq/ml', suvPerUnit: null, reason: "No SUV: no patient's weight" });
  expect(valueUnit(frame)).toBe('Bq/ml');
  expect(measured('probe', [[8, 16]], frame)).toEqual({ value: 2_000 });
});

test('the moment of injection counts before its time, on the clock of the file', async () => {
  const at = (moment: string, zone = ''): Promise<number | null | undefined> => {
    const injection = [
      { tag: 0x00181072, value: '070000' },
      { tag: 0x00181074, value: '400000000' },
      { tag: 0x00181075, value: '3600' },
      { tag: 0x00181078, value: moment },
    ];
    return pet({ 0x00540016: [injection], 0x00080201: zone }).then(({ uptake }) => uptake?.suvPerUnit);
  };
  const oneHalfLife = 75_000 / 200e6;
  expect(await at('20240102090000.000')).toBeCloseTo(oneHalfLife, 12);
  expect(await at('20240102090000+0100')).toBeCloseTo(oneHalfLife, 12);
  expect(await at('20240102080000+0000', '+0100')).toBeCloseTo(oneHalfLife, 12);
  expect(await at('nothing')).toBeCloseTo(75_000 / 50e6, 12);
});

test("Philips' factors are found by their creator, in implicit files too", async () => {
  const philips = {
    0x00541001: 'CNTS',
    0x70530011: 'Philips PET Private Group',
    0x70531100: '0.000551 ',
  };
  expect((await pet(philips)).uptake).toEqual({ unit: 'counts', suvPerUnit: 0.000551, reason: null });
  expect((await pet(philips, '1.2.840.10008.1.2')).uptake?.suvPerUnit).toBe(0.000551);
  expect((await pet({ ...philips, 0x70530011: 'Another' })).uptake?.reason).toContain('counts');
});
