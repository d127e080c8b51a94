// Carries each window's orders to the one station and brings the answers back to the window that asked; news go to all.
import { MessageChannelMain, type MessagePortMain, type WebContents } from 'electron';
import { abandonSchema, type FromStation, toStationSchema } from '../contract/calls.ts';
import type { Fault } from '../contract/fault.ts';
import { shellFault } from './faults.ts';
import type { StationProcess } from './station-process.ts';

export interface StationRelay {
  /** Gives a window its port; an earlier port of the same window is closed. */
  openPort(contents: WebContents): void;
  deliver(message: FromStation): void;
  /** Answers everything that waits with a fault: the station is gone. */
  failWaiting(): void;
}

interface Waiting {
  readonly port: MessagePortMain;
  readonly id: number;
}

/** `station` is asked for late, since station and relay need each other. */
export function openStationRelay(station: () => StationProcess): StationRelay {
  const ports = new Map<WebContents, MessagePortMain>();
  /** Orders under way by the relay's own numbers: two windows may use the same id. */
  const waiting = new Map<number, Waiting>();
  let lastId = 0;

  const refuse = (port: MessagePortMain, id: number, fault: Fault): void =>
    port.postMessage({ id, fault: fault.toValue() } satisfies FromStation);

  const abandon = (port: MessagePortMain, abandoned: number): void => {
    for (const [id, asked] of waiting)
      if (asked.port === port && asked.id === abandoned) station().send({ abandon: id });
  };

  const forward = (port: MessagePortMain, raw: unknown): void => {
    const abandoned = abandonSchema.safeParse(raw);
    if (abandoned.success) return abandon(port, abandoned.data.abandon);
    const order = toStationSchema.safeParse(raw);
    if (!order.success) {
      const id = (raw as { id?: unknown } | null)?.id;
      if (typeof id === 'number') refuse(port, id, shellFault.badOrder());
      return;
    }
    lastId += 1;
    waiting.set(lastId, { port, id: order.data.id });
    if (station().send({ ...order.data, id: lastId })) return;
    waiting.delete(lastId);
    const state = station().state;
    refuse(
      port,
      order.data.id,
      state.state === 'failed' ? shellFault.stationUnavailable(state.message) : shellFault.stationStopped(),
    );
  };

  const forget = (contents: WebContents): void => {
    const port = ports.get(contents);
    if (!port) return;
    ports.delete(contents);
    port.close();
    for (const [id, asked] of waiting) if (asked.port === port) waiting.delete(id);
  };

  return {
    openPort(contents) {
      forget(contents);
      const { port1, port2 } = new MessageChannelMain();
      ports.set(contents, port2);
      port2.on('message', ({ data }) => forward(port2, data));
      port2.start();
      contents.postMessage('station-port', null, [port1]);
      contents.once('destroyed', () => forget(contents));
    },
    deliver(message) {
      // The shell tells it as the station's state.
      if ('preparing' in message) return;
      if ('event' in message) {
        for (const port of ports.values()) port.postMessage(message);
        return;
      }
      const asked = waiting.get(message.id);
      if (!asked) return;
      waiting.delete(message.id);
      const { port, id } = asked;
      port.postMessage({ ...message, id } satisfies FromStation);
    },
    failWaiting() {
      for (const { port, id } of waiting.values()) refuse(port, id, shellFault.stationStopped());
      waiting.clear();
    },
  };
}
