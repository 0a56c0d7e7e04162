//! What the daemon says to people, in their languages. All texts are here.

/// A language that the daemon speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
    /// French.
    French,
    /// Swahili.
    Swahili,
    /// Portuguese.
    Portuguese,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 5] =
        [Language::English, Language::Spanish, Language::French, Language::Swahili, Language::Portuguese];

    /// The one that a tag (RFC 5646) means: `pt-BR` is Portuguese. English for those that are not spoken.
    pub fn of(tag: &str) -> Language {
        let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        match primary.as_str() {
            "es" => Language::Spanish,
            "fr" => Language::French,
            "sw" => Language::Swahili,
            "pt" => Language::Portuguese,
            _ => Language::English,
        }
    }

    /// The group of those in reach in a contact list.
    pub fn in_reach(self) -> &'static str {
        match self {
            Language::English => "In reach",
            Language::Spanish => "Al alcance",
            Language::French => "À portée",
            Language::Swahili => "Walio karibu",
            Language::Portuguese => "Ao alcance",
        }
    }

    /// What stands behind the name of somebody whom nobody has verified.
    pub fn not_verified(self) -> &'static str {
        match self {
            Language::English => "not verified",
            Language::Spanish => "sin verificar",
            Language::French => "non vérifié",
            Language::Swahili => "hajathibitishwa",
            Language::Portuguese => "não verificado",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_mean_languages() {
        for (tag, expect) in [
            ("", Language::English),
            ("en", Language::English),
            ("de-AT", Language::English),
            ("es", Language::Spanish),
            ("es-419", Language::Spanish),
            ("FR-ca", Language::French),
            ("sw-KE", Language::Swahili),
            ("swg", Language::English),
            ("pt-BR", Language::Portuguese),
        ] {
            assert_eq!(Language::of(tag), expect, "{tag}");
        }
    }
}
