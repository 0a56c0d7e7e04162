//! What the store is asked: batches that are written whole or not at all, and queries for rows.
//!
//! These are the only words between protocol code and storage. A [`Batch`] is atomic; several batches become one
//! transaction (group commit), and one that conflicts takes none of the others with it. Formats: `docs/formats/store.md`.

use std::sync::Arc;

use crate::{AccountId, Bare, DeviceId, NodeId, Wall};

/// Writes that become durable together or not at all.
pub type Batch = Vec<Write>;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Makes an account. [`StoreError::Taken`] if the address is an account's already.
    CreateAccount {
        /// Its primary address.
        address: Bare,
        /// What its password became.
        credentials: Vec<Credential>,
        /// When.
        created: Wall,
    },
    /// Replaces all credentials of an account.
    SetCredentials {
        /// Whose.
        account: AccountId,
        /// What the new password became.
        credentials: Vec<Credential>,
    },
    /// Removes an account and its addresses; nobody can reach its rows any more. Those of its messages go later, slice by
    /// slice; shared bodies go with their last owner.
    RemoveAccount {
        /// Which.
        account: AccountId,
    },
    /// Writes a record, or its tombstone.
    PutRecord(Record),
    /// Adds one message with a copy for each of its owners here, and a row for each who waits for it elsewhere.
    AddMessage(NewMessage),
    /// These messages have reached their person: they wait no more. What was kept only to wait is removed. Numbers of
    /// messages that do not wait (any more) are passed over.
    Delivered {
        /// Whose.
        account: AccountId,
        /// The account's local numbers of them.
        seqs: Vec<i64>,
    },
    /// These rows of the outbox are done with: they have arrived elsewhere, or nobody waits for them any more. Numbers
    /// without a row are passed over.
    Arrived {
        /// Whose.
        account: AccountId,
        /// The account's local numbers of them.
        seqs: Vec<i64>,
    },
    /// Remembers what an account has taken of another device. [`StoreError::Failed`] if `changes` is not the next after
    /// that of the row: then a write before this one has failed, and this one knows too much. Of a device's rows
    /// [`RECEIVED_INCARNATIONS_MAX`](crate::limits::RECEIVED_INCARNATIONS_MAX) stay, of an account's
    /// [`RECEIVED_MAX`](crate::limits::RECEIVED_MAX): those that were used last.
    PutReceived(Received),

    // The directory of peers.
    /// Keeps a statement of the directory, in the place of one with the same key.
    PutStatement(StatementRow),
    /// Removes a statement of the directory, if it is there.
    RemoveStatement(StatementKey),
    /// Remembers whose key an address has, in the place of what was remembered.
    PutPin(PinRow),
    /// Forgets whose key an address has.
    RemovePin(Bare),
}

/// Where a statement of the directory stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatementKey {
    /// Whom it serves: a person, or a domain.
    pub address: Bare,
    /// The issuing key.
    pub issuer: [u8; 32],
    /// The number of its kind. 0: the domain's genesis record, which is no statement.
    pub kind: u8,
    /// What it is about, as it was signed.
    pub subject: Vec<u8>,
    /// Whether it is the second of two different ones with one sequence.
    pub fork: bool,
}

/// A statement of the directory (docs/formats/statements.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// Where it stands.
    pub key: StatementKey,
    /// Orders the statements of one issuing key, kind and subject.
    pub sequence: i64,
    /// When it was last shown, to a day.
    pub seen: Wall,
    /// The statement as it was received.
    pub bytes: Arc<[u8]>,
}

/// Whose key an address had when it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinRow {
    /// The address.
    pub address: Bare,
    /// The hash of its domain's genesis record.
    pub genesis: [u8; 32],
    /// The person's key.
    pub person: [u8; 32],
}

