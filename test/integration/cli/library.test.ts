import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Distributions } from '../../../src/contract/browse.ts';
import type { Cohort } from '../../../src/contract/cohort.ts';
import type { ImportReport, StudyPage } from '../../../src/contract/dicom.ts';
import type { RemovalPlan, RemovalReport } from '../../../src/contract/removal.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { imagiq, start, temporaryFolder } from './imagiq.ts';

async function studiesOfOslo(): Promise<{
  folder: string;
  home: string;
  labelsFile: string;
  files: number;
  patients: number;
}> {
  const folder = temporaryFolder();
  const { labelsFile, files, patients } = await writePracticeStudies({
    site: 1,
    folder: path.join(folder, 'studies'),
    patients: 8,
  });
  return { folder: path.join(folder, 'studies'), home: path.join(folder, 'home'), labelsFile, files, patients };
}

describe('the library from the command line', () => {
  test('import, studies and pixels tell one JSON document each', async () => {
    const { folder, home, files, patients } = await studiesOfOslo();
    const imported = await imagiq('--home', home, '--json', 'import', folder);
    expect(imported.code).toBe(0);
    expect(imported.json<ImportReport>()).toMatchObject({
      files,
      imported: files,
      duplicates: 0,
      refused: 0,
      studies: patients,
      series: patients,
    });

    const again = (await imagiq('--home', home, '--json', 'import', folder)).json<ImportReport>();
    expect(again).toMatchObject({ files, imported: 0, duplicates: files });

    const page = (await imagiq('--home', home, '--json', 'studies', '--limit', '3')).json<StudyPage>();
    expect(page.total).toBe(patients);
    expect(page.studies).toHaveLength(3);
    const none = (await imagiq('--home', home, '--json', 'studies', '--modality', 'MR')).json<StudyPage>();
    expect(none).toEqual({ total: 0, studies: [] });

    const [line] = readFileSync(path.join(`${folder}-labels.csv`), 'utf8')
      .split('\n')
      .slice(1);
    const uid = line?.split(',')[0] ?? '';
    const out = path.join(home, 'frame.raw');
    const pixels = await imagiq('--home', home, '--json', 'pixels', uid, '--out', out);
    const frame = pixels.json<{ rows: number; columns: number; samples: number; bits: number; photometric: string }>();
    expect(frame).toMatchObject({ rows: 128, columns: 128, samples: 1, bits: 16, photometric: 'MONOCHROME2' });
    expect(readFileSync(out)).toHaveLength(frame.rows * frame.columns * 2);
  }, 60_000);

  test('studies are removed: what goes and which cohort has it is told before, originals stay, importing brings them back', async () => {
    const { folder, home, labelsFile, files, patients } = await studiesOfOslo();
    await imagiq('--home', home, 'import', folder);
    expect((await imagiq('--home', home, 'cohort', 'create', 'nodules', '--labels', labelsFile)).code).toBe(0);
    const page = (await imagiq('--home', home, '--json', 'studies')).json<StudyPage>();
    const [first, second] = page.studies;
    if (first === undefined || second === undefined) throw new Error('too few studies');

    expect((await imagiq('--home', home, 'studies', 'remove')).code).toBe(2);
    const asked = ['studies', 'remove', first.studyInstanceUID, '--patient', second.patientID] as const;
    const planned = await imagiq('--home', home, '--json', ...asked);
    const instances = first.instances + second.instances;
    expect(planned.code).toBe(1);
    expect(planned.json<RemovalPlan>()).toMatchObject({ studies: 2, instances, copies: 0, unknown: [], usedBy: [] });
    expect(planned.json<RemovalPlan>().cohorts).toMatchObject([{ name: 'nodules' }]);
    const told = (await imagiq('--home', home, ...asked)).stdout;
    expect(told).toContain('Cohort nodules has');
    expect(told).toContain('Nothing was removed.');
    expect((await imagiq('--home', home, '--json', 'studies')).json<StudyPage>().total).toBe(patients);

    const removed = await imagiq('--home', home, '--json', ...asked, '--yes');
    expect(removed.code).toBe(0);
    expect(removed.json<RemovalReport>()).toMatchObject({ studies: 2, instances, copies: 0, cancelled: false });
    expect((await imagiq('--home', home, '--json', 'studies')).json<StudyPage>().total).toBe(patients - 2);
    expect((await imagiq('--home', home, ...asked, '--yes')).stderr).toContain(first.studyInstanceUID);
    const again = (await imagiq('--home', home, '--json', 'import', folder)).json<ImportReport>();
    expect(again).toMatchObject({ files, imported: instances, duplicates: files - instances });
  }, 60_000);

  test('studies are summed up and filtered, and a cohort is made of what a filter finds', async () => {
    const { folder, home, files, labelsFile, patients } = await studiesOfOslo();
    await imagiq('--home', home, 'import', folder);
    const all = (await imagiq('--home', home, '--json', 'studies', '--summary')).json<Distributions>();
    expect(all).toMatchObject({ patients, studies: patients, series: patients, instances: files });
    const sexes = all.distributions.find(({ field }) => field === 'patientSex')?.bars ?? [];
    expect(sexes.reduce((sum, { studies }) => sum + studies, 0)).toBe(patients);
    const women = sexes.find(({ label }) => label === 'F')?.studies ?? 0;
    expect(women).toBeGreaterThan(0);
    expect(women).toBeLessThan(patients);
    const text = await imagiq('--home', home, 'studies', '--summary', '--filter', 'sex=F');
    expect(text.stdout).toContain('F');

    const made = await imagiq('--home', home, '--json', 'cohort', 'create', 'women', '--labels', labelsFile, '--filter', 'sex=F'); // prettier-ignore
    expect(made.json<Cohort>()).toMatchObject({ name: 'women', studies: women, patients: women });
    const found = await imagiq('--home', home, '--json', 'studies', '--filter', 'cohort=women');
    expect(found.json<StudyPage>().total).toBe(women);
    expect(found.json<StudyPage>().studies.every(({ patientSex }) => patientSex === 'F')).toBe(true);
    const { patientID } = found.json<StudyPage>().studies[0]!;
    const forgotten = await imagiq('--home', home, '--json', 'cohort', 'forget-patient', patientID);
    expect(forgotten.json()).toEqual({ cohorts: ['women'] });
    const left = (await imagiq('--home', home, '--json', 'studies', '--filter', 'cohort=women')).json<StudyPage>();
    expect(left.total).toBe(women - 1);
    expect(left.studies.map((study) => study.patientID)).not.toContain(patientID);
    const nobody = await imagiq('--home', home, 'cohort', 'forget-patient', `${patientID}-nobody`);
    expect(nobody.stdout).toContain('No cohort had a patient of this ID');
    const without = await imagiq('--home', home, '--json', 'studies', '--filter', 'findings=no');
    const withFindings = await imagiq('--home', home, '--json', 'studies', '--filter', 'findings=yes');
    expect(without.json<StudyPage>().total + withFindings.json<StudyPage>().total).toBe(patients);
    const noDay = await imagiq('--home', home, 'studies', '--filter', 'date=2024-02-30');
    expect(noDay).toMatchObject({ code: 2, stderr: expect.stringContaining('2024-02-30 is no date') });
    const wrong = await imagiq('--home', home, 'studies', '--filter', 'findings=perhaps');
    expect(wrong.code).not.toBe(0);
  }, 180_000);

  test('what cannot be imported is refused with a reason, and the rest is imported', async () => {
    const { folder, home, files } = await studiesOfOslo();
    writeFileSync(path.join(folder, 'letter.txt'), 'Dear colleague');
    writeFileSync(path.join(folder, 'empty.dcm'), '');
    const report = (await imagiq('--home', home, '--json', 'import', folder)).json<ImportReport>();
    expect(report).toMatchObject({ files: files + 2, imported: files, refused: 2 });
    expect(report.refusals.every(({ reason }) => reason.length > 10)).toBe(true);
  }, 60_000);

  test('an import that brings nothing says so and ends with exit code 1', async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'letter.txt'), 'Dear colleague');
    const ended = await imagiq(
      '--home',
      path.join(folder, 'home'),
      '--json',
      'import',
      path.join(folder, 'letter.txt'),
    );
    expect(ended.code).toBe(1);
    expect(ended.json<ImportReport>()).toMatchObject({ files: 1, imported: 0, refused: 1 });
    expect(ended.stderr).toContain('Nothing was imported');
  });

  test('a folder that is not there is said by name, with exit code 1', async () => {
    const ended = await imagiq('--home', path.join(temporaryFolder(), 'home'), 'import', '/no/such/folder');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('/no/such/folder');
    expect(ended.stdout).toBe('');
  });

  test('an empty path is a wrong use, not the folder that one stands in', async () => {
    const ended = await imagiq('--home', path.join(temporaryFolder(), 'home'), 'import', '');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('a path is empty');
  });

  test('a home folder that cannot be made is said, not waited for', async () => {
    const ended = await imagiq('--home', '/proc/imagiq', 'studies');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('/proc/imagiq');
  });

  test.each([
    [['frobnicate'], 'unknown command'],
    [['studies', '--limit', 'many'], 'whole number'],
    [['pixels', '1.2.3'], '--out'],
    [['cohort', 'create'], 'name'],
    [['hub', '--data', 'x'], '--port'],
    [['hub', '--data', '/no/such/folder', '--port', '0', '--network', 'cnn-small'], '--classes'],
    [['approve'], '--cohort'],
  ])('wrong use %j ends with exit code 2', async (flags, sentence) => {
    const ended = await imagiq(...flags);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(sentence);
  });

  test.each([[['frobnicate']], [['cohort', 'create']], [[]]])(
    'wrong use %j with --json is one document with the fault',
    async (flags) => {
      const ended = await imagiq('--json', ...flags);
      expect(ended.code).toBe(2);
      expect(ended.json<{ fault: { code: number } }>().fault.code).toBe(800);
    },
  );

  test('a failure under --json is one document with the fault', async () => {
    const ended = await imagiq('--home', path.join(temporaryFolder(), 'home'), '--json', 'cohort', 'show', 'none');
    expect(ended.code).toBe(1);
    expect(ended.json<{ fault: { message: string } }>().fault.message).toContain('There is no cohort none');
  });

  test('commands work while another process has the home folder open', async () => {
    const { folder, home, labelsFile, patients } = await studiesOfOslo();
    await imagiq('--home', home, 'import', folder);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    const training = start('--home', home, 'train', '--cohort', 'chest', '--epochs', '500');
    let page: StudyPage | null = null;
    // The first to come has the folder; the second speaks to it as soon as its door is open.
    for (let attempt = 0; attempt < 40 && page?.total !== patients; attempt += 1) {
      const ended = await imagiq('--home', home, '--json', 'studies');
      if (ended.code === 0) page = ended.json<StudyPage>();
    }
    expect(training.process.exitCode).toBeNull();
    expect(page?.total).toBe(patients);
  }, 90_000);
});
