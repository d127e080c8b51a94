// SUV by body weight of PET, as QIBA's vendor-neutral pseudocode takes it from the header (FDG-PET/CT profile, SUV happy path of
// 2018-06-26; PS3.3 C.8.9.1, C.8.9.2). What the header does not tell is never guessed: then there is no SUV, and a reason.

/** What SUV needs of a header: null, or an empty text, where it does not say. */
export interface PetHeader {
  /** Units: BQML, CNTS, GML, … */
  readonly units: string;
  /** SUVType of values that are SUV already; BW where absent (PS3.3 C.8.9.1.1.3). */
  readonly suvType: string;
  readonly correctedImage: readonly string[];
  /** DecayCorrection: NONE, START, ADMIN. */
  readonly decayCorrection: string;
  readonly weightKg: number | null;
  /** How many items RadiopharmaceuticalInformationSequence has; dose, half-life and start are the first one's. */
  readonly injections: number;
  readonly doseBq: number | null;
  readonly halfLifeS: number | null;
  /** Moments in seconds, all of one clock. */
  readonly injectedAtS: number | null;
  readonly seriesAtS: number | null;
  readonly acquiredAtS: number | null;
  /** GE's own scan date and time (0009,xx0d). */
  readonly geScanAtS: number | null;
  readonly frameReferenceS: number | null;
  readonly frameDurationS: number | null;
  /** Philips (7053,xx00): from modality values to SUVbw. */
  readonly philipsSuvFactor: number | null;
  /** Philips (7053,xx09): from modality values to Bq/ml. */
  readonly philipsActivityFactor: number | null;
}

/** SUVbw (g/ml) of one modality value, or why there is none, for a person. */
export type SuvFactor = { readonly suvPerUnit: number } | { readonly reason: string };

/** Beyond so many half-lives nothing is left to be seen: the dates do not belong together. */
const mostHalfLives = 12;
/** Doses are hundreds of MBq; less than this is one that was written in another unit than Bq. */
const leastDoseBq = 1e5;

export function bodyWeightSuv(header: PetHeader): SuvFactor {
  const factor = factorOf(header);
  if ('reason' in factor || isPositive(factor.suvPerUnit)) return factor;
  return no('its weight, dose and factors make no number');
}

function factorOf(header: PetHeader): SuvFactor {
  const { units, suvType, decayCorrection, correctedImage, philipsSuvFactor, philipsActivityFactor } = header;
  if (units === 'GML') {
    return suvType === '' || suvType === 'BW'
      ? { suvPerUnit: 1 }
      : no(`its values are SUV of another kind (${suvType}) than by body weight`);
  }
  if (!correctedImage.includes('ATTN')) return no('it is not corrected for attenuation');
  if (!correctedImage.includes('DECY') || !['START', 'ADMIN'].includes(decayCorrection)) {
    return no('it is not corrected for decay');
  }
  if (units === 'BQML') return ofActivity(header);
  if (units !== 'CNTS') return no(units === '' ? 'no units' : `its units are ${units}`);
  if (isPositive(philipsSuvFactor)) return { suvPerUnit: philipsSuvFactor };
  if (!isPositive(philipsActivityFactor)) return no('its units are counts, without a factor to SUV');
  const factor = ofActivity(header);
  return 'reason' in factor ? factor : { suvPerUnit: factor.suvPerUnit * philipsActivityFactor };
}

/** Of values in Bq/ml. */
function ofActivity(header: PetHeader): SuvFactor {
  const { weightKg, injections, doseBq, halfLifeS, injectedAtS, decayCorrection } = header;
  if (!isPositive(weightKg)) return no("no patient's weight");
  if (injections > 1) return no('more than one injection');
  if (!isPositive(doseBq)) return no('no injected dose');
  if (doseBq < leastDoseBq) return no(`an injected dose of ${doseBq} Bq`);
  // Values are decay-corrected to the injection: the dose as it was injected (PS3.3 C.8.9.2).
  if (decayCorrection === 'ADMIN') return { suvPerUnit: (weightKg * 1000) / doseBq };
  if (!isPositive(halfLifeS)) return no('no half-life');
  if (injectedAtS === null) return no('no time of injection');
  const scannedAtS = decayedTo(header, halfLifeS);
  if (scannedAtS === null) return no('no time that its decay is corrected to');
  const decayS = scannedAtS - injectedAtS;
  if (decayS < 0) return no('injection after the scan');
  if (decayS > mostHalfLives * halfLifeS) return no('injection and scan too far apart');
  return { suvPerUnit: (weightKg * 1000) / (doseBq * 2 ** (-decayS / halfLifeS)) };
}

/**
 * The moment to which START corrects: the series', unless that lies after the acquisition, as in a series that was made or
 * altered later. Then GE's own, or back from the middle of the frame's counts.
 */
function decayedTo(header: PetHeader, halfLifeS: number): number | null {
  const { seriesAtS, acquiredAtS, geScanAtS, frameReferenceS, frameDurationS } = header;
  if (acquiredAtS === null) return null;
  if (seriesAtS !== null && seriesAtS <= acquiredAtS) return seriesAtS;
  if (geScanAtS !== null) return geScanAtS;
  if (!isPositive(frameReferenceS) || !isPositive(frameDurationS)) return null;
  const decays = Math.LN2 / halfLifeS;
  const lost = decays * frameDurationS;
  const averageCountS = Math.log(lost / (1 - Math.exp(-lost))) / decays;
  return acquiredAtS - frameReferenceS + averageCountS;
}

function no(reason: string): SuvFactor {
  return { reason: `No SUV: ${reason}` };
}

function isPositive(value: number | null): value is number {
  return value !== null && Number.isFinite(value) && value > 0;
}