/// What the node keeps of a password for one SASL mechanism family (RFC 5802 section 3). Never the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Which hash.
    pub hash: ScramHash,
    /// Random salt.
    pub salt: Vec<u8>,
    /// PBKDF2 rounds.
    pub iterations: u32,
    /// RFC 5802 `StoredKey`.
    pub stored_key: Vec<u8>,
    /// RFC 5802 `ServerKey`.
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for Credential {
    /// Keys stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({:?}, {} iterations)", self.hash, self.iterations)
    }
}

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramHash {
    /// SCRAM-SHA-1, RFC 5802.
    Sha1,
    /// SCRAM-SHA-256, RFC 7677.
    Sha256,
}

/// What a record is about. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// A contact's name and groups; key: its bare address.
    Roster = 1,
    /// A subscription request that waits for an answer; key: the asking bare address.
    Request = 2,
    /// A blocked address (XEP-0191); key: the address.
    Block = 3,
    /// A setting; key: its name.
    Preference = 4,
    /// Private XML storage (XEP-0049); key: element name and namespace.
    Private = 5,
    /// The account's vCard (XEP-0054); key: empty.
    VCard = 6,
    /// One register of a subscription, set if there is a value; key: `to`, `from`, `ask` or `approved`, a space, and the
    /// contact's bare address.
    Subscription = 7,
    /// When the account's last session ended (XEP-0012); key: empty; value: milliseconds since 1970, a space, and the
    /// status that was said last.
    LastSeen = 8,
    /// Another device of the account; key: its key as 64 hexadecimal digits; value: empty.
    Device = 9,
    /// What an account has made of people in reach who are no contacts; key: a word, and mostly a space and a bare address.
    Neighbour = 10,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [RecordKind; 10] = [
        RecordKind::Roster,
        RecordKind::Request,
        RecordKind::Block,
        RecordKind::Preference,
        RecordKind::Private,
        RecordKind::VCard,
        RecordKind::Subscription,
        RecordKind::LastSeen,
        RecordKind::Device,
        RecordKind::Neighbour,
    ];

    /// What must be known of an account before anything is delivered to it: read with its row, in one query.
    pub const AT_THE_DOOR: [RecordKind; 4] =
        [RecordKind::Block, RecordKind::Preference, RecordKind::Device, RecordKind::Neighbour];
}

/// A changeable fact of an account. Later ones win: the store keeps the one with the higher `clock` in whatever order
/// they come. Of two with the same clock it keeps the one written last: who merges devices compares the nodes' keys
/// first, because local node numbers differ from store to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub account: AccountId,
    /// About what.
    pub kind: RecordKind,
    /// Which one.
    pub key: String,
    /// Its value, or `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Hybrid logical clock: milliseconds since 1970 in the upper 48 bits, a counter in the lower 16.
    pub clock: u64,
    /// The node that wrote it.
    pub node: NodeId,
    /// This store's own count of changes to the account's contacts, for XEP-0237 versions; 0 for other records.
    pub version: i64,
}

/// A message for the store: one body, a row for each account here that has a copy, and one for each who waits for it
/// elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The stanza in its nested form (`xmlns='jabber:client'`, `from` and `to` set), without an archive's own ids.
    pub stanza: Arc<[u8]>,
    /// When its author's node says that it was written.
    pub origin: Wall,
    /// Who keeps it here.
    pub copies: Vec<Copy>,
    /// Who waits for it elsewhere. Their numbers come behind those of `copies`.
    pub posts: Vec<NewPost>,
}

/// A row of an account's outbox: what it owes to somebody elsewhere until that is confirmed (`docs/formats/post.md`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// Whose.
    pub account: AccountId,
    /// The account's local number, of the same series as [`Copy::seq`]: rows are said in its order.
    pub seq: i64,
    /// Whom it is for.
    pub to: Bare,
    /// Which of their devices; `None`: any.
    pub device: Option<DeviceId>,
    /// When its author began to count.
    pub incarnation: u64,
    /// Its number since then.
    pub counter: u64,
    /// What kind of copy it is; empty: none.
    pub copied: Vec<u8>,
    /// When nobody waits for it any more.
    pub expires: Wall,
}

