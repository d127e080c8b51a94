import type { Frame } from '../../contract/dicom.ts';
import { modalityOf, modalityValueAt, type VoiWindow } from './window-level.ts';

/**
 * The unit in which values are read out, empty where it is not known: of PET SUV by body weight where the header tells all that it
 * needs, else its own. Rescaled CT holds HU unless RescaleType says otherwise, as it does for maps of perfusion or of materials
 * (PS3.3 C.8.2.1.1.2).
 */
export function valueUnit({
  modality,
  rescaleType = 'HU',
  uptake,
}: Pick<Frame, 'modality' | 'rescaleType' | 'uptake'>): string {
  if (uptake) return uptake.suvPerUnit === null ? uptake.unit : suvUnit;
  return modality === 'CT' && rescaleType === 'HU' ? 'HU' : '';
}

/** As measurements keep it. */
const suvUnit = 'SUVbw';

/** What makes a value to be read out of one in modality units. */
export function readOutFactor({ uptake }: Pick<Frame, 'uptake'>): number {
  return uptake?.suvPerUnit ?? 1;
}

/** What turns a stored value of the frame into one to be read out, in `valueUnit`. */
export function readOutOf(frame: Frame): (stored: number) => number {
  const [modality, factor] = [modalityOf(frame), readOutFactor(frame)];
  return (stored) => modality(stored) * factor;
}

/** The value at a pixel in `valueUnit`; null outside the image or for colour. */
export function readOutAt(frame: Frame, column: number, row: number): number | null {
  const value = modalityValueAt(frame, column, row);
  return value === null ? null : value * readOutFactor(frame);
}

/** Centre and width as a person reads them: in SUV where values are. */
export function windowText({ center, width }: VoiWindow, frame: Frame | null): string {
  const factor = frame ? readOutFactor(frame) : 1;
  const unit = frame ? valueUnit(frame) : '';
  const ends = `C ${valueText(center * factor, unit)} · W ${valueText(width * factor, unit)}`;
  return unit === suvUnit ? `${ends} SUV` : ends;
}

/** A value as a person reads it: whole when it is, else about four digits; SUV with the two decimals that reports give. */
export function valueText(exact: number, unit = ''): string {
  // Without what is only rounding of a product.
  const value = Number(exact.toPrecision(10));
  if (Number.isInteger(value)) return value.toString();
  const size = Math.abs(value);
  if (size >= 1 && size < 100) return value.toFixed(unit === suvUnit ? 2 : 1);
  return size >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

export function valueWithUnit(value: number, unit: string): string {
  return `${valueText(value, unit)} ${unit}`.trim();
}
