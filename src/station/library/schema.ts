// The index's tables, as migrations that only go forward. A released one is never edited: add another.

export const migrations: readonly string[] = [
  `
  CREATE TABLE patients (
    id INTEGER PRIMARY KEY,
    -- PatientID, or the study's UID where a file has none: two patients without ID are not one.
    patientKey TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE studies (
    id INTEGER PRIMARY KEY,
    patient INTEGER NOT NULL REFERENCES patients (id),
    studyInstanceUID TEXT NOT NULL UNIQUE,
    patientID TEXT NOT NULL,
    patientName TEXT NOT NULL,
    patientBirthDate TEXT NOT NULL,
    patientSex TEXT NOT NULL,
    studyDate TEXT NOT NULL,
    description TEXT NOT NULL,
    accessionNumber TEXT NOT NULL,
    -- Sorted, joined by a backslash.
    modalities TEXT NOT NULL DEFAULT '',
    instances INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX studiesByPatient ON studies (patient);
  CREATE INDEX studiesByStudyDate ON studies (studyDate);
  CREATE INDEX studiesByPatientName ON studies (patientName COLLATE NOCASE);
  CREATE INDEX studiesByPatientID ON studies (patientID COLLATE NOCASE);
  CREATE INDEX studiesByDescription ON studies (description COLLATE NOCASE);
  CREATE INDEX studiesByModalities ON studies (modalities);
  CREATE INDEX studiesByInstances ON studies (instances);

  CREATE TABLE studyModalities (
    modality TEXT NOT NULL,
    study INTEGER NOT NULL REFERENCES studies (id),
    PRIMARY KEY (modality, study)
  ) STRICT, WITHOUT ROWID;

  -- Words of a study for free search; written by the importer, not by triggers.
  CREATE VIRTUAL TABLE studyText USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3', detail = 'full'
  );

  CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    study INTEGER NOT NULL REFERENCES studies (id),
    seriesInstanceUID TEXT NOT NULL,
    modality TEXT NOT NULL,
    description TEXT NOT NULL,
    seriesNumber REAL,
    instances INTEGER NOT NULL DEFAULT 0,
    UNIQUE (study, seriesInstanceUID)
  ) STRICT;
  CREATE INDEX seriesByUID ON series (seriesInstanceUID);

  CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id),
    sopInstanceUID TEXT NOT NULL UNIQUE,
    sopClassUID TEXT NOT NULL,
    transferSyntaxUID TEXT NOT NULL,
    instanceNumber REAL,
    frames INTEGER NOT NULL,
    "rows" INTEGER NOT NULL,
    "columns" INTEGER NOT NULL,
    position REAL,
    normal TEXT NOT NULL,
    -- Absolute where indexed in place, relative to the library's folder where copied.
    path TEXT NOT NULL,
    isCopy INTEGER NOT NULL,
    fileBytes INTEGER NOT NULL,
    modifiedMs REAL NOT NULL,
    -- SHA-256 of the bytes before the pixel data, and of the whole file where it was copied.
    headerHash TEXT NOT NULL,
    fileHash TEXT,
    pixelOffset INTEGER,
    pixelBytes INTEGER,
    damaged TEXT
  ) STRICT;
  CREATE INDEX instancesBySeries ON instances (series);
  `,
  `
  ALTER TABLE studies ADD COLUMN patientAgeYears REAL;
  ALTER TABLE series ADD COLUMN bodyPartExamined TEXT NOT NULL DEFAULT '';
  ALTER TABLE series ADD COLUMN manufacturer TEXT NOT NULL DEFAULT '';
  ALTER TABLE series ADD COLUMN manufacturerModelName TEXT NOT NULL DEFAULT '';
  ALTER TABLE series ADD COLUMN sliceThicknessMm REAL;
  `,
  `
  -- Labels that came with studies, by the UID of a study, series or instance (\`level\`).
  CREATE TABLE labels (
    origin TEXT NOT NULL,
    level TEXT NOT NULL,
    uid TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (origin, level, uid)
  ) STRICT, WITHOUT ROWID;
  -- Where a copied file was found; null where \`path\` says it, and for copies made before this column.
  ALTER TABLE instances ADD COLUMN source TEXT;
  `,
  `
  -- What lists filter, sort and count by, kept per study so that no list has to look at series or instances.
  ALTER TABLE studies ADD COLUMN series INTEGER NOT NULL DEFAULT 0;
  -- Distinct values of the study's series, sorted, joined by a backslash as in modalities.
  ALTER TABLE studies ADD COLUMN bodyParts TEXT NOT NULL DEFAULT '';
  ALTER TABLE studies ADD COLUMN manufacturers TEXT NOT NULL DEFAULT '';
  ALTER TABLE studies ADD COLUMN manufacturerModelNames TEXT NOT NULL DEFAULT '';
  ALTER TABLE studies ADD COLUMN sliceThicknessesMm TEXT NOT NULL DEFAULT '';
  -- When the newest series came, milliseconds since 1970; 0 for studies of before this column.
  ALTER TABLE studies ADD COLUMN importedMs INTEGER NOT NULL DEFAULT 0;
  UPDATE studies SET series = (SELECT count(*) FROM series r WHERE r.study = studies.id),
    bodyParts = (SELECT coalesce(group_concat(v, '\\'), '') FROM (SELECT DISTINCT bodyPartExamined AS v FROM series r WHERE r.study = studies.id AND bodyPartExamined <> '' ORDER BY v)),
    manufacturers = (SELECT coalesce(group_concat(v, '\\'), '') FROM (SELECT DISTINCT manufacturer AS v FROM series r WHERE r.study = studies.id AND manufacturer <> '' ORDER BY v)),
    manufacturerModelNames = (SELECT coalesce(group_concat(v, '\\'), '') FROM (SELECT DISTINCT manufacturerModelName AS v FROM series r WHERE r.study = studies.id AND manufacturerModelName <> '' ORDER BY v)),
    sliceThicknessesMm = (SELECT coalesce(group_concat(v, '\\'), '') FROM (SELECT DISTINCT round(sliceThicknessMm, 2) AS v FROM series r WHERE r.study = studies.id AND sliceThicknessMm IS NOT NULL ORDER BY v));
  CREATE INDEX studiesByBirthDate ON studies (patientBirthDate);
  CREATE INDEX studiesBySex ON studies (patientSex);
  CREATE INDEX studiesByAge ON studies (patientAgeYears);
  CREATE INDEX studiesByAccession ON studies (accessionNumber COLLATE NOCASE);
  CREATE INDEX studiesByBodyParts ON studies (bodyParts);
  CREATE INDEX studiesByManufacturers ON studies (manufacturers);
  CREATE INDEX studiesByModels ON studies (manufacturerModelNames);
  CREATE INDEX studiesBySliceThickness ON studies (sliceThicknessesMm);
  CREATE INDEX studiesBySeries ON studies (series);
  CREATE INDEX studiesByImported ON studies (importedMs);
  -- Everything of a series that a filter asks for, so that the filters of series read this index alone.
  CREATE INDEX seriesByEquipment ON series (manufacturer, manufacturerModelName, bodyPartExamined, sliceThicknessMm, modality, study);

  CREATE TABLE studyTransferSyntaxes (
    transferSyntaxUID TEXT NOT NULL,
    study INTEGER NOT NULL REFERENCES studies (id),
    instances INTEGER NOT NULL,
    fileBytes INTEGER NOT NULL,
    PRIMARY KEY (study, transferSyntaxUID)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO studyTransferSyntaxes SELECT i.transferSyntaxUID, r.study, count(*), sum(i.fileBytes)
    FROM instances i JOIN series r ON r.id = i.series GROUP BY 1, 2;

  -- Searches that a person keeps (contract/browse.ts), and how the study list is laid out; JSON.
  CREATE TABLE savedSearches (name TEXT PRIMARY KEY COLLATE NOCASE, search TEXT NOT NULL, savedMs INTEGER NOT NULL) STRICT;
  CREATE TABLE layouts (name TEXT PRIMARY KEY, layout TEXT NOT NULL) STRICT;
  `,
  `
  CREATE TABLE measurements (
    id TEXT PRIMARY KEY,
    studyInstanceUID TEXT NOT NULL,
    seriesInstanceUID TEXT NOT NULL,
    sopInstanceUID TEXT NOT NULL,
    frame INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- JSON, as in contract/annotation.ts.
    points TEXT NOT NULL,
    label TEXT NOT NULL,
    measured TEXT NOT NULL,
    changedAt TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX measurementsByStudy ON measurements (studyInstanceUID);
  `,
  // What the validation report looks at; null in instances indexed before, which it passes over.
  `
  -- What tells images at one position apart: acquisition, time point, echo, ... (see validation/checked-attributes.ts).
  ALTER TABLE instances ADD COLUMN acquisition TEXT;
  ALTER TABLE instances ADD COLUMN acquisitionTime TEXT;
  ALTER TABLE instances ADD COLUMN pixelSpacing TEXT;
  -- ImagePositionPatient along row and column, mm.
  ALTER TABLE instances ADD COLUMN alongRow REAL;
  ALTER TABLE instances ADD COLUMN alongColumn REAL;
  ALTER TABLE instances ADD COLUMN gantryTilt REAL;
  ALTER TABLE instances ADD COLUMN burnedIn TEXT;
  -- Keywords joined by a backslash.
  ALTER TABLE instances ADD COLUMN missing TEXT;

  CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    startedAt TEXT NOT NULL,
    paths TEXT NOT NULL,
    mode TEXT NOT NULL,
    files INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    studies INTEGER NOT NULL,
    series INTEGER NOT NULL,
    seconds REAL NOT NULL,
    cancelled INTEGER NOT NULL,
    findings TEXT NOT NULL
  ) STRICT;

  CREATE TABLE importFindings (
    id INTEGER PRIMARY KEY,
    import INTEGER NOT NULL REFERENCES imports (id),
    -- Place of its kind in the report.
    kindOrder INTEGER NOT NULL,
    kind TEXT NOT NULL,
    studyInstanceUID TEXT,
    seriesInstanceUID TEXT,
    subject TEXT NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX importFindingsByImport ON importFindings (import, kindOrder);
  `,
  `
  -- What segmentations and structure sets say of themselves, read once; \`reader\` is the version of what read them.
  CREATE TABLE overlayObjects (
    sopInstanceUID TEXT PRIMARY KEY,
    reader INTEGER NOT NULL,
    -- Empty where it is neither or cannot be read.
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    -- JSON, as in contract/annotation.ts.
    regions TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE overlayReferences (
    seriesInstanceUID TEXT NOT NULL,
    sopInstanceUID TEXT NOT NULL,
    PRIMARY KEY (seriesInstanceUID, sopInstanceUID)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX overlayReferencesByObject ON overlayReferences (sopInstanceUID);
  `,
  `
  ALTER TABLE imports ADD COLUMN labelled INTEGER NOT NULL DEFAULT 0;
  -- JSON.
  ALTER TABLE imports ADD COLUMN notes TEXT NOT NULL DEFAULT '[]';
  `,
  `
  -- Copies that are to be removed from the disk; relative to the library's folder.
  CREATE TABLE leavingFiles (path TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
  `
  -- An import has its row from its beginning: running, ended, or cut-off where it was ended by a fault or a kill.
  ALTER TABLE imports ADD COLUMN state TEXT NOT NULL DEFAULT 'ended';
  `,
  `
  -- Frames of images: more than instances where some are multi-frame.
  ALTER TABLE series ADD COLUMN frames INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE studies ADD COLUMN frames INTEGER NOT NULL DEFAULT 0;
  UPDATE series SET frames = (SELECT coalesce(sum(frames), 0) FROM instances i WHERE i.series = series.id AND i."rows" > 0 AND i."columns" > 0
    AND i.sopClassUID NOT IN ('1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7'));
  UPDATE studies SET frames = (SELECT coalesce(sum(frames), 0) FROM series r WHERE r.study = studies.id);
  `,
  `
  -- Of the pixels' values; empty where a measurement was kept before this column.
  ALTER TABLE measurements ADD COLUMN unit TEXT NOT NULL DEFAULT '';
  `,
  `
  -- What millimetres of a measurement mean, as of a frame's geometry; empty where it has none, or was kept before this column.
  ALTER TABLE measurements ADD COLUMN spacingKind TEXT NOT NULL DEFAULT '';
  `,
  `
  -- The filters of series read this index alone: from modality on, which narrows most.
  DROP INDEX seriesByEquipment;
  CREATE INDEX seriesByModality ON series (modality, bodyPartExamined, manufacturer, manufacturerModelName, sliceThicknessMm, study);
  `,
  `
  -- The study list sorted by its thinnest slices.
  CREATE INDEX studiesByThinnestSlice ON studies (CAST(sliceThicknessesMm AS REAL));
  `,
  `
  -- Instances that are images: reports, plans, presentation states and segmentations are none.
  ALTER TABLE series ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE studies ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
  UPDATE series SET images = (SELECT count(*) FROM instances i WHERE i.series = series.id AND i.frames > 0 AND i."rows" > 0 AND i."columns" > 0
    AND i.sopClassUID NOT IN ('1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7'));
  UPDATE studies SET images = (SELECT coalesce(sum(images), 0) FROM series r WHERE r.study = studies.id);
  DROP INDEX studiesByInstances;
  CREATE INDEX studiesByImages ON studies (images);
  `,
  `
  -- Of the first instance that came; empty of studies of before these columns.
  ALTER TABLE studies ADD COLUMN studyTime TEXT NOT NULL DEFAULT '';
  ALTER TABLE studies ADD COLUMN institutionName TEXT NOT NULL DEFAULT '';
  CREATE INDEX studiesByStudyTime ON studies (studyTime);
  CREATE INDEX studiesByInstitution ON studies (institutionName COLLATE NOCASE);
  `,
];
