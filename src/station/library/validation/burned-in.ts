// Which images may have text burned into their pixels, as far as a header can tell.

/** Modalities whose devices write patient data or measurements into the picture, or that hold captured screens. */
const textModalities = new Set([
  'US',
  'IVUS',
  'ES',
  'XC',
  'GM',
  'SM',
  'OT',
  'SC',
  'XA',
  'RF',
  'DOC',
  'OP',
  'ECG',
  'BDUS',
]);
/** Secondary Capture Image Storage and its multi-frame forms. */
const secondaryCapture = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.[1-4])?$/;

/** Why text is suspected, or null. BurnedInAnnotation NO is often set by default, so it clears no such modality. */
export function burnedInSuspicion(image: {
  readonly burnedIn: string;
  readonly modality: string;
  readonly sopClassUID: string;
}): string | null {
  if (image.burnedIn === 'YES') return 'BurnedInAnnotation says YES';
  const isCapture = secondaryCapture.test(image.sopClassUID);
  if (!isCapture && !textModalities.has(image.modality)) return null;
  const says = image.burnedIn === 'NO' ? 'BurnedInAnnotation says NO' : 'BurnedInAnnotation says nothing';
  return `${says}, but ${isCapture ? 'secondary captures' : `${image.modality} images`} often carry text`;
}
