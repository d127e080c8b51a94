// A blob as the kit fetches it of a hub (docs/protocol.md 6.4).
import { randomBytes } from 'node:crypto';
import { must } from './check.ts';
import type { TestLine } from './test-line.ts';

export const newTransfer = (): string => randomBytes(16).toString('hex');

/** @throws Nonconformity where the hub does not give it whole */
export async function fetchWhole(
  line: TestLine,
  blob: { readonly hash: string; readonly bytes: number },
): Promise<void> {
  const transfer = newTransfer();
  const sending = await line.ask({ kind: 'get-begin', hash: blob.hash, offset: 0, transfer });
  must(sending.kind === 'sending', `It answered get-begin with ${sending.kind}.`);
  must(sending.bytes === blob.bytes, `It sends ${sending.bytes} bytes of ${blob.bytes}.`);
  // Acknowledges as it goes: no more than the window is on its way (6.5).
  const timer = setInterval(() => line.say({ kind: 'chunk-received', transfer, offset: line.received(transfer) }), 50);
  try {
    must((await line.payloadHash(transfer, blob.bytes)) === blob.hash, 'The bytes have another hash.');
  } finally {
    clearInterval(timer);
    line.say({ kind: 'chunk-received', transfer, offset: blob.bytes });
  }
}
