// Orders that are withdrawn before they are begun are not begun.
import { describe, expect, it } from 'vitest';
import type { CallName, FromStation } from '../../../src/contract/calls.ts';
import { openOrders } from '../../../src/station/orders.ts';

const order = (id: number, call: CallName = 'studies'): unknown => ({ id, call, arguments: {} });

describe('orders', () => {
  it('are answered each once; an abandoned one gets its signal, and an unknown number changes nothing', async () => {
    const told: FromStation[] = [];
    const signals: AbortSignal[] = [];
    const take = openOrders(
      async (_name, _input, signal) => {
        signals.push(signal);
        await new Promise((resolve) => setImmediate(resolve));
        return signal.aborted ? 'abandoned' : 'done';
      },
      (message) => told.push(message),
    );
    expect([order(1), { abandon: 1 }, order(2), { abandon: 99 }].map(take)).toEqual([true, true, true, true]);
    expect(take({ call: 'studies' })).toBe(false);
    await expect.poll(() => told.length).toBe(2);
    expect(told).toEqual([
      { id: 1, value: 'abandoned' },
      { id: 2, value: 'done' },
    ]);
    // After its answer there is nothing to abandon.
    take({ abandon: 2 });
    expect(signals[1]!.aborted).toBe(false);
  });

  it('give the memory of a frame back once it was told, and nothing else', async () => {
    const told: FromStation[] = [];
    const pixels = Uint8Array.of(1, 2, 3);
    const take = openOrders(
      async () => ({ pixels }),
      (message) => told.push(structuredClone(message)),
    );
    take(order(1, 'studies'));
    await expect.poll(() => told.length).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(pixels).toHaveLength(3);
    take(order(2, 'frame'));
    await expect.poll(() => told.length).toBe(2);
    expect(told[1]).toEqual({ id: 2, value: { pixels: Uint8Array.of(1, 2, 3) } });
    expect(pixels).toHaveLength(0);
  });

  it('whose answer cannot be told get a fault instead of silence', async () => {
    const told: FromStation[] = [];
    const take = openOrders(
      async () => () => 'no message can hold this',
      (message) => told.push(structuredClone(message)),
    );
    take(order(1));
    await expect.poll(() => told).toEqual([{ id: 1, fault: expect.objectContaining({ code: expect.any(Number) }) }]);
  });
});
