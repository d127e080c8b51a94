// Calibration of ultrasound images by regions (PS3.3 C.8.5.5).
import type { DataSet, Item } from '../dataset.ts';
import { numberOf } from './attributes.ts';

const regionTags = {
  SequenceOfUltrasoundRegions: 0x00186011,
  RegionSpatialFormat: 0x00186012,
  PhysicalUnitsXDirection: 0x00186024,
  PhysicalUnitsYDirection: 0x00186026,
  PhysicalDeltaX: 0x0018602c,
  PhysicalDeltaY: 0x0018602e,
} as const;

const twoDimensional = 1;
const centimetres = 3;

/**
 * Row and column spacing where one region alone calibrates the image, as a two-dimensional picture in centimetres; null
 * otherwise: with several regions (Doppler, M-mode, two pictures side by side) the spacing depends on the place.
 */
export function ultrasoundSpacingMm(dataset: DataSet): [number, number] | null {
  const regions = dataset.elements.get(regionTags.SequenceOfUltrasoundRegions)?.items ?? [];
  const [region] = regions;
  if (region === undefined || regions.length !== 1 || !isPicture(dataset, region)) return null;
  const across = Math.abs(numberOf(dataset, region, regionTags.PhysicalDeltaX) ?? 0) * 10;
  const down = Math.abs(numberOf(dataset, region, regionTags.PhysicalDeltaY) ?? 0) * 10;
  return across > 0 && down > 0 ? [down, across] : null;
}

const isPicture = (dataset: DataSet, region: Item): boolean =>
  numberOf(dataset, region, regionTags.RegionSpatialFormat) === twoDimensional &&
  numberOf(dataset, region, regionTags.PhysicalUnitsXDirection) === centimetres &&
  numberOf(dataset, region, regionTags.PhysicalUnitsYDirection) === centimetres;
