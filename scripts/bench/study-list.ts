// The study list of 100,000 studies and a million instances: how long a page, a keystroke, a filter and the last page
// take, through the station's own answers; and the memory of the process that answers.
import { fork } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { CallInput } from '../../src/contract/calls.ts';
import { openDatabase } from '../../src/station/library/database.ts';
import { studyQuerySchema, studySortKeys } from '../../src/contract/dicom.ts';
import { type StudyFilterInput, studyFiltersSchema } from '../../src/contract/study-filter.ts';
import { largeStudies, writeLargeLibrary, writeMore } from './large-library.ts';
import { lessIsBetter, type Measurement } from './measurement.ts';

const targetMs = 50;
const targetMb = 300;
/** A larger one only makes the figures steadier. */
const turns = Number(process.env['IMAGIQ_BENCH_TURNS'] ?? 3);

const figureSchema = z.object({
  what: z.string(),
  p95: z.number(),
  cpuP95: z.number(),
  worst: z.number(),
  samples: z.number(),
  unit: z.string(),
});
type Figure = z.infer<typeof figureSchema>;

export async function studyList(): Promise<Measurement[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-list-'));
  try {
    cpSync(largeLibrary(), path.join(folder, 'library.sqlite'));
    // Brought to today's schema once, as after an update: what is measured is every open after that.
    openDatabase(folder).close();
    const figures = await figuresOf(folder);
    return figures.map(({ what, p95, cpuP95, worst, samples, unit }) => {
      const isMemory = unit === 'MB';
      const target = isMemory ? targetMb : what.includes('dashboard') ? 200 : targetMs;
      const note = isMemory
        ? ''
        : `p95 of ${samples}; of CPU time ${cpuP95.toFixed(1)} ms, which others on the machine do not lengthen; worst ${worst.toFixed(1)} ms; `;
      return lessIsBetter(what, unit, p95, [{ name: 'target', value: target }], `${note}${largeStudies} studies`);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Made once a machine: writing it takes longer than measuring. The name tells the schema apart. */
function largeLibrary(): string {
  const kept = path.join(os.tmpdir(), `imagiq-large-library-${largeStudies}-3`);
  const file = path.join(kept, 'library.sqlite');
  if (existsSync(file)) return file;
  const making = `${kept}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  writeLargeLibrary(making);
  renameSync(making, kept);
  return file;
}

/** Asks in a process of its own, so that its memory is a station's. */
function figuresOf(folder: string): Promise<Figure[]> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [folder], { execArgv: [] });
    child.once('message', (message) => resolve(z.array(figureSchema).parse(message)));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the station of the bench ended with ${code}`)));
  });
}

const queries = [
  's', 'm', 'a', '1', 'c', 'sm', 'smi', 'smith', 'müller', 'muller', 'garcia', 'ngu', 'okafor anna', 'smith john',
  'ct', 'chest', 'ct chest', 'chest ct with', 'spondylodiscitis', 'spondylo', 'mammo', 'pet', 'low dose smith', 'brain mr',
  '山田', '洪', '홍', 'Иванов', 'Ив', 'Παπ', 'قباني', 'P0012', 'P0012345', 'P00', 'A1007919', 'A100', '1.2.', '1.2.826.0.1.3',
  '1.2.826.0.1.3.1', '1.2.826.0.1.7.500.0.0',
]; // prettier-ignore

const filterSets: StudyFilterInput[][] = [
  [{ field: 'modality', anyOf: ['CT'] }],
  [{ field: 'modality', anyOf: ['CT', 'MR', 'PT'] }],
  [{ field: 'studyDate', from: '20150101', to: '20201231' }],
  [{ field: 'studyDate', lastDays: 365 }],
  [{ field: 'patientSex', anyOf: ['F'] }],
  [{ field: 'patientAgeYears', min: 40, max: 70 }],
  [{ field: 'bodyPartExamined', anyOf: ['CHEST'] }],
  [{ field: 'manufacturer', anyOf: ['SIEMENS', 'Philips'] }],
  [{ field: 'manufacturerModelName', anyOf: ['Ingenia'] }],
  [{ field: 'sliceThicknessMm', max: 1.5 }],
  [{ field: 'description', contains: 'thorax' }],
  [{ field: 'instances', min: 5 }],
  [{ field: 'imported', lastDays: 7 }],
  [{ field: 'labels', has: false }],
  [{ field: 'transferSyntaxUID', anyOf: ['1.2.840.10008.1.2.4.90'] }],
  [
    { field: 'modality', anyOf: ['CT'] },
    { field: 'bodyPartExamined', anyOf: ['CHEST'] },
    { field: 'sliceThicknessMm', max: 1.5 },
    { field: 'patientAgeYears', min: 18 },
    { field: 'studyDate', from: '20180101' },
  ],
];

