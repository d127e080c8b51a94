import { expect, test } from 'vitest';
import { type Pane, PanePointer } from '../../../../src/renderer/viewer/pane-pointer.svelte.ts';

type Moved = Parameters<PanePointer['move']>[0];

/** Where the shape that is drawn is moved to. */
function drawingPane(isTracing: boolean): { readonly pointer: PanePointer; readonly moves: (readonly number[])[] } {
  const moves: (readonly number[])[] = [];
  const measuring = { drawing: { isTracing }, move: (at: readonly number[]) => moves.push(at) };
  const pane = { cross: { at: null, measuring }, view: {}, reading: {}, stage: null };
  return { pointer: new PanePointer(() => pane as unknown as Pane), moves };
}

/** The browser gives one event a frame, which holds those between. */
const moved = {
  clientX: 3,
  clientY: 4,
  getCoalescedEvents: () => [
    { clientX: 1, clientY: 2 },
    { clientX: 2, clientY: 3 },
    { clientX: 3, clientY: 4 },
  ],
} as unknown as Moved;

test('an outline goes through every place that the pointer passed between two frames', () => {
  const { pointer, moves } = drawingPane(true);
  pointer.move(moved);
  expect(moves).toEqual([
    [1, 2],
    [2, 3],
    [3, 4],
  ]);
  // An event that holds none is its own.
  pointer.move({ clientX: 5, clientY: 6, getCoalescedEvents: () => [] } as unknown as Moved);
  expect(moves.at(-1)).toEqual([5, 6]);
});

test('another shape goes where the pointer is', () => {
  const { pointer, moves } = drawingPane(false);
  pointer.move(moved);
  expect(moves).toEqual([[3, 4]]);
});
