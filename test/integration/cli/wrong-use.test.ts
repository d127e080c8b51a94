// What the command line refuses before anything is opened or trained, and how it says so.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeCertificate } from '../sync/own-certificate.ts';
import { imagiq, temporaryFolder } from './imagiq.ts';

const home = () => ['--home', path.join(temporaryFolder(), 'home')];

test('noise without the ε that it is to keep is refused: nothing would be trained privately', async () => {
  const train = ['train', '--cohort', 'chest'];
  for (const flags of [
    ['--noise-multiplier', '1.5'],
    ['--example-clip-norm', '1'],
    ['--delta', '1e-5'],
  ]) {
    const refused = await imagiq(...home(), ...train, ...flags);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`${flags[0]} belongs to --target-epsilon`);
  }
}, 60_000);

test('numbers out of range, and predictions of nothing, are wrong use in plain words', async () => {
  const rate = await imagiq(...home(), 'train', '--cohort', 'chest', '--learning-rate', '11');
  expect([rate.code, rate.stderr]).toEqual([2, expect.stringContaining('must be at most 10.')]);
  const epochs = await imagiq(...home(), 'train', '--cohort', 'chest', '--epochs', '1.5');
  expect([epochs.code, epochs.stderr]).toEqual([2, expect.stringContaining('must be a whole number.')]);
  const port = await imagiq(...home(), 'peers', 'listen', '--port', '80000');
  expect([port.code, port.stderr]).toEqual([2, expect.stringContaining('from 0 to 65535')]);
  const nothing = await imagiq(...home(), 'predict', '--model', '0123');
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('--studies, --series or --cohort')]);
  const [predict, folder] = [['predict', '--model', '0123', '--cohort', 'chest', '--csv'], temporaryFolder()];
  for (const file of [path.join(folder, 'none', 'x.csv'), folder]) {
    const csv = await imagiq(...home(), ...predict, file);
    expect([csv.code, csv.stderr]).toEqual([2, expect.stringContaining('--csv')]);
  }
  const cohort = await imagiq(...home(), 'cohort', 'create', '', '--labels', 'labels.csv');
  expect([cohort.code, cohort.stderr]).toEqual([2, expect.stringMatching(/'name'.* must be a name of letters/)]);
  const act = await imagiq(...home(), 'ledger', 'list', '--act', 'bogus');
  expect([act.code, act.stderr]).toEqual([2, expect.stringContaining('update-sent')]);
  const epsilon = await imagiq('epsilon', '--q', '4', '--sigma', '1', '--steps', '1', '--delta', '1e-5');
  expect([epsilon.code, epsilon.stderr]).toEqual([2, expect.stringContaining('at most 1.')]);
}, 60_000);

test('a model that is not there is refused by the name that was typed', async () => {
  const refused = await imagiq(...home(), '--json', 'models', 'show', '5zzz');
  expect(refused.code).toBe(1);
  expect(refused.json<{ fault: { message: string } }>().fault.message).toContain('There is no model “5zzz”');
}, 60_000);

test('names, ids and addresses that cannot be right are wrong use, in plain words', async () => {
  for (const [words, sentence] of [
    [
      ['join', 'imagiq://join/x', '--site', ''],
      "'--site <name>' argument '' is invalid. must be a name of 1 to 60 letters",
    ],
    [['join', 'imagiq://join/x', '--site', 'x'.repeat(61)], 'must be a name of 1 to 60 letters'],
    [['peers', 'keep', 'zzzz'], 'must be how its id begins, at least 4 of 0–9 and a–f'],
    [['settings', '--proxy', 'foo'], 'must be an address such as http://proxy.hospital.org:3128'],
    [['settings', '--threads', '9999'], "argument '9999' is invalid. must be a whole number from 1 to 64"],
    [['settings', '--proxy', 'ftp://proxy'], 'must be an address such as http://proxy.hospital.org:3128'],
  ] as const) {
    const refused = await imagiq(...home(), ...words);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(sentence)]);
  }
}, 60_000);

test('a file of authorities that cannot be used does not take the place of one that can', async () => {
  const folder = temporaryFolder();
  const { certFile } = makeCertificate(folder, 'hub');
  const settings = (...words: string[]) => imagiq('--home', path.join(folder, 'home'), '--json', 'settings', ...words);
  expect((await settings('--ca', certFile)).code).toBe(0);
  const { rules } = (await settings()).json<{ rules: object }>();
  const refused = await settings('--idle-minutes', '7', '--ca', path.join(folder, 'none.pem'));
  expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('"code":484')]);
  // Nor is anything else changed.
  expect((await settings()).json()).toMatchObject({ rules, connection: { caFile: certFile, caProblem: null } });
}, 60_000);

