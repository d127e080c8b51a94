// The findings that a network has to tell apart, painted into the lungs of one slice.
import { without, type Canvas } from './canvas.ts';
import { wobble, type Anatomy, type Lung } from './anatomy.ts';
import type { Random } from './random.ts';

/** Fluid in the pleural space: a crescent at the back, where it sinks to when a patient lies on the table. */
export function paintEffusion(canvas: Canvas, { blob }: Lung, depthMm: number, random: Random): void {
  const floating = canvas.maskOf({
    ...blob,
    x: blob.x + random.between(-4, 4),
    y: blob.y - depthMm,
    radiusX: blob.radiusX * 1.06,
    radiusY: blob.radiusY * 1.02,
    harmonics: wobble(random, 3, 0.05),
  });
  // A little wider than the lung, so that no rim of lung stays between fluid and chest wall.
  const cavity = canvas.maskOf({ ...blob, radiusX: blob.radiusX + 2, radiusY: blob.radiusY + 2 });
  const fluid = without(cavity, floating);
  for (let index = 0; index < fluid.length; index += 1) {
    if (canvas.positionOf(index).y < blob.y - blob.radiusY * 0.1) fluid[index] = 0;
  }
  canvas.paintMask(fluid, random.between(2, 28));
}

/** Air between lung and chest wall: it rises to the front; the lung falls back, denser, behind a thin line of pleura. */
export function paintPneumothorax(
  canvas: Canvas,
  { blob, mask }: Lung,
  anatomy: Anatomy,
  depthMm: number,
  random: Random,
): void {
  const fallen = {
    ...blob,
    x: blob.x - Math.sign(blob.x - anatomy.shiftXMm) * depthMm * 0.3,
    y: blob.y + depthMm * 0.8,
    harmonics: wobble(random, 3, 0.06),
  };
  const lung = canvas.maskOf(fallen);
  const pleura = without(canvas.maskOf({ ...fallen, radiusX: fallen.radiusX + 2, radiusY: fallen.radiusY + 2 }), lung);
  canvas.paint(fallen, anatomy.lungHu + depthMm * 3, mask, 0.35);
  canvas.paintMask(without(mask, lung), -998);
  canvas.paintMask(
    pleura.map((share, index) => share * (mask[index] ?? 0) * 0.8),
    -350,
  );
}

/** One or two round solid nodules; slices off their centre cut them smaller. */
export function paintNodules(
  canvas: Canvas,
  lungs: readonly Lung[],
  anatomy: Anatomy,
  level: number,
  random: Random,
): void {
  for (const nodule of anatomy.nodules) {
    const lung = lungs[nodule.side === -1 ? 0 : 1];
    if (lung === undefined) continue;
    const radius = (nodule.diameterMm / 2) * (1 - 0.25 * Math.abs(level - 0.5) * 2);
    canvas.paint(
      {
        x: lung.blob.x + nodule.u * (lung.blob.radiusX - radius),
        y: lung.blob.y + nodule.v * (lung.blob.radiusY - radius),
        radiusX: radius * random.between(0.9, 1.1),
        radiusY: radius * random.between(0.9, 1.1),
        harmonics: wobble(random, 4, 0.05),
      },
      random.between(40, 110),
      lung.mask,
    );
  }
}
