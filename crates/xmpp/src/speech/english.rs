//! All that the daemon says, in English.

use base::{Audience, Circle};
use mesh::finding::Reason;
use mesh::verification::Cause;

use super::{Absence, Menu, Span, Text, Verb, count, lines, minutes};

/// The words of the commands.
pub(super) const VERBS: &[(Verb, &[&str])] = &[
    (Verb::Help, &["help", "?"]),
    (Verb::Who, &["who", "list"]),
    (Verb::Why, &["why"]),
    (Verb::Verify, &["verify", "check"]),
    (Verb::Yes, &["yes", "y"]),
    (Verb::No, &["no", "n"]),
    (Verb::Hide, &["hide"]),
    (Verb::Show, &["show"]),
    (Verb::Requests, &["requests"]),
    (Verb::Accept, &["accept"]),
    (Verb::Decline, &["decline", "refuse"]),
];

/// Who may see a person.
pub(super) const AUDIENCES: &[(Audience, &[&str])] = &[
    (Audience::Nobody, &["nobody"]),
    (Audience::Green, &["known", "people I know", "green"]),
    (Audience::Yellow, &["friends", "vouched", "yellow"]),
    (Audience::All, &["everybody", "everyone", "all"]),
];

/// Says it.
pub(super) fn say(text: &Text<'_>) -> String {
    match text {
        Text::Status(0) => "nobody near".into(),
        Text::Status(n) => format!("{} near", people(*n)),
        Text::Greeting(n, names) => format!(
            "Hello, I am Jirani: I carry your messages from this computer to the people around you. {} Write help to see \
             what you can ask me.",
            near(*n, names)
        ),
        Text::Help => "You can write to me:\n\
             who – who is near\n\
             why – why nobody is near\n\
             verify NAME – make sure that somebody is who they say, by three words on both screens\n\
             show – who may see you, and how to change that\n\
             hide – let nobody see you\n\
             hide NAME – take somebody out of your list\n\
             show NAME – put them back\n\
             requests – who wants to be your contact, though you do not let them see you\n\
             accept ADDRESS – let them be your contact\n\
             decline ADDRESS – do not\n\
             bonjour on – be seen by other chat programs on this network, too (Bonjour)"
            .into(),
        Text::NotUnderstood => "I do not understand that. Write help to see what you can ask me.".into(),
        Text::TooFast => "That is too much for me at once. Wait a minute, then go on.".into(),
        Text::Who(0, _) => "Nobody is near. Write why to see what may be the reason.".into(),
        Text::Who(n, shown) => lines(
            format!("{} near:", are(*n)),
            shown,
            |person| format!("{}, {}", circle(person.circle), here(&Span::of(person.here))),
            (*n > shown.len()).then(|| format!("and {} more", n - shown.len())),
        ),
        Text::Why(absence) => why(*absence).into(),
        Text::WhoIsMeant => "Write whom you mean, too: verify NAME. Write who to see the names.".into(),
        Text::NobodyCalled(name) => format!("Nobody near is called {name}. Write who to see the names."),
        Text::Several(name, addresses) => {
            format!("More than one is called {name}. Write the whole address of one of them:\n{}", addresses.join("\n"))
        }
        Text::Audience(audience) => format!(
            "{} To change that, write: show everybody, show friends, show known, or hide.",
            match audience {
                Audience::Nobody => "Nobody can see you now. Only your contacts can write to you.",
                Audience::Green => "People you know can see you: those you have verified, and those of your community.",
                Audience::Yellow => "People you know can see you, and people for whom two of them vouch.",
                Audience::All => "Everybody near can see you.",
            }
        ),
        Text::Hidden(name, address) => {
            format!("{name} is not in your list any more. To undo that, write: show {address}")
        }
        Text::IsContact(name) => format!("{name} is your contact. Remove them from your list of contacts first."),
        Text::NobodyHidden(name) => format!("You have hidden nobody called {name}. Write show to see who may see you."),
        Text::NobodyIsHidden => "You have hidden nobody.".into(),
        Text::Shown(name) => format!("{name} will be in your list again when they are near."),
        Text::Bonjour(on) => match on {
            Some(true) => {
                "Other programs on this network (Bonjour) see you, and you see them. Nobody there proves who \
                 they are, and nothing is encrypted. To change that, write: bonjour off"
            }
            Some(false) => "Other programs on this network (Bonjour) do not see you. To change that, write: bonjour on",
            None => {
                "Other programs on this network (Bonjour) see you only while everybody near can see you. For \
                 that, write: show everybody"
            }
        }
        .into(),
        Text::Requests(0, _) => "Nobody waits to be your contact.".into(),
        Text::Requests(n, shown) => format!(
            "{} to be your contact. Write accept or decline and one of these addresses:\n{}{}",
            match *n {
                1 => "1 person wants".to_owned(),
                n => format!("{} want", people(n)),
            },
            shown.join("\n"),
            if *n > shown.len() { format!("\nand {} more", n - shown.len()) } else { String::new() },
        ),
        Text::Accepted(name) => format!("{name} is your contact now."),
        Text::ListFull(address) => {
            format!("Your list of contacts is full. Remove somebody from it, then write: accept {address}")
        }
        Text::Declined(name) => format!("{name} is not your contact."),
        Text::NobodyAsked(name) => {
            format!("Nobody with the address {name} has asked. Write requests to see the addresses.")
        }
        Text::Waiting(name) => format!("I have asked {name}. The words come when {name} has said yes."),
        Text::Asked(name, address) => format!(
            "{name} ({address}) wants to make sure with you that nobody is between your computers. Are you together? Write \
             yes, and compare three words on your screens. If not, write no."
        ),
        Text::Compare(name, [a, b, c]) => {
            format!("{name}'s screen must show the same three words:\n{a} {b} {c}\nDoes it? Write yes or no.")
        }
        Text::Verified(name) => format!("It is certain now: this is {name}, and nobody is between your computers."),
        Text::NotVerified(name, cause) => format!("{name} is not verified: {}.", failed(*cause)),
        Text::NoQuestion => "There is nothing to say yes or no to. To compare words, write: verify NAME".into(),
        Text::KeyChanged(address) => format!(
            "Somebody near you says that they are {address}, but shows another key than before. Perhaps they have a new \
             computer; perhaps it is somebody else. Nothing is delivered to or from them. Ask {address} in person. If it is \
             right, say on this computer: jirani accept {address}"
        ),
        Text::Title(menu) => match menu {
            Menu::Who => "Who is near",
            Menu::Why => "Why nobody is near",
            Menu::Verify => "Verify somebody",
            Menu::Audience => "Who may see me",
            Menu::Hide => "Take somebody out of my list",
            Menu::Show => "Put somebody back into my list",
            Menu::Requests => "Who wants to be my contact",
            Menu::Bonjour => "Be seen by other programs on this network",
            Menu::Help => "What you can ask",
        }
        .into(),
        Text::Reply(true) => "Let them be my contact".into(),
        Text::Reply(false) => "Do not let them be my contact".into(),
        Text::Choose => "Whom do you mean?".into(),
        Text::Choice(audience) => match audience {
            Audience::Nobody => "Nobody",
            Audience::Green => "People I know",
            Audience::Yellow => "People I know, and those for whom two people I have verified vouch",
            Audience::All => "Everybody near",
        }
        .into(),
        Text::GoesOnInChat => "It goes on in your conversation with Jirani.".into(),
    }
}

