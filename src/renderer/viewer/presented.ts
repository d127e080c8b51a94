// What a presentation state makes of an image (PS3.3 C.10.4 to C.10.6, C.11.8): its window, its place, and where its graphics lie.
import type { Frame } from '../../contract/dicom.ts';
import type { Presentation, PresentedGraphic, PresentedImages } from '../../contract/presentation.ts';
import { pixelSize, placementOf, type Size, type View, wholeImage } from './placement.ts';
import { outline, type Point } from './shapes.ts';
import type { StackItem } from './stack.ts';
import type { VoiWindow } from './window-level.ts';

/** A part of an image, in image coordinates. */
export interface Area {
  readonly topLeft: Readonly<Point>;
  readonly bottomRight: Readonly<Point>;
}

/** Whether the state is for an image. */
export function isPresented({ images }: Presentation, item: StackItem): boolean {
  return images.length > 0 && isAmong(images, item);
}

/** A part of a state that names no images is for all of the state's. */
function isAmong(images: PresentedImages, { instance, frame }: StackItem): boolean {
  return (
    images.length === 0 ||
    images.some(
      ({ sopInstanceUID, frames }) =>
        sopInstanceUID === instance.sopInstanceUID && (frames.length === 0 || frames.includes(frame)),
    )
  );
}

/** Those of a state's parts that are for an image. */
function partsFor<Part extends { readonly images: PresentedImages }>(parts: readonly Part[], item: StackItem): Part[] {
  return parts.filter(({ images }) => isAmong(images, item));
}

/**
 * In modality units of the frame; null where the state has none for the image. The state's windows count in its own modality
 * transformation, which replaces the file's.
 */
export function presentedWindow(state: Presentation, item: StackItem, frame: Frame): VoiWindow | null {
  const [window] = isPresented(state, item) ? partsFor(state.windows, item) : [];
  if (!window || frame.modalityTable) return null;
  const { slope, intercept } = state.rescale;
  const factor = frame.rescaleSlope / slope;
  return {
    center: (window.center - intercept) * factor + frame.rescaleIntercept,
    width: window.width * Math.abs(factor),
    function: window.function,
  };
}

/** Whether low values are bright: of the state alone, whatever the image says (PS3.3 C.11.6). */
export function isPresentedInverted({ isInverse }: Presentation, { photometric }: Frame): boolean {
  return isInverse !== (photometric === 'MONOCHROME1');
}

/** The displayed area; the whole image where the state names none. */
export function presentedArea(state: Presentation, item: StackItem, { columns, rows }: Frame): Area {
  return partsFor(state.areas, item)[0] ?? { topLeft: [0, 0], bottomRight: [columns, rows] };
}

/** Turned and mirrored as the state says, with the displayed area in the middle of the viewport. `density`: screen pixels per CSS pixel. */
export function presentedView(state: Presentation, item: StackItem, frame: Frame, viewport: Size, density = 1): View {
  const turned: View = {
    ...wholeImage,
    rotationDegrees: state.rotationDegrees,
    isFlippedHorizontally: state.isFlipped,
  };
  const [area] = partsFor(state.areas, item);
  const image = { columns: frame.columns, rows: frame.rows, pixel: pixelSize(frame.geometry) };
  if (!area || viewport.width === 0) return turned;
  const whole = placementOf(image, turned, viewport);
  const { width, height } = pixelSize(frame.geometry);
  const [x, y] = [
    (area.bottomRight[0] - area.topLeft[0]) * width * whole.scale,
    (area.bottomRight[1] - area.topLeft[1]) * height * whole.scale,
  ];
  const [across, down] = [
    Math.abs(whole.right[0]) * x + Math.abs(whole.right[1]) * y,
    Math.abs(whole.down[0]) * x + Math.abs(whole.down[1]) * y,
  ];
  const zoom =
    area.magnification === null
      ? Math.min(viewport.width / across, viewport.height / down)
      : area.magnification / (whole.pixelScale * density);
  const [dx, dy] = [
    ((area.topLeft[0] + area.bottomRight[0] - frame.columns) / 2) * width * whole.scale * zoom,
    ((area.topLeft[1] + area.bottomRight[1] - frame.rows) / 2) * height * whole.scale * zoom,
  ];
  return {
    ...turned,
    zoom,
    panX: -(whole.right[0] * dx + whole.right[1] * dy),
    panY: -(whole.down[0] * dx + whole.down[1] * dy),
  };
}

/** From the units of an annotation to image coordinates. DISPLAY counts over the displayed area as it is seen. */
export function toImagePoint(
  state: Presentation,
  area: Area,
  units: 'PIXEL' | 'DISPLAY',
  [x, y]: Readonly<Point>,
): Point {
  if (units === 'PIXEL') return [x, y];
  const [width, height] = [area.bottomRight[0] - area.topLeft[0], area.bottomRight[1] - area.topLeft[1]];
  const angle = (state.rotationDegrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  // The screen's right and down in the image's directions, as of a placement, each as long as the area is along it.
  const across = (Math.abs(cos) * width + Math.abs(sin) * height) * (state.isFlipped ? -1 : 1) * (x - 0.5);
  const down = (Math.abs(sin) * width + Math.abs(cos) * height) * (y - 0.5);
  return [
    (area.topLeft[0] + area.bottomRight[0]) / 2 + across * cos + down * sin,
    (area.topLeft[1] + area.bottomRight[1]) / 2 - across * sin + down * cos,
  ];
}

/** What the state draws on an image. */
export function presentedAnnotations(state: Presentation, item: StackItem): Presentation['annotations'] {
  return isPresented(state, item) ? partsFor(state.annotations, item) : [];
}

/** The line of a graphic, as points; none of POINT. */
export function graphicLine({ type }: PresentedGraphic, points: readonly Point[]): Point[] {
  const [first = [0, 0], second = first] = points;
  switch (type) {
    case 'POINT':
      return [];
    case 'POLYLINE':
      return [...points];
    case 'INTERPOLATED':
      return smooth(points);
    case 'ELLIPSE':
      return outline('ellipse', points);
    case 'CIRCLE': {
      const radius = Math.hypot(second[0] - first[0], second[1] - first[1]);
      const [x, y] = first;
      return outline('ellipse', [
        [x - radius, y],
        [x + radius, y],
        [x, y - radius],
        [x, y + radius],
      ]);
    }
  }
}

/** Steps from one point of a curve to the next. */
const curveSteps = 12;

/** A Catmull-Rom curve through the points; closed where the last is the first. */
function smooth(points: readonly Point[]): Point[] {
  const first: Point = points[0] ?? [0, 0];
  const last: Point = points.at(-1) ?? first;
  const isClosed = first[0] === last[0] && first[1] === last[1] && points.length > 3;
  const before = isClosed ? (points.at(-2) ?? first) : first;
  const after = isClosed ? (points[1] ?? last) : last;
  const all = [before, ...points, after];
  const curve: Point[] = [first];
  for (let at = 1; at < all.length - 2; at += 1) {
    const knots = all.slice(at - 1, at + 3);
    for (let step = 1; step <= curveSteps; step += 1) {
      const t = step / curveSteps;
      const along = (axis: 0 | 1): number => {
        const [p = 0, q = 0, r = 0, u = 0] = knots.map((knot) => knot[axis]);
        return 0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - u) * t ** 2 + (3 * q - p - 3 * r + u) * t ** 3);
      };
      curve.push([along(0), along(1)]);
    }
  }
  return curve;
}
