//! Design, section 2: how near somebody is to a person, and whom a person lets see and reach them (D7).

/// How near somebody is. A nearer circle is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Circle {
    /// Met in person, or of the own community.
    Green,
    /// At least two green people vouch for them.
    Yellow,
    /// Everybody else. On the very link they are *near*: a reason, not a circle.
    Red,
}

/// Who may see a person on a link, and reach them, without being their contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Audience {
    /// Nobody.
    Nobody,
    /// Green people.
    Green,
    /// Green and yellow people.
    Yellow,
    /// Whoever is on the same link.
    #[default]
    All,
}

impl Audience {
    /// All of them, the smallest first.
    pub const ALL: [Audience; 4] = [Audience::Nobody, Audience::Green, Audience::Yellow, Audience::All];

    /// The key of the [preference](crate::ledger::RecordKind::Preference) that says it; without one it is the default.
    pub const KEY: &str = "audience";

    /// Whether somebody of this circle, who is on the same link, is in it.
    pub fn admits(self, circle: Circle) -> bool {
        match self {
            Audience::Nobody => false,
            Audience::Green => circle == Circle::Green,
            Audience::Yellow => circle <= Circle::Yellow,
            Audience::All => true,
        }
    }

    /// As it is stored, and typed.
    pub fn name(self) -> &'static str {
        match self {
            Audience::Nobody => "nobody",
            Audience::Green => "green",
            Audience::Yellow => "yellow",
            Audience::All => "all",
        }
    }

    /// What has this name.
    pub fn named(name: &str) -> Option<Audience> {
        Audience::ALL.into_iter().find(|audience| audience.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_audience_admits() {
        for (name, expect) in [
            ("nobody", [false, false, false]),
            ("green", [true, false, false]),
            ("yellow", [true, true, false]),
            ("all", [true, true, true]),
        ] {
            let audience = Audience::named(name).unwrap();
            assert_eq!(audience.name(), name);
            assert_eq!([Circle::Green, Circle::Yellow, Circle::Red].map(|c| audience.admits(c)), expect, "{name}");
        }
        for none in ["", "All", "red"] {
            assert_eq!(Audience::named(none), None, "{none}");
        }
    }
}
