// Models from the command line: measured, written as files, taken in by another site, refused when they were changed.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import type { CallOutput } from '../../../src/contract/calls.ts';
import { evaluationReportSchema } from '../../../src/contract/metrics.ts';
import { type Model, modelSchema } from '../../../src/contract/model.ts';
import { linkStation } from '../../../src/cli/station-link.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { imagiq, temporaryFolder } from './imagiq.ts';
import { metadataOf, predictOutside } from './onnx-outside.ts';

describe('models from the command line', () => {
  test('a trained model is measured, exported, imported elsewhere with its author, and deleted', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const { labelsFile } = await writePracticeStudies({ site: 0, folder: studies, patients: 24 });
    await imagiq('--home', home, 'import', studies);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    await imagiq('--home', home, 'train', '--cohort', 'chest', '--epochs', '3', '--seed', '7');
    const { models } = (await imagiq('--home', home, '--json', 'models', 'list')).json<{ models: Model[] }>();
    const model = modelSchema.parse(models[0]);
    expect(model).toMatchObject({ network: 'cnn-small', cohort: 'chest', seed: 7, origin: 'trained', provider: 'cpu' });
    expect(model.author?.signature).toHaveLength(86);

    // Without a cohort it is the model's own.
    const flags = ['--model', model.id.slice(0, 6)];
    const evaluated = await imagiq('--home', home, '--json', 'evaluate', ...flags);
    expect(evaluated.stderr).not.toContain('imagiq:');
    const { report } = evaluated.json<{ report: unknown }>();
    const measured = evaluationReportSchema.parse(report);
    // Measured again on the same images it is what training measured.
    expect(measured.metrics).toEqual(model.test);
    expect(measured.curves.length).toBe(model.classes.length);
    const byGroup = ['--split', 'train', '--by', 'scanner', 'sex', 'age'];
    const grouped = await imagiq('--home', home, '--json', 'evaluate', ...flags, ...byGroup);
    const { groups } = evaluationReportSchema.parse(grouped.json<{ report: unknown }>().report);
    expect(new Set(groups.map(({ by }) => by))).toEqual(new Set(['scanner', 'sex', 'age']));
    // Both are kept with the model, the newest first.
    const shown = (await imagiq('--home', home, '--json', 'models', 'show', model.id)).json<
      CallOutput<'model-evaluations'>
    >();
    expect(shown.evaluations.map(({ cohort, split }) => `${cohort} ${split}`)).toEqual(['chest train', 'chest test']);
    expect(shown.evaluations[1]?.accuracy).toEqual(model.test?.accuracy);

    const csv = path.join(folder, 'predicted.csv');
    const predict = ['--home', home, '--json', 'predict', '--model', model.id, '--cohort', 'chest', '--write', 'sr'];
    predict.push('--csv', csv);
    const run = (await imagiq(...predict)).json<CallOutput<'predict-studies'>>();
    expect(run.failures).toEqual([]);
    expect(run.images.length).toBeGreaterThan(20);
    expect(run.images[0]!.probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
    // Each row leads back to a patient and a file, and to what the cohort says of it.
    for (const image of run.images) {
      expect(image.patientID).toMatch(/P\d{4}$/);
      expect(existsSync(image.file)).toBe(true);
      expect(model.classes).toContain(image.truth);
      expect(image.isTrainedOn).toBe(image.split === 'train');
    }
    const trainedOn = run.images.filter(({ split }) => split === 'train').length;
    expect(trainedOn).toBeGreaterThan(0);
    expect(run).toMatchObject({ model: model.id, use: expect.stringContaining('not for diagnosis') });
    expect(run.warnings).toEqual([expect.stringContaining(`trained on ${trainedOn} of these ${run.images.length}`)]);
    const [head, ...rows] = readFileSync(csv, 'utf8').trimEnd().split('\r\n');
    expect(head).toContain('patient,study_uid,series_uid,sop_uid,frame,file,split,truth,trained_on,answer,');
    expect(rows).toHaveLength(run.images.length);
    const [one] = run.images;
    expect(rows[0]).toContain(
      [one?.patientID, one?.studyInstanceUID, one?.seriesInstanceUID, one?.sopInstanceUID].join(','),
    );
    const series = new Set(run.images.map(({ seriesInstanceUID }) => seriesInstanceUID)).size;
    expect(run.written).toBe(series);
    const reports = (): string[] =>
      readdirSync(path.join(home, 'instances'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name));
    expect(reports()).toHaveLength(series);
    const dump = execFileSync('dsrdump', ['+Pl', reports()[0]!]).toString();
    expect(dump).toContain('research use only');
    expect(dump).toContain('Probability: ');
    // A second run finds its reports there, and no cohort takes what a model said for a label.
    expect((await imagiq(...predict)).json<CallOutput<'predict-studies'>>().images).toEqual(run.images);
    expect(reports()).toHaveLength(series);
    const labelled = await imagiq('--home', home, 'cohort', 'create', 'again', '--labels-from', 'SR');
    expect(labelled.stderr).toContain('No label from SR is stored');

    // In this process: a process for each question would take longer than the answers.
    const station = await linkStation({ home });
    const id = model.id;
    try {
      // What it cannot be measured or run on is refused with the reason.
      const refused = async (code: number, answer: Promise<unknown>): Promise<void> =>
        expect(answer).rejects.toMatchObject({ code });
      const labels = readFileSync(labelsFile, 'utf8');
      const renamed = path.join(folder, 'renamed.csv');
      writeFileSync(renamed, labels.replaceAll('nodule', 'tumour'));
      await station.call('create-cohort', { name: 'tumours', labelsFile: renamed });
      await refused(613, station.call('evaluate-model', { id, cohort: 'tumours' }));
      await station.call('create-cohort', { name: 'several', task: 'multi-label', labelsFile });
      await refused(233, station.call('evaluate-model', { id, cohort: 'several' }));
      await refused(211, station.call('evaluate-model', { id, cohort: 'nowhere' }));
      await refused(238, station.call('predict-studies', { id, query: 'nobody of this name' }));
      await refused(242, station.call('predict-studies', { id, cohort: 'chest', write: ['seg'] }));

      // Pictures of where it looked lie beside the images, and are no images that a model is run on.
      const before = new Set(reports());
      const captured = await station.call('predict-studies', { id, query: 'P0003', write: ['sc'] });
      expect(captured.images.length).toBeGreaterThan(3);
      expect(captured.written).toBe(captured.images.length);
      const pictures = reports().filter((file) => !before.has(file));
      expect(pictures).toHaveLength(captured.images.length);
      const verdict = execFileSync('sh', ['-c', 'dciodvfy "$1" 2>&1', 'sh', pictures[0]!]).toString();
      expect(verdict).toContain('SCImage');
      expect(verdict).not.toContain('Error');
      const picture = execFileSync('dcmdump', [pictures[0]!]).toString();
      expect(picture).toContain('[RGB]');
      expect(picture).toContain(model.weightsHash.slice(0, 10));
      const onceMore = await station.call('predict-studies', { id, query: 'P0003', write: ['sc'] });
      expect(onceMore.images).toEqual(captured.images);
      expect(reports()).toHaveLength(before.size + pictures.length);
    } finally {
      await station.close();
    }

    const signed = path.join(folder, 'chest.imagiq-model');
    const graph = path.join(folder, 'chest.onnx');
    expect((await imagiq('--home', home, 'models', 'export', model.id, signed)).code).toBe(0);
    expect((await imagiq('--home', home, 'models', 'export', model.id, graph)).code).toBe(0);
    const odd = path.join(folder, 'chest.bin');
    expect((await imagiq('--home', home, 'models', 'export', model.id, odd)).code).toBe(2);
    expect(existsSync(odd)).toBe(false);
    expect(readFileSync(graph).includes('"weightsHash"')).toBe(true);
    const session = await ort.InferenceSession.create(graph);
    expect([session.inputNames, session.outputNames]).toEqual([['in:images'], ['out:probabilities']]);
    const { height, width, channels } = model.input!;
    const image = new ort.Tensor('float32', new Float32Array(height * width * channels).fill(0.5), [
      1,
      height,
      width,
      channels,
    ]);
    const { 'out:probabilities': out } = await session.run({ 'in:images': image });
    const total = [...(out!.data as Float32Array)].reduce((sum, value) => sum + value, 0);
    expect(total).toBeCloseTo(1, 5);

    // Whoever has the file alone gets what `predict` says, of real slices.
    const card = metadataOf(readFileSync(graph), 'imagiq');
    const slices = readdirSync(studies, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    let compared = 0;
    for (const entry of slices.slice(0, 2)) {
      const file = path.join(entry.parentPath, entry.name);
      const uid = /\[([0-9.]+)\]/.exec(execFileSync('dcmdump', ['+P', 'SOPInstanceUID', file]).toString())?.[1];
      const known = run.images.find(({ sopInstanceUID }) => sopInstanceUID === uid);
      if (known === undefined) continue;
      compared += 1;
      predictOutside(graph, card, file).forEach((value, index) =>
        expect(value).toBeCloseTo(known.probabilities[index]!, 4),
      );
    }
    expect(compared).toBe(2);

    const other = path.join(folder, 'other');
    const taken = (await imagiq('--home', other, '--json', 'models', 'import', signed)).json<Model>();
    expect(taken).toMatchObject({ id: model.id, origin: 'imported', author: model.author, test: model.test });

    // A cohort of the same name is not the one that it was trained on: it is measured there by that name only.
    await imagiq('--home', other, 'import', studies);
    const fewer = path.join(folder, 'fewer.csv');
    writeFileSync(fewer, readFileSync(labelsFile, 'utf8').trimEnd().split('\n').slice(0, -1).join('\n'));
    await imagiq('--home', other, 'cohort', 'create', 'chest', '--labels', fewer);
    const elsewhere = await imagiq('--home', other, 'evaluate', '--model', model.id);
    expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringContaining('--cohort')]);
    const named = await imagiq('--home', other, 'evaluate', '--model', model.id, '--cohort', 'chest');
    expect([named.code, named.stdout]).toEqual([0, expect.stringContaining('cohort chest, split test')]);

    const bytes = readFileSync(signed);
    bytes[bytes.length - 20]! ^= 1;
    const changed = path.join(folder, 'changed.imagiq-model');
    writeFileSync(changed, bytes);
    const refused = await imagiq('--home', other, 'models', 'import', changed);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('its weights were changed after its author signed them');
    const described = Buffer.from(readFileSync(signed).toString('latin1').replace('chest', 'heart'), 'latin1');
    writeFileSync(changed, described);
    expect((await imagiq('--home', other, 'models', 'import', changed)).stderr).toContain(
      'its description was changed',
    );
    writeFileSync(changed, readFileSync(signed).subarray(0, 5_000));
    expect((await imagiq('--home', other, 'models', 'import', changed)).stderr).toContain('it is not whole');
    expect((await imagiq('--home', other, '--json', 'models', 'list')).json<{ models: Model[] }>().models).toHaveLength(
      1,
    );

    await imagiq('--home', other, 'models', 'delete', model.id);
    const gone = await imagiq('--home', other, 'models', 'show', model.id);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain('There is no model');
    expect(existsSync(path.join(home, 'models', `${model.id}.json`))).toBe(true);
  }, 600_000);
});
