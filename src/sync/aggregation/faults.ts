// Why an update is refused (550–569). The sender reads these: each says what is wrong with the update and what to do.
import { Fault } from '../../contract/fault.ts';
import { type SitesAwaited, sitesAwaitedText } from '../../contract/federation.ts';

const never = (code: number, message: string): Fault => new Fault({ code, message, retry: 'never' });

export const aggregationFault = {
  unreadable: (reason: string) =>
    never(
      550,
      `The update cannot be read: ${reason}. It was damaged on the way or made by other software; send it anew.`,
    ),
  tooLarge: (bytes: number, limitBytes: number) =>
    never(551, `The update has ${bytes} bytes where this project's network allows ${limitBytes}. It was not opened.`),
  otherTensors: (reason: string) =>
    never(552, `The update does not fit the project's network: ${reason}. Pull the trunk and train from it.`),
  otherShape: (tensor: string, shape: readonly number[], expected: readonly number[]) =>
    never(
      553,
      `Tensor ${tensor} of the update is [${shape.join(', ')}] where the project's network has ` +
        `[${expected.join(', ')}]. Pull the trunk and train from it.`,
    ),
  otherCodec: (found: string, expected: string) =>
    never(
      554,
      `The update is encoded as ${found} where the project agreed on ${expected}. Encode it so and send it again.`,
    ),
  notFinite: (tensor: string) =>
    never(
      555,
      `Tensor ${tensor} of the update holds values that are not numbers (NaN or infinite): the training diverged. ` +
        'Train again from the trunk with a lower learning rate.',
    ),
  outOfRange: (tensor: string, limit: number) =>
    never(
      556,
      `Tensor ${tensor} of the update changes a weight by more than ${limit}: the training diverged. ` +
        'Train again from the trunk with a lower learning rate.',
    ),
  normTooLarge: (norm: number, limit: number) =>
    never(
      557,
      `The update's norm is ${norm.toPrecision(4)} where the project allows ${limit.toPrecision(4)}. ` +
        'Train for fewer epochs or with a lower learning rate; if the updates of every site are as long, ask the coordinator to raise the limit.',
    ),
  contradictory: (id: string) =>
    never(558, `Update ${id} was offered twice with different numbers. Offer each update once, or always the same.`),
  noExamples: (id: string) =>
    never(
      559,
      `Update ${id} was trained on no examples, or says so. Train on a cohort with examples and send it again.`,
    ),
  tooStale: (stalenessCommits: number, limit: number) =>
    never(
      560,
      `The update is ${stalenessCommits} trunk commits old where the project allows ${limit}. ` +
        'Pull the newest trunk and train from it.',
    ),
  tooManyWaiting: (updates: number) =>
    new Fault({
      code: 561,
      message:
        `${updates} updates of this site already wait for those of other sites, which this project's rule counts alike. ` +
        'Send it again after the next commit.',
      retry: 'later',
    }),
  sitesAwaited: (awaited: SitesAwaited) =>
    new Fault({
      code: 564,
      message: `The project is ${sitesAwaitedText(awaited)}. An update of this site is among those that wait; it sends the next by itself when enough sites have sent one.`,
      retry: 'later',
    }),
  unpacksTooLarge: (limitBytes: number) =>
    never(
      562,
      `The update unpacks to more than the ${limitBytes} bytes that this project's network allows. It was not opened any further; ` +
        'pack the update itself and nothing else.',
    ),
  noStatistic: (tensor: string, measured: number) =>
    never(
      563,
      `The update says that ${tensor} was measured as ${measured.toPrecision(4)}, which no images of this network's scale give. ` +
        'Train again from the trunk with a lower learning rate, and look at the images.',
    ),
} as const;
