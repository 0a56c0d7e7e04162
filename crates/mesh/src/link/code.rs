//! `docs/formats/links.md`: why a link is closed or a stream refused. Numbers go over the wire, words are for people.

use std::fmt;

/// Makes a closed enum with its numbers and words from one table.
macro_rules! codes {
    ($(#[$about:meta])* $name:ident, unknown $unknown:ident:
        $($(#[$doc:meta])* $variant:ident = $number:literal, $words:literal;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// For the wire.
            pub const fn number(self) -> u32 {
                match self { $($name::$variant => $number,)* }
            }

            /// From the wire. A number that this version does not know is the unspecified one.
            pub const fn from_number(number: u64) -> $name {
                match number { $($number => $name::$variant,)* _ => $name::$unknown }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$variant => $words,)* })
            }
        }
    };
}

codes! {
    /// Why a link is closed: QUIC's application error code.
    CloseCode, unknown Unspecified:
    /// No reason was given; also what QUIC itself says when a process lets a connection go.
    Unspecified = 0, "no reason was given";
    /// The daemon ends, or the computer goes to sleep.
    Stopping = 1, "the daemon is stopping";
    /// Another link between the same two nodes stays.
    Duplicate = 2, "another link between the same two laptops is kept";
    /// The same peer is dialled anew, because this link was in doubt.
    Redial = 3, "the link was in doubt and is made anew";
    /// The node has all the links that it may have, or that this address may have.
    Full = 4, "there are too many links";
    /// More waited for the peer than may wait.
    Behind = 5, "the other side does not keep up";
    /// What came on a stream is no frame, or is too long for one.
    Malformed = 6, "what came is no frame";
    /// The peer asked again and again for protocols that are not spoken here.
    Refused = 7, "too many streams were refused";
    /// A node has dialled itself.
    Ourselves = 8, "it is this computer itself";
    /// The peer did not prove who it is.
    Unproven = 9, "the other side did not prove who is there";
    /// Nobody here has anything to say to the peer.
    Unwanted = 10, "nobody here needs the link";
    /// The node has come to another network and has another key there.
    Moved = 11, "the laptop has come to another network";
    /// A frame that was to be sent is longer than a frame may be.
    TooLong = 12, "a frame was too long to be sent";
}

codes! {
    /// Why a stream is not read: the code of QUIC's STOP_SENDING. The link lives on.
    Refusal, unknown Unspecified:
    /// No reason was given.
    Unspecified = 0, "no reason was given";
    /// Nobody here speaks this protocol.
    UnknownProtocol = 1, "this protocol is not spoken here";
    /// The stream begins in a way that this version does not know.
    UnknownPrelude = 2, "the stream's beginning is of a version that is not known";
    /// There is a stream for this protocol already.
    Taken = 3, "there is a stream for this protocol already";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_words_differ() {
        for (at, code) in CloseCode::ALL.iter().enumerate() {
            assert_eq!((code.number() as usize, CloseCode::from_number(at as u64)), (at, *code), "never renumber");
        }
        for (at, code) in Refusal::ALL.iter().enumerate() {
            assert_eq!((code.number() as usize, Refusal::from_number(at as u64)), (at, *code), "never renumber");
        }
        let words: std::collections::BTreeSet<String> = CloseCode::ALL.iter().map(CloseCode::to_string).collect();
        assert_eq!(words.len(), CloseCode::ALL.len());
    }

    #[test]
    fn a_number_of_a_later_version_is_unspecified() {
        assert_eq!(CloseCode::from_number(13), CloseCode::Unspecified);
        assert_eq!(CloseCode::from_number(u64::MAX), CloseCode::Unspecified);
        assert_eq!(Refusal::from_number(1 << 32 | 1), Refusal::Unspecified);
    }
}
