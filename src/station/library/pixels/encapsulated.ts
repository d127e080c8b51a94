// Which decoder reads which transfer syntax (PS3.5 Annex A.4).
import type { Fault } from '../../../contract/fault.ts';
import { isEncapsulatedSyntax } from '../transfer-syntax.ts';
import type { DecodedSamples } from './decoded-samples.ts';
import { pixelFaults } from './faults.ts';
import type { ImageDescription } from './image-description.ts';
import type { WasmCodecs } from './wasm-codecs.ts';

type Decode = (
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
) => DecodedSamples | Promise<DecodedSamples>;

/** Read when first needed: an image that is not compressed starts without them. */
const rleFrame = async (): Promise<Decode> => (await import('./rle.ts')).rleFrame;
const jpegFrame = async (): Promise<Decode> => (await import('./jpeg/jpeg-frame.ts')).jpegFrame;
const jpegLsFrame = async (): Promise<Decode> => (await import('./jpeg-ls.ts')).jpegLsFrame;
const jpeg2000Frame = async (): Promise<Decode> => (await import('./jpeg2000.ts')).jpeg2000Frame;
const jpegXlFrame = async (): Promise<Decode> => (await import('./jpeg-xl.ts')).jpegXlFrame;
const htj2kFrame = async (): Promise<Decode> => (await import('./jpeg2000.ts')).htj2kFrame;

const decoders: Readonly<Record<string, () => Promise<Decode>>> = {
  '1.2.840.10008.1.2.5': rleFrame,
  // The JPEG processes name themselves in their frame header, which is believed before the transfer syntax.
  '1.2.840.10008.1.2.4.50': jpegFrame,
  '1.2.840.10008.1.2.4.51': jpegFrame,
  '1.2.840.10008.1.2.4.53': jpegFrame,
  '1.2.840.10008.1.2.4.55': jpegFrame,
  '1.2.840.10008.1.2.4.57': jpegFrame,
  '1.2.840.10008.1.2.4.70': jpegFrame,
  '1.2.840.10008.1.2.4.80': jpegLsFrame,
  '1.2.840.10008.1.2.4.81': jpegLsFrame,
  '1.2.840.10008.1.2.4.90': jpeg2000Frame,
  '1.2.840.10008.1.2.4.91': jpeg2000Frame,
  '1.2.840.10008.1.2.4.110': jpegXlFrame,
  '1.2.840.10008.1.2.4.111': jpegXlFrame,
  '1.2.840.10008.1.2.4.112': jpegXlFrame,
  '1.2.840.10008.1.2.4.201': htj2kFrame,
  '1.2.840.10008.1.2.4.202': htj2kFrame,
  '1.2.840.10008.1.2.4.203': htj2kFrame,
};

/** Whether pixel data of this transfer syntax can be decoded here. */
export const isDecodableSyntax = (transferSyntaxUID: string): boolean =>
  !isEncapsulatedSyntax(transferSyntaxUID) || transferSyntaxUID in decoders;

/** Known, but no single images that could be decoded by themselves. */
const whyUndecodable: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2.4.94': 'JPIP, whose pixels lie on a server',
  '1.2.840.10008.1.2.4.95': 'JPIP, whose pixels lie on a server',
  '1.2.840.10008.1.2.4.204': 'JPIP, whose pixels lie on a server',
  '1.2.840.10008.1.2.4.205': 'JPIP, whose pixels lie on a server',
  '1.2.840.10008.1.2.4.100': 'MPEG-2 video',
  '1.2.840.10008.1.2.4.100.1': 'MPEG-2 video',
  '1.2.840.10008.1.2.4.101': 'MPEG-2 video',
  '1.2.840.10008.1.2.4.101.1': 'MPEG-2 video',
  '1.2.840.10008.1.2.4.102': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.102.1': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.103': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.103.1': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.104': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.104.1': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.105': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.105.1': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.106': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.106.1': 'MPEG-4 AVC/H.264 video',
  '1.2.840.10008.1.2.4.107': 'HEVC/H.265 video',
  '1.2.840.10008.1.2.4.108': 'HEVC/H.265 video',
};

/** Fault 153 for a syntax that cannot be decoded. */
export const undecodable = (transferSyntaxUID: string): Fault =>
  pixelFaults.unsupported(whyUndecodable[transferSyntaxUID] ?? `transfer syntax ${transferSyntaxUID.slice(0, 64)}`);

/** @throws Fault 153 for a syntax without a decoder, and what the decoder throws. */
export async function decodeEncapsulated(
  transferSyntaxUID: string,
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
): Promise<DecodedSamples> {
  const decode = decoders[transferSyntaxUID];
  if (decode === undefined) throw undecodable(transferSyntaxUID);
  return (await decode())(encoded, image, codecs);
}
