import { CONSTANTS, Enums, type Types } from '@cornerstonejs/core';
import type { Cornerstone } from './cornerstone.ts';
import type { Painter, Picture } from './painter.ts';
import { pixelSize, toImage } from './placement.ts';
import { isColour, windowEnds } from './window-level.ts';

/** Paints with a stack viewport of Cornerstone's. Camera and window are set from the picture; the viewport keeps none of its own. */
export function cornerstonePainter(
  { engine }: Cornerstone,
  element: HTMLDivElement,
  viewportId: string,
  onpainted: (index: number) => void,
): Painter {
  engine.enableElement({ viewportId, element, type: Enums.ViewportType.STACK });
  // Enabled as a stack above, so it is one.
  const viewport = engine.getViewport<Types.IStackViewport>(viewportId);
  viewport.getCanvas().dataset['testid'] = 'image-canvas';
  let wanted: Picture | null = null;
  let isBusy = false;
  let isClosed = false;
  let size = '';
  let stack: readonly string[] = [];

  const painted = (): void => {
    if (viewport.getCurrentImageId() !== undefined) onpainted(viewport.getCurrentImageIdIndex());
  };
  element.addEventListener(Enums.Events.IMAGE_RENDERED, painted);

  /** The newest picture that was not painted, once. */
  function next(): Picture | null {
    const picture = isClosed ? null : wanted;
    wanted = null;
    return picture;
  }

  async function paintWanted(): Promise<void> {
    isBusy = true;
    for (let picture = next(); picture; picture = next()) {
      const nowSize = `${picture.viewport.width}x${picture.viewport.height}x${globalThis.devicePixelRatio}`;
      if (nowSize !== size) {
        size = nowSize;
        engine.resize(false, true);
      }
      if (stack !== picture.imageIds) {
        stack = picture.imageIds;
        await viewport.setStack([...picture.imageIds], picture.index);
      } else if (viewport.getCurrentImageIdIndex() !== picture.index) {
        await viewport.setImageIdIndex(picture.index);
      }
      if (!isClosed) dress(viewport, picture);
    }
    isBusy = false;
  }

  return {
    paint(picture) {
      wanted = picture;
      // A frame that the store had and lost again is the only thing that can fail here; the next picture paints anew.
      if (!isBusy) paintWanted().catch(() => (isBusy = false));
    },
    close() {
      isClosed = true;
      element.removeEventListener(Enums.Events.IMAGE_RENDERED, painted);
      engine.disableElement(viewportId);
      element.replaceChildren();
    },
  };
}

function dress(viewport: Types.IStackViewport, picture: Picture): void {
  const { frame, window, isInverted, isSmooth, placement } = picture;
  const interpolationType =
    isSmooth || placement.pixelScale < 1 ? Enums.InterpolationType.LINEAR : Enums.InterpolationType.NEAREST;
  if (!isColour(frame)) {
    const table = window === null ? frame.voiTable : undefined;
    const voiRange = table ? { lower: 0, upper: 2 ** table.bits - 1 } : window ? windowEnds(window) : undefined;
    const isSigmoid = window?.function === 'SIGMOID';
    viewport.setProperties({
      ...(voiRange ? { voiRange } : {}),
      VOILUTFunction: isSigmoid ? Enums.VOILUTFunctionType.SAMPLED_SIGMOID : Enums.VOILUTFunctionType.LINEAR,
      invert: isInverted !== (frame.photometric === 'MONOCHROME1'),
      interpolationType,
    });
  } else viewport.setProperties({ interpolationType });
  viewport.setCamera(cameraOf(picture));
  // Setting a camera that moved out of the plane by a rounding error fits the clipping range to the flat image, which then
  // lies on its edge and is black.
  const { MAXIMUM_RAY_DISTANCE: far } = CONSTANTS.RENDERING_DEFAULTS;
  viewport.getRenderer().getActiveCamera().setClippingRange(-far, far);
  viewport.render();
}

/** The parallel camera that shows the image where the placement says, in the image's own plane: x along rows, y along columns, mm. */
function cameraOf({ frame, placement, viewport }: Picture): Types.ICamera {
  const pixel = pixelSize(frame.geometry);
  const { right, down } = placement;
  const viewUp: Types.Point3 = [-down[0], -down[1], 0];
  // Negative along z for an image that is not mirrored: the reader looks along the normal, as in PS3.3 C.7.6.2.1.1.
  const viewPlaneNormal: Types.Point3 = [0, 0, right[0] * viewUp[1] - right[1] * viewUp[0]];
  const [x, y] = toImage(placement.matrix, [viewport.width / 2, viewport.height / 2]);
  // Image coordinates begin at the outer corner of the first pixel, the plane at its centre.
  const focalPoint: Types.Point3 = [(x - 0.5) * pixel.width, (y - 0.5) * pixel.height, 0];
  const position: Types.Point3 = [focalPoint[0], focalPoint[1], viewPlaneNormal[2] * cameraDistanceMm];
  return { viewUp, viewPlaneNormal, focalPoint, position, parallelScale: viewport.height / 2 / placement.scale };
}

/** Any distance does for a parallel projection. */
const cameraDistanceMm = 500;
