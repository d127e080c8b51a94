// Where a floating card may lie at the foot of its stage without covering a control.

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * How far the card has to rise from where it lies so that it covers none of the controls: the least that does, 0 where nothing is
 * covered or no place within the stage is free. All boxes in the same pixels.
 * @param card where it lies without being raised
 * @param gap least distance to a control below it
 */
export function freeRise(card: Box, stage: Box, controls: readonly Box[], gap: number): number {
  const beside = controls.filter(({ left, right }) => left < card.right && right > card.left);
  const rises = [0, ...beside.map(({ top }) => card.bottom - top + gap)].filter(
    (rise) => rise >= 0 && card.top - rise >= stage.top,
  );
  const isFree = (rise: number): boolean =>
    beside.every(({ top, bottom }) => bottom <= card.top - rise || top >= card.bottom - rise);
  return rises.sort((a, b) => a - b).find(isFree) ?? 0;
}
