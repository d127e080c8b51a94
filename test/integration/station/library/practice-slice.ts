// One slice of a practice study as the bytes of a Part-10 file: the same for the same number.
import { encodePart10 } from '../../../../src/station/library/encode-part10.ts';
import { practiceSites } from '../../../../src/station/practice/practice-studies.ts';
import { practiceElements } from '../../../../src/station/practice/study-header.ts';

export interface PracticeSlice {
  readonly bytes: Uint8Array;
  readonly sopInstanceUID: string;
  readonly studyInstanceUID: string;
}

/** Twenty slices make one study. */
export function practiceSlice(index: number, side = 32): PracticeSlice {
  const number = Math.floor(index / 20) + 1;
  const pixels = Int16Array.from({ length: side * side }, (_, pixel) => ((pixel * 31 + index * 17) % 2_000) - 1_000);
  const elements = practiceElements({
    site: practiceSites[0]!,
    key: `slice-${number}`,
    number,
    slice: (index % 20) + 1,
    positionMm: index % 20,
    side,
    pixels,
  });
  const text = (tag: string): string => {
    const value = elements.find((element) => element.tag === tag)?.value;
    return typeof value === 'string' ? value : '';
  };
  const sopInstanceUID = text('00080018');
  const bytes = encodePart10(elements, text('00080016'), sopInstanceUID);
  return { bytes, sopInstanceUID, studyInstanceUID: text('0020000D') || text('0020000d') };
}
