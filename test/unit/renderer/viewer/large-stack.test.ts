// A stack of large images, whose parts come while the reader moves on.
import { expect, test, vi } from 'vitest';
import { type Frame, type Instance, unknownGeometry } from '../../../../src/contract/dicom.ts';
import { FrameStore } from '../../../../src/renderer/viewer/frame-store.ts';
import { stackOf } from '../../../../src/renderer/viewer/stack.ts';
import { StackLoading } from '../../../../src/renderer/viewer/stack-loading.svelte.ts';
import { stationStandIn } from '../station-stand-in.ts';

const bytes = 8;
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const instances = names.map((sopInstanceUID) => ({
  sopInstanceUID,
  seriesInstanceUID: '1',
  frames: 1,
  rows: 2,
  columns: 2,
})) as Instance[];
/** Without its own pixels: they are told in two parts. */
const head = {
  rows: 2,
  columns: 2,
  samples: 1,
  bits: 16,
  pixels: new Uint8Array(0),
  reduced: [{ rows: 1, columns: 1, pixels: new Uint8Array(2) }],
  geometry: unknownGeometry,
} as unknown as Frame;

/** Opened at the first image. Every answer about a part waits until `answer` lets the oldest go. */
async function openedStack() {
  const heads: string[] = [];
  const parts: { name: string; from: number; go: () => void }[] = [];
  const held = new Map<string, Promise<void>>();
  const { link } = stationStandIn({
    frame: async ({ sopInstanceUID }: { sopInstanceUID: string }) => {
      heads.push(sopInstanceUID);
      await held.get(sopInstanceUID);
      return head;
    },
    'frame-part': ({ sopInstanceUID: name, from }: { sopInstanceUID: string; from: number }) =>
      new Promise((resolve) => {
        parts.push({ name, from, go: () => resolve({ bytes: new Uint8Array(bytes / 2).fill(1) }) });
      }),
  });
  const loading = new StackLoading(new FrameStore(link), () => {});
  loading.open(stackOf(instances));
  loading.show(0);
  await vi.waitFor(() => expect(parts).toHaveLength(1));
  const answer = async (): Promise<void> => {
    const asked = parts.length;
    parts[asked - 1]!.go();
    await vi.waitFor(() => expect(parts.length > asked || loading.shown!.frame.pixels.length > 0).toBe(true));
  };
  return { loading, heads, parts, held, answer };
}

test('what is filled while the reader waits for the next image keeps its own place', async () => {
  const { loading, held, answer } = await openedStack();
  held.set('b', new Promise(() => {}));
  loading.show(1);
  await answer();
  await answer();
  expect(loading.shown?.frame.pixels).toHaveLength(bytes);
  expect(loading.shown).toMatchObject({ index: 0, item: { instance: { sopInstanceUID: 'a' } } });
});

test('an image that the reader comes back to is filled once', async () => {
  const { loading, parts, answer } = await openedStack();
  loading.show(1);
  await vi.waitFor(() => expect(loading.shown?.index).toBe(1));
  loading.show(0);
  await vi.waitFor(() => expect(loading.shown?.index).toBe(0));
  await vi.waitFor(() => expect(parts.map(({ name }) => name)).toEqual(['a', 'b', 'a']));
  parts[0]!.go();
  await answer();
  await answer();
  expect(parts.map(({ name, from }) => `${name}${from}`)).toEqual(['a0', 'b0', 'a0', 'a4']);
});

test('an image that is asked for again while it is filled is not begun anew', async () => {
  const { loading, parts, answer } = await openedStack();
  loading.show(0);
  await vi.waitFor(() => expect(loading.isLoading).toBe(false));
  await answer();
  await answer();
  expect(parts.map(({ name, from }) => `${name}${from}`)).toEqual(['a0', 'a4']);
});

test('only two more are fetched ahead, and once the one on show is filled', async () => {
  const { heads, answer } = await openedStack();
  expect(heads).toEqual(['a']);
  await answer();
  await answer();
  await vi.waitFor(() => expect(heads).toEqual(['a', 'b', 'c']));
});
