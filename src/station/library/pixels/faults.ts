// Faults of pixel decoding: codes 150–199. A retired code keeps its line as a tombstone.
import { Fault } from '../../../contract/fault.ts';

export const pixelFaults = {
  noPixelData: () =>
    new Fault({ code: 150, message: 'This instance has no image: it holds no pixel data.', retry: 'never' }),
  noSuchFrame: (frame: number, frames: number) =>
    new Fault({
      code: 151,
      message: `There is no frame ${frame}: the instance has ${frames}, counted from 1.`,
      retry: 'never',
    }),
  /** The image description contradicts itself or lacks something. */
  badDescription: (why: string) =>
    new Fault({
      code: 152,
      message: `The image description is unusable: ${why}. Ask the sender for the instance again.`,
      retry: 'never',
    }),
  /** Well formed, but a kind of image this version does not read. */
  unsupported: (what: string) =>
    new Fault({ code: 153, message: `This kind of image is not supported: ${what}.`, retry: 'never' }),
  shortPixelData: (frame: number, has: number, needs: number) =>
    new Fault({
      code: 154,
      message: `The pixel data breaks off: frame ${frame} has ${has} of ${needs} bytes. Ask the sender for the instance again.`,
      retry: 'never',
    }),
  damaged: (codec: string, why: string) =>
    new Fault({
      code: 155,
      message: `The ${codec} data of this frame cannot be decoded: ${why}. Ask the sender for the instance again.`,
      retry: 'never',
    }),
  tooLarge: (what: string) =>
    new Fault({ code: 156, message: `The image is larger than this program accepts: ${what}.`, retry: 'never' }),
  /** The frame's place in the encapsulated data cannot be told. */
  framesUnlocatable: (fragments: number, frames: number) =>
    new Fault({
      code: 157,
      message: `The ${frames} frames cannot be told apart in ${fragments} fragments. Ask the sender for the instance again.`,
      retry: 'never',
    }),
  hung: (limitMs: number) =>
    new Fault({ code: 158, message: `Decoding took longer than ${limitMs / 1000} s and was ended.`, retry: 'never' }),
  crashed: (why: string) =>
    new Fault({ code: 159, message: `Decoding this frame ended its worker: ${why}.`, retry: 'never' }),
  closed: () => new Fault({ code: 160, message: 'The pixel workers are closed.', retry: 'never' }),
  fileUnreadable: (why: string) =>
    new Fault({
      code: 161,
      message: `The file of this instance cannot be read: ${why}. Check that the folder, disc or drive that it lies on is there, or import it again.`,
      retry: 'later',
    }),
  /** Of a frame told in parts. */
  noSuchCopy: (copy: number, copies: number) =>
    new Fault({
      code: 162,
      message: `There is no reduced copy ${copy} of this frame: it has ${copies}. Open the image again.`,
      retry: 'never',
    }),
} as const;
