import { FrameCanvas } from './frame-canvas.ts';
import { ShownParts } from './frame-copies.ts';
import type { Painter, Picture } from './painter.ts';

/** Paints without a graphics card: where WebGL is missing or its context was lost. */
export function canvasPainter(element: HTMLElement, onpainted: (index: number) => void): Painter {
  const canvas = document.createElement('canvas');
  canvas.dataset['testid'] = 'image-canvas';
  element.append(canvas);
  const frames = new FrameCanvas();
  const parts = new ShownParts();

  return {
    paint({ frame, window, isInverted, isSmooth, placement, viewport, index }: Picture) {
      const density = globalThis.devicePixelRatio;
      const part = parts.of(frame, placement.matrix, viewport, density);
      const width = Math.max(1, Math.round(viewport.width * density));
      const height = Math.max(1, Math.round(viewport.height * density));
      // Setting a size makes a new canvas, also when it is the old one.
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      // Past the page's own frame: a scroll by software is half again as fast.
      const context = canvas.getContext('2d', { alpha: false, desynchronized: true });
      if (!context) return;
      context.fillStyle = '#000';
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.setTransform(density, 0, 0, density, 0, 0);
      context.transform(...placement.matrix);
      const scale = placement.pixelScale * (part?.scale ?? 1);
      context.imageSmoothingEnabled = isSmooth || scale < 1;
      // Bilinear, as a graphics card does it; smaller than itself an image has to be averaged.
      context.imageSmoothingQuality = scale < 1 ? 'high' : 'low';
      if (part) {
        context.scale(part.scale, part.scale);
        context.drawImage(frames.draw(part.frame, window, isInverted), part.left, part.top);
      }
      context.resetTransform();
      onpainted(index);
    },
    close() {
      canvas.remove();
    },
  };
}
