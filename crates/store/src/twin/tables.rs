//! What the twin keeps, and how each write changes it. Said as plainly as can be: the embedded store is tested against it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::ledger::{
    Credential, MessageRow, NewMessage, PostRow, Received, Record, RecordKind, ScramHash, StoreError, Write,
};
use base::limits::{RECEIVED_INCARNATIONS_MAX, RECEIVED_MAX};
use base::{AccountId, Bare, DeviceId, Wall};

use super::directory::{self, Directory};
use super::table::Table;

/// An account's row.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) address: Bare,
    pub(super) created: Wall,
    pub(super) next_seq: i64,
    pub(super) next_version: i64,
    pub(super) clock: u64,
    pub(super) pending: u64,
    pub(super) outbox: u64,
}

/// All tables. A body is shared by its `Arc`, so it needs none.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    /// The number of the newest account that there ever was.
    pub(super) newest: Table<(), i64>,
    pub(super) accounts: Table<AccountId, Account>,
    pub(super) addresses: Table<Bare, AccountId>,
    pub(super) credentials: Table<AccountId, BTreeMap<ScramHash, Credential>>,
    pub(super) records: Table<(AccountId, RecordKind, String), Record>,
    pub(super) copies: Table<(AccountId, i64), MessageRow>,
    pub(super) outbox: Table<(AccountId, i64), PostRow>,
    /// By account, device and incarnation as the embedded store orders it: signed.
    pub(super) received: Table<(AccountId, DeviceId, i64), Received>,
    pub(super) directory: Directory,
}

/// A point of the tables' journals.
pub(super) type Mark = ([usize; 8], directory::Mark);

impl Tables {
    /// This point of time.
    pub(super) fn mark(&self) -> Mark {
        let own = [
            self.newest.mark(),
            self.accounts.mark(),
            self.addresses.mark(),
            self.credentials.mark(),
            self.records.mark(),
            self.copies.mark(),
            self.outbox.mark(),
            self.received.mark(),
        ];
        (own, self.directory.mark())
    }

    /// Takes back all that was written since `mark`.
    pub(super) fn undo_to(&mut self, (own, directory): Mark) {
        let [newest, accounts, addresses, credentials, records, copies, outbox, received] = own;
        self.newest.undo_to(newest);
        self.accounts.undo_to(accounts);
        self.addresses.undo_to(addresses);
        self.credentials.undo_to(credentials);
        self.records.undo_to(records);
        self.copies.undo_to(copies);
        self.outbox.undo_to(outbox);
        self.received.undo_to(received);
        self.directory.undo_to(directory);
    }

    /// Makes all that was written so far final.
    pub(super) fn forget_undo(&mut self) {
        self.newest.forget_undo();
        self.accounts.forget_undo();
        self.addresses.forget_undo();
        self.credentials.forget_undo();
        self.records.forget_undo();
        self.copies.forget_undo();
        self.outbox.forget_undo();
        self.received.forget_undo();
        self.directory.forget_undo();
    }

    /// One write. If it fails, some of it may have been done: the caller takes it back.
    pub(super) fn write(&mut self, write: &Write) -> Result<(), StoreError> {
        match write {
            Write::CreateAccount { address, credentials, created } => {
                self.create_account(address, credentials, *created)
            }
            Write::SetCredentials { account, credentials } => {
                self.account(*account)?;
                self.set_credentials(*account, credentials);
                Ok(())
            }
            Write::RemoveAccount { account } => self.remove_account(*account),
            Write::PutRecord(record) => self.put_record(record),
            Write::AddMessage(message) => self.add_message(message),
            Write::Delivered { account, seqs } => self.delivered(*account, seqs),
            Write::Arrived { account, seqs } => self.arrived(*account, seqs),
            Write::PutReceived(received) => self.put_received(received),

            Write::PutStatement(row) => {
                self.directory.statements.set(row.key.clone(), Some(row.clone()));
                Ok(())
            }
            Write::RemoveStatement(key) => {
                self.directory.statements.set(key.clone(), None);
                Ok(())
            }
            Write::PutPin(pin) => {
                self.directory.pins.set(pin.address.clone(), Some(pin.clone()));
                Ok(())
            }
            Write::RemovePin(address) => {
                self.directory.pins.set(address.clone(), None);
                Ok(())
            }
        }
    }

    fn account(&self, account: AccountId) -> Result<Account, StoreError> {
        self.accounts.rows().get(&account).cloned().ok_or(StoreError::NoAccount)
    }

    fn create_account(&mut self, address: &Bare, credentials: &[Credential], created: Wall) -> Result<(), StoreError> {
        if self.addresses.rows().contains_key(address) {
            return Err(StoreError::Taken);
        }
        let number = self.newest.rows().get(&()).copied().unwrap_or(0) + 1;
        let id = AccountId(number);
        let address_of = address.clone();
        let account =
            Account { address: address_of, created, next_seq: 1, next_version: 1, clock: 0, pending: 0, outbox: 0 };
        self.newest.set((), Some(number));
        self.accounts.set(id, Some(account));
        self.addresses.set(address.clone(), Some(id));
        self.set_credentials(id, credentials);
        Ok(())
    }