test('a hub is not started under a name that no invite could carry, nor on a folder that is none', async () => {
  const folder = temporaryFolder();
  const hub = (...words: string[]) => imagiq('hub', '--port', '0', ...words);
  for (const name of ['x'.repeat(101), 'Chest\nCT']) {
    const refused = await hub('--data', path.join(folder, 'hub'), '--federation', name);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('a name of 1 to 100 letters')]);
  }
  const file = path.join(folder, 'notes.txt');
  writeFileSync(file, 'no folder');
  const refused = await hub('--data', file);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining(`The hub's data in ${file} cannot be used: something of its name is there already.`),
  ]);
}, 120_000);

test('a project’s file that is no JSON, or is not there, is refused with the reason alone', async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'project.json');
  const propose = () => imagiq('project', 'propose', file, '--data', path.join(folder, 'hub'));
  expect((await propose()).stderr).toContain(`The project file ${file} cannot be used: it does not exist.`);
  writeFileSync(file, '{nonsense');
  const refused = await propose();
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/cannot be used: Expected property name/)]);
}, 60_000);

test('a project’s file says which field a misspelt one is meant to be', async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'project.json');
  const trunkRule = { bufferSize: 2, maxUpdateNrm: 5 };
  const fields = {
    id: 'chest',
    title: 'Chest',
    network: 'cnn-small',
    commits: 3,
    seed: 1,
    hyperParameters: {},
    trunkRule,
  };
  const propose = async (more: object): Promise<string> => {
    writeFileSync(file, JSON.stringify({ ...fields, ...more }));
    return (await imagiq('project', 'propose', file, '--data', path.join(folder, 'hub'))).stderr;
  };
  expect(await propose({ clases: ['a', 'b'] })).toContain('classes: is missing; is it meant by “clases”?');
  expect(await propose({ classes: ['a', 'b'] })).toContain(
    'trunkRule.maxUpdateNrm: means nothing here; is maxUpdateNorm meant?',
  );
}, 60_000);

test('a scenario that is none says all that is wrong with it, misspelt names too', async () => {
  const file = path.join(temporaryFolder(), 'scenario.json');
  const refusal = async (scenario: unknown, ...words: string[]): Promise<[number | null, string]> => {
    writeFileSync(file, JSON.stringify(scenario));
    const refused = await imagiq('simulate', '--scenario', file, ...words);
    return [refused.code, refused.stderr];
  };
  const training = { kind: 'logistic', secondPerUpdate: 600 };
  const misspelt = {
    sites: 3,
    training,
    churns: {},
    network: { latency: 5 },
  };
  const [code, told] = await refusal(misspelt);
  expect(code).toBe(2);
  expect(told).toContain('training.secondPerUpdate: means nothing here; is secondsPerUpdate meant?');
  expect(told).toContain('network.latency: means nothing here; is latencyMs meant?');
  expect(told).toContain('churns: means nothing here; is churn meant?');
  const [, missing] = await refusal({ sties: 3 });
  expect(missing).toContain('sites: is missing; is it meant by “sties”?');
  const [, ofRule] = await refusal({
    sites: 3,
    project: { commits: 1, trunkRule: { bufferSize: 2, deadline: 9, speed: 1 } },
  });
  expect(ofRule).toContain('project.trunkRule.deadline: means nothing here; is deadlineMs meant?');
  expect(ofRule).toContain('project.trunkRule.speed: means nothing here; what can be set is bufferSize');
  const [, many] = await refusal({ sites: 1, network: { latencyMs: -5 } });
  expect(many).toMatch(/sites: must be at least 2\nnetwork\.latencyMs: must be at least 0/);
  // One voice for each of three sites never fills a buffer of four; of the mean, sites fill it with several updates each.
  const median = { bufferSize: 4, combination: { kind: 'median' }, stalenessEffect: 'step' };
  const [, unfillable] = await refusal({ sites: 3, project: { trunkRule: median } });
  expect(unfillable).toContain('project.trunkRule.bufferSize: median gives each site one voice');
  const krum = { bufferSize: 3, combination: { kind: 'krum', byzantine: 1 }, staleness: { kind: 'constant' } };
  expect(await refusal({ sites: 4, project: { trunkRule: krum } })).toEqual([
    2,
    expect.stringMatching(/is no scenario:\nproject\.trunkRule\.bufferSize: Krum stands 1 lying sites among 5 or more/),
  ]);
  const plain = await imagiq('simulate', '--sites', '3', '--buffer', '4', '--combination', 'median');
  expect(plain.stderr).toContain(
    'median gives each site one voice: a commit of 4 needs as many sites, and there are 3',
  );
  expect((await imagiq('simulate', '--sites', '3', '--buffer', '4')).code).toBe(0);
  expect(await refusal(null)).toEqual([2, expect.stringContaining('is no scenario')]);
  expect(await refusal({ sites: 2 }, '--buffer', '3')).toEqual([2, expect.stringContaining('--buffer')]);
}, 60_000);
