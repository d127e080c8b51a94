// The hub that is tried, and the devices that try it: each enrolled once, by its invite, and a member until the last check.
import type { Invite } from '../../contract/invite.ts';
import { createDeviceKeys, type DeviceKeys } from '../protocol/device-keys.ts';
import type { Signed } from '../protocol/statement.ts';
import { openLine, type TestLine } from './test-line.ts';

export interface HubUnderTest {
  readonly invite: Invite;
  readonly keys: DeviceKeys;
  /** Of what the device calls itself, for whoever looks at the members. */
  readonly name: string;
  /** Another device, for what passes between two; null without a second invite. */
  readonly second: HubUnderTest | null;
  /** Runs `work` on a new connection as the member, which enrols with the first one, and closes it. @throws the hub's refusal as Fault */
  asMember<Value>(
    work: (line: TestLine) => Promise<Value>,
    says?: { readonly lastModelSequence?: number; readonly address?: Signed },
  ): Promise<Value>;
  /** Ends the membership, if there is one. */
  leave(): Promise<void>;
}

/** Of what the test kit's device calls itself. */
export const testSite = 'Conformance test';

export function hubUnderTest(invite: Invite, second: HubUnderTest | null = null, name = testSite): HubUnderTest {
  const keys = createDeviceKeys();
  let isMember = false;
  const hub: HubUnderTest = {
    invite,
    keys,
    name,
    second,
    async asMember(work, says = {}) {
      const line = await openLine(invite, keys, { site: name, code: isMember ? null : invite.code, ...says });
      isMember = true;
      try {
        return await work(line);
      } finally {
        await line.close();
      }
    },
    async leave() {
      if (isMember) await hub.asMember((line) => line.ask({ kind: 'leave' }));
    },
  };
  return hub;
}
