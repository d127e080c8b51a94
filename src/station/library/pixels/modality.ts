// What turns stored values into modality units and into grey: rescale and window of a frame, also where an enhanced
// multi-frame object keeps them per frame or shared (PS3.3 C.7.6.16).
import type { DataSet, Item } from '../dataset.ts';
import { codeOf, numberOf } from './attributes.ts';

const sequenceTags = {
  SharedFunctionalGroupsSequence: 0x52009229,
  PerFrameFunctionalGroupsSequence: 0x52009230,
  PixelValueTransformationSequence: 0x00289145,
  FrameVOILUTSequence: 0x00289132,
} as const;

const valueTags = {
  Modality: 0x00080060,
  WindowCenter: 0x00281050,
  WindowWidth: 0x00281051,
  RescaleIntercept: 0x00281052,
  RescaleSlope: 0x00281053,
} as const;

export interface ModalityDescription {
  readonly rescaleSlope: number;
  readonly rescaleIntercept: number;
  readonly windowCenter: number | null;
  readonly windowWidth: number | null;
  readonly modality: string;
}

/** @param frame counted from 0. A slope of 0 would lose every value and is read as 1. */
export function modalityDescription(dataset: DataSet, frame: number): ModalityDescription {
  const rescale = macro(dataset, frame, sequenceTags.PixelValueTransformationSequence);
  const window = macro(dataset, frame, sequenceTags.FrameVOILUTSequence);
  const width = numberOf(dataset, window, valueTags.WindowWidth);
  const center = numberOf(dataset, window, valueTags.WindowCenter);
  const isWindow = width !== null && center !== null && width > 0;
  return {
    rescaleSlope: numberOf(dataset, rescale, valueTags.RescaleSlope) || 1,
    rescaleIntercept: numberOf(dataset, rescale, valueTags.RescaleIntercept) ?? 0,
    windowCenter: isWindow ? center : null,
    windowWidth: isWindow ? width : null,
    modality: codeOf(dataset, dataset, valueTags.Modality),
  };
}

/** The item that holds a functional group: the frame's own, the shared one, or the data set itself. */
function macro(dataset: DataSet, frame: number, tag: number): Item {
  const perFrame = dataset.elements.get(sequenceTags.PerFrameFunctionalGroupsSequence)?.items?.[frame];
  const shared = dataset.elements.get(sequenceTags.SharedFunctionalGroupsSequence)?.items?.[0];
  return perFrame?.elements.get(tag)?.items?.[0] ?? shared?.elements.get(tag)?.items?.[0] ?? dataset;
}
