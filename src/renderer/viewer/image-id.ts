// The name under which Cornerstone knows a frame.
export const imageScheme = 'imagiq';

export interface NamedImage {
  readonly sopInstanceUID: string;
  /** Counts from 1. */
  readonly frame: number;
  /** Whether the values went through the file's VOI LUT. */
  readonly isThroughTable: boolean;
  /** Whether it is a slice of a volume: then it lies where the patient does, otherwise in a plane of its own. */
  readonly isInVolume?: boolean;
}

export function imageIdOf({ sopInstanceUID, frame, isThroughTable, isInVolume = false }: NamedImage): string {
  return `${imageScheme}:${sopInstanceUID}/${frame}${isThroughTable ? '/table' : ''}${isInVolume ? '/volume' : ''}`;
}

/** Null for a name that is not ours. */
export function parseImageId(imageId: string): NamedImage | null {
  const found = /^imagiq:([0-9.]+)\/(\d+)(\/table)?(\/volume)?$/.exec(imageId);
  const [, sopInstanceUID, frame, table, volume] = found ?? [];
  if (sopInstanceUID === undefined || frame === undefined) return null;
  return {
    sopInstanceUID,
    frame: Number(frame),
    isThroughTable: table !== undefined,
    isInVolume: volume !== undefined,
  };
}
