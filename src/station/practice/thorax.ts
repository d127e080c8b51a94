// Paints one slice of a phantom patient's chest in Hounsfield units, from the table upwards to the bones.
import { wobble, type Anatomy, type Lung } from './anatomy.ts';
import { without, type Blob, type Canvas } from './canvas.ts';
import { paintEffusion, paintNodules, paintPneumothorax } from './findings.ts';
import { openRandom, type Random } from './random.ts';

/**
 * Paints one axial slice.
 * @param level position along the body: 0 at the top of the heart, 1 near the diaphragm
 * @param breath depth of the breath: −1 out, 1 in; lungs grow and the chest rises with it
 */
export function paintThorax(canvas: Canvas, anatomy: Anatomy, level: number, breath: number): void {
  const random = openRandom(`${anatomy.seed}/slice/${level.toFixed(3)}`);
  const place = placeIn(anatomy);
  const width = anatomy.halfWidthMm * (0.97 + 0.05 * level);
  const depth = anatomy.halfDepthMm * (1 + 0.025 * breath);
  paintTable(canvas, depth + anatomy.shiftYMm);
  const outline = wobble(random, 2, 0.012);
  const body = (inset: number): Blob =>
    place({ x: 0, y: 0, radiusX: width - inset, radiusY: depth - inset * 0.8, harmonics: outline });
  canvas.paint(body(0), 20);
  canvas.paint(body(2), -105);
  canvas.paint(body(2 + anatomy.fatMm), 48);
  // The fat planes between the muscles of the back and the breast muscles.
  for (const side of [-1, 1]) {
    canvas.paint(
      place({ x: side * width * 0.62, y: -depth * 0.62, radiusX: 20, radiusY: 3, rotation: side * 0.6 }),
      -70,
    );
    canvas.paint(
      place({ x: side * width * 0.8, y: depth * 0.35, radiusX: 4, radiusY: 26, rotation: side * 0.35 }),
      -60,
    );
  }
  const wall = 13 + anatomy.fatMm;
  const lungs = paintLungs(
    canvas,
    anatomy,
    place,
    { width: width - wall, depth: depth - wall * 0.85, level, breath },
    random,
  );
  paintMediastinum(canvas, place, { width, depth, level }, random);
  for (const lung of lungs) paintVessels(canvas, lung, anatomy, random);
  paintFinding(canvas, anatomy, lungs, level, random);
  paintBones(canvas, place, { width: width - wall + 5, depth: depth - wall * 0.85 + 5, level }, random);
}

/** Moves a shape from body coordinates to the image: patients lie a little off centre and a little turned. */
function placeIn(anatomy: Anatomy): (blob: Blob) => Blob {
  const cos = Math.cos(anatomy.rotation);
  const sin = Math.sin(anatomy.rotation);
  return (blob) => ({
    ...blob,
    x: blob.x * cos - blob.y * sin + anatomy.shiftXMm,
    y: blob.x * sin + blob.y * cos + anatomy.shiftYMm,
    rotation: (blob.rotation ?? 0) + anatomy.rotation,
  });
}

type Place = (blob: Blob) => Blob;
interface Cavity {
  width: number;
  depth: number;
  level: number;
}

function paintTable(canvas: Canvas, bottomMm: number): void {
  // A shallow trough: a wide ellipse of carbon with foam inside, its upper part cut away by the air above.
  const trough: Blob = { x: 0, y: bottomMm - 128, radiusX: 250, radiusY: 150 };
  const shell = canvas.maskOf(trough);
  const inside = canvas.maskOf({ ...trough, radiusX: 246, radiusY: 146 });
  const rim = without(shell, inside);
  for (let index = 0; index < rim.length; index += 1) {
    const { x, y } = canvas.positionOf(index);
    if (y < bottomMm - 12 || Math.abs(x) > 205) rim[index] = 0;
  }
  canvas.paintMask(rim, -250);
}

function paintLungs(
  canvas: Canvas,
  anatomy: Anatomy,
  place: Place,
  cavity: Cavity & { breath: number },
  random: Random,
): Lung[] {
  const grow = 1 + 0.05 * cavity.breath;
  return ([-1, 1] as const).map((side) => {
    const radiusX = cavity.width * (0.415 + 0.02 * cavity.level) * grow;
    const radiusY = cavity.depth * (0.79 + 0.04 * cavity.level) * grow;
    const blob = place({
      x: side * (cavity.width - radiusX),
      y: cavity.depth * 0.05,
      radiusX,
      radiusY,
      rotation: side * -0.1,
      harmonics: wobble(random, 3, 0.035),
    });
    const mask = canvas.maskOf(blob);
    canvas.paint(blob, anatomy.lungHu);
    // Lung is denser at the back, where blood gathers and air is pressed out.
    canvas.paint(
      { ...blob, y: blob.y + blob.radiusY * 1.15, radiusX: blob.radiusX * 1.2, radiusY: blob.radiusY * 0.6 },
      anatomy.lungHu + random.between(30, 110),
      mask,
      0.7,
    );
    return { blob, mask };
  });
}

