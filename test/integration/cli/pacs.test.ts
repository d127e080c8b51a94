// `imagiq pacs` against dcmtk's archive and sender.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RemoteSeries, TransferReport } from '../../../src/contract/pacs.ts';
import { dicomFile, sliceElements } from '../../fixtures/dicom-bytes.ts';
import { practiceSlice } from '../station/library/practice-slice.ts';
import { absence, dcmqrscp, dcmtk, freePort, until, Ward } from '../station/pacs/dimse-peers.ts';
import { imagiq, start } from './imagiq.ts';

let ward: Ward;
beforeEach(() => {
  ward = new Ward();
});
afterEach(() => ward.close());

test('a peer that is not whole, and an AE title that is none, are wrong use', async () => {
  const home = path.join(ward.folder, 'home');
  const incomplete = await imagiq('--home', home, '--json', 'pacs', 'add', 'archive', '--host', 'localhost');
  expect(incomplete.code).toBe(2);
  expect(incomplete.json<{ fault: { message: string } }>().fault.message).toContain('--ae-title');
  expect((await imagiq('--home', home, 'pacs', 'add', 'archive', '--ae-title', 'A'.repeat(17))).code).toBe(2);
  const fault = async (...words: string[]): Promise<string> => {
    const ended = await imagiq('--home', home, '--json', 'pacs', ...words);
    expect(ended.code).toBe(2);
    return ended.json<{ fault: { message: string } }>().fault.message;
  };
  expect(await fault('add', 'web', '--url', 'ftp://x')).toContain('--url must be an address');
  expect(await fault('find', 'web', '--date', 'yesterday')).toContain('--date must be a day or a range');
  expect(await fault('find', 'web', '--limit', '100000')).toContain('--limit must be 1 to 10000');
  expect(await fault('find', 'web', '--series')).toContain('name it with --study UID');
  expect(await fault('get', 'web', '1.2', '1.3', '--series', '1.2.1')).toContain('name one study only');
  const unknown = await imagiq('--home', home, '--json', 'pacs', 'echo', 'nobody');
  expect(unknown.code).toBe(1);
  expect(unknown.json<{ fault: { code: number } }>().fault.code).toBe(650);
}, 60_000);

test('what a killed station acknowledged and had not indexed is there for the next command', async () => {
  const home = path.join(ward.folder, 'home');
  mkdirSync(path.join(home, 'incoming'), { recursive: true });
  for (const instance of [1, 2, 3]) {
    const file = path.join(home, 'incoming', `${instance}.dcm`);
    writeFileSync(file, dicomFile(sliceElements({ uid: `1.2.3.1.${instance}` })));
  }
  const { studies } = (await imagiq('--home', home, '--json', 'studies')).json<{ studies: { instances: number }[] }>();
  expect(studies).toMatchObject([{ instances: 3 }]);
  expect(readdirSync(path.join(home, 'incoming'))).toEqual([]);
}, 60_000);

