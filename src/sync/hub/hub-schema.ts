// The hub's tables, in the words that SQLite and PostgreSQL share; postgres-database.ts replaces the few that differ.

/** Each step brings a database one version on; they are never changed, only added to. */
export const migrations = [
  `
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE invites (
    codeHash TEXT PRIMARY KEY, federation TEXT NOT NULL, createdAt TEXT NOT NULL, expiresAt TEXT NOT NULL, usedBy TEXT
  ) STRICT;
  CREATE TABLE members (
    fingerprint TEXT PRIMARY KEY, site TEXT NOT NULL, publicKey TEXT NOT NULL,
    cardStatement TEXT NOT NULL, cardSignature TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('member', 'left', 'revoked')), enrolledAt TEXT NOT NULL, lastSeen TEXT
  ) STRICT;
  CREATE UNIQUE INDEX memberNames ON members (site) WHERE state = 'member';
  CREATE TABLE projects (
    projectHash TEXT PRIMARY KEY, project TEXT NOT NULL, createdAt TEXT NOT NULL, finishedAt TEXT
  ) STRICT;
  CREATE TABLE trunk (
    projectHash TEXT NOT NULL REFERENCES projects, version INTEGER NOT NULL, blob TEXT NOT NULL,
    statement TEXT NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (projectHash, version)
  ) STRICT;
  CREATE INDEX trunkBlobs ON trunk (blob);
  CREATE TABLE updates (
    number INTEGER PRIMARY KEY AUTOINCREMENT, idempotencyKey TEXT NOT NULL UNIQUE,
    projectHash TEXT NOT NULL REFERENCES projects, site TEXT NOT NULL REFERENCES members,
    baseVersion INTEGER NOT NULL, blob TEXT NOT NULL, examples INTEGER NOT NULL,
    statement TEXT NOT NULL, signature TEXT NOT NULL, receiptStatement TEXT NOT NULL, receiptSignature TEXT NOT NULL,
    acceptedAt TEXT NOT NULL, committedVersion INTEGER
  ) STRICT;
  CREATE INDEX bufferedUpdates ON updates (projectHash, number) WHERE committedVersion IS NULL;
  CREATE INDEX updatesBySite ON updates (site);
  CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, author TEXT NOT NULL REFERENCES members,
    statement TEXT NOT NULL, signature TEXT NOT NULL, sealedBlob TEXT NOT NULL, UNIQUE (author, model)
  ) STRICT;
  CREATE TABLE envelopes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, modelNumber INTEGER NOT NULL REFERENCES models,
    recipient TEXT NOT NULL, sealedKey TEXT NOT NULL, UNIQUE (modelNumber, recipient)
  ) STRICT;
  `,
  // The server optimiser's state belongs to the newest trunk version of its project and changes with it. `endedBecause` is what the
  // coordinator told a site that was revoked or expelled: one that left by itself has none.
  `
  ALTER TABLE projects ADD COLUMN optimizerBlob TEXT;
  ALTER TABLE members ADD COLUMN endedBecause TEXT;
  `,
  // The ledger (hub-ledger.ts): one row an entry, in the form of the chain's lines.
  `
  CREATE TABLE ledger (sequence INTEGER PRIMARY KEY, act TEXT NOT NULL, line TEXT NOT NULL) STRICT;
  `,
  // `epoch` grows with each turn to aggregate: a commit of an earlier turn is refused. `events` is what hubs of one database tell each
  // other; `hubs` and `presence` say which of them is alive, and which site is connected to which (only where the database is shared).
  `
  ALTER TABLE projects ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL, process TEXT NOT NULL, happenedAt INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE hubs (process TEXT PRIMARY KEY, aliveAt INTEGER NOT NULL) STRICT;
  CREATE TABLE presence (fingerprint TEXT PRIMARY KEY REFERENCES members, process TEXT NOT NULL) STRICT;
  CREATE INDEX presenceByProcess ON presence (process);
  `,
  // Secure aggregation: offers that wait for a masked buffer, the one that is open, and the masked updates that arrived for it.
  `
  CREATE TABLE maskedOffers (
    projectHash TEXT NOT NULL REFERENCES projects, site TEXT NOT NULL REFERENCES members,
    document TEXT NOT NULL, offeredAt TEXT NOT NULL, PRIMARY KEY (projectHash, site)
  ) STRICT;
  CREATE TABLE maskedBuffers (projectHash TEXT PRIMARY KEY REFERENCES projects, document TEXT NOT NULL) STRICT;
  CREATE TABLE maskedUpdates (
    projectHash TEXT NOT NULL REFERENCES projects, site TEXT NOT NULL REFERENCES members,
    blob TEXT NOT NULL, statement TEXT NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (projectHash, site)
  ) STRICT;
  CREATE INDEX maskedBlobs ON maskedUpdates (blob);
  `,
  // The web console's one-time links and open sessions; the passphrase is a setting.
  `
  CREATE TABLE consoleLinks (codeHash TEXT PRIMARY KEY, role TEXT NOT NULL, expiresAt TEXT NOT NULL) STRICT;
  CREATE TABLE consoleSessions (tokenHash TEXT PRIMARY KEY, role TEXT NOT NULL, expiresAt TEXT NOT NULL) STRICT;
  `,
  // Project life: what data managers answered, roles, how a membership ended, and why a project was retired before its last commit.
  `
  CREATE TABLE answers (
    projectHash TEXT NOT NULL REFERENCES projects, site TEXT NOT NULL REFERENCES members,
    answer TEXT NOT NULL CHECK (answer IN ('approved', 'declined')), because TEXT, answeredAt TEXT NOT NULL,
    statement TEXT NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (projectHash, site)
  ) STRICT;
  ALTER TABLE invites ADD COLUMN role TEXT NOT NULL DEFAULT 'site';
  ALTER TABLE members ADD COLUMN role TEXT NOT NULL DEFAULT 'site';
  ALTER TABLE members ADD COLUMN endedKind TEXT;
  ALTER TABLE projects ADD COLUMN retiredBecause TEXT;
  `,
  // Heads of ledgers: the last that a site told of its own ('site'), and the last of the hub's that the site countersigned ('hub').
  `
  CREATE TABLE heads (
    site TEXT NOT NULL REFERENCES members, whose TEXT NOT NULL CHECK (whose IN ('site', 'hub')),
    entries INTEGER NOT NULL, hash TEXT NOT NULL, statement TEXT NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (site, whose)
  ) STRICT;
  `,
  // Secure aggregation over several hubs: `revision` is another after each change of a buffer, so that of two hubs that change it at once one
  // looks anew; `detail` says why a buffer ended.
  `
  ALTER TABLE maskedBuffers ADD COLUMN revision TEXT NOT NULL DEFAULT '';
  ALTER TABLE events ADD COLUMN detail TEXT;
  `,
  // Where members say that their peers reach them: the sites of all hubs hear of it.
  `
  CREATE TABLE addresses (
    fingerprint TEXT PRIMARY KEY REFERENCES members, statement TEXT NOT NULL, signature TEXT NOT NULL
  ) STRICT;
  `,
  // Modes without a trunk: sites that said that their turns are done.
  `
  CREATE TABLE turnsDone (
    projectHash TEXT NOT NULL REFERENCES projects, site TEXT NOT NULL REFERENCES members,
    statement TEXT NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (projectHash, site)
  ) STRICT;
  `,
  // SCAFFOLD: of each site the newest control variate that a commit counted, and the trunk's, which belongs to its newest version.
  `
  ALTER TABLE projects ADD COLUMN variateBlob TEXT;
  CREATE TABLE siteVariates (
    projectHash TEXT NOT NULL REFERENCES projects, site TEXT NOT NULL REFERENCES members,
    blob TEXT NOT NULL, examples INTEGER NOT NULL, PRIMARY KEY (projectHash, site)
  ) STRICT;
  CREATE INDEX siteVariateBlobs ON siteVariates (blob);
  `,
  // Why an accepted update is never counted: its site is told.
  `
  ALTER TABLE updates ADD COLUMN discardedBecause TEXT;
  `,
  // Blobs that members have begun to bring and not offered, where several hubs count them together (begun-blobs.ts).
  `
  CREATE TABLE begunBlobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, member TEXT NOT NULL, hash TEXT NOT NULL, bytes INTEGER NOT NULL,
    isNow INTEGER NOT NULL, begunAt INTEGER NOT NULL, UNIQUE (member, hash)
  ) STRICT;
  CREATE INDEX begunByHash ON begunBlobs (hash);
  `,
  // Updates that the rule of their commit did not keep.
  `
  ALTER TABLE updates ADD COLUMN isLeftOut INTEGER NOT NULL DEFAULT 0;
  `,
  // A withdrawn invite stays in the list; before, its row was deleted.
  `
  ALTER TABLE invites ADD COLUMN withdrawnAt TEXT;
  `,
] as const;
