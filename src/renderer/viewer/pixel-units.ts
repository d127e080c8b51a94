/**
 * The unit of modality values, empty where it is not known. Rescaled CT holds HU unless RescaleType says otherwise, as it does for
 * maps of perfusion or of materials (PS3.3 C.8.2.1.1.2).
 */
export function modalityUnit({
  modality,
  rescaleType = 'HU',
}: {
  readonly modality: string;
  readonly rescaleType?: string | undefined;
}): string {
  return modality === 'CT' && rescaleType === 'HU' ? 'HU' : '';
}

/** A value as a person reads it: whole when it is, else about four digits. */
export function valueText(value: number): string {
  if (Number.isInteger(value)) return value.toString();
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(1) : String(Number(value.toPrecision(3)));
}
