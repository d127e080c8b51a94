/** The unit of modality values, empty where it is not known: HU is what rescaled CT holds (PS3.3 C.8.2.1.1.2). */
export function modalityUnit({ modality }: { readonly modality: string }): string {
  return modality === 'CT' ? 'HU' : '';
}

/** A value as a person reads it: whole when it is, else about four digits. */
export function valueText(value: number): string {
  if (Number.isInteger(value)) return value.toString();
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(1) : value.toPrecision(3);
}
