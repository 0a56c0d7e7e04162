//! Design, sections 3 and 7: this node's accounts on links: what proves each, and to whom it shows itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{AccountRow, Query, Record, RecordKind, Rows, StoreError};
use base::{AccountId, Audience, Bare, Wall};
use mesh::identity::introduction::{Own, Visibility};
use mesh::node::{Input, Trouble};
use tokio::time::Instant;

use super::Drive;

/// Accounts are shown anew at most so often because of what others do.
const SHOW_PAUSE: Duration = Duration::from_millis(250);

/// And at least so often: what proves them is renewed in time.
const SHOW_EVERY: Duration = Duration::from_secs(24 * 3600);

impl Drive {
    /// All accounts, as they are now, with what proves them. Of those that are known only if it is to be renewed: else
    /// each new account would cost as much as all that are there.
    pub(super) async fn show_accounts(&mut self, renew: bool) {
        if renew {
            self.shown_at = Some(Instant::now());
            self.show_at = self.shown_at.map(|now| now + SHOW_EVERY);
        }
        let asked = self.engine.clock.now().wall;
        let accounts = match self.engine.ask(Query::Accounts).await {
            Ok(Rows::Accounts(accounts)) => accounts,
            Ok(_) => return,
            Err(error) => return tracing::error!(%error, "the accounts cannot be read: neighbours do not see them"),
        };
        let chosen = match self.audiences().await {
            Ok(chosen) => chosen,
            // Nobody is shown to whom they did not choose.
            Err(error) => {
                return tracing::error!(%error, "who may see the accounts cannot be read: nothing is shown anew");
            }
        };
        let now = self.engine.clock.now();
        let here: BTreeMap<AccountId, &Bare> = accounts.iter().map(|account| (account.id, &account.address)).collect();
        if renew || self.own.keys().any(|known| !here.contains_key(known)) {
            self.tidy_keys(&accounts, asked);
        }
        for (_, gone) in self.own.iter().filter(|(known, _)| !here.contains_key(known)) {
            let gone = &gone.chain().proven().address;
            self.shared.node.borrow_mut().directory_mut().forget_vouches(gone);
        }
        if renew {
            self.own.clear();
        }
        self.own.retain(|known, _| here.contains_key(known));
        for account in &accounts {
            if self.own.contains_key(&account.id) {
                continue;
            }
            let own = {
                let mut node = self.shared.node.borrow_mut();
                self.keyring.device(node.directory_mut(), now.wall, account)
            };
            match own {
                Ok(Some(own)) => {
                    self.own.insert(account.id, own);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(account = %account.address, %error, "an account has no keys: nobody sees it")
                }
            }
        }
        // If it still does not hold, it is told again.
        self.shared.troubles.borrow_mut().retain(|(_, trouble)| !matches!(trouble, Trouble::OwnRefused(..)));
        let known = Arc::new(self.shared.node.borrow().directory().known_people());
        // Contacts and the person's other laptops find whoever is hidden: what others may see and say, the shard judges.
        let visibility = |account: &AccountId, own: &Own| match chosen.get(account).copied().unwrap_or_default() {
            Audience::All if !self.shy => Visibility::Everyone,
            Audience::Yellow => Visibility::Known(Arc::new(self.shared.node.borrow().known_or_vouched(own))),
            _ => Visibility::Known(Arc::clone(&known)),
        };
        let devices = self.own.iter().map(|(account, own)| (Arc::clone(own), visibility(account, own))).collect();
        self.handle(Input::Devices(devices));
        let served = self.engine.hosts();
        let here: BTreeSet<&Bare> = here.into_values().collect();
        let away = {
            let node = self.shared.node.borrow();
            let residents = served.served.iter().flat_map(|domain| node.directory().residents(domain));
            residents.filter(|address| !here.contains(*address)).cloned().collect()
        };
        self.engine.set_away(away);
    }

    /// What accounts have chosen, if they have.
    async fn audiences(&self) -> Result<BTreeMap<AccountId, Audience>, StoreError> {
        let query = Query::RecordsOfAll { kind: RecordKind::Preference, key: Audience::KEY.to_owned() };
        let Rows::Records(records) = self.engine.ask(query).await? else { return Ok(BTreeMap::new()) };
        let named = |record: &Record| Audience::named(std::str::from_utf8(record.value.as_deref()?).ok()?);
        Ok(records.iter().filter_map(|record| Some((record.account, named(record)?))).collect())
    }

    /// Forgets keys of accounts that are gone, and reads which accounts are of domains elsewhere.
    fn tidy_keys(&self, accounts: &[AccountRow], asked: Wall) {
        if let Err(error) = self.keyring.retain(accounts, asked) {
            tracing::warn!(%error, "the keys of removed accounts are still there");
        }
        match self.keyring.guests() {
            Ok(guests) => self.engine.set_guests(guests),
            Err(error) => tracing::error!(%error, "accounts of other laptops' domains stay as they were"),
        }
    }

    /// Others can make it necessary again and again.
    pub(super) fn show_soon(&mut self) {
        let earliest = self.shown_at.map_or_else(Instant::now, |shown| shown + SHOW_PAUSE);
        self.show_at = Some(self.show_at.map_or(earliest, |at| at.min(earliest)));
    }
}
