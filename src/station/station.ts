// The station process: speaks the contract's envelopes with its parent (the Electron shell) over process messages, and with
// `imagiq` on the same home folder over the local socket.
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import type { EventName, FromStation } from '../contract/calls.ts';
import { Fault, faultValueOf } from '../contract/fault.ts';
import { keyChainNewsSchema, type SealingOrder, sealingOrderSchema } from '../contract/key-chain.ts';
import { stationAnswers } from './answer.ts';
import { homeInUseCode, isDiskFull, stationFault } from './faults.ts';
import { type LocalDoor, serveLocalStation } from './local-socket.ts';
import { openOrders } from './orders.ts';
import { openStation, type Station } from './open-station.ts';
import { changeSealing } from './sealing-acts.ts';

/** How long the station of a window just closed may take to write its checkpoints, and how often that is looked at. */
const homeWaitMs = 15_000;
const homeLookEveryMs = 200;

// Whatever is written here is about patients: for this user only.
process.umask(0o077);
// Ctrl+C goes to the whole group; the station ends with its parent, not beside it.
process.on('SIGINT', () => {});

const { values } = parseArgs({ options: { home: { type: 'string' } }, strict: true });
if (!values.home || !process.send) {
  console.error('usage: station --home FOLDER (started by the ImagiQ shell)');
  process.exit(2);
}

/** A parent may go while it is told: with a callback that is no error of this process, which has to close in order. */
const tell = (message: FromStation): void => {
  if (process.connected) process.send?.(message, () => {});
};

const [firstWords] = (await once(process, 'message')) as [unknown];
const { keyChain } = keyChainNewsSchema.parse(firstWords);

let door: LocalDoor | null = null;
try {
  const station = await openWhenFree({
    home: values.home,
    keyChain,
    onPreparing: (preparing) => tell({ preparing }),
    onEvent: (event: EventName, value: unknown) => {
      tell({ event, value });
      door?.tell(event, value);
    },
  });
  const answer = stationAnswers(station);
  door = await serveLocalStation(station.home.folder, answer).catch(async (error: unknown) => {
    await station.close();
    throw error;
  });

  // The shell is ours; a message that is no order can only be a version mismatch, and has no id to answer to.
  const take = openOrders(answer, tell);
  process.on('message', (message: unknown) => {
    const order = sealingOrderSchema.safeParse(message);
    if (order.success) obeySealing(station, order.data);
    else take(message);
  });
  let isClosing = false;
  const close = async (): Promise<void> => {
    if (isClosing) return;
    isClosing = true;
    await door?.close();
    await station.close();
    process.exit(0);
  };
  process.on('disconnect', () => void close());
  process.on('SIGTERM', () => void close());
  // The parent may have gone while the folder was opened: no event tells of that any more.
  if (process.connected) tell({ event: 'library-changed', value: {} });
  else await close();
} catch (error) {
  // Told with id 0, which no call uses: the shell shows it instead of the window's screens.
  tell({ id: 0, fault: faultValueOf(error) });
  process.exitCode = 1;
  process.disconnect?.();
}

/** Only the shell can order it, for only it has a key chain. */
function obeySealing(station: Station, { id, sealing }: SealingOrder): void {
  try {
    tell({ id, value: { isSealed: changeSealing(station, sealing) } });
  } catch (error) {
    tell({ id, fault: isDiskFull(error) ? stationFault.diskFull().toValue() : faultValueOf(error) });
  }
}

/** A window closed and opened again meets the station before, which is still writing its checkpoints: that is waited for. */
async function openWhenFree(options: Parameters<typeof openStation>[0]): ReturnType<typeof openStation> {
  const deadline = Date.now() + homeWaitMs;
  for (;;) {
    try {
      return await openStation(options);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== homeInUseCode || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, homeLookEveryMs));
    }
  }
}
