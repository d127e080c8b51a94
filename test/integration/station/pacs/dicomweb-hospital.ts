// A hospital as far as its peers can see it: library, ledger, peers and transfers in a folder that goes afterwards.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import type { Answers, EventName } from '../../../../src/contract/calls.ts';
import { type pacsCalls, remoteQuerySchema, type RemoteStudy } from '../../../../src/contract/pacs.ts';
import { openFileLedger } from '../../../../src/ledger/file-ledger.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { pacsAnswers } from '../../../../src/station/pacs/pacs-answers.ts';
import { openPacs } from '../../../../src/station/pacs/pacs.ts';
import { encodePart10 } from '../../../../src/station/library/encode-part10.ts';

export interface Hospital {
  readonly folder: string;
  readonly library: Library;
  readonly ask: Answers<keyof typeof pacsCalls>;
  readonly news: { readonly event: EventName; readonly value: unknown }[];
  readonly ledger: ReturnType<typeof openFileLedger>;
  find(peer: string, query?: z.input<typeof remoteQuerySchema>): Promise<RemoteStudy[]>;
}

export function hospital(): Hospital {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-hospital-'));
  const library = openLibrary({ folder });
  const ledger = openFileLedger(folder);
  const news: { event: EventName; value: unknown }[] = [];
  const pacs = openPacs({
    folder,
    library,
    onEvent: (event, value) => news.push({ event, value }),
  });
  onTestFinished(async () => {
    await pacs.close();
    library.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const ask = pacsAnswers({ pacs, library, ledger });
  return {
    folder,
    library,
    ask,
    news,
    ledger,
    find: async (peer, query = {}) =>
      (await ask['find-studies']({ peer, query: remoteQuerySchema.parse(query) })).studies,
  };
}

/** Writes `counts[i]` instances of study `i` below `root` (a UID) and returns the folder. */
export function writeStudies(
  folder: string,
  {
    root,
    studies,
  }: { root: string; studies: readonly { instances: number; name?: string; modality?: string; date?: string }[] },
): string {
  const target = path.join(folder, 'arriving', root);
  mkdirSync(target, { recursive: true });
  for (const [study, { instances, name, modality, date }] of studies.entries()) {
    for (let instance = 1; instance <= instances; instance += 1) {
      // Two series for each study.
      const series = (instance % 2) + 1;
      writeFileSync(
        path.join(target, `${study}-${instance}.dcm`),
        part10({
          study: `${root}.${study + 1}`,
          series,
          instance,
          name: name ?? 'Practice^One',
          modality: modality ?? 'CT',
          date: date ?? '20240102',
        }),
      );
    }
  }
  return target;
}

function part10(of: {
  study: string;
  series: number;
  instance: number;
  name: string;
  modality: string;
  date: string;
}): Uint8Array {
  const uid = `${of.study}.${of.series}.${of.instance}`;
  const sopClass = '1.2.840.10008.5.1.4.1.1.2';
  return encodePart10(
    [
      { tag: '00080016', vr: 'UI', value: sopClass },
      { tag: '00080018', vr: 'UI', value: uid },
      { tag: '00080020', vr: 'DA', value: of.date },
      { tag: '00080050', vr: 'SH', value: `A${of.study.slice(-4)}` },
      { tag: '00080060', vr: 'CS', value: of.modality },
      { tag: '00081030', vr: 'LO', value: 'Chest' },
      { tag: '00100010', vr: 'PN', value: of.name },
      { tag: '00100020', vr: 'LO', value: `P${of.study.slice(-6)}` },
      { tag: '0020000D', vr: 'UI', value: of.study },
      { tag: '0020000E', vr: 'UI', value: `${of.study}.${of.series}` },
      { tag: '00200013', vr: 'IS', value: String(of.instance) },
      { tag: '00280002', vr: 'US', value: { us: 1 } },
      { tag: '00280004', vr: 'CS', value: 'MONOCHROME2' },
      { tag: '00280010', vr: 'US', value: { us: 64 } },
      { tag: '00280011', vr: 'US', value: { us: 64 } },
      { tag: '00280100', vr: 'US', value: { us: 16 } },
      { tag: '00280101', vr: 'US', value: { us: 16 } },
      { tag: '00280102', vr: 'US', value: { us: 15 } },
      { tag: '00280103', vr: 'US', value: { us: 1 } },
      { tag: '7FE00010', vr: 'OW', value: { pixels: new Int16Array(64 * 64).fill(of.instance) } },
    ],
    sopClass,
    uid,
  );
}

export async function importFolder(library: Library, folder: string): Promise<void> {
  await library.importPaths([folder], {
    mode: 'reference',
    onProgress: () => {},
    signal: new AbortController().signal,
  });
}

/** All that the library has of a study, by SOP Instance UID. */
export function instancesOf(library: Library, studyInstanceUID: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const { seriesInstanceUID } of library.study(studyInstanceUID)?.series ?? []) {
    for (const { sopInstanceUID } of library.instances(seriesInstanceUID)?.instances ?? []) {
      files.set(sopInstanceUID, library.instanceFile(sopInstanceUID)?.path ?? '');
    }
  }
  return files;
}