/// A row of an outbox with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostRow {
    /// The row.
    pub post: NewPost,
    /// The stanza as stored.
    pub stanza: Arc<[u8]>,
    /// When its author's node says that it was written.
    pub origin: Wall,
}

/// What an account has taken of one incarnation of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Who has taken it.
    pub account: AccountId,
    /// Of whom.
    pub device: DeviceId,
    /// In which of its incarnations.
    pub incarnation: u64,
    /// How often the row was written, from 1.
    pub changes: i64,
    /// The numbers, as `docs/formats/post.md` has them.
    pub seen: Vec<u8>,
    /// When something was taken last.
    pub used: Wall,
}

/// One account's copy of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Whose.
    pub account: AccountId,
    /// The account's local number: grows by at least one with each copy, and orders its archive. A message with a lower
    /// one than [`AccountRow::next_seq`] is refused with [`StoreError::Failed`].
    pub seq: i64,
    /// The other side of the conversation.
    pub with: Bare,
    /// When this copy was filed.
    pub filed: Wall,
    /// The node that archived it first, and its number there: with it the same message has the same id everywhere.
    pub first_node: NodeId,
    /// See `first_node`.
    pub first_seq: i64,
    /// Whether it belongs to the history (XEP-0313). A copy that does not only waits to be delivered; one that does not
    /// wait either takes its number and is not kept.
    pub archived: bool,
    /// Whether it still waits to be delivered.
    pub pending: bool,
}

/// A question to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// An account by any of its addresses. Answer: [`Rows::Account`].
    Account(Bare),
    /// What logs in to an account, by any of its addresses. Answer: [`Rows::Credentials`].
    Credentials(Bare),
    /// All accounts, by address. Answer: [`Rows::Accounts`].
    Accounts,
    /// An account's live records of one kind, by key. Answer: [`Rows::Records`].
    Records {
        /// Whose.
        account: AccountId,
        /// About what.
        kind: RecordKind,
    },
    /// The live records of one kind and key of all accounts. Answer: [`Rows::Records`], by account.
    RecordsOfAll {
        /// About what.
        kind: RecordKind,
        /// Which.
        key: String,
    },
    /// Messages that wait, oldest first. Answer: [`Rows::Messages`], which has none only if none wait: see
    /// [`PAGE_BYTES_MAX`](crate::limits::PAGE_BYTES_MAX).
    Pending {
        /// Whose.
        account: AccountId,
        /// Only those with a higher number.
        after: i64,
        /// At most so many.
        limit: u32,
    },
    /// A page of the history. Answer: [`Rows::Page`].
    Archive(ArchiveQuery),
    /// What an account owes to an address, or to one device of it, in order. Answer: [`Rows::Posts`], which has none only
    /// if there are none.
    Outbox {
        /// Whose.
        account: AccountId,
        /// To whom.
        to: Bare,
        /// To which device; `None`: what is for any.
        device: Option<DeviceId>,
        /// Only those with a higher number.
        after: i64,
        /// At most so many.
        limit: u32,
    },
    /// The accounts that owe something to an address, or to this device of it. Answer: [`Rows::Owners`].
    Owners {
        /// To whom.
        to: Bare,
        /// The device.
        device: DeviceId,
    },
    /// What nobody waits for any more, and when the next such time is. Answer: [`Rows::Expired`].
    Expired {
        /// The time.
        at: Wall,
        /// At most so many.
        limit: u32,
    },
    /// What an account has taken of a device. Answer: [`Rows::Received`].
    Received {
        /// Who.
        account: AccountId,
        /// Of whom.
        device: DeviceId,
    },

    // The directory of peers.
    /// Statements of the directory by key. Answer: [`Rows::Statements`], which has none only if none are left.
    Statements {
        /// Only those behind this one.
        after: Option<StatementKey>,
        /// At most so many.
        limit: u32,
    },
    /// All pinned keys, by address. Answer: [`Rows::Pins`].
    Pins,
    /// The accounts that have a subscription with an address, or a history with it. Answer: [`Rows::Owners`].
    Knowing(Bare),
}

