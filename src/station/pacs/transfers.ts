// Runs retrievals and sendings, one at a time. A study that fails does not stop the others, unless nobody at the other
// end answers any more. What arrived or was sent before a cancel or a failure stays, and is not moved again.
import { faultValueOf } from '../../contract/fault.ts';
import type { RetrieveMethod, TransferProgress, TransferReport } from '../../contract/pacs.ts';
import type { Accepted, InstanceIntake } from '../library/instance-intake.ts';
import { pacsFault } from './faults.ts';
import type { PeerClient, SendFile } from './peer-client.ts';
import { TransferTally } from './transfer-tally.ts';

export interface RetrieveOrder {
  readonly peer: string;
  readonly client: PeerClient;
  /** The wanted series of each study; null for all of it. */
  readonly studies: ReadonlyMap<string, readonly string[] | null>;
  readonly method: RetrieveMethod;
  readonly intake: InstanceIntake;
  isHere(sopInstanceUID: string): boolean;
  /** Hears of each instance that came, in any way. */
  onArrival(accepted: Accepted): void;
}

export interface SendOrder {
  readonly peer: string;
  readonly client: PeerClient;
  readonly studies: readonly StudyToSend[];
}

export interface StudyToSend {
  readonly studyInstanceUID: string;
  /** How many series are sent of it; null where all of it is. */
  readonly series: number | null;
  readonly files: readonly SendFile[];
  /** What was asked for and does not lie in the library, for a person. */
  readonly absent: readonly string[];
}

/** How many whole studies are sent, and how many single series. */
export function partsOf(studies: readonly StudyToSend[]): { whole: number; single: number } {
  const whole = studies.filter(({ series, files }) => series === null && files.length > 0).length;
  return { whole, single: studies.reduce((sum, { series }) => sum + (series ?? 0), 0) };
}

export interface Transfers {
  /** @throws Fault 651 while another transfer runs. */
  retrieve(order: RetrieveOrder): Promise<TransferReport>;
  /** @throws Fault 651. */
  send(order: SendOrder): Promise<TransferReport>;
  isRunning(): boolean;
  /** Ends the running transfer, if any; its report says so. */
  cancel(): void;
  /** Cancels, and resolves when the running transfer has ended. */
  close(): Promise<void>;
}

/** Cannot get better with the next study: TLS, user name and password, address. */
const hopelessCodes = new Set([654, 655, 656]);
/** Nobody there, or no answer in time: so many studies in a row, and the rest is not tried. */
const silentCodes = new Set([652, 653]);
const silentLimit = 3;

const seriesOf = (chosen: readonly string[] | null | undefined): { seriesInstanceUIDs?: readonly string[] } =>
  chosen ? { seriesInstanceUIDs: chosen } : {};

export function openTransfers(onProgress: (progress: TransferProgress) => void): Transfers {
  let running: { readonly control: AbortController; readonly ended: Promise<unknown> } | null = null;

  async function oneAtATime(run: (signal: AbortSignal) => Promise<TransferReport>): Promise<TransferReport> {
    if (running !== null) throw pacsFault.transferRunning();
    const control = new AbortController();
    const report = run(control.signal);
    running = { control, ended: report.catch(() => {}) };
    try {
      return await report;
    } finally {
      running = null;
    }
  }

  return {
    retrieve: ({ peer, client, studies, method, intake, isHere, onArrival }) =>
      oneAtATime(async (signal) => {
        const whole = [...studies.values()].filter((chosen) => chosen === null).length;
        const series = [...studies.values()].reduce((sum, chosen) => sum + (chosen?.length ?? 0), 0);
        const tally = new TransferTally({ direction: 'retrieve', peer, studies: whole, series, onProgress });
        const told = new Map<string, number>();
        await eachStudy([...studies.keys()], tally, signal, (studyInstanceUID, study) =>
          client.retrieve(studyInstanceUID, {
            ...seriesOf(studies.get(studyInstanceUID)),
            method,
            signal,
            intake,
            isHere(sopInstanceUID) {
              const isKnown = isHere(sopInstanceUID);
              if (isKnown) tally.here.add(sopInstanceUID);
              return isKnown;
            },
            onInstance(accepted) {
              // What came though it was not asked for is told once, as what came.
              if (accepted.kind !== 'refused') tally.here.delete(accepted.sopInstanceUID);
              if (accepted.kind === 'imported') tally.completed += 1;
              else if (accepted.kind === 'duplicate') tally.duplicates += 1;
              else tally.fail(`Study ${studyInstanceUID}: ${accepted.reason}`);
              if (accepted.kind === 'imported' && accepted.replaced !== undefined) tally.replaced += 1;
              onArrival(accepted);
              tally.tell();
            },
            onFailure: (why) => tally.fail(why),
            onTotal(instances) {
              study.expected = instances;
              told.set(studyInstanceUID, instances);
              // A sum is a total when every study has told its part.
              if (told.size === studies.size) tally.total = [...told.values()].reduce((a, b) => a + b, 0);
              tally.tell();
            },
          }),
        );
        await intake.flush();
        return tally.report(signal.aborted);
      }),

    send: ({ peer, client, studies }) =>
      oneAtATime(async (signal) => {
        const { whole, single } = partsOf(studies);
        const tally = new TransferTally({ direction: 'send', peer, studies: whole, series: single, onProgress });
        tally.total = studies.reduce((sum, { files, absent }) => sum + files.length + absent.length, 0);
        for (const what of studies.flatMap(({ absent }) => absent)) tally.fail(`${what}: not in this library.`);
        const files = new Map(studies.map((one) => [one.studyInstanceUID, one.files]));
        const there = [...files.keys()].filter((uid) => files.get(uid)!.length > 0);
        await eachStudy(there, tally, signal, (studyInstanceUID, study) => {
          const list = files.get(studyInstanceUID) ?? [];
          study.expected = list.length;
          return client.send(list, {
            signal,
            onSent() {
              tally.completed += 1;
              tally.tell();
            },
            onFailure: (why) => tally.fail(why),
          });
        });
        return tally.report(signal.aborted);
      }),

    isRunning: () => running !== null,
    cancel: () => running?.control.abort(),
    async close() {
      running?.control.abort();
      await running?.ended;
    },
  };
}

async function eachStudy(
  studyInstanceUIDs: readonly string[],
  tally: TransferTally,
  signal: AbortSignal,
  run: (studyInstanceUID: string, study: { expected: number | null }) => Promise<void>,
): Promise<void> {
  tally.tell(true);
  let silentStudies = 0;
  for (const [index, studyInstanceUID] of studyInstanceUIDs.entries()) {
    if (signal.aborted) break;
    const endedBefore = tally.ended;
    const study: { expected: number | null } = { expected: null };
    try {
      await run(studyInstanceUID, study);
      silentStudies = 0;
    } catch (error) {
      if (signal.aborted) break;
      const { code, message } = faultValueOf(error);
      tally.fail(
        `Study ${studyInstanceUID}: ${message}`,
        Math.max(1, (study.expected ?? 0) - (tally.ended - endedBefore)),
      );
      silentStudies = silentCodes.has(code) && tally.ended === endedBefore + 1 ? silentStudies + 1 : 0;
      const left = studyInstanceUIDs.length - index - 1;
      if (left > 0 && (hopelessCodes.has(code) || silentStudies === silentLimit)) {
        tally.fail(`${left} further ${left === 1 ? 'study was' : 'studies were'} not tried.`, left);
        break;
      }
    }
  }
  tally.tell(true);
}
