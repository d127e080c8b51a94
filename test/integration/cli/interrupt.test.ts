// Ctrl+C in a terminal reaches the wrapper, `imagiq` and its trainer at once: each command still ends in order.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ImportReport } from '../../../src/contract/dicom.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { connectLocalStation } from '../../../src/station/local-socket.ts';
import { imagiq, start, startInTerminal, temporaryFolder } from './imagiq.ts';

const patience = { timeout: 30_000, interval: 100 };

describe.skipIf(process.platform === 'win32')('Ctrl+C (process groups are POSIX’s)', () => {
  test('ends training with a model of what was learnt so far, and exit code 1', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const { labelsFile } = await writePracticeStudies({ site: 1, folder: studies, patients: 8 });
    await imagiq('--home', home, 'import', studies);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    const training = startInTerminal('--home', home, '--json', 'train', '--cohort', 'chest', '--epochs', '5000');
    await vi.waitFor(() => {
      const [run = ''] = readdirSync(path.join(home, 'runs'));
      const record = readFileSync(path.join(home, 'runs', run, 'run.json'), 'utf8');
      expect(/"step":[1-9]/.test(record)).toBe(true);
    }, patience);
    training.interrupt();
    const ended = await training.ended;
    const run = ended.json<{ state: string; model: string }>();
    expect(run.state).toBe('stopped');
    expect(existsSync(run.model)).toBe(true);
    expect(ended.code).toBe(1);
  }, 90_000);

  test('ends an import with the report of what was imported, and exit code 1', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    mkdirSync(studies);
    // Enough to still be at it when the signal comes.
    for (let letter = 0; letter < 20_000; letter += 1)
      writeFileSync(path.join(studies, `${letter}.txt`), 'Dear colleague');
    const importing = startInTerminal('--home', home, '--json', 'import', studies);
    await vi.waitFor(() => expect(existsSync(path.join(home, 'station.sock'))).toBe(true), patience);
    const progress = Promise.withResolvers<void>();
    const link = await connectLocalStation(home, (event) => event === 'import-progress' && progress.resolve());
    await progress.promise;
    await link.close();
    importing.interrupt();
    const ended = await importing.ended;
    expect(ended.json<ImportReport>().cancelled).toBe(true);
    expect(ended.stderr).toContain('Cancelling');
    expect(ended.code).toBe(1);
  }, 90_000);

  test('ends the practice federation with all its processes and its temporary folder', async () => {
    const folder = temporaryFolder();
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const demo = startInTerminal('--json', 'demo', '--report', path.join(folder, 'report.html'));
    await vi.waitFor(() => expect(demo.stderr()).toContain('Hub at'), patience);
    demo.interrupt();
    const ended = await demo.ended;
    expect(ended.code).toBe(1);
    expect(ended.json<{ fault: { code: number } }>().fault.code).toBe(809);
    await vi.waitFor(() => expect(demo.isAllGone()).toBe(true), patience);
    expect(readdirSync(folder)).toEqual([]);
  }, 90_000);
});

test.skipIf(process.platform !== 'linux')(
  'a command that has no result yet still gives whoever reads its JSON a document',
  async () => {
    const played = start('--json', 'simulate', '--sites', '1000', '--slowest', '100', '--drop', '0.9');
    // Well at work: it loads in less than half a second of the processor, and plays for minutes (proc(5), utime in hundredths).
    await vi.waitFor(() => {
      const [utime] = readFileSync(`/proc/${played.process.pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11);
      expect(Number(utime)).toBeGreaterThan(150);
    }, patience);
    played.process.kill('SIGINT');
    const ended = await played.ended;
    expect(ended.json()).toMatchObject({ fault: { code: 822, retry: 'now' } });
    expect(ended.code).toBe(130);
  },
  60_000,
);
