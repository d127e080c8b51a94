// What a file that is no DICOM is, by its first bytes. Names are not believed: they are only used to say what is wrong.

export type FileKind = 'zip' | 'png' | 'jpeg' | 'nifti' | 'gzip' | 'unknown';

/** Bytes that are enough to tell: a NIfTI-1 header has its mark at byte 344. */
export const fileKindBytes = 348;

const marks: readonly { readonly kind: FileKind; readonly at: number; readonly bytes: readonly number[] }[] = [
  { kind: 'zip', at: 0, bytes: [0x50, 0x4b, 0x03, 0x04] },
  // An archive without members is its end record alone.
  { kind: 'zip', at: 0, bytes: [0x50, 0x4b, 0x05, 0x06] },
  { kind: 'png', at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { kind: 'jpeg', at: 0, bytes: [0xff, 0xd8, 0xff] },
  { kind: 'gzip', at: 0, bytes: [0x1f, 0x8b, 0x08] },
  // "n+1" and "n+2": header and values in one file; "ni1" and "ni2": a pair of files.
  { kind: 'nifti', at: 344, bytes: [0x6e, 0x2b, 0x31, 0] },
  { kind: 'nifti', at: 344, bytes: [0x6e, 0x69, 0x31, 0] },
  { kind: 'nifti', at: 4, bytes: [0x6e, 0x2b, 0x32, 0] },
  { kind: 'nifti', at: 4, bytes: [0x6e, 0x69, 0x32, 0] },
];

const isDicom = [0x44, 0x49, 0x43, 0x4d];

export function fileKind(head: Uint8Array): FileKind {
  // A DICOM file may carry another format's mark in its preamble (PS3.10 7.1).
  if (isDicom.every((byte, index) => head[128 + index] === byte)) return 'unknown';
  const found = marks.find(({ at, bytes }) => bytes.every((byte, index) => head[at + index] === byte));
  return found?.kind ?? 'unknown';
}

/** Why a file that is none of these cannot be imported, told by what its name promises. */
export function notImportable(name: string): string {
  const promised: readonly [RegExp, string][] = [
    [/\.zip$/i, 'Not a zip archive, although its name says so.'],
    [/\.png$/i, 'Not a PNG picture, although its name says so.'],
    [/\.jpe?g$/i, 'Not a JPEG picture, although its name says so.'],
    [/\.nii(\.gz)?$/i, 'Not a NIfTI volume, although its name says so.'],
    [/\.(tgz|tar|7z|rar|gz|bz2|xz)$/i, 'Not a DICOM file: expand this archive and import its folder.'],
    [/\.(tiff?|bmp|gif|webp|jp2|j2k)$/i, 'Not a DICOM file: of pictures, only PNG and JPEG can be imported.'],
    [/\.(hdr|img|mha|mhd|nrrd|mgz)$/i, 'Not a DICOM file: of volumes, only NIfTI (.nii, .nii.gz) can be imported.'],
  ];
  return promised.find(([pattern]) => pattern.test(name))?.[1] ?? 'Not a DICOM file.';
}
