// What dcmtk sends gets the report that an import gets.
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receiverSettingsSchema } from '../../../../src/contract/pacs.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { openPacs, type Pacs } from '../../../../src/station/pacs/pacs.ts';
import { practiceSlice } from '../library/practice-slice.ts';
import { absence, dcmtk, freePort, until, Ward } from './dimse-peers.ts';

let ward: Ward;
let library: Library;
let pacs: Pacs;
let port = 0;

beforeEach(async () => {
  ward = new Ward();
  const folder = ward.path('home', 'x').slice(0, -2);
  library = openLibrary({ folder });
  pacs = openPacs({ folder, library, onEvent: () => {} });
  port = await freePort();
  await pacs.receiver.configure(
    receiverSettingsSchema.parse({ isEnabled: true, port, allowedAETitles: ['STORESCU', 'OTHER'] }),
  );
});
afterEach(async () => {
  await pacs.close();
  library.close();
  await ward.close();
});

async function send(indices: readonly number[], ...args: string[]): Promise<void> {
  const files = indices.map((index) => {
    const file = ward.path('slices', `${index}.dcm`);
    writeFileSync(file, practiceSlice(index).bytes);
    return file;
  });
  await dcmtk('storescu', ['-aec', 'IMAGIQ', ...args, '127.0.0.1', String(port), ...files]);
}

const heard = (instances: number): Promise<void> =>
  until(() => pacs.receiver.state().received === instances, `${instances} instances are counted`);

describe.skipIf(absence !== null)(
  `instances that dcmtk sends${absence === null ? '' : ` (skipped: ${absence})`}`,
  () => {
    it('are reported among the imports, sender by sender, with what is amiss with them', async () => {
      await send([0, 1, 2, 6, 7]);
      await send([20], '-aet', 'OTHER');
      await heard(6);
      const running = library.imports.list({ limit: 10, offset: 0 }).imports;
      expect(running.map(({ paths, state }) => [paths[0], state])).toEqual([
        ['Sent by OTHER', 'running'],
        ['Sent by STORESCU', 'running'],
      ]);
      await library.arrivals.write();
      const { imports } = library.imports.list({ limit: 10, offset: 0 });
      expect(imports.every(({ state }) => state === 'ended')).toBe(true);
      expect(imports).toMatchObject([
        { paths: ['Sent by OTHER'], mode: 'received', files: 1, imported: 1 },
        { paths: ['Sent by STORESCU'], mode: 'received', files: 5, imported: 5, duplicates: 0, studies: 1, series: 1 },
      ]);
      const { findings } = library.imports.findings({ id: imports[1]!.id, kind: null, limit: 10, offset: 0 });
      expect(findings.map(({ kind }) => kind)).toContain('missing-slices');
      expect(pacs.receiver.state().studies).toEqual([
        { studyInstanceUID: practiceSlice(20).studyInstanceUID, instances: 1 },
        { studyInstanceUID: practiceSlice(0).studyInstanceUID, instances: 5 },
      ]);
    });

    it('are told as duplicates when they come again, and refused where they are not what is here', async () => {
      await send([0]);
      await heard(1);
      await library.arrivals.write();
      await send([0]);
      await heard(2);
      const other = ward.path('other.dcm');
      writeFileSync(other, practiceSlice(0, 48).bytes);
      await dcmtk('storescu', ['-aec', 'IMAGIQ', '127.0.0.1', String(port), other]);
      await until(() => pacs.receiver.state().refused === 1, 'the refusal is counted');
      await library.arrivals.write();
      const [last] = library.imports.list({ limit: 1, offset: 0 }).imports;
      expect(last).toMatchObject({ files: 2, imported: 0, duplicates: 1, refused: 1 });
      const { findings } = library.imports.findings({ id: last!.id, kind: 'unreadable', limit: 10, offset: 0 });
      expect(findings).toMatchObject([
        {
          subject: `SOP Instance ${practiceSlice(0).sopInstanceUID}`,
          what: expect.stringContaining('different content'),
        },
      ]);
    });
  },
);
