import { describe, expect, test } from 'vitest';
import { bodyWeightSuv, type PetHeader } from '../../../../../src/station/library/pixels/body-weight-suv.ts';

/** An hour of one half-life between injection and series: half of 400 MBq is left. */
const header: PetHeader = {
  units: 'BQML',
  suvType: '',
  correctedImage: ['DECY', 'ATTN'],
  decayCorrection: 'START',
  weightKg: 75,
  injections: 1,
  doseBq: 400e6,
  halfLifeS: 3600,
  injectedAtS: 9 * 3600,
  seriesAtS: 10 * 3600,
  acquiredAtS: 10 * 3600 + 150,
  geScanAtS: null,
  frameReferenceS: null,
  frameDurationS: null,
  philipsSuvFactor: null,
  philipsActivityFactor: null,
};

function factor(changes: Partial<PetHeader>): number {
  const suv = bodyWeightSuv({ ...header, ...changes });
  if ('reason' in suv) throw new Error(suv.reason);
  return suv.suvPerUnit;
}

function reason(changes: Partial<PetHeader>): string {
  const suv = bodyWeightSuv({ ...header, ...changes });
  return 'reason' in suv ? suv.reason : `SUV of ${suv.suvPerUnit}`;
}

describe('SUV by body weight', () => {
  test('is none where weight and dose are beyond all numbers: the image is shown all the same', () => {
    expect(reason({ weightKg: 1e308 })).toBe('No SUV: its weight, dose and factors make no number');
    expect(reason({ weightKg: 1e-300, doseBq: 1e300 })).toBe('No SUV: its weight, dose and factors make no number');
  });

  test('divides by the dose that is left where decay is corrected to the start', () => {
    expect(factor({})).toBeCloseTo(75_000 / 200e6, 12);
    // F-18, 374 MBq at 08:30:45, series at 09:31:39 (3,654 s), 68.2 kg: 374e6 × 2^(-3654/6586.2) = 254.601 MBq, by hand.
    const suv = factor({
      doseBq: 374e6,
      halfLifeS: 6586.2,
      weightKg: 68.2,
      injectedAtS: 30_645,
      seriesAtS: 34_299,
      acquiredAtS: 34_299,
    });
    expect(68_200 / suv / 1e6).toBeCloseTo(254.601, 2);
  });

  test('divides by the dose as injected where decay is corrected to the injection', () => {
    expect(factor({ decayCorrection: 'ADMIN', injectedAtS: null, halfLifeS: null })).toBeCloseTo(75_000 / 400e6, 12);
  });

  test('goes by the scan, and not by a series that was made after it', () => {
    const late = { seriesAtS: 20 * 3600, acquiredAtS: 10 * 3600 + 1800 };
    expect(factor({ ...late, geScanAtS: 10 * 3600 })).toBeCloseTo(75_000 / 200e6, 12);
    // Of a frame of one half-life, the mean count lies 3600 × ln(2 ln 2) / ln 2 = 1696.44 s after its begin.
    const back = { frameReferenceS: 1800 + 1696.44, frameDurationS: 3600 };
    expect(factor({ ...late, ...back })).toBeCloseTo(75_000 / 200e6, 9);
    expect(reason(late)).toBe('No SUV: no time that its decay is corrected to');
  });

  test("takes Philips' factors for counts: to SUV, else to Bq/ml", () => {
    expect(factor({ units: 'CNTS', philipsSuvFactor: 0.000551, weightKg: null })).toBe(0.000551);
    expect(factor({ units: 'CNTS', philipsActivityFactor: 4 })).toBeCloseTo((4 * 75_000) / 200e6, 12);
    expect(factor({ units: 'CNTS', philipsSuvFactor: 0, philipsActivityFactor: 4 })).toBeCloseTo(0.0015, 12);
    expect(reason({ units: 'CNTS' })).toBe('No SUV: its units are counts, without a factor to SUV');
  });

  test('takes g/ml as they are where they are by body weight', () => {
    expect(factor({ units: 'GML', correctedImage: [] })).toBe(1);
    expect(factor({ units: 'GML', suvType: 'BW' })).toBe(1);
    expect(reason({ units: 'GML', suvType: 'LBM' })).toContain('another kind (LBM)');
  });

  test('is refused with its reason where the header lacks anything', () => {
    expect(reason({ weightKg: null })).toBe("No SUV: no patient's weight");
    expect(reason({ weightKg: 0 })).toBe("No SUV: no patient's weight");
    expect(reason({ doseBq: null, injections: 0 })).toBe('No SUV: no injected dose');
    expect(reason({ doseBq: 400 })).toBe('No SUV: an injected dose of 400 Bq');
    expect(reason({ injections: 2 })).toBe('No SUV: more than one injection');
    expect(reason({ halfLifeS: null })).toBe('No SUV: no half-life');
    expect(reason({ injectedAtS: null })).toBe('No SUV: no time of injection');
    expect(reason({ injectedAtS: 11 * 3600 })).toBe('No SUV: injection after the scan');
    expect(reason({ injectedAtS: -40 * 3600 })).toBe('No SUV: injection and scan too far apart');
    expect(reason({ decayCorrection: 'NONE' })).toBe('No SUV: it is not corrected for decay');
    expect(reason({ correctedImage: ['DECY'] })).toBe('No SUV: it is not corrected for attenuation');
    expect(reason({ units: 'PROPCPS' })).toBe('No SUV: its units are PROPCPS');
    expect(reason({ acquiredAtS: null })).toBe('No SUV: no time that its decay is corrected to');
  });
});
