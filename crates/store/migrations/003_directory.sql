-- The directory of peers. Every table and column is explained in docs/formats/store.md.

-- kind 0: a genesis record. fork 1: the second of two different statements with one sequence.
CREATE TABLE statement (
    address  TEXT NOT NULL,
    issuer   BLOB NOT NULL,
    kind     INTEGER NOT NULL,
    subject  BLOB NOT NULL,
    fork     INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    seen     INTEGER NOT NULL,
    bytes    BLOB NOT NULL,
    PRIMARY KEY (address, issuer, kind, subject, fork)
) STRICT, WITHOUT ROWID;

CREATE TABLE pin (
    address TEXT PRIMARY KEY,
    genesis BLOB NOT NULL,
    person  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
