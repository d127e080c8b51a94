// A grayscale softcopy presentation state as the viewer shows it (PS3.3 A.33.1), with the names of what it holds besides.
import type { Presentation, PresentedGraphic, PresentedImages, PresentedText } from '../../contract/presentation.ts';
import type { DataSet, Item } from '../library/dataset.ts';
import type { DecodeText } from '../library/character-set.ts';
import { codeOf, numberOf, numbersAt } from '../library/pixels/attributes.ts';
import { decoderOf, topDecoder } from '../library/values.ts';
import { itemsAt, textAt, uidAt } from './items.ts';
import { shuttersOf, shutterShade } from './presentation-shutter.ts';
import { stateTags } from './presentation-tags.ts';

type Point = [number, number];

const grayscaleState = '1.2.840.10008.5.1.4.1.1.11.1';
/** Graphics and texts of a state, and points of all its graphics: more than anybody draws. What lies beyond is left out, and said. */
const objectsLimit = 2_000;
const pointsLimit = 20_000;
/** Frames that a state names of one image. */
const framesLimit = 20_000;

/** What is there and not shown, by the tag that tells. */
const notShown: readonly (readonly [tag: number, words: string])[] = [
  [stateTags.ModalityLUTSequence, 'a modality look-up table'],
  [stateTags.PresentationLUTSequence, 'a presentation look-up table'],
  [stateTags.MaskSubtractionSequence, 'a mask to subtract'],
];

/** Null of a state for colour or for blending. */
export function presentationState(dataset: DataSet, sopInstanceUID: string): Presentation | null {
  if (codeOf(dataset, dataset, stateTags.SOPClassUID) !== grayscaleState) return null;
  const decode = topDecoder(dataset);
  const annotations = annotationsOf(dataset, decode);
  const shutters = shuttersOf(dataset);
  const voi = itemsAt(dataset, stateTags.SoftcopyVOILUTSequence);
  const areas = areasOf(dataset);
  const leftOut = [
    ...notShown
      .filter(([tag]) => itemsAt(dataset, tag).length > 0 || dataset.elements.has(tag))
      .map(([, words]) => words),
    ...(voi.some((item) => itemsAt(item, stateTags.VOILUTSequence).length > 0) ? ['a VOI look-up table'] : []),
    ...(hasTrueSize(dataset) ? ['true size'] : []),
    ...([...dataset.elements.keys()].some(isOverlayPlane) ? ['overlay planes'] : []),
    ...(shutters.hasBitmap ? ['a bitmap shutter'] : []),
    ...annotations.leftOut,
  ];
  return {
    sopInstanceUID,
    label: textAt(dataset, dataset, stateTags.ContentLabel, decode),
    description: textAt(dataset, dataset, stateTags.ContentDescription, decode),
    creator: textAt(dataset, dataset, stateTags.ContentCreatorName, decode),
    createdDate: codeOf(dataset, dataset, stateTags.PresentationCreationDate),
    createdTime: codeOf(dataset, dataset, stateTags.PresentationCreationTime),
    images: itemsAt(dataset, stateTags.ReferencedSeriesSequence).flatMap((series) => imagesOf(dataset, series)),
    rotationDegrees: (((numberOf(dataset, dataset, stateTags.ImageRotation) ?? 0) % 360) + 360) % 360,
    isFlipped: codeOf(dataset, dataset, stateTags.ImageHorizontalFlip) === 'Y',
    isInverse: codeOf(dataset, dataset, stateTags.PresentationLUTShape) === 'INVERSE',
    rescale: {
      slope: numberOf(dataset, dataset, stateTags.RescaleSlope) || 1,
      intercept: numberOf(dataset, dataset, stateTags.RescaleIntercept) ?? 0,
    },
    windows: voi.flatMap((item) => windowOf(dataset, item)),
    areas,
    annotations: annotations.shown,
    shutters: shutters.shown,
    shutterShade: shutterShade(dataset),
    leftOut,
  };
}

function isOverlayPlane(tag: number): boolean {
  return tag >>> 24 === 0x60 && (tag & 0xffff) === 0x3000;
}

function imagesOf(dataset: DataSet, item: Item): PresentedImages {
  return itemsAt(item, stateTags.ReferencedImageSequence)
    .map((image) => ({
      sopInstanceUID: uidAt(dataset, image, stateTags.ReferencedSOPInstanceUID),
      frames: (numbersAt(dataset, image, stateTags.ReferencedFrameNumber, framesLimit) ?? []).filter(
        Number.isSafeInteger,
      ),
    }))
    .filter(({ sopInstanceUID }) => sopInstanceUID !== '');
}

function windowOf(dataset: DataSet, item: Item): Presentation['windows'] {
  const center = numberOf(dataset, item, stateTags.WindowCenter);
  const width = numberOf(dataset, item, stateTags.WindowWidth);
  if (center === null || width === null || width <= 0) return [];
  const code = codeOf(dataset, item, stateTags.VOILUTFunction);
  const voiFunction = code === 'LINEAR_EXACT' || code === 'SIGMOID' ? code : 'LINEAR';
  return [{ images: imagesOf(dataset, item), center, width, function: voiFunction }];
}

