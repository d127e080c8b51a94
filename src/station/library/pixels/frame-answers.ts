import type { Answers } from '../../../contract/calls.ts';
import type { Frame } from '../../../contract/dicom.ts';
import type { frameCalls, FrameNamed } from '../../../contract/frame-calls.ts';
import type { Library } from '../library.ts';
import { withoutChrominance } from './colour.ts';
import { largeFrames } from './large-frames.ts';
import type { Urgency } from './pixel-workers.ts';

interface Parts {
  readonly library: Pick<Library, 'frame'>;
  /** Somebody looks at images: the workstation is in use. */
  readonly neighbour: { viewerWorks(): void };
}

/** The calls that tell decoded frames. */
export function frameAnswers({ library, neighbour }: Parts): Answers<keyof typeof frameCalls> {
  const large = largeFrames();

  async function decoded(named: FrameNamed, urgency: Urgency, isReduced: boolean): Promise<Frame> {
    const frame = await library.frame(named.sopInstanceUID, named.frame, urgency, isReduced);
    return named.colours === 'rgb' ? inRgb(frame) : frame;
  }

  return {
    frame: ({ urgency, size, ...named }) => {
      neighbour.viewerWorks();
      if (size === 'whole') return decoded(named, urgency, false);
      return large.head(named, () => decoded(named, urgency, true));
    },
    'frame-part': async (place) => {
      neighbour.viewerWorks();
      return { bytes: await large.part(place, () => decoded(place, 'now', true)) };
    },
  };
}

function inRgb(frame: Frame): Frame {
  const whole = withoutChrominance(frame);
  if (whole === frame || frame.reduced === undefined) return whole;
  const reduced = frame.reduced.map((copy) => ({
    ...copy,
    pixels: withoutChrominance({ ...frame, ...copy }).pixels,
  }));
  return { ...whole, reduced };
}
