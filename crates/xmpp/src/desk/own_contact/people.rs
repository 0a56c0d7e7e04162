//! Whom a person means, and whom the daemon tells them of.
//!
//! Attack case D18: nobody is meant by a name that two have; a whole address always means one.

use base::{Audience, Bare, Circle, Time};

use crate::desk::in_reach::{self, Shown};
use crate::shard::Shard;
use crate::speech::{Absence, Neighbour, harmless};

/// Somebody who is near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) address: Bare,
    pub(crate) name: String,
    pub(crate) circle: Circle,
    /// Since when they are in reach.
    pub(crate) since: Time,
}

/// Who is meant by something that a person has written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// This one.
    One(Bare),
    /// One of these; they are known by their addresses.
    Several(Vec<String>),
    /// Nobody.
    Nobody,
}

/// Everybody in reach of an account: its contacts, then the others in the order of its list. Of a crowd, some.
pub(crate) fn near(shard: &mut Shard, own: &Bare) -> Vec<Person> {
    let mut contacts = in_reach::contacts(shard, own);
    contacts.sort_by(|(_, a), (_, b)| a.cmp(b));
    let shown = in_reach::shown(shard, own);
    let now = shard.now.mono;
    let since = |other: &Bare| shard.in_reach_since(other).unwrap_or(now);
    let contacts = contacts.into_iter().map(|(address, name)| Person {
        circle: shard.circles.of(own, &address),
        since: since(&address),
        address,
        name,
    });
    let others = shown.into_iter().map(|Shown { address, name, circle, .. }| Person {
        since: since(&address),
        address,
        name,
        circle,
    });
    contacts.chain(others).collect()
}

/// Those whom an account has taken out of its list.
pub(crate) fn hidden(shard: &Shard, own: &Bare) -> Vec<Person> {
    let hidden = shard.accounts.get(own).into_iter().flat_map(|account| account.remembered.hidden());
    let person = |address: &Bare| Person {
        address: address.clone(),
        name: harmless(address.jid().local().unwrap_or_default()),
        circle: Circle::Red,
        since: shard.now.mono,
    };
    hidden.map(person).collect()
}

/// As they are told of, so many of them.
pub(super) fn neighbours(shard: &Shard, people: &[Person], most: usize) -> Vec<Neighbour> {
    let neighbour = |person: &Person| Neighbour {
        name: person.name.clone(),
        circle: person.circle,
        here: shard.now.mono - person.since,
    };
    people.iter().take(most).map(neighbour).collect()
}

/// Whom a person means. Letters may be small or not.
pub(super) fn meant(people: &[Person], text: &str) -> Meant {
    let text = text.trim();
    if let Ok(address) = Bare::new(text)
        && address.jid().local().is_some()
    {
        return Meant::One(address);
    }
    let small = text.to_lowercase();
    let fits = |person: &&Person| {
        person.name.to_lowercase() == small || person.address.jid().local().is_some_and(|local| local == small)
    };
    let found: Vec<&Person> = people.iter().filter(fits).collect();
    match found[..] {
        [] => Meant::Nobody,
        [one] => Meant::One(one.address.clone()),
        _ => Meant::Several(found.iter().map(|person| person.address.to_string()).collect()),
    }
}

/// Why nobody is near an account.
pub(super) fn absence(shard: &Shard, own: &Bare) -> Absence {
    let audience = shard.accounts.get(own).map(|account| account.audience).unwrap_or_default();
    match shard.network {
        _ if !shard.config.links => Absence::LinksOff,
        _ if audience == Audience::Nobody => Absence::Hiding,
        Some(reason) => Absence::Because(reason),
        None => Absence::Looking,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Vec<Person> {
        let person = |address: &str, name: &str| Person {
            address: Bare::new(address).unwrap(),
            name: name.into(),
            circle: Circle::Red,
            since: Time(0),
        };
        vec![
            person("tom@a.jirani.alt", "Tom"),
            person("tom@b.jirani.alt", "Tom (2)"),
            person("ana@b.jirani.alt", "Ana"),
            person("ana.b@c.jirani.alt", "José"),
        ]
    }

    #[track_caller]
    fn check(text: &str, expect: Result<&str, &[&str]>) {
        let found = match meant(&people(), text) {
            Meant::One(address) => Ok(address.to_string()),
            Meant::Several(addresses) => Err(addresses),
            Meant::Nobody => Err(Vec::new()),
        };
        assert_eq!(found, expect.map(str::to_owned).map_err(|all| all.iter().map(|a| (*a).into()).collect()), "{text}");
    }

    /// Attack case D18.
    #[test]
    fn a_name_means_one_or_nobody() {
        check("Ana", Ok("ana@b.jirani.alt"));
        check(" aNA ", Ok("ana@b.jirani.alt"));
        check("JOSÉ", Ok("ana.b@c.jirani.alt"));
        check("ana.b", Ok("ana.b@c.jirani.alt"));
        check("tom", Err(&["tom@a.jirani.alt", "tom@b.jirani.alt"]));
        check("Tom (2)", Ok("tom@b.jirani.alt"));
        check("tom@b.jirani.alt", Ok("tom@b.jirani.alt"));
        check("TOM@b.jirani.alt", Ok("tom@b.jirani.alt"));
        // Whoever is not near, too: there is nobody else whom it could mean.
        check("lisa@d.jirani.alt", Ok("lisa@d.jirani.alt"));
        for nobody in ["", "to", "tomtom", "@", "b.jirani.alt", "tom@"] {
            check(nobody, Err(&[]));
        }
    }
}