fn people(n: usize) -> String {
    count(n as u64, "person", "people")
}

fn are(n: usize) -> String {
    format!("{} {}", people(n), if n == 1 { "is" } else { "are" })
}

fn near(n: usize, names: &[String]) -> String {
    match n {
        0 => "Nobody is near yet.".into(),
        n if n > names.len() => format!("{} near: {} and {} more.", are(n), names.join(", "), n - names.len()),
        n => format!("{} near: {}.", are(n), names.join(", ")),
    }
}

fn circle(circle: Circle) -> &'static str {
    match circle {
        Circle::Green => "verified",
        Circle::Yellow => "vouched for",
        Circle::Red => "not verified",
    }
}

fn here(span: &Span) -> String {
    match span {
        Span::Short => "came just now".into(),
        Span::Minutes(n) => format!("here for {}", count(*n, "minute", "minutes")),
        Span::Hours(n) => format!("here for {}", count(*n, "hour", "hours")),
        Span::Days(n) => format!("here for {}", count(*n, "day", "days")),
    }
}

fn why(absence: Absence) -> &'static str {
    match absence {
        Absence::LinksOff => {
            "This computer looks for nobody: links are off. Whoever looks after it can turn them on (`links` in the \
             configuration)."
        }
        Absence::Hiding => "You let nobody see you, and so you see nobody. To change that, write: show everybody",
        Absence::Looking => "I am still looking. Others come within a minute if they are there.",
        Absence::Because(reason) => match reason {
            Reason::NoInterface => {
                "This computer is connected to no network. Plug in a cable, or join the same Wi-Fi as the others."
            }
            Reason::NoMulticast => {
                "This computer is connected only through a tunnel (a VPN), and there are no neighbours in there. Join the \
                 same Wi-Fi as the others, too."
            }
            Reason::Unheard => {
                "What I call out does not even come back to me. A firewall on this computer, or another program, may keep \
                 UDP port 5353."
            }
            Reason::Isolated => {
                "Others are there, but this Wi-Fi keeps computers apart. Use another network, or change that at the access \
                 point."
            }
            Reason::Nobody { wireless: false } => "Nobody else on this network answers. Is Jirani running there?",
            Reason::Nobody { wireless: true } => {
                "Nobody else on this Wi-Fi answers. Is Jirani running there? If it is, the Wi-Fi may keep computers apart."
            }
        },
    }
}

fn failed(cause: Cause) -> String {
    match cause {
        Cause::NotInReach => "they are not near".into(),
        Cause::TooOften { again_in } => {
            format!("it was tried too often; try again in {}", count(minutes(again_in), "minute", "minutes"))
        }
        Cause::Refused => "they do not want to now".into(),
        Cause::RefusedHere => "you said no".into(),
        Cause::Differed => "they saw other words; somebody may be between your computers".into(),
        Cause::NoAnswer => "nobody answered in time".into(),
        Cause::LeftReach => "they have gone".into(),
        Cause::LinkChanged => "the connection between your computers changed; begin again, both of you".into(),
        Cause::Cheated => "the other computer did not keep to the rules; somebody may be between you".into(),
        Cause::Busy => "one of you is comparing words with somebody else; try again in a few minutes".into(),
        Cause::NothingToSay => "there are no words to say yes or no to".into(),
        Cause::Hidden => "you are hidden from them; write show everybody first".into(),
        Cause::CannotVouch => "this computer has no key with which you could vouch for them".into(),
        Cause::Unwritten => "it could not be written on this computer; try again".into(),
        Cause::Full => "this computer remembers as many people as it can".into(),
    }
}
