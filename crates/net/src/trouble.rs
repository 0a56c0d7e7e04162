//! Whether the store takes what it is given: told once when it begins to fail and once when that is over, not for every
//! write, so that a full disk is not filled further by its own log.

use base::Wall;
use base::ledger::StoreError;

/// The store refuses what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Wall,
    /// Why, in the store's words.
    pub why: String,
    /// How many batches were refused.
    pub refused: u64,
}

/// What the log should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It begins, or has another reason now.
    Begins,
    /// It is over; so many batches were refused.
    Over(u64),
}

/// Sees what becomes of each batch.
#[derive(Debug, Default)]
pub(crate) struct Watch(Option<Trouble>);

impl Watch {
    /// The trouble, while it lasts.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.0.as_ref()
    }

    /// This came of a batch.
    pub(crate) fn saw(&mut self, now: Wall, result: &Result<(), StoreError>) -> Option<News> {
        match result {
            Ok(()) => self.0.take().map(|trouble| News::Over(trouble.refused)),
            // These are answers.
            Err(StoreError::Taken | StoreError::NoAccount) => None,
            Err(error) => {
                let why = error.to_string();
                let known = self.0.as_ref().is_some_and(|trouble| trouble.why == why);
                let trouble = self.0.get_or_insert(Trouble { since: now, why: String::new(), refused: 0 });
                trouble.why = why;
                trouble.refused += 1;
                (!known).then_some(News::Begins)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_when_it_begins_and_when_it_is_over() {
        let failed = || Err(StoreError::Failed("it is broken".into()));
        let mut watch = Watch::default();
        for (result, news, refused) in [
            (Ok(()), None, None),
            (Err(StoreError::Taken), None, None),
            (Err(StoreError::Full), Some(News::Begins), Some(1)),
            (Err(StoreError::Full), None, Some(2)),
            (Err(StoreError::NoAccount), None, Some(2)),
            (failed(), Some(News::Begins), Some(3)),
            (failed(), None, Some(4)),
            (Ok(()), Some(News::Over(4)), None),
            (Ok(()), None, None),
        ] {
            assert_eq!(watch.saw(Wall(1), &result), news, "{result:?}");
            assert_eq!(watch.trouble().map(|trouble| trouble.refused), refused, "{result:?}");
        }
    }
}
