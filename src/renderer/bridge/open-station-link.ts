// Opens the window's end of the bridge. Everything that arrives is decoded by the contract.
import {
  type CallInput,
  type CallName,
  type CallOutput,
  calls,
  type EventName,
  events,
  fromStationSchema,
} from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import type { ShellBridge } from '../../contract/shell.ts';
import type { StationLink } from './station-link.ts';

interface Waiting {
  readonly name: CallName;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}
type Listener = (value: unknown) => void;

/** Opens this window's port. Orders given before it is there wait for it. */
export async function openStationLink(shell: ShellBridge): Promise<StationLink> {
  const port = await new Promise<MessagePort>((resolve) => {
    const take = (event: MessageEvent): void => {
      const [arrived] = event.ports;
      if (event.source !== window || event.data !== 'station-port' || !arrived) return;
      window.removeEventListener('message', take);
      resolve(arrived);
    };
    window.addEventListener('message', take);
    void shell.openStationPort();
  });

  const waiting = new Map<number, Waiting>();
  const listeners = new Map<EventName, Set<Listener>>();
  let lastId = 0;

  const settle = (id: number, use: (asked: Waiting) => void): void => {
    const asked = waiting.get(id);
    if (!asked) return;
    waiting.delete(id);
    use(asked);
  };
  port.addEventListener('message', ({ data }) => {
    const message = fromStationSchema.safeParse(data);
    if (!message.success || 'preparing' in message.data) return;
    if ('event' in message.data) {
      const { event } = message.data;
      const value = events[event].safeParse(message.data.value);
      if (value.success) for (const listener of listeners.get(event) ?? []) listener(value.data);
    } else if ('fault' in message.data) {
      const { id, fault } = message.data;
      settle(id, ({ reject }) => reject(new Fault(fault)));
    } else {
      const { id, value } = message.data;
      settle(id, ({ name, resolve, reject }) => {
        const output = calls[name].out.safeParse(value);
        if (output.success) resolve(output.data);
        else reject(unreadable(name, output.error.issues[0]?.message ?? ''));
      });
    }
  });
  port.start();

  return {
    ask<N extends CallName>(name: N, input: CallInput<N>, signal?: AbortSignal) {
      lastId += 1;
      const id = lastId;
      const abandon = (): void => port.postMessage({ abandon: id });
      return new Promise<CallOutput<N>>((resolve, reject) => {
        // The answer was decoded by this name's own schema before it gets here.
        waiting.set(id, { name, resolve: resolve as Waiting['resolve'], reject });
        // Orders are plain data, but may be Svelte's proxies, which do not cross a port.
        port.postMessage({ id, call: name, arguments: JSON.parse(JSON.stringify(input)) as unknown });
        signal?.addEventListener('abort', abandon, { once: true });
      }).finally(() => signal?.removeEventListener('abort', abandon));
    },
    watch(name, listener) {
      const heard = listeners.get(name) ?? new Set<Listener>();
      listeners.set(name, heard);
      heard.add(listener as Listener);
      return () => heard.delete(listener as Listener);
    },
  };
}

function unreadable(name: CallName, detail: string): Fault {
  return new Fault({
    code: 703,
    message: `The answer to “${name}” could not be read (${detail}). Restart ImagiQ; if it stays so, reinstall it.`,
    retry: 'never',
  });
}
