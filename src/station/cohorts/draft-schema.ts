// The tables that a cohort is made in (draft-table.ts). They live no longer than the draft: there are no migrations.

export const draftSchema = `
  CREATE TABLE patient (
    id INTEGER PRIMARY KEY,
    patientKey TEXT NOT NULL UNIQUE,
    pseudonym TEXT NOT NULL,
    rank BLOB NOT NULL,
    isForgotten INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX patientByRank ON patient (rank);
  CREATE TABLE study (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE series (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE image (
    id INTEGER PRIMARY KEY,
    sopInstanceUID TEXT NOT NULL UNIQUE,
    patient INTEGER NOT NULL,
    study INTEGER NOT NULL,
    series INTEGER NOT NULL,
    patientID TEXT NOT NULL,
    -- With slashes, one before the first name.
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    modality TEXT NOT NULL,
    frames INTEGER NOT NULL,
    position REAL,
    label TEXT,
    isContradicted INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE noted (key TEXT PRIMARY KEY, label TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE masks (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE item (
    id INTEGER PRIMARY KEY, image INTEGER NOT NULL, frame INTEGER NOT NULL, label TEXT NOT NULL, masks INTEGER
  ) STRICT;
  CREATE INDEX itemByImage ON item (image, frame);
`;
