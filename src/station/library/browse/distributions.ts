// How the studies of a selection are distributed: counts and bars for the dashboard. Every column is read as runs of
// equal values in its index's order; a selection is counted by walking the ids in that same order.
import type { Distribution, Distributions } from '../../../contract/browse.ts';
import type { Db } from '../database.ts';
import { ageBars, categoryBars, dateBars, imageBars, thicknessBars, type Tally } from './distribution-bars.ts';
import type { StudySearch } from './filter-sources.ts';
import { packedColumns, packedRuns, type Runs } from './packed-numbers.ts';
import { idsOf, type StudyLists, type StudySet } from './study-lists.ts';
import { transferSyntaxName } from './transfer-syntax-name.ts';

/** Below this many studies their rows are read and counted one by one. */
const fewStudies = 4_000;

const columns = [
  'modalities',
  'bodyParts',
  'manufacturers',
  'manufacturerModelNames',
  'studyDate',
  'patientAgeYears',
  'patientSex',
  'sliceThicknessesMm',
  'images',
  'series',
] as const;
type Column = (typeof columns)[number];
type Value = string | number | null;

/** Studies by transfer syntax, and what their files are. */
interface Syntaxes {
  readonly tally: Tally;
  readonly fileBytes: number;
  readonly instances: number;
}

