// Many numbers out of SQLite at once. 100,000 rows handed over one by one take 24 ms; joined to one text by SQLite and
// read from it, 11 ms: the difference between a keystroke that is felt and one that is not.
import type { Db } from '../database.ts';

type Values = (string | number)[];

/** The first column of a SELECT, which must be of whole numbers from 0 to 2³² − 1, in its order. */
export function packedIds(db: Db, select: string, values: readonly (string | number)[]): Uint32Array {
  // An ORDER BY inside is kept: SQLite feeds the aggregate row by row as the subquery gives them.
  const [text, count] = db
    .prepare<Values, [string | null, number]>(
      `SELECT group_concat(id), count(*) FROM (SELECT id FROM (${select.replace(/^SELECT (\S+)/, 'SELECT $1 AS id')}))`,
    )
    .raw()
    .get(...values)!;
  return unpacked(text, new Uint32Array(count));
}

/** Named columns of a SELECT, each of whole numbers from 0 to 2⁵³, in its order. */
export function packedColumns<Column extends string>(
  db: Db,
  columns: readonly Column[],
  select: string,
  values: readonly (string | number)[],
): Record<Column, Float64Array> {
  const row = db
    .prepare<Values, [number, ...(string | null)[]]>(
      `SELECT count(*), ${columns.map((column) => `group_concat(${column})`).join(', ')} FROM (${select})`,
    )
    .raw()
    .get(...values)!;
  const [count, ...texts] = row;
  const read = columns.map((column, at) => [column, unpacked(texts[at] ?? null, new Float64Array(count))]);
  return Object.fromEntries(read) as Record<Column, Float64Array>;
}

/** A column's distinct values, ascending, with how many studies have each; and the studies' ids in that order. */
export interface Runs {
  readonly values: readonly [value: string | number | null, studies: number][];
  readonly ids: Uint32Array;
}

/** Read once, from the column's index. */
export function packedRuns(db: Db, column: string): Runs {
  const rows = db
    .prepare<[], [string | number | null, number, string]>(
      `SELECT ${column}, count(*), group_concat(id) FROM studies GROUP BY ${column} ORDER BY ${column}`,
    )
    .raw()
    .all();
  const ids = new Uint32Array(rows.reduce((sum, [, count]) => sum + count, 0));
  let at = 0;
  const values = rows.map(([value, count, text]): [string | number | null, number] => {
    unpacked(text, ids.subarray(at, at + count));
    at += count;
    return [value, count];
  });
  return { values, ids };
}

/** Numbers that commas part, written into an array of as many. */
function unpacked<Numbers extends Uint32Array | Float64Array>(text: string | null, numbers: Numbers): Numbers {
  if (text === null) return numbers;
  let at = 0;
  let number = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === comma) {
      numbers[at] = number;
      at += 1;
      number = 0;
    } else number = number * 10 + code - zero;
  }
  numbers[at] = number;
  return numbers;
}

const comma = 44;
const zero = 48;
