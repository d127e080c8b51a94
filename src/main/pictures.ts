// Pictures of what the window shows: taken, copied, and written where a person says.
import { rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { clipboard, ClipboardItem, type NativeImage, nativeImage, type WebContents } from 'electron';
import { z } from 'zod';
import { shellFault } from './faults.ts';

const lengthSchema = z.number().min(0).max(100_000);
const askedSchema = z.object({
  x: lengthSchema,
  y: lengthSchema,
  width: lengthSchema,
  height: lengthSchema,
  hasWords: z.boolean(),
});
const pngSchema = z.instanceof(Uint8Array).refine((bytes) => bytes.length < 2 ** 28);

/** How often a frame of the window is looked at, and how long between, until it is the one that was asked for. */
const looks = 100;
const betweenMs = 20;
/** Height of the mark, CSS pixels: as thick as ViewerScreen draws it. */
const markHeight = 2;

/**
 * PNG of a part of the window, in the pixels of the screen and without the mark along its upper edge: the window draws that in
 * magenta from the frame on in which what names the patient is hidden, in cyan where words are wanted. No other frame is taken.
 * @throws Fault 710 where that frame does not come
 */
export async function takePicture(contents: WebContents, asked: unknown): Promise<Uint8Array> {
  const css = askedSchema.parse(asked);
  const zoom = contents.getZoomFactor();
  const [left, top] = [css.x * zoom, css.y * zoom];
  const [right, bottom] = [left + css.width * zoom, top + css.height * zoom];
  // Every fourth pixel of the page is a whole one of the screen also at 125, 150 and 175 %: nothing is drawn between two of them.
  const [x, y] = [Math.floor(left / 4) * 4, Math.floor(top / 4) * 4];
  const part = { x, y, width: Math.ceil(right) - x, height: Math.ceil(bottom) - y };
  for (let look = 0; look < looks; look += 1) {
    const picture = await contents.capturePage(part);
    const density = picture.getSize().width / part.width;
    const onScreen = (length: number): number => Math.round(length * density);
    const [begin, end] = [onScreen(left - x), onScreen(right - x)];
    const columns = [begin + 1, Math.floor((begin + end) / 2), end - 2];
    const row = rowBelowMark(picture, columns, onScreen(top - y + markHeight * zoom) + 1, css.hasWords);
    if (row > 0)
      return picture.crop({ x: begin, y: row, width: end - begin, height: onScreen(bottom - y) - row }).toPNG();
    await delay(betweenMs);
  }
  throw shellFault.pictureNotTaken();
}

/** The first row that the mark leaves free, looked for in the upper `rows`; 0 where there is no mark. */
function rowBelowMark(picture: NativeImage, columns: readonly number[], rows: number, hasWords: boolean): number {
  const { width } = picture.getSize();
  const bitmap = picture.toBitmap();
  const isMark = (at: number): boolean => {
    const [blue = 0, green = 0, red = 0] = bitmap.subarray(at * 4, at * 4 + 3);
    const [high, low] = hasWords ? [green, red] : [red, green];
    // Within what the profile of a screen makes of a colour.
    return blue > 190 && high > 190 && low < 90;
  };
  for (let row = rows; row > 0; row -= 1) if (columns.every((column) => isMark((row - 1) * width + column))) return row;
  return 0;
}

/** Of Electron before it took over the web's clipboard. */
type OlderClipboard = { writeImage(image: NativeImage): void };

export async function copyPicture(png: unknown): Promise<void> {
  const bytes = Buffer.from(pngSchema.parse(png));
  if ((ClipboardItem as typeof ClipboardItem | undefined) !== undefined) {
    await clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })]);
  } else (clipboard as unknown as OlderClipboard).writeImage(nativeImage.createFromBuffer(bytes));
}

/** Beside its place, then renamed. @throws Fault 709 with the system's reason */
export async function writePicture(file: string, png: unknown): Promise<void> {
  const bytes = pngSchema.parse(png);
  const beside = `${file}.part`;
  try {
    await writeFile(beside, bytes);
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw shellFault.pictureNotWritten(error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
  }
}
