//! XEP-0313 sections 4.2 and 4.3: walks an account's archive until a question is answered. It reads as little as it can:
//! one page for nearly all questions, more for an exact address, one row for each id that is asked for.

use std::collections::VecDeque;

use base::ledger::{ArchiveQuery, MessageRow, Page, Query};
use base::limits::{PAGE_BYTES_MAX, PAGE_MESSAGES_MAX};
use base::{AccountId, Bare, Jid};
use wire::Stanza;

use super::question::Question;

/// A question, and what has been found for it.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) question: Question,
    /// In order of number.
    pub(super) found: VecDeque<MessageRow>,
    found_bytes: usize,
    /// Whether nothing else answers the question.
    pub(super) complete: bool,
    /// How many messages answer it, if that is known.
    pub(super) count: Option<u64>,
}

impl Search {
    pub(super) fn new(question: Question) -> Search {
        Search { question, found: VecDeque::new(), found_bytes: 0, complete: false, count: None }
    }

    /// What is to be read next.
    pub(super) fn query(&self, account: AccountId) -> Query {
        let q = &self.question;
        let (after, before, limit) = match &q.seqs {
            Some(seqs) => match if q.last { seqs.last() } else { seqs.first() } {
                Some(seq) => (Some(seq - 1), Some(seq + 1), 1),
                None => (q.after, q.before, 0),
            },
            None => (q.after, q.before, if q.is_exact() { PAGE_MESSAGES_MAX } else { q.max }),
        };
        Query::Archive(ArchiveQuery {
            account,
            with: q.with.as_ref().map(Bare::of),
            start: q.start,
            end: q.end,
            after,
            before,
            last: q.last,
            limit,
            count: q.count,
        })
    }

    /// Takes what has been read. Gives whether more must be.
    pub(super) fn take(&mut self, page: Page) -> bool {
        self.count = page.count;
        let more = match self.question.seqs.take() {
            Some(seqs) => self.take_one(seqs, page),
            None => self.take_page(page),
        };
        if self.complete && self.question.whole && self.question.max > 0 {
            self.count = Some(self.found.len() as u64);
        }
        more
    }

    /// One of the messages that were asked for by their ids.
    fn take_one(&mut self, mut seqs: Vec<i64>, page: Page) -> bool {
        let (after, before) = (self.question.after, self.question.before);
        let row = page.messages.into_iter().next();
        let row = row.filter(|r| after.is_none_or(|a| r.seq > a) && before.is_none_or(|b| r.seq < b));
        if row.is_some_and(|row| !self.keep(row)) {
            return false;
        }
        if self.question.last {
            seqs.pop();
        } else if !seqs.is_empty() {
            seqs.remove(0);
        }
        self.complete = seqs.is_empty();
        self.question.seqs = Some(seqs);
        !self.complete
    }

    fn take_page(&mut self, page: Page) -> bool {
        let Page { mut messages, complete, .. } = page;
        let empty = messages.is_empty();
        if self.question.last {
            messages.reverse();
        }
        for row in messages {
            let seq = row.seq;
            if !self.keep(row) {
                return false;
            }
            // The next page begins here.
            if self.question.last {
                self.question.before = Some(seq);
            } else {
                self.question.after = Some(seq);
            }
        }
        let full = self.found.len() >= self.question.max as usize;
        self.complete = complete;
        !(complete || full || empty)
    }

    /// Keeps a row if it is one of those that are asked for. Gives whether there was room for it.
    fn keep(&mut self, row: MessageRow) -> bool {
        if self.question.is_exact() && !self.question.with.as_ref().is_some_and(|with| has_address(&row, with)) {
            return true;
        }
        let bytes = self.found_bytes + row.stanza.len();
        let fits = bytes <= PAGE_BYTES_MAX || self.found.is_empty();
        if self.found.len() >= self.question.max as usize || !fits {
            return false;
        }
        self.found_bytes = bytes;
        if self.question.last {
            self.found.push_front(row);
        } else {
            self.found.push_back(row);
        }
        true
    }
}

/// Section 4.1.1: whether a message is to or from an address with a resource. What the disk has spoilt is nobody's.
fn has_address(row: &MessageRow, address: &Jid<'_>) -> bool {
    let Ok(message) = Stanza::parse(&row.stanza) else { return false };
    message.head.from.as_ref() == Some(address) || message.head.to.as_ref() == Some(address)
}

#[cfg(test)]
mod tests {
    use base::{NodeId, Wall};

    use super::*;

