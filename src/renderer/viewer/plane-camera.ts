// How the camera of one plane is moved and what it sees: Cornerstone's cameras have a focal point, a position and a normal.
import type { Types } from '@cornerstonejs/core';
import { directionLetters, type EdgeLetters } from './orientation.ts';
import { cross, dot, minus, plus, type Vector } from './vectors.ts';

type Viewport = Types.IVolumeViewport;

/** A move of less than this is none, mm. */
const nowhereMm = 1e-4;

/** Towards the reader, of unit length; null before the plane is shown. */
export function normalOfPlane(viewport: Viewport): Vector | null {
  return viewport.getCamera().viewPlaneNormal ?? null;
}

/** Moves the plane along its normal, so that it goes through a point of the patient. */
export function goThrough(viewport: Viewport, point: Vector): void {
  const { focalPoint, viewPlaneNormal } = viewport.getCamera();
  if (!focalPoint || !viewPlaneNormal) return;
  const distance = dot(minus(point, focalPoint), viewPlaneNormal);
  if (Math.abs(distance) > nowhereMm) lookAt(viewport, plus(focalPoint, viewPlaneNormal, distance));
}

/** Fits the whole plane into its pane, through the same point of its normal as before. */
export function fitPlane(viewport: Viewport): void {
  const { focalPoint } = viewport.getCamera();
  viewport.resetCamera();
  if (focalPoint) goThrough(viewport, focalPoint);
  viewport.render();
}

/** Remembers how a plane is seen; what it returns shows it so again once its pane changed size: as large in it, the same middle. */
export function keptPlane(viewport: Viewport): () => void {
  const { focalPoint } = viewport.getCamera();
  const zoom = viewport.getZoom();
  return () => {
    viewport.resetCamera();
    viewport.setZoom(zoom);
    if (focalPoint) lookAt(viewport, focalPoint);
    viewport.render();
  };
}

export function zoomPlane(viewport: Viewport, factor: number): void {
  viewport.setZoom(viewport.getZoom() * factor);
  viewport.render();
}

/** By CSS pixels, to the right and down. */
export function panPlane(viewport: Viewport, right: number, down: number): void {
  const [x, y] = viewport.getPan();
  viewport.setPan([x + right, y + down]);
  viewport.render();
}

/** Which directions of the patient are at the edges. */
export function planeLetters(viewport: Viewport): EdgeLetters | null {
  const { viewUp, viewPlaneNormal } = viewport.getCamera();
  if (!viewUp || !viewPlaneNormal) return null;
  const right = cross(viewUp, viewPlaneNormal);
  const opposite = (vector: Vector): number[] => vector.map((part) => -part);
  return {
    top: directionLetters(viewUp),
    right: directionLetters(right),
    bottom: directionLetters(opposite(viewUp)),
    left: directionLetters(opposite(right)),
  };
}

function lookAt(viewport: Viewport, point: Vector): void {
  const { focalPoint, position } = viewport.getCamera();
  if (!focalPoint || !position) return;
  const way = minus(point, focalPoint);
  viewport.setCamera({ focalPoint: plus(focalPoint, way, 1), position: plus(position, way, 1) });
}
