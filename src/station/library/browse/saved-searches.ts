// Searches that a person keeps under a name, and the study list's layout: small JSON rows in library.sqlite.
import { type SavedSearch, savedSearchSchema, type StudyLayout, studyLayoutSchema } from '../../../contract/browse.ts';
import type { Db } from '../database.ts';
import { libraryFaults } from '../faults.ts';

export interface SavedSearches {
  all(): SavedSearch[];
  save(search: SavedSearch): void;
  /** @throws Fault 114 (no such search), 115 (another has the name). */
  rename(name: string, newName: string): void;
  /** @throws Fault 114. */
  delete(name: string): void;
  layout(): StudyLayout | null;
  keepLayout(layout: StudyLayout): void;
}

export function savedSearches(db: Db): SavedSearches {
  const rows = db.prepare<[], { name: string; search: string }>('SELECT name, search FROM savedSearches ORDER BY name');
  const upsert = db.prepare(
    `INSERT INTO savedSearches (name, search, savedMs) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET name = excluded.name, search = excluded.search, savedMs = excluded.savedMs`,
  );
  const rename = db.prepare('UPDATE savedSearches SET name = ? WHERE name = ?');
  const remove = db.prepare('DELETE FROM savedSearches WHERE name = ?');
  const named = db.prepare<[string], number>('SELECT 1 FROM savedSearches WHERE name = ?').pluck();
  const layoutRow = db.prepare<[], string>("SELECT layout FROM layouts WHERE name = 'studies'").pluck();
  const keepLayout = db.prepare(
    `INSERT INTO layouts (name, layout) VALUES ('studies', ?) ON CONFLICT DO UPDATE SET layout = excluded.layout`,
  );
  return {
    // A row that a newer version wrote in another way is left out rather than losing all.
    all: () =>
      rows.all().flatMap(({ name, search }) => {
        const read = savedSearchSchema.safeParse({ ...(JSON.parse(search) as object), name });
        return read.success ? [read.data] : [];
      }),
    save({ name, ...search }) {
      upsert.run(name, JSON.stringify(search), Date.now());
    },
    rename(name, newName) {
      const isSame = name.toLowerCase() === newName.toLowerCase();
      if (!isSame && named.get(newName) !== undefined) throw libraryFaults.searchNameTaken(newName);
      if (rename.run(newName, name).changes === 0) throw libraryFaults.unknownSearch(name);
    },
    delete(name) {
      if (remove.run(name).changes === 0) throw libraryFaults.unknownSearch(name);
    },
    layout() {
      const text = layoutRow.get();
      const read = text === undefined ? null : studyLayoutSchema.safeParse(JSON.parse(text));
      return read?.success === true ? read.data : null;
    },
    keepLayout: (layout) => void keepLayout.run(JSON.stringify(layout)),
  };
}
