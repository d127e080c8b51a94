// A large frame comes with small copies of it, and its own pixels part by part behind them: the window answers in between.
import type { Frame } from '../../contract/dicom.ts';

/** What a frame takes in the window's memory. */
export function bytesHere({ pixels, reduced = [] }: Frame): number {
  return reduced.reduce((sum, copy) => sum + copy.pixels.byteLength, pixels.byteLength);
}

/**
 * The frame with one more of its copies, the smallest that is missing first, and at last with its own pixels.
 * @param ask for the bytes of a copy from a byte on (0: the frame itself); null: nobody wants them any more
 */
export async function* filling(
  frame: Frame,
  ask: (copy: number, from: number) => Promise<Uint8Array | null>,
): AsyncGenerator<Frame> {
  let filled = frame;
  for (let copy = frame.reduced?.length ?? -1; copy >= 0; copy -= 1) {
    const { pixels, rows, columns } = copy === 0 ? filled : filled.reduced![copy - 1]!;
    if (pixels.length > 0) continue;
    const whole = new Uint8Array(rows * columns * frame.samples * (frame.bits / 8));
    for (let from = 0; from < whole.length;) {
      const part = await ask(copy, from);
      if (part === null || part.length === 0) return;
      whole.set(part, from);
      from += part.length;
    }
    filled =
      copy === 0
        ? { ...filled, pixels: whole }
        : { ...filled, reduced: filled.reduced!.with(copy - 1, { rows, columns, pixels: whole }) };
    yield filled;
  }
}