    /// A history of which the numbers, addresses and sizes matter.
    fn history(len: i64, bytes: usize) -> Vec<MessageRow> {
        let row = |seq| {
            let resource = if seq % 10 == 0 { "ten" } else { "other" };
            let body = "x".repeat(bytes);
            let stanza = format!("<message xmlns='jabber:client' from='a@b/{resource}' to='me@b'>{body}</message>");
            MessageRow {
                stanza: stanza.into_bytes().into(),
                origin: Wall(seq),
                seq,
                with: Bare::new("a@b").unwrap(),
                filed: Wall(seq),
                first_node: NodeId::SELF,
                first_seq: seq,
                archived: true,
                pending: false,
            }
        };
        (1..=len).map(row).collect()
    }

    /// What a store does.
    fn answer(history: &[MessageRow], query: &Query) -> Page {
        let Query::Archive(q) = query else { panic!("{query:?}") };
        let mut rows: Vec<_> = history
            .iter()
            .filter(|r| q.after.is_none_or(|a| r.seq > a) && q.before.is_none_or(|b| r.seq < b))
            .filter(|r| q.start.is_none_or(|s| r.filed >= s) && q.end.is_none_or(|e| r.filed <= e))
            .cloned()
            .collect();
        let count = q.count.then_some(rows.len() as u64);
        let complete = rows.len() <= q.limit as usize;
        if q.last {
            rows.reverse();
        }
        rows.truncate(q.limit as usize);
        if q.last {
            rows.reverse();
        }
        Page { messages: rows, complete, count }
    }

    /// Numbers found, whether they are all, their count, and how many reads it took.
    #[track_caller]
    fn check(history: &[MessageRow], question: Question, expect: (Vec<i64>, bool, Option<u64>, usize)) {
        let mut search = Search::new(question);
        let mut reads = 1;
        while search.take(answer(history, &search.query(AccountId(1)))) {
            reads += 1;
        }
        let found = search.found.iter().map(|r| r.seq).collect();
        assert_eq!((found, search.complete, search.count, reads), expect);
    }

    fn all(max: u32) -> Question {
        Question { max, whole: true, ..Question::default() }
    }

    #[test]
    fn pages() {
        let history = history(30, 0);
        check(&[], all(10), (vec![], true, Some(0), 1));
        check(&history, all(100), ((1..=30).collect(), true, Some(30), 1));
        check(&history, all(10), ((1..=10).collect(), false, None, 1));
        check(&history, Question { last: true, ..all(10) }, ((21..=30).collect(), false, None, 1));
        let next = Question { after: Some(20), whole: false, ..all(10) };
        check(&history, next, ((21..=30).collect(), true, None, 1));
        check(&history, Question { count: true, ..all(0) }, (vec![], false, Some(30), 1));
        check(&[], Question { count: true, ..all(0) }, (vec![], true, Some(0), 1));
    }

    #[test]
    fn exact_addresses() {
        let history = history(250, 0);
        let ten = |max, last| Question { with: Some(Jid::new("a@b/ten").unwrap()), last, ..all(max) };
        let tens = |from: i64, to: i64| (from..=to).map(|n| n * 10).collect();
        check(&history, ten(30, false), (tens(1, 25), true, Some(25), 3));
        check(&history, ten(30, true), (tens(1, 25), true, Some(25), 3));
        check(&history, ten(3, false), (tens(1, 3), false, None, 1));
        check(&history, ten(3, true), (tens(23, 25), false, None, 1));
        check(&history, ten(12, true), (tens(14, 25), false, None, 2));
        check(&history, ten(25, false), (tens(1, 25), true, Some(25), 3));
        let nobody = Question { with: Some(Jid::new("a@b/nobody").unwrap()), ..all(50) };
        check(&history, nobody, (vec![], true, Some(0), 3));
    }

    #[test]
    fn ids() {
        let history = history(30, 0);
        let of = |seqs: &[i64], max, last| Question { seqs: Some(seqs.to_vec()), last, ..all(max) };
        check(&history, of(&[3, 7, 9], 10, false), (vec![3, 7, 9], true, Some(3), 3));
        check(&history, of(&[3, 7, 9], 10, true), (vec![3, 7, 9], true, Some(3), 3));
        check(&history, of(&[3, 7, 9], 2, false), (vec![3, 7], false, None, 3));
        check(&history, of(&[3, 7, 9], 2, true), (vec![7, 9], false, None, 3));
        let behind = Question { after: Some(3), whole: false, ..of(&[3, 7, 9], 10, false) };
        check(&history, behind, (vec![7, 9], true, None, 3));
    }

    #[test]
    fn large_messages_make_small_pages() {
        let quarter = PAGE_BYTES_MAX / 4;
        let history = history(10, quarter);
        check(&history, all(10), (vec![1, 2, 3], false, None, 1));
        check(&history, Question { last: true, ..all(10) }, (vec![8, 9, 10], false, None, 1));
        check(&self::history(2, PAGE_BYTES_MAX * 2), all(10), (vec![1], false, None, 1));
    }
}