/// Which page of an account's history (XEP-0313 with XEP-0059).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveQuery {
    /// Whose.
    pub account: AccountId,
    /// Only with this other side.
    pub with: Option<Bare>,
    /// Filed at this time or later.
    pub start: Option<Wall>,
    /// Filed at this time or earlier.
    pub end: Option<Wall>,
    /// Only numbers higher than this.
    pub after: Option<i64>,
    /// Only numbers lower than this.
    pub before: Option<i64>,
    /// Take the last ones of the range instead of the first (the answer is in ascending order all the same).
    pub last: bool,
    /// At most so many, and less if they are large: see [`PAGE_BYTES_MAX`](crate::limits::PAGE_BYTES_MAX).
    pub limit: u32,
    /// Whether all that `with`, `start` and `end` let through shall be counted, wherever this page lies in it. Costs a
    /// walk over them: ask for it once, not with each page.
    pub count: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// The account, if there is one.
    Account(Option<Opened>),
    /// The account and its credentials, if there is one.
    Credentials(Option<(AccountId, Vec<Credential>)>),
    /// All accounts.
    Accounts(Vec<AccountRow>),
    /// Live records.
    Records(Vec<Record>),
    /// Messages in the order of their numbers.
    Messages(Vec<MessageRow>),
    /// A page of history.
    Page(Page),
    /// Rows of an outbox in the order of their numbers.
    Posts(Vec<PostRow>),
    /// Accounts with their primary addresses, in the order of their ids.
    Owners(Vec<(AccountId, Bare)>),
    /// Rows of outboxes whose time has passed, each with its account's primary address, the oldest first.
    Expired {
        /// The rows.
        posts: Vec<(Bare, PostRow)>,
        /// When the time of the next passes that is not due yet.
        next: Option<Wall>,
    },
    /// What was taken, by incarnation.
    Received(Vec<Received>),

    // The directory of peers.
    /// Statements in the order of their keys.
    Statements(Vec<StatementRow>),
    /// Pinned keys, by address.
    Pins(Vec<PinRow>),
}

/// An account, and what must be known before anything is delivered to it, from one moment of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its row.
    pub row: AccountRow,
    /// Its live records of the kinds [`RecordKind::AT_THE_DOOR`], kind by kind, by key.
    pub records: Vec<Record>,
}

/// What is known of an account before its records are read. Costs the same however much it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// Its primary address.
    pub address: Bare,
    /// When it was made.
    pub created: Wall,
    /// The number that its next message may take.
    pub next_seq: i64,
    /// The version that its next record may take.
    pub next_version: i64,
    /// The highest clock among its records.
    pub clock: u64,
    /// How many messages wait.
    pub pending: u64,
    /// How many rows its outbox has.
    pub outbox: u64,
}

/// A message as an account has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The stanza as stored.
    pub stanza: Arc<[u8]>,
    /// When its author's node says that it was written.
    pub origin: Wall,
    /// The account's number of it.
    pub seq: i64,
    /// The other side of the conversation.
    pub with: Bare,
    /// When it was filed.
    pub filed: Wall,
    /// Which node archived it first.
    pub first_node: NodeId,
    /// Its number there.
    pub first_seq: i64,
    /// Whether it belongs to the history.
    pub archived: bool,
    /// Whether it waits.
    pub pending: bool,
}

/// A page of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In ascending order of number.
    pub messages: Vec<MessageRow>,
    /// Whether nothing of the range lies beyond the page in the direction asked.
    pub complete: bool,
    /// How many `with`, `start` and `end` let through, if it was asked (XEP-0059 section 2.6).
    pub count: Option<u64>,
}

/// Why a batch was not written, or a query not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The address is an account's already.
    #[error("the address is taken")]
    Taken,
    /// There is no such account.
    #[error("there is no such account")]
    NoAccount,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Anything else that the disk or the database says, in its words.
    #[error("the store failed: {0}")]
    Failed(String),
}
