// Control messages after the handshake carry an HMAC under the session's key and a counter: whatever sits between the ends
// (a TLS-intercepting proxy) can read them and cut the line, but not change, repeat or invent them.
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { wireFault } from './faults.ts';

const macCharacters = 43;

export interface SessionKeys {
  readonly siteToHub: Uint8Array;
  readonly hubToSite: Uint8Array;
}

export interface MessageSeal {
  /** Text frame: 43 characters of base64url HMAC-SHA-256, then the JSON. */
  seal(json: string): string;
  /** @throws Fault 402 when the frame was changed, repeated or left out. */
  open(frame: string): string;
}

/** For one session: its counters begin at 0, and both ends must count every frame. */
export function createMessageSeal(sendKey: Uint8Array, receiveKey: Uint8Array): MessageSeal {
  // Made once: given as bytes, Node makes a key of them for each message, which takes five times as long as the rest of it.
  const sending = createSecretKey(sendKey);
  const receiving = createSecretKey(receiveKey);
  let sent = 0;
  let received = 0;
  return {
    seal: (json) => mac(sending, sent++, json) + json,
    open(frame) {
      const json = frame.slice(macCharacters);
      // Character by character: the last one has two bits that say nothing, and other characters stand for the same ones.
      const claimed = Buffer.from(frame.slice(0, macCharacters));
      const expected = Buffer.from(mac(receiving, received, json));
      if (claimed.length !== expected.length || !timingSafeEqual(claimed, expected)) throw wireFault.forgedMessage();
      received += 1;
      return json;
    },
  };
}

function mac(key: KeyObject, counter: number, json: string): string {
  return createHmac('sha256', key).update(`${counter}\n`).update(json).digest('base64url');
}
