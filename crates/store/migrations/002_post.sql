-- Format 2: what is owed to other devices, and what was taken of them (docs/formats/post.md).

-- How many rows of outbox the account has.
ALTER TABLE account ADD COLUMN outbox INTEGER NOT NULL DEFAULT 0;

-- A row owns its body, as one of copy does. device: empty means any of the address. copied: empty means no copy.
CREATE TABLE outbox (
    account     INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    body        INTEGER NOT NULL,
    address     TEXT NOT NULL,
    device      BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    counter     INTEGER NOT NULL,
    copied      BLOB NOT NULL,
    expires     INTEGER NOT NULL,
    PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_address ON outbox (address, device, account, seq);
CREATE INDEX outbox_expires ON outbox (expires);

CREATE TABLE received (
    account     INTEGER NOT NULL,
    device      BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    changes     INTEGER NOT NULL,
    seen        BLOB NOT NULL,
    used        INTEGER NOT NULL,
    PRIMARY KEY (account, device, incarnation)
) STRICT, WITHOUT ROWID;
