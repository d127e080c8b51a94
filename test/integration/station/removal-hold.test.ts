// While studies leave the library, nothing begins to train on a cohort that loses images by it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { stationAnswers } from '../../../src/station/answer.ts';
import { openStation } from '../../../src/station/open-station.ts';
import { dicomFile, sliceElements } from '../../fixtures/dicom-bytes.ts';

it('training on such a cohort is refused until the removal has ended', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-hold-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  // Six patients in two folders, which are their labels.
  for (const number of [1, 2, 3, 4, 5, 6]) {
    const place = path.join(folder, 'files', number % 2 === 0 ? 'clear' : 'nodule');
    mkdirSync(place, { recursive: true });
    const slice = sliceElements({ uid: `1.${number}.1.1`, study: `1.${number}`, patientID: `P${number}`, size: 8 });
    const elements = slice.map((one) => (one.tag === 0x0020000e ? { ...one, value: `1.${number}.1` } : one));
    writeFileSync(path.join(place, `${number}.dcm`), dicomFile(elements));
  }
  const station = await openStation({ home: path.join(folder, 'home'), onEvent: () => {} });
  onTestFinished(() => station.close());
  let goOn = (): void => {};
  let isRemoving = false;
  const { library } = station;
  const answer = stationAnswers({
    ...station,
    library: {
      ...library,
      async remove(request, options) {
        isRemoving = true;
        await new Promise<void>((resolve) => (goOn = resolve));
        return library.remove(request, options);
      },
    },
  });
  await answer('import-paths', { paths: [path.join(folder, 'files')], labels: 'folders' });
  await answer('create-cohort', {
    name: 'chest',
    query: '',
    studyInstanceUIDs: null,
    labelsFile: null,
    labelColumn: null,
  });

  const removed = answer('remove-studies', { patientIDs: ['P1'] });
  await expect.poll(() => isRemoving).toBe(true);
  const training = { cohort: 'chest', network: 'cnn-small', hyperParameters: { epochs: 1 } };
  await expect(answer('start-run', training)).rejects.toMatchObject({ code: 116 });
  await expect(answer('approve-project', { federation: 'North', cohort: 'chest' })).rejects.toMatchObject({
    code: 116,
  });
  goOn();
  expect(await removed).toMatchObject({ studies: 1, cancelled: false });
  expect(await answer('start-run', training)).toMatchObject({ cohort: 'chest', state: 'running' });
}, 120_000);