function paintMediastinum(canvas: Canvas, place: Place, { width, depth, level }: Cavity, random: Random): void {
  const heart = 0.6 + 0.75 * level;
  canvas.paint(
    place({ x: 0, y: -depth * 0.12, radiusX: width * 0.15, radiusY: depth * 0.6, harmonics: wobble(random, 2, 0.06) }),
    20,
  );
  canvas.paint(
    place({
      x: width * 0.13 * (0.4 + level),
      y: -depth * 0.22,
      radiusX: width * 0.27 * heart,
      radiusY: depth * 0.33 * heart,
      rotation: 0.5,
      harmonics: wobble(random, 3, 0.04),
    }),
    42,
  );
  canvas.paint(place({ x: width * 0.12, y: depth * 0.36, radiusX: 11, radiusY: 11 }), 52);
  canvas.paint(place({ x: width * 0.03, y: depth * 0.28, radiusX: 7, radiusY: 6 }), 25);
  // The windpipe above, its two main branches below.
  if (level < 0.25) canvas.paint(place({ x: 0, y: depth * 0.1, radiusX: 9, radiusY: 8 }), -980);
  else if (level < 0.6) {
    for (const side of [-1, 1])
      canvas.paint(place({ x: side * (10 + 30 * level), y: depth * 0.12, radiusX: 7, radiusY: 6 }), -960);
  }
  // The dome of the liver comes into the lowest slices on the right.
  if (level > 0.8) {
    const dome = (level - 0.8) * 5;
    canvas.paint(
      place({
        x: -width * 0.42,
        y: -depth * 0.05,
        radiusX: width * 0.22 * dome,
        radiusY: depth * 0.32 * dome,
        harmonics: wobble(random, 2, 0.05),
      }),
      58,
    );
  }
}

function paintVessels(canvas: Canvas, { blob, mask }: Lung, anatomy: Anatomy, random: Random): void {
  const inwards = blob.x < anatomy.shiftXMm ? 1 : -1;
  const hilum = { x: blob.x + inwards * blob.radiusX * 0.75, y: blob.y + blob.radiusY * 0.05 };
  canvas.paint(
    { ...hilum, radiusX: random.between(8, 13), radiusY: random.between(12, 18), harmonics: wobble(random, 3, 0.12) },
    45,
    mask,
  );
  for (let count = 0; count < 26; count += 1) {
    // Vessels run out from the hilum and get thinner on the way.
    const angle = random.between(-1.45, 1.45);
    const reach = Math.sqrt(random.next());
    const x = hilum.x - inwards * Math.cos(angle) * reach * blob.radiusX * 1.6;
    const y = hilum.y + Math.sin(angle) * reach * blob.radiusY * 0.95;
    const radius = (1 - 0.75 * reach) * random.between(2.2, 4.6) + 0.5;
    const along = random.chance(0.5) ? random.between(1.5, 5) : 1;
    canvas.paint(
      {
        x,
        y,
        radiusX: radius * along,
        radiusY: radius,
        rotation: Math.atan2(y - hilum.y, x - hilum.x) + random.normal() * 0.2,
      },
      random.between(-150, 40),
      mask,
      0.9,
    );
  }
}

function paintFinding(canvas: Canvas, anatomy: Anatomy, lungs: readonly Lung[], level: number, random: Random): void {
  const lung = lungs[anatomy.side === -1 ? 0 : 1];
  if (lung === undefined) return;
  if (anatomy.finding === 'effusion') paintEffusion(canvas, lung, anatomy.findingMm * (0.7 + 0.4 * level), random);
  if (anatomy.finding === 'pneumothorax')
    paintPneumothorax(canvas, lung, anatomy, anatomy.findingMm * (1.15 - 0.35 * level), random);
  if (anatomy.finding === 'nodule') paintNodules(canvas, lungs, anatomy, level, random);
}

function paintBones(canvas: Canvas, place: Place, { width, depth, level }: Cavity, random: Random): void {
  const spine = depth * 0.78;
  canvas.paint(place({ x: 0, y: spine, radiusX: 19, radiusY: 15, harmonics: wobble(random, 2, 0.03) }), 420);
  canvas.paint(place({ x: 0, y: spine, radiusX: 16, radiusY: 12 }), 180);
  canvas.paint(place({ x: 0, y: spine + 23, radiusX: 12, radiusY: 11 }), 380);
  canvas.paint(place({ x: 0, y: spine + 21, radiusX: 8, radiusY: 7 }), 30);
  canvas.paint(place({ x: 0, y: spine + 40, radiusX: 4, radiusY: 11 }), 400);
  for (const side of [-1, 1])
    canvas.paint(place({ x: side * 25, y: spine + 18, radiusX: 15, radiusY: 5, rotation: side * -0.4 }), 350);
  canvas.paint(place({ x: 0, y: -depth * 1.02, radiusX: 20, radiusY: 6 }), 300);
  // A slice meets each rib obliquely: short arcs along the chest wall, wandering from slice to slice.
  const phase = level * 2.6 + random.between(-0.1, 0.1);
  for (let rib = 0; rib < 7; rib += 1) {
    for (const side of [-1, 1]) {
      const angle = -1.25 + ((rib * 0.42 + phase) % 2.75);
      canvas.paint(
        place({
          x: side * Math.cos(angle) * width,
          y: Math.sin(angle) * depth,
          radiusX: random.between(9, 15),
          radiusY: random.between(3.2, 4.6),
          rotation: Math.atan2(Math.cos(angle) * depth, -side * Math.sin(angle) * width),
        }),
        random.between(320, 620),
      );
    }
  }
}