describe.skipIf(absence !== null)(
  `peers from the command line${absence === null ? '' : ` (skipped: ${absence})`}`,
  () => {
    test('are added, asked, sent to and fetched from; the receiver takes what comes until Ctrl+C', async () => {
      const [home, other] = [path.join(ward.folder, 'home'), path.join(ward.folder, 'other')];
      const port = await freePort();
      const archive = await dcmqrscp(ward, 'IMAGIQ', port);
      const study = practiceSlice(0).studyInstanceUID;
      const slices = Array.from({ length: 20 }, (_, index) => {
        const file = ward.path('slices', `${index}.dcm`);
        writeFileSync(file, practiceSlice(index).bytes);
        return file;
      });
      const add = [
        'pacs',
        'add',
        'archive',
        '--ae-title',
        'ARCHIVE',
        '--host',
        '127.0.0.1',
        '--port',
        String(archive.port),
      ];
      for (const folder of [home, other]) expect((await imagiq('--home', folder, ...add)).code).toBe(0);
      expect((await imagiq('--home', home, 'pacs', 'peers')).stdout).toContain('ARCHIVE at 127.0.0.1');
      expect((await imagiq('--home', home, 'pacs', 'echo', 'archive')).stdout).toContain('answered in');

      await imagiq('--home', home, 'import', path.dirname(slices[0]!));
      const wrong = await imagiq('--home', home, '--json', 'pacs', 'send', 'archive', study, '--series', '1.2.3');
      expect(wrong.json<{ fault: { code: number } }>().fault.code).toBe(664);
      const here = await imagiq('--home', home, '--json', 'studies');
      const own = here.json<{ studies: { series: { seriesInstanceUID: string }[] }[] }>().studies[0]!.series[0]!;
      const sentOne = await imagiq('--home', home, 'pacs', 'send', 'archive', study, '--series', own.seriesInstanceUID);
      expect(sentOne).toMatchObject({ code: 0, stdout: expect.stringContaining('of 1 series sent') });
      const sent = await imagiq('--home', home, '--json', 'pacs', 'send', 'archive', study);
      expect(sent.json<TransferReport>()).toMatchObject({ completed: 20, failed: 0 });
      const found = await imagiq('--home', other, '--json', 'pacs', 'find', 'archive', '--study', study);
      expect(found.json<{ studies: unknown[] }>().studies).toMatchObject([
        { studyInstanceUID: study, instancesHere: 0 },
      ]);

      const refused = await imagiq('--home', other, 'pacs', 'move', 'archive', study);
      expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('`imagiq pacs receive`') });
      const receiving = start(
        '--home',
        other,
        '--json',
        'pacs',
        'receive',
        '--port',
        String(port),
        '--allow',
        'ARCHIVE',
        'STORESCU',
      );
      const listens = async (): Promise<boolean> =>
        (await dcmtk('echoscu', ['-aet', 'STORESCU', '-aec', 'IMAGIQ', '127.0.0.1', String(port)])).isDone;
      await until(listens, 'the receiver listens');
      const moved = await imagiq('--home', other, '--json', 'pacs', 'move', 'archive', study);
      expect(moved.json<TransferReport>()).toMatchObject({ completed: 20, failed: 0, failures: [] });
      const again = await dcmtk('storescu', ['-aec', 'IMAGIQ', '127.0.0.1', String(port), ...slices.slice(0, 2)]);
      expect(again.isDone).toBe(true);
      receiving.process.kill('SIGINT');
      const ended = await receiving.ended;
      expect(ended.code).toBe(0);
      expect(ended.json()).toMatchObject({
        received: 22,
        duplicates: 2,
        refused: 0,
        studies: [{ studyInstanceUID: study, instances: 22 }],
        refusals: [],
      });
      const past = await imagiq('--home', other, '--json', 'imports');
      expect(past.stdout).toContain('Sent by');

      const [series] = (
        await imagiq('--home', ward.path('fourth'), ...add).then(() =>
          imagiq('--home', ward.path('fourth'), '--json', 'pacs', 'find', 'archive', '--study', study, '--series'),
        )
      ).json<{ series: RemoteSeries[] }>().series;
      expect(series).toMatchObject({ modality: 'CT', instancesHere: 0 });
      const seriesUid = series?.seriesInstanceUID ?? '';
      const one = await imagiq('--home', ward.path('fourth'), 'pacs', 'get', 'archive', study, '--series', seriesUid);
      expect(one.stdout).toContain('20 instances of 1 series fetched, 0 failed');

      const got = await imagiq('--home', ward.path('third'), ...add);
      expect(got.code).toBe(0);
      const third = await imagiq('--home', ward.path('third'), '--json', 'pacs', 'get', 'archive', study);
      expect(third).toMatchObject({ code: 0 });
      expect(third.json<TransferReport>()).toMatchObject({ completed: 20, failed: 0 });
      const fourth = await imagiq('--home', ward.path('third'), 'pacs', 'get', 'archive', study);
      expect(fourth).toMatchObject({ code: 0, stdout: expect.stringContaining('all of it was here already') });
      expect((await imagiq('--home', home, 'pacs', 'remove', 'archive')).code).toBe(0);
    }, 120_000);
  },
);
