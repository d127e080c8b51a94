// Before a codec allocates what a codestream asks for, the codestream must ask for what the data set announced.
import { pixelFaults } from './faults.ts';
import type { ImageDescription } from './image-description.ts';

/** @throws Fault 152 where the compressed image is of another shape than its header says. */
export function checkSize(image: ImageDescription, rows: number, columns: number, samples: number): void {
  if (rows === image.rows && columns === image.columns && samples === image.samples) return;
  throw pixelFaults.badDescription(
    `the header says ${image.columns} × ${image.rows} × ${image.samples}, the compressed image ${columns} × ${rows} × ${samples}`,
  );
}
