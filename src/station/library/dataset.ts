// A DICOM data set read from bytes as they come: with or without preamble, meta header and explicit representations, in
// either byte order, deflated, nested, broken off. What could be read is kept; `damaged` says what could not.
// It reads structure only: text is decoded in values.ts, pixels in pixels/.

/** One element. Offsets and lengths are in bytes and point into `DataSet.bytes`. */
export interface Element {
  /** 0xGGGGEEEE */
  readonly tag: number;
  /** Two letters; in implicit encoding the dictionary's, `UN` where it knows none. */
  readonly vr: string;
  readonly offset: number;
  readonly length: number;
  /** The items of a sequence, null for any other value. Empty where `parseDataset` was told not to keep them. */
  readonly items: readonly Item[] | null;
  /** True where this element's values are big endian. */
  readonly bigEndian: boolean;
}

/** Elements by tag, in file order. */
export interface Item {
  readonly elements: ReadonlyMap<number, Element>;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface PixelData {
  readonly tag: number;
  readonly vr: string;
  /** Where the value begins in `DataSet.bytes`. */
  readonly offset: number;
  /** Bytes of the value; cut at the end of the bytes where `damaged`. 0 for encapsulated data not parsed yet. */
  readonly length: number;
  readonly encapsulated: boolean;
  /** The fragments after the basic offset table, in order; empty when native or when `stopAtPixelData`. */
  readonly fragments: readonly ByteRange[];
  /** Basic offset table: bytes from the first fragment's item tag to each frame's first one. Empty where absent. */
  readonly basicOffsets: readonly number[];
  /** Extended offset table (7FE0,0001) and lengths (7FE0,0002); null where absent. */
  readonly extendedOffsets: readonly number[] | null;
  readonly extendedLengths: readonly number[] | null;
  readonly damaged: boolean;
}

export interface DataSet extends Item {
  /** What offsets point into: the input, or its inflated form. */
  readonly bytes: Uint8Array;
  /** File meta information (group 0002); empty where the file has none. */
  readonly meta: ReadonlyMap<number, Element>;
  /** As declared, or as the bytes show where nothing (or nonsense) is declared. */
  readonly transferSyntaxUID: string;
  readonly implicit: boolean;
  readonly bigEndian: boolean;
  readonly deflated: boolean;
  readonly pixelData: PixelData | null;
  /** Why reading ended early, null for a whole data set. */
  readonly damaged: string | null;
  /** True where the bytes ended before the data set or its pixel data began: with more of the file, read again. */
  readonly endedEarly: boolean;
  /** Bytes behind the data, or behind what the image needs of them, that belong to nothing; 0 where nobody looked. */
  readonly surplusBytes: number;
}

export interface ParseOptions {
  /** Stop where the pixel data's value begins: fragments are not listed, what follows is not read. Default false. */
  readonly stopAtPixelData?: boolean;
  /** Keep the items of sequences. Default true; an index needs none. */
  readonly keepItems?: boolean;
  /** Most bytes that a deflated data set may inflate to. Default 512 MiB. */
  readonly inflateLimitBytes?: number;
}
