// The hub's SQL as PostgreSQL wants it.

const words = /'[^']*'|\?|\b[a-z]+(?:[A-Z][A-Za-z0-9]*)+\b/g;

/** `?` become $1, $2, …; names with a capital inside are quoted, because PostgreSQL would write them small. */
export function toPostgres(sql: string): string {
  let values = 0;
  return sql.replace(words, (word) => {
    if (word === '?') return `$${(values += 1)}`;
    return word.startsWith("'") ? word : `"${word}"`;
  });
}

/** A step of the schema: its few words that are SQLite's only are replaced. */
export function schemaToPostgres(step: string): string {
  return toPostgres(
    step
      .replaceAll('INTEGER PRIMARY KEY AUTOINCREMENT', 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY')
      .replaceAll('INTEGER', 'BIGINT')
      .replaceAll('BLOB', 'BYTEA')
      .replaceAll(') STRICT', ')'),
  );
}
