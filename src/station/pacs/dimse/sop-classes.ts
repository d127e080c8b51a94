// Which SOP classes can be stored, and what is proposed where nothing is known of what will come.
export const sopClasses = {
  verification: '1.2.840.10008.1.1',
  studyRootFind: '1.2.840.10008.5.1.4.1.2.2.1',
  studyRootMove: '1.2.840.10008.5.1.4.1.2.2.2',
  studyRootGet: '1.2.840.10008.5.1.4.1.2.2.3',
} as const;

/** PS3.4 B.5 and GG.3; classes of one's own of a vendor (any other root) are taken for storage. */
export function isStorageClass(uid: string): boolean {
  if (uid === '') return false;
  if (!uid.startsWith('1.2.840.10008.')) return true;
  return /^1\.2\.840\.10008\.5\.1\.4\.(1\.1|34|38|39|43|44|45)\./.test(uid);
}

const image = '1.2.840.10008.5.1.4.1.1.';
/** Storage classes to ask for with C-GET where the peer does not tell which ones a study has. */
export const commonStorageClasses: readonly string[] = [
  '2',
  '2.1',
  '4',
  '4.1',
  '128',
  '130',
  '1',
  '1.1',
  '1.2',
  '7',
  '6.1',
  '3.1',
  '12.1',
  '12.2',
  '20',
  '66.4',
  '481.3',
  '481.1',
  '481.2',
  '481.5',
  '88.11',
  '88.22',
  '88.33',
  '88.34',
  '88.59',
  '104.1',
  '11.1',
  '77.1.4',
  '77.1.6',
  '13.1.3',
  '1.3',
  '12.1.1',
  '7.2',
  '7.3',
  '7.4',
  '7.1',
].map((suffix) => image + suffix);
