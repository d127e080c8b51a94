// A hospital whose update would give an image away, in processes of their own: a dense first layer and batches of one, from which the probe
// reads the image exactly. Nothing leaves until a person says so.
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { CallOutput } from '../../../src/contract/calls.ts';
import type { Membership } from '../../../src/contract/federation.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { imagiq, start, temporaryFolder } from './imagiq.ts';
import { talkativeProject } from './talkative-project.ts';

test('an update that shows an image waits for a person, and is sent when told so', async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'hub');
  const project = path.join(folder, 'project.json');
  writeFileSync(project, JSON.stringify(talkativeProject));
  const hub = start('--json', 'hub', '--data', data, '--port', '0', '--federation', 'Chest', '--project', project);
  await hub.firstLine;
  const home = ['--home', path.join(folder, 'lyon')];
  const studies = path.join(folder, 'studies');
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: studies, patients: 12 });
  await imagiq(...home, 'import', studies);
  await imagiq(...home, 'cohort', 'create', 'chest', '--labels', labelsFile);
  const { invite } = (await imagiq('--json', 'invite', '--data', data)).json<{ invite: string }>();

  const join = ['join', invite, '--site', 'lyon', '--cohort', 'chest', '--wait'];
  const held = await imagiq(...home, '--json', ...join);
  expect(held.code).toBe(1);
  expect(held.stderr).toContain('nothing is sent before you decide');
  const membership = held.json<Membership>();
  expect(membership).toMatchObject({ trunkVersion: 0, updates: { accepted: 0, spooled: 0 } });
  expect(membership.leakProbe).toMatchObject({ isHeld: true, isRecognised: true, failure: null, images: 1 });
  expect(membership.leakProbe?.similarity).toBeGreaterThan(0.95);

  const status = await imagiq(...home, 'status');
  expect(status.stdout.match(/an image could be recognised/gi)).toHaveLength(1);
  expect(status.stdout).toContain('NOTHING IS SENT before you decide.');
  const pictures = path.join(folder, 'pictures');
  const taken = path.join(folder, 'taken');
  writeFileSync(taken, '');
  const nowhere = await imagiq(...home, '--json', 'leak-probe', '--federation', 'Chest', '--pictures', taken);
  expect(nowhere.json()).toMatchObject({ fault: { code: 821, message: expect.stringContaining(taken) } });
  const probed = await imagiq(...home, '--json', 'leak-probe', '--federation', 'Chest', '--pictures', pictures);
  const kept = probed.json<CallOutput<'kept-leak-probe'>>();
  expect(kept.finding?.sentence).toContain('An image could be recognised from the gradient of one image');
  expect(kept.pictures?.pairs).toHaveLength(1);
  expect(readdirSync(pictures)).toEqual(['01-guess.pgm', '01-truth.pgm']);

  const sent = await imagiq(...home, '--json', 'run', '--send-anyway');
  const { memberships } = sent.json<{ memberships: Membership[] }>();
  expect(memberships[0]).toMatchObject({ state: 'finished', leakProbe: { isHeld: false, isAccepted: true } });
  expect(sent.code).toBe(0);
  const acts = (await imagiq(...home, '--json', 'ledger', 'list')).stdout;
  expect(acts.indexOf('"leak-accepted"')).toBeGreaterThan(0);

  // Who is to be forgotten is not kept in a picture either.
  await imagiq(...home, 'leave');
  expect(readdirSync(path.join(folder, 'lyon', 'leak-probes'))).toEqual([]);
}, 300_000);
