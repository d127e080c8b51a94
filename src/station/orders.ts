// Orders of one peer, a window or a command: each is answered once, and may be abandoned before. What is abandoned gets its
// signal; an order that has not begun is not begun.
import { abandonSchema, type CallName, type CallOutput, type FromStation, toStationSchema } from '../contract/calls.ts';
import { faultValueOf } from '../contract/fault.ts';
import { giveBack } from './give-back.ts';

export type Answer = (name: CallName, input: unknown, signal: AbortSignal) => Promise<unknown>;

/**
 * @param tell copies what it is given before it returns
 * @returns takes one message; false for what is neither an order nor an abandonment
 */
export function openOrders(answer: Answer, tell: (message: FromStation) => void): (message: unknown) => boolean {
  const running = new Map<number, AbortController>();
  return (message) => {
    const abandoned = abandonSchema.safeParse(message);
    if (abandoned.success) {
      running.get(abandoned.data.abandon)?.abort();
      return true;
    }
    const order = toStationSchema.safeParse(message);
    if (!order.success) return false;
    const { id, call } = order.data;
    const controller = new AbortController();
    running.set(id, controller);
    answer(call, order.data.arguments, controller.signal)
      .then((value) => {
        tell({ id, value });
        // A frame is its caller's own, and was copied into the message.
        if (call === 'frame') giveBack((value as CallOutput<'frame'>).pixels);
      })
      // What no message can hold, an answer that is too long for example, is told as a fault too.
      .catch((error: unknown) => tell({ id, fault: faultValueOf(error) }))
      .finally(() => running.delete(id));
    return true;
  };
}