export function distributionsReader(
  db: Db,
  lists: StudyLists,
  patientCount: (search: StudySearch) => number,
): (search: StudySearch) => Distributions {
  const runs = (column: Column): Runs => lists.kept(`runs ${column}`, () => packedRuns(db, column));

  function ofSet(column: Column, { marks }: StudySet): Map<Value, number> {
    const { values, ids } = runs(column);
    const tally = new Map<Value, number>();
    let at = 0;
    for (const [value, length] of values) {
      let count = 0;
      for (const end = at + length; at < end; at += 1) count += marks[ids[at] ?? 0] ?? 0;
      if (count > 0) tally.set(value, count);
    }
    return tally;
  }

  function ofFew(set: StudySet): Map<Column, Map<Value, number>> {
    const tallies = new Map<Column, Map<Value, number>>(columns.map((column) => [column, new Map()]));
    const rows = db
      .prepare<[string], Value[]>(
        `SELECT ${columns.join(', ')} FROM studies WHERE id IN (SELECT value FROM json_each(?))`,
      )
      .raw()
      .all(JSON.stringify(idsOf(set)));
    for (const row of rows)
      for (const [index, column] of columns.entries()) {
        const tally = tallies.get(column)!;
        const value = row[index] ?? null;
        tally.set(value, (tally.get(value) ?? 0) + 1);
      }
    return tallies;
  }

  function syntaxes(set: StudySet | null): Syntaxes {
    if (set !== null && set.size > fewStudies) return syntaxesOfMany(set);
    const where = set === null ? '' : 'WHERE study IN (SELECT value FROM json_each(?))';
    const rows = db
      .prepare<string[], [string, number, number, number]>(
        `SELECT transferSyntaxUID, count(*), sum(fileBytes), sum(instances) FROM studyTransferSyntaxes ${where} GROUP BY 1`,
      )
      .raw()
      .all(...(set === null ? [] : [JSON.stringify(idsOf(set))]));
    return {
      tally: new Map(rows.map(([uid, studies]) => [uid, studies])),
      fileBytes: rows.reduce((sum, [, , bytes]) => sum + bytes, 0),
      instances: rows.reduce((sum, [, , , held]) => sum + held, 0),
    };
  }

  /** Studies, syntaxes and file sizes as columns, so that a selection is counted without looking each study up. */
  const syntaxColumns = (): Record<'study' | 'place' | 'fileBytes' | 'instances', Float64Array> & {
    places: [string, number][];
  } =>
    lists.kept('syntaxes', () => {
      const uids = db.prepare<[], string>('SELECT DISTINCT transferSyntaxUID FROM studyTransferSyntaxes').pluck().all();
      const joined = `\\${uids.join('\\')}\\`;
      const select = `SELECT study, instr(?, '\\' || transferSyntaxUID || '\\') AS place, fileBytes, instances FROM studyTransferSyntaxes`;
      return {
        ...packedColumns(db, ['study', 'place', 'fileBytes', 'instances'], select, [joined]),
        places: uids.map((uid) => [uid, joined.indexOf(`\\${uid}\\`) + 1]),
      };
    });

  function syntaxesOfMany({ marks }: StudySet): Syntaxes {
    const { study, place, fileBytes: bytes, instances: held, places } = syntaxColumns();
    const counts = new Uint32Array(1 + places.reduce((furthest, [, at]) => Math.max(furthest, at), 0));
    let [fileBytes, instances] = [0, 0];
    for (let at = 0; at < study.length; at += 1) {
      if (marks[study[at] ?? 0] !== 1) continue;
      const found = place[at] ?? 0;
      counts[found] = (counts[found] ?? 0) + 1;
      fileBytes += bytes[at] ?? 0;
      instances += held[at] ?? 0;
    }
    const tally = new Map(places.map(([uid, at]) => [uid, counts[at] ?? 0] as const).filter(([, count]) => count > 0));
    return { tally, fileBytes, instances };
  }

  /** Studies by label, whatever its origin and level; those without one where others have some. */
  function labels(set: StudySet | null, studies: number): Tally {
    const pairs = lists.kept('labels', () =>
      db
        .prepare<[], [string, number]>(
          `SELECT l.label, s.id FROM labels l CROSS JOIN studies s ON s.studyInstanceUID = l.uid WHERE l.level = 'study'
           UNION SELECT l.label, r.study FROM labels l CROSS JOIN series r ON r.seriesInstanceUID = l.uid WHERE l.level = 'series'
           UNION SELECT l.label, r.study FROM labels l CROSS JOIN instances i ON i.sopInstanceUID = l.uid
             JOIN series r ON r.id = i.series WHERE l.level = 'instance'`,
        )
        .raw()
        .all(),
    );
    const tally = new Map<string, number>();
    const labelled = new Set<number>();
    for (const [label, study] of pairs) {
      if (set !== null && set.marks[study] !== 1) continue;
      tally.set(label, (tally.get(label) ?? 0) + 1);
      labelled.add(study);
    }
    if (tally.size > 0) tally.set('', studies - labelled.size);
    return tally;
  }

  return (search) => lists.kept(`distributions ${lists.key(search)}`, () => of(search));

  function of(search: StudySearch): Distributions {
    const set = lists.found(search);
    const few = set !== null && set.size <= fewStudies ? ofFew(set) : null;
    const tallyOf = (column: Column): Map<Value, number> => {
      if (few !== null) return few.get(column)!;
      return set === null ? new Map(runs(column).values) : ofSet(column, set);
    };
    const images = tallyOf('images');
    const studies = set === null ? [...images.values()].reduce((sum, count) => sum + count, 0) : set.size;
    const { tally: syntaxTally, fileBytes, instances } = syntaxes(set);
    const distributions: Distribution[] = [
      categoryBars('modality', split(tallyOf('modalities'))),
      categoryBars('bodyPartExamined', split(tallyOf('bodyParts'))),
      categoryBars('manufacturer', split(tallyOf('manufacturers'))),
      categoryBars('manufacturerModelName', split(tallyOf('manufacturerModelNames'))),
      dateBars(texts(tallyOf('studyDate'))),
      ageBars(tallyOf('patientAgeYears')),
      categoryBars('patientSex', texts(tallyOf('patientSex'))),
      thicknessBars(texts(tallyOf('sliceThicknessesMm'))),
      imageBars(images),
      categoryBars('transferSyntaxUID', syntaxTally, transferSyntaxName),
      categoryBars('label', labels(set, studies)),
    ];
    return {
      patients: patientCount(search),
      studies,
      series: weighted(tallyOf('series')),
      instances,
      images: weighted(images),
      fileBytes,
      distributions,
    };
  }
}

/** Joined values apart: a study with two counts for both. */
function split(tally: ReadonlyMap<Value, number>): Tally {
  const apart = new Map<string, number>();
  for (const [joined, count] of tally)
    for (const value of String(joined ?? '').split('\\')) apart.set(value, (apart.get(value) ?? 0) + count);
  return apart;
}

function texts(tally: ReadonlyMap<Value, number>): Tally {
  return new Map([...tally].map(([value, count]) => [String(value ?? ''), count]));
}

function weighted(tally: ReadonlyMap<Value, number>): number {
  let sum = 0;
  for (const [value, count] of tally) sum += Number(value) * count;
  return sum;
}
