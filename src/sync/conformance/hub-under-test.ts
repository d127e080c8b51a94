// The hub that is tried, and the device that tries it: enrolled once, by the invite, and a member until the last check.
import type { Invite } from '../../contract/invite.ts';
import { createDeviceKeys, type DeviceKeys } from '../protocol/device-keys.ts';
import { openLine, type TestLine } from './test-line.ts';

export interface HubUnderTest {
  readonly invite: Invite;
  readonly keys: DeviceKeys;
  /** Runs `work` on a new connection as the member, which enrols with the first one, and closes it. @throws the hub's refusal as Fault */
  asMember<Value>(work: (line: TestLine) => Promise<Value>): Promise<Value>;
}

/** Of what the test kit's device calls itself, for whoever looks at the members. */
export const testSite = 'Conformance test';

export function hubUnderTest(invite: Invite): HubUnderTest {
  const keys = createDeviceKeys();
  let isMember = false;
  return {
    invite,
    keys,
    async asMember(work) {
      const line = await openLine(invite, keys, { site: testSite, code: isMember ? null : invite.code });
      isMember = true;
      try {
        return await work(line);
      } finally {
        await line.close();
      }
    },
  };
}
