// A hub refuses an update while the site's own disk takes no entry of it: nobody waits for a delivery, so it may not fail.
import { createHash } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { projectSchema } from '../../../../src/contract/federation.ts';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import type { Channel } from '../../../../src/sync/protocol/channel.ts';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import { newMembershipState } from '../../../../src/sync/site/membership-file.ts';
import { openOutbox } from '../../../../src/sync/site/outbox.ts';
import { nothingFound, openBench, practiceProject, weightsOf } from '../../../integration/sync/federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

it('a refusal that the ledger cannot take leaves the update in the spool, and the delivery does not fail', async () => {
  const keys = createDeviceKeys();
  const project = projectSchema.parse(practiceProject({}));
  const projectHash = createHash('sha256').update(JSON.stringify(project)).digest('hex');
  const state = newMembershipState({
    federation: 'ImagiQ',
    hubUrl: 'ws://127.0.0.1:1',
    hubFingerprint: createDeviceKeys().fingerprint,
    site: 'lyon',
  });
  const datasetFingerprint = '0'.repeat(64);
  Object.assign(state, {
    project: { project, hash: projectHash, isFinished: false },
    approval: { cohort: 'chest', projectHash, datasetFingerprint, acceptsLeak: false },
    leakProbe: { projectHash, datasetFingerprint, at: '', finding: nothingFound },
  });
  const channel = {
    putBlob: async () => {},
    ask: () => Promise.reject(new Fault({ code: 557, message: 'It changes too much.', retry: 'never' })),
  } as unknown as Channel;
  let isDiskFull = true;
  const blobs = openBlobFolder(bench.folder());
  const desk = {
    state,
    blobs,
    keys,
    clock: Date.now,
    save: () => {},
    changed: () => {},
    forget: (hash: string) => blobs.remove(hash),
    channel: () => channel,
    ledger(act: string) {
      if (act === 'update-refused' && isDiskFull) throw new Fault({ code: 641, message: 'No room.', retry: 'later' });
    },
  } as unknown as MembershipDesk;
  const outbox = openOutbox(desk, () => 0.9);
  bench.keep({
    async close() {
      outbox.close();
      await blobs.close();
    },
  });
  outbox.store({
    weights: weightsOf(1),
    examples: 10,
    loss: 0.5,
    trunk: { version: 0, blob: createHash('sha256').update(weightsOf(0)).digest('hex'), weights: weightsOf(0) },
  });

  await outbox.deliver();
  expect(state).toMatchObject({ reason: 'No room.', refused: 0 });
  expect(state.spool).toHaveLength(1);

  isDiskFull = false;
  await outbox.deliver();
  expect(state).toMatchObject({ reason: 'It changes too much.', refused: 1, spool: [] });
});
