// What a hub's database says after a simulation: which updates it accepted, and whether it counted one twice.
import path from 'node:path';
import Database from 'better-sqlite3';
import { parseStatement } from '../protocol/statement.ts';

export interface CountedUpdates {
  readonly accepted: number;
  /** Of their files, all together. */
  readonly bytes: number;
  /** Accepted, by the site's fingerprint. */
  readonly bySite: ReadonlyMap<string, number>;
  /** How often an update stands in a trunk version although it stands in another, or twice in one. */
  readonly duplicated: number;
}

export function countedUpdates(hubFolder: string): CountedUpdates {
  const db = new Database(path.join(hubFolder, 'hub.sqlite'), { readonly: true });
  try {
    const rows = db
      .prepare<[], { site: string; n: number }>('SELECT site, count(*) AS n FROM updates GROUP BY site')
      .all();
    const statements = db.prepare<[], { statement: string }>('SELECT statement FROM updates').all();
    const counted = db
      .prepare<[], { statement: string }>('SELECT statement FROM trunk')
      .all()
      .flatMap(({ statement }) => parseStatement('trunk', statement).updates);
    return {
      accepted: rows.reduce((sum, { n }) => sum + n, 0),
      bytes: statements.reduce((sum, { statement }) => sum + parseStatement('update', statement).bytes, 0),
      bySite: new Map(rows.map(({ site, n }) => [site, n])),
      duplicated: counted.length - new Set(counted).size,
    };
  } finally {
    db.close();
  }
}