    fn set_credentials(&mut self, account: AccountId, credentials: &[Credential]) {
        let by_hash = credentials.iter().map(|c| (c.hash, c.clone())).collect();
        self.credentials.set(account, Some(by_hash));
    }

    fn remove_account(&mut self, account: AccountId) -> Result<(), StoreError> {
        self.account(account)?;
        self.accounts.set(account, None);
        self.credentials.set(account, None);
        self.addresses.remove_where(|_, owner| *owner == account);
        self.records.remove_where(|key, _| key.0 == account);
        self.copies.remove_where(|key, _| key.0 == account);
        self.outbox.remove_where(|key, _| key.0 == account);
        self.received.remove_where(|key, _| key.0 == account);
        Ok(())
    }

    fn put_record(&mut self, record: &Record) -> Result<(), StoreError> {
        let mut account = self.account(record.account)?;
        if i64::try_from(record.clock).is_err() {
            return Err(StoreError::Failed(format!("a clock of {} is beyond all time", record.clock)));
        }
        let key = (record.account, record.kind, record.key.clone());
        if self.records.rows().get(&key).is_none_or(|old| record.clock >= old.clock) {
            self.records.set(key, Some(record.clone()));
        }
        account.next_version = account.next_version.max(record.version.saturating_add(1));
        account.clock = account.clock.max(record.clock);
        self.accounts.set(record.account, Some(account));
        Ok(())
    }

    fn add_message(&mut self, message: &NewMessage) -> Result<(), StoreError> {
        for copy in &message.copies {
            let mut account = self.numbered(copy.account, copy.seq)?;
            account.pending += u64::from(copy.pending);
            self.accounts.set(copy.account, Some(account));
            if copy.archived || copy.pending {
                let row = MessageRow {
                    stanza: Arc::clone(&message.stanza),
                    origin: message.origin,
                    seq: copy.seq,
                    with: copy.with.clone(),
                    filed: copy.filed,
                    first_node: copy.first_node,
                    first_seq: copy.first_seq,
                    archived: copy.archived,
                    pending: copy.pending,
                };
                self.copies.set((copy.account, copy.seq), Some(row));
            }
        }
        for post in &message.posts {
            let mut account = self.numbered(post.account, post.seq)?;
            account.outbox += 1;
            self.accounts.set(post.account, Some(account));
            let row = PostRow { post: post.clone(), stanza: Arc::clone(&message.stanza), origin: message.origin };
            self.outbox.set((post.account, post.seq), Some(row));
        }
        Ok(())
    }

    /// The account when it has given this number.
    fn numbered(&self, account: AccountId, seq: i64) -> Result<Account, StoreError> {
        let mut account = self.account(account)?;
        if seq < account.next_seq {
            return Err(StoreError::Failed(format!("message number {seq} is behind {}", account.next_seq)));
        }
        let used_up = || StoreError::Failed("message numbers are used up".into());
        account.next_seq = seq.checked_add(1).ok_or_else(used_up)?;
        Ok(account)
    }

    fn arrived(&mut self, id: AccountId, seqs: &[i64]) -> Result<(), StoreError> {
        let mut account = self.account(id)?;
        for seq in seqs {
            if self.outbox.rows().contains_key(&(id, *seq)) {
                self.outbox.set((id, *seq), None);
                account.outbox -= 1;
            }
        }
        self.accounts.set(id, Some(account));
        Ok(())
    }

    fn put_received(&mut self, r: &Received) -> Result<(), StoreError> {
        self.account(r.account)?;
        let key = (r.account, r.device, r.incarnation as i64);
        let found = self.received.rows().get(&key).map(|row| row.changes);
        if found.unwrap_or(0).checked_add(1) != Some(r.changes) {
            return Err(StoreError::Failed(format!("change {} of what was received is not the next", r.changes)));
        }
        self.received.set(key, Some(r.clone()));
        if found.is_none() {
            self.forget_received(key, RECEIVED_INCARNATIONS_MAX, |other| (other.0, other.1) == (key.0, key.1));
            self.forget_received(key, RECEIVED_MAX, |other| other.0 == key.0);
        }
        Ok(())
    }

    /// Of the rows of which this is true so many stay: the new one, and those that were used last.
    fn forget_received(
        &mut self,
        new: (AccountId, DeviceId, i64),
        stay: usize,
        which: impl Fn(&(AccountId, DeviceId, i64)) -> bool,
    ) {
        let rows = self.received.rows().iter();
        let mut others: Vec<_> =
            rows.filter(|(key, _)| which(key) && **key != new).map(|(k, r)| (r.used, *k)).collect();
        others.sort();
        others.truncate((others.len() + 1).saturating_sub(stay));
        others.into_iter().for_each(|(_, key)| self.received.set(key, None));
    }

    fn delivered(&mut self, id: AccountId, seqs: &[i64]) -> Result<(), StoreError> {
        let mut account = self.account(id)?;
        for seq in seqs {
            let Some(row) = self.copies.rows().get(&(id, *seq)).filter(|row| row.pending) else { continue };
            let left = row.archived.then(|| MessageRow { pending: false, ..row.clone() });
            self.copies.set((id, *seq), left);
            account.pending -= 1;
        }
        self.accounts.set(id, Some(account));
        Ok(())
    }
}
