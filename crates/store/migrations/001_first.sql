-- Format 1. Every table and column is explained in docs/formats/store.md.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('format', 'jirani-store');

-- AUTOINCREMENT: the number of a removed account is never given to another.
CREATE TABLE account (
    account      INTEGER PRIMARY KEY AUTOINCREMENT,
    created      INTEGER NOT NULL,
    next_seq     INTEGER NOT NULL DEFAULT 1,
    next_version INTEGER NOT NULL DEFAULT 1,
    clock        INTEGER NOT NULL DEFAULT 0,
    pending      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- role: 0 primary, 1 alias, 2 moved.
CREATE TABLE address (
    address TEXT PRIMARY KEY,
    account INTEGER NOT NULL,
    role    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX address_account ON address (account);
CREATE UNIQUE INDEX address_primary ON address (account) WHERE role = 0;

-- hash: 1 SHA-1, 2 SHA-256.
CREATE TABLE credential (
    account    INTEGER NOT NULL,
    hash       INTEGER NOT NULL,
    salt       BLOB NOT NULL,
    iterations INTEGER NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

-- Node 0 is the one whose store this is: its key is in its key storage, not here.
CREATE TABLE node (
    node INTEGER PRIMARY KEY CHECK (node > 0),
    key  BLOB NOT NULL UNIQUE
) STRICT;

-- value NULL: a tombstone.
CREATE TABLE record (
    account INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    key     TEXT NOT NULL,
    value   BLOB,
    clock   INTEGER NOT NULL,
    node    INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account, kind, key)
) STRICT, WITHOUT ROWID;

-- owners: how many rows of copy name this body; it goes with the last of them.
CREATE TABLE body (
    body   INTEGER PRIMARY KEY,
    origin INTEGER NOT NULL,
    owners INTEGER NOT NULL,
    stanza BLOB NOT NULL
) STRICT;

-- The other sides of each account's conversations: a small number, because it stands in every row of copy twice.
CREATE TABLE peer (
    peer    INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    address TEXT NOT NULL,
    UNIQUE (account, address)
) STRICT;

CREATE TABLE copy (
    account    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    body       INTEGER NOT NULL,
    peer       INTEGER NOT NULL,
    filed      INTEGER NOT NULL,
    first_node INTEGER NOT NULL,
    first_seq  INTEGER NOT NULL,
    archived   INTEGER NOT NULL,
    pending    INTEGER NOT NULL,
    PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;

-- span: seq >> 8. When the archived copies of a span were filed, so that a time is found without walking an archive.
CREATE TABLE span (
    account   INTEGER NOT NULL,
    span      INTEGER NOT NULL,
    filed_min INTEGER NOT NULL,
    filed_max INTEGER NOT NULL,
    PRIMARY KEY (account, span)
) STRICT, WITHOUT ROWID;

CREATE INDEX copy_peer ON copy (peer, seq) WHERE archived = 1;
CREATE INDEX copy_pending ON copy (account, seq) WHERE pending = 1;
