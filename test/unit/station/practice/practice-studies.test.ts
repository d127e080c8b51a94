import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  practiceClasses,
  practiceSites,
  writePracticeStudies,
} from '../../../../src/station/practice/practice-studies.ts';
import { practiceElements } from '../../../../src/station/practice/study-header.ts';

const slice = { site: practiceSites[0]!, slice: 1, positionMm: 0, side: 2, pixels: new Int16Array(4) };
const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-practice-'));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (site: number, name: string, seed = 1) =>
  writePracticeStudies({ site, folder: path.join(folder, name), patients: 6, seed });

function filesIn(name: string): string[] {
  return readdirSync(path.join(folder, name), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.dcm'))
    .sort()
    .map((file) => path.join(folder, name, file));
}

describe('practice studies', () => {
  it('are the same bytes for the same seed and others for another', async () => {
    await write(0, 'one');
    await write(0, 'again');
    await write(0, 'other', 2);
    const [one, again, other] = ['one', 'again', 'other'].map((name) => readFileSync(filesIn(name)[0]!));
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
  });

  it('label every file, with every class at every hospital', async () => {
    for (const site of practiceSites.keys()) {
      const { files, labelsFile } = await write(site, `site-${site}`);
      const rows = readFileSync(labelsFile, 'utf8').trim().split('\n').slice(1);
      expect(filesIn(`site-${site}`)).toHaveLength(files);
      expect(rows).toHaveLength(files);
      expect(new Set(rows.map((row) => row.split(',')[1]))).toEqual(new Set(practiceClasses));
    }
  });

  it('are of patients as old as their birth date says', () => {
    const text = (number: number) => {
      const elements = practiceElements({ ...slice, number, key: `p-${number}` });
      return (tag: string) => elements.find((one) => one.tag === tag)?.value;
    };
    for (let number = 1; number <= 400; number += 1) {
      const of = text(number);
      const [birth, study] = [of('00100030'), of('00080020')];
      const years = Math.floor((Number(study) - Number(birth)) / 10_000);
      expect(of('00101010')).toBe(`${String(years).padStart(3, '0')}Y`);
    }
  });

  it('are skewed: each hospital sees mostly a class of its own', () => {
    const main = practiceSites.map(({ patients }) =>
      practiceClasses.reduce((a, b) => (patients[a] >= patients[b] ? a : b)),
    );
    expect(new Set(main).size).toBe(practiceSites.length);
  });

  it('are valid CT images to dciodvfy', async (context) => {
    if (spawnSync('dciodvfy', ['-version']).error)
      return context.skip('dciodvfy (Debian: dicom3tools) is not installed');
    for (const site of practiceSites.keys()) {
      await write(site, `valid-${site}`);
      const { stdout, stderr } = spawnSync('dciodvfy', [filesIn(`valid-${site}`)[0]!], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`).not.toMatch(/error/i);
    }
  });

  it('stop when asked', async () => {
    const stopped = writePracticeStudies({
      site: 0,
      folder: path.join(folder, 'stopped'),
      signal: AbortSignal.abort(),
    });
    await expect(stopped).rejects.toThrow(/abort/i);
  });
});