function areasOf(dataset: DataSet): Presentation['areas'] {
  return itemsAt(dataset, stateTags.DisplayedAreaSelectionSequence).flatMap((item) => {
    const first = pointsAt(dataset, item, stateTags.DisplayedAreaTopLeftHandCorner)[0];
    const last = pointsAt(dataset, item, stateTags.DisplayedAreaBottomRightHandCorner)[0];
    if (!first || !last) return [];
    // Pixels are counted from 1, and of a turned image the upper left one is another than the first (PS3.3 C.10.4).
    const topLeft: Point = [Math.min(first[0], last[0]) - 1, Math.min(first[1], last[1]) - 1];
    const bottomRight: Point = [Math.max(first[0], last[0]), Math.max(first[1], last[1])];
    const mode = codeOf(dataset, item, stateTags.PresentationSizeMode);
    const ratio = numberOf(dataset, item, stateTags.PresentationPixelMagnificationRatio);
    const magnification = mode === 'MAGNIFY' && ratio !== null && ratio > 0 ? ratio : null;
    return [{ images: imagesOf(dataset, item), topLeft, bottomRight, magnification }];
  });
}

function hasTrueSize(dataset: DataSet): boolean {
  return itemsAt(dataset, stateTags.DisplayedAreaSelectionSequence).some(
    (item) => codeOf(dataset, item, stateTags.PresentationSizeMode) === 'TRUE SIZE',
  );
}

function annotationsOf(
  dataset: DataSet,
  around: DecodeText,
): { shown: Presentation['annotations']; leftOut: string[] } {
  const leftOut = new Set<string>();
  let left = objectsLimit;
  let pointsLeft = pointsLimit;
  /** None of a graphic that is wrong, or has more points than are left. */
  const graphicWithin = (item: Item): PresentedGraphic[] => {
    const [graphic] = graphicOf(dataset, item);
    if (!graphic || graphic.points.length > pointsLeft) return [];
    pointsLeft -= graphic.points.length;
    return [graphic];
  };
  const shown = itemsAt(dataset, stateTags.GraphicAnnotationSequence).map((item) => {
    const decode = decoderOf(dataset, item, around);
    const [graphicItems, textItems] = [
      itemsAt(item, stateTags.GraphicObjectSequence),
      itemsAt(item, stateTags.TextObjectSequence),
    ];
    const graphics = graphicItems.slice(0, left).flatMap(graphicWithin);
    const texts = textItems
      .slice(0, Math.max(0, left - graphicItems.length))
      .flatMap((one) => textOf(dataset, one, decode));
    if (graphics.length < graphicItems.length || texts.length < textItems.length)
      leftOut.add('some of its annotations');
    if (itemsAt(item, stateTags.CompoundGraphicSequence).length > 0) leftOut.add('compound graphics');
    left = Math.max(0, left - graphicItems.length - textItems.length);
    return { images: imagesOf(dataset, item), graphics, texts };
  });
  return { shown, leftOut: [...leftOut] };
}

const graphicTypes = ['POINT', 'POLYLINE', 'INTERPOLATED', 'CIRCLE', 'ELLIPSE'] as const;
/** Fewer make no such shape. */
const leastPoints: Readonly<Record<PresentedGraphic['type'], number>> = {
  POINT: 1,
  POLYLINE: 2,
  INTERPOLATED: 2,
  CIRCLE: 2,
  ELLIPSE: 4,
};

function graphicOf(dataset: DataSet, item: Item): PresentedGraphic[] {
  const type = graphicTypes.find((known) => known === codeOf(dataset, item, stateTags.GraphicType));
  const units = unitsOf(codeOf(dataset, item, stateTags.GraphicAnnotationUnits));
  const points = pointsAt(dataset, item, stateTags.GraphicData);
  if (!type || !units || points.length < leastPoints[type]) return [];
  return [{ units, type, points, isFilled: codeOf(dataset, item, stateTags.GraphicFilled) === 'Y' }];
}

function textOf(dataset: DataSet, item: Item, decode: DecodeText): PresentedText[] {
  const text = textAt(dataset, item, stateTags.UnformattedTextValue, decode, 1_024)
    .replaceAll(/\r\n?/g, '\n')
    .trimEnd();
  const boxUnits = unitsOf(codeOf(dataset, item, stateTags.BoundingBoxAnnotationUnits));
  const topLeft = pointsAt(dataset, item, stateTags.BoundingBoxTopLeftHandCorner)[0];
  const bottomRight = pointsAt(dataset, item, stateTags.BoundingBoxBottomRightHandCorner)[0];
  const justification = codeOf(dataset, item, stateTags.BoundingBoxTextHorizontalJustification);
  const align: 'LEFT' | 'CENTER' | 'RIGHT' =
    justification === 'CENTER' || justification === 'RIGHT' ? justification : 'LEFT';
  const anchorUnits = unitsOf(codeOf(dataset, item, stateTags.AnchorPointAnnotationUnits));
  const at = pointsAt(dataset, item, stateTags.AnchorPoint)[0];
  const isVisible = codeOf(dataset, item, stateTags.AnchorPointVisibility) === 'Y';
  const box = boxUnits && topLeft && bottomRight ? { units: boxUnits, topLeft, bottomRight, align } : null;
  const anchor = anchorUnits && at ? { units: anchorUnits, at, isVisible } : null;
  return text === '' || (!box && !anchor) ? [] : [{ text, box, anchor }];
}

function unitsOf(code: string): 'PIXEL' | 'DISPLAY' | null {
  return code === 'PIXEL' || code === 'DISPLAY' ? code : null;
}

function pointsAt(dataset: DataSet, item: Item, tag: number): Point[] {
  const numbers = numbersAt(dataset, item, tag, 2 * (pointsLimit + 1)) ?? [];
  return Array.from({ length: Math.floor(numbers.length / 2) }, (_, at) => [numbers[2 * at]!, numbers[2 * at + 1]!]);
}
