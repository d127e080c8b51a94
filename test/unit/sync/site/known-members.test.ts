import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { signStatement } from '../../../../src/sync/protocol/statement.ts';
import { openKnownMembersFile } from '../../../../src/sync/site/known-members.ts';
import {
  type MembershipState,
  newMembershipState,
  readMembershipState,
  writeMembershipState,
} from '../../../../src/sync/site/membership-file.ts';
import { openBench } from '../../../integration/sync/federation-fixture.ts';

const bench = openBench();
beforeEach(() => void vi.useFakeTimers());
afterEach(async () => {
  vi.useRealTimers();
  await bench.close();
});

const start = { federation: 'ImagiQ', hubUrl: 'ws://127.0.0.1:1', hubFingerprint: 'a'.repeat(64), site: 'Lyon' };

function meet(state: MembershipState, site: string): void {
  const keys = createDeviceKeys();
  const { publicKey, boxPublicKey, fingerprint } = keys;
  state.cards[fingerprint] = signStatement('site-card', { site, publicKey, boxPublicKey }, keys);
  state.members.push({ site, online: true, updates: 0, lastSeen: null, takesPart: true });
  state.memberFingerprints.push(fingerprint);
}

it('a folder of an earlier version, whose one file names the members too, is read, and written in two', () => {
  const folder = bench.folder();
  const state = newMembershipState(start);
  meet(state, 'Oslo');
  writeFileSync(path.join(folder, 'membership.json'), JSON.stringify(state));

  const read = readMembershipState(folder)!;
  expect(read).toEqual(state);
  openKnownMembersFile(folder, read).flush();
  writeMembershipState(folder, read);
  expect(readFileSync(path.join(folder, 'membership.json'), 'utf8')).not.toContain('Oslo');
  expect(readMembershipState(folder)).toEqual(state);
});

it('an earlier version that wrote the folder since is believed', () => {
  const folder = bench.folder();
  const state = newMembershipState(start);
  meet(state, 'Oslo');
  openKnownMembersFile(folder, state).flush();
  meet(state, 'Quito');
  writeFileSync(path.join(folder, 'membership.json'), JSON.stringify(state));
  expect(readMembershipState(folder)!.members.map(({ site }) => site)).toEqual(['Oslo', 'Quito']);
});

it('many changes of members are one write, two seconds later at most', () => {
  const folder = bench.folder();
  const state = newMembershipState(start);
  writeMembershipState(folder, state);
  const file = openKnownMembersFile(folder, state);
  for (const site of ['Oslo', 'Quito', 'Seoul']) {
    meet(state, site);
    file.changed();
    vi.advanceTimersByTime(500);
  }
  expect(existsSync(path.join(folder, 'members.json'))).toBe(false);
  vi.advanceTimersByTime(500);
  expect(readMembershipState(folder)!.members).toHaveLength(3);
});

it('what waits to be written is written before it is closed', () => {
  const folder = bench.folder();
  const state = newMembershipState(start);
  writeMembershipState(folder, state);
  const file = openKnownMembersFile(folder, state);
  meet(state, 'Oslo');
  file.changed();
  file.close();
  expect(readMembershipState(folder)!.members).toHaveLength(1);
});

it('a file of members that cannot be read costs no membership: the hub names them again', () => {
  const folder = bench.folder();
  const state = newMembershipState(start);
  writeMembershipState(folder, { ...state, accepted: 3 });
  writeFileSync(path.join(folder, 'members.json'), '{"cards":');
  expect(readMembershipState(folder)).toMatchObject({ accepted: 3, members: [], cards: {} });
});