function p95Of(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? Number.NaN;
}

async function measure(folder: string): Promise<Figure[]> {
  const { openLibrary } = await import('../../src/station/library/library.ts');
  const opened = performance.now();
  const library = openLibrary({ folder });
  const openMs = performance.now() - opened;
  const figures: Figure[] = [];
  const studies = (input: CallInput<'studies'>): { total: number } => library.studies(studyQuerySchema.parse(input));

  async function timed(what: string, asks: readonly (() => unknown)[], before?: () => void): Promise<void> {
    const times: number[] = [];
    const cpuTimes: number[] = [];
    for (let turn = 0; turn < turns; turn += 1)
      for (const ask of asks) {
        before?.();
        const cpu = process.threadCpuUsage();
        const started = performance.now();
        ask();
        times.push(performance.now() - started);
        const { user, system } = process.threadCpuUsage(cpu);
        cpuTimes.push((user + system) / 1_000);
        // The station answers between other work.
        await new Promise((resolve) => setImmediate(resolve));
      }
    const worst = Math.max(...times);
    figures.push({ what, p95: p95Of(times), cpuP95: p95Of(cpuTimes), worst, samples: times.length, unit: 'ms' });
  }
  /** Forgets every list that is kept, as a change of the index does. */
  const change = (): void => writeMore(folder);

  const sorts = studySortKeys.flatMap((sortBy) => [true, false].map((descending) => ({ sortBy, descending })));
  await timed(
    'first page, every sort order, after a change',
    sorts.map((sort) => () => studies(sort)),
    change,
  );
  await timed(
    'first page, every sort order, again',
    sorts.map((sort) => () => studies(sort)),
  );
  await timed(
    'last page, every sort order',
    sorts.map((sort) => () => studies({ ...sort, offset: largeStudies - 100 })),
  );
  await timed(
    'a keystroke of search',
    queries.map((query) => () => studies({ query })),
    change,
  );
  const filtered = queries.map(
    (query, at) => () => studies({ query, filters: filterSets[at % filterSets.length] ?? [] }),
  );
  await timed('a keystroke of search with filters', filtered, change);
  await timed(
    'a filter',
    filterSets.map((filters) => () => studies({ filters })),
    change,
  );
  await timed(
    'a filter and another sort order',
    filterSets.map((filters, at) => () => studies({ filters, ...sorts[at] })),
    change,
  );
  await timed(
    'last page of a search',
    queries.slice(0, 6).map((query) => () => {
      const { total } = studies({ query, limit: 1 });
      studies({ query, offset: Math.max(0, total - 100) });
    }),
  );
  await timed(
    'a count',
    queries.map((query) => () => studies({ query, limit: 1 })),
    change,
  );
  const dashboards = [[], ...filterSets].map(
    (filters) => () => library.browse.distributions({ query: '', filters: studyFiltersSchema.parse(filters) }),
  );
  await timed('the dashboard of a selection, after a change', dashboards, change);
  await timed('the dashboard of a selection, again', dashboards);
  await timed(
    'a page of patients',
    [0, 30_000].map((offset) => () => library.browse.patients(studyQuerySchema.parse({ offset }))),
    change,
  );
  figures.push({ what: 'opening the library', p95: openMs, cpuP95: openMs, worst: openMs, samples: 1, unit: 'ms' });
  figures.push({
    what: 'memory of the process (RSS)',
    p95: process.memoryUsage().rss / 1e6,
    cpuP95: 0,
    worst: 0,
    samples: 1,
    unit: 'MB',
  });
  library.close();
  return figures;
}

if (process.send && process.argv[2]) {
  const figures = await measure(process.argv[2]);
  process.send(figures, () => process.exit(0));
}
