// Pictures of what the window shows: taken, copied, and written where a person says.
import { rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { clipboard, ClipboardItem, type NativeImage, nativeImage, type WebContents } from 'electron';
import { z } from 'zod';
import { shellFault } from './faults.ts';

const lengthSchema = z.number().min(0).max(100_000);
const areaSchema = z.object({ x: lengthSchema, y: lengthSchema, width: lengthSchema, height: lengthSchema });
const pngSchema = z.instanceof(Uint8Array).refine((bytes) => bytes.length < 2 ** 28);

/** How often a frame of the window is looked at, and how long between, until it is the one that was asked for. */
const looks = 100;
const betweenMs = 20;

/**
 * PNG of a part of the window, in the pixels of the screen and without its first row: the window draws that row in magenta from
 * the frame on that is meant, in which what names the patient is hidden. An earlier frame is never taken.
 * @throws Fault 710 where that frame does not come, and where `area` is none
 */
export async function takePicture(contents: WebContents, area: unknown): Promise<Uint8Array> {
  const css = areaSchema.parse(area);
  const zoom = contents.getZoomFactor();
  const [x, y, width, height] = [css.x, css.y, css.width, css.height].map((length) => Math.round(length * zoom));
  for (let look = 0; look < looks; look += 1) {
    const picture = await contents.capturePage({ x: x!, y: y!, width: width!, height: height! });
    if (isMarked(picture)) {
      const size = picture.getSize();
      const row = Math.ceil(size.height / css.height);
      return picture.crop({ x: 0, y: row, width: size.width, height: size.height - row }).toPNG();
    }
    await delay(betweenMs);
  }
  throw shellFault.pictureNotTaken();
}

/** Within what the profile of a screen makes of a colour. */
function isMarked(picture: NativeImage): boolean {
  const { width, height } = picture.getSize();
  if (width < 3 || height < 3) return false;
  const bitmap = picture.toBitmap();
  return [1, Math.floor(width / 2), width - 2].every((column) => {
    const [blue = 0, green = 255, red = 0] = bitmap.subarray(column * 4, column * 4 + 3);
    return red > 190 && green < 90 && blue > 190;
  });
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
