// What turns stored values into modality units and into grey: rescale or table, windows or table of a frame, also where an
// enhanced multi-frame object keeps them per frame or shared.
import type { Frame } from '../../../contract/dicom.ts';
import type { DataSet, Item } from '../dataset.ts';
import { decoderOf, numbersOf, textOf, topDecoder } from '../values.ts';
import { codeOf, numberOf } from './attributes.ts';
import { functionalGroup } from './functional-groups.ts';
import { lookUpTable } from './look-up-table.ts';

const valueTags = {
  Modality: 0x00080060,
  PixelRepresentation: 0x00280103,
  PixelPaddingValue: 0x00280120,
  PixelPaddingRangeLimit: 0x00280121,
  WindowCenter: 0x00281050,
  WindowWidth: 0x00281051,
  RescaleIntercept: 0x00281052,
  RescaleSlope: 0x00281053,
  RescaleType: 0x00281054,
  WindowCenterWidthExplanation: 0x00281055,
  VOILUTFunction: 0x00281056,
  LossyImageCompression: 0x00282110,
  LossyImageCompressionRatio: 0x00282112,
  ModalityLUTSequence: 0x00283000,
  ModalityLUTType: 0x00283004,
  VOILUTSequence: 0x00283010,
  FrameVOILUTSequence: 0x00289132,
  PixelValueTransformationSequence: 0x00289145,
} as const;

export type ModalityDescription = Pick<
  Frame,
  | 'rescaleSlope'
  | 'rescaleIntercept'
  | 'rescaleType'
  | 'lossy'
  | 'windowCenter'
  | 'windowWidth'
  | 'windows'
  | 'voiFunction'
  | 'modalityTable'
  | 'voiTable'
  | 'padding'
  | 'modality'
>;

/** Most windows that are read of one frame. */
const windowsLimit = 32;

/** @param frame counted from 0. A slope of 0 would lose every value and is read as 1. */
export function modalityDescription(dataset: DataSet, frame: number): ModalityDescription {
  const rescale = functionalGroup(dataset, frame, valueTags.PixelValueTransformationSequence) ?? dataset;
  const voi = functionalGroup(dataset, frame, valueTags.FrameVOILUTSequence) ?? dataset;
  const isSigned = numberOf(dataset, dataset, valueTags.PixelRepresentation) === 1;
  const slope = numberOf(dataset, rescale, valueTags.RescaleSlope) || 1;
  const intercept = numberOf(dataset, rescale, valueTags.RescaleIntercept) ?? 0;
  const modalityTable = lookUpTable(dataset, dataset, valueTags.ModalityLUTSequence, isSigned);
  const mayBeNegative = modalityTable === null && (isSigned || slope < 0 || intercept < 0);
  const voiTable = lookUpTable(dataset, voi, valueTags.VOILUTSequence, mayBeNegative);
  const windows = windowsOf(dataset, voi);
  const padding = paddingOf(dataset, isSigned);
  const table = modalityTable === null ? undefined : dataset.elements.get(valueTags.ModalityLUTSequence)?.items?.[0];
  const rescaleType = table
    ? codeOf(dataset, table, valueTags.ModalityLUTType)
    : codeOf(dataset, rescale, valueTags.RescaleType);
  const isLossy = codeOf(dataset, dataset, valueTags.LossyImageCompression) === '01';
  return {
    rescaleSlope: modalityTable === null ? slope : 1,
    rescaleIntercept: modalityTable === null ? intercept : 0,
    ...(rescaleType === '' ? {} : { rescaleType }),
    ...(isLossy ? { lossy: { ratio: numberOf(dataset, dataset, valueTags.LossyImageCompressionRatio) } } : {}),
    windowCenter: windows[0]?.center ?? null,
    windowWidth: windows[0]?.width ?? null,
    windows,
    voiFunction: voiFunction(codeOf(dataset, voi, valueTags.VOILUTFunction)),
    ...(modalityTable === null ? {} : { modalityTable }),
    ...(voiTable === null ? {} : { voiTable }),
    ...(padding === null ? {} : { padding }),
    modality: codeOf(dataset, dataset, valueTags.Modality),
  };
}

/** Writers take US for SS and the other way round: 16 bits are read as the pixels are. */
function paddingOf(dataset: DataSet, isSigned: boolean): Frame['padding'] | null {
  const asPixels = (value: number): number => {
    if (isSigned && value > 0x7fff && value <= 0xffff) return value - 0x10000;
    return !isSigned && value < 0 && value >= -0x8000 ? value + 0x10000 : value;
  };
  const value = numberOf(dataset, dataset, valueTags.PixelPaddingValue);
  if (value === null || !Number.isInteger(value)) return null;
  const limit = numberOf(dataset, dataset, valueTags.PixelPaddingRangeLimit);
  const ends = [value, limit !== null && Number.isInteger(limit) ? limit : value].map(asPixels);
  return { first: Math.min(...ends), last: Math.max(...ends) };
}

/** Centre and width in pairs; a pair with a width that is none is left out. */
function windowsOf(dataset: DataSet, voi: Item): { center: number; width: number; name: string }[] {
  const centers = numbersOf(dataset, voi.elements.get(valueTags.WindowCenter), windowsLimit);
  const widths = numbersOf(dataset, voi.elements.get(valueTags.WindowWidth), windowsLimit);
  const decode = decoderOf(dataset, voi, topDecoder(dataset));
  const names = textOf(dataset, voi.elements.get(valueTags.WindowCenterWidthExplanation), decode, 2_048).split('\\');
  return centers
    .map((center, index) => ({ center, width: widths[index] ?? Number.NaN, name: names[index] ?? '' }))
    .filter(({ center, width }) => Number.isFinite(center) && Number.isFinite(width) && width > 0);
}

function voiFunction(code: string): 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID' {
  return code === 'LINEAR_EXACT' || code === 'SIGMOID' ? code : 'LINEAR';
}
