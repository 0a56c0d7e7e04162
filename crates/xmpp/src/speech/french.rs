//! All that the daemon says, in French.

use base::{Audience, Circle};
use mesh::finding::Reason;
use mesh::verification::Cause;

use super::{Absence, Menu, Span, Text, Verb, lines, minutes};

/// The words of the commands.
pub(super) const VERBS: &[(Verb, &[&str])] = &[
    (Verb::Help, &["aide"]),
    (Verb::Who, &["qui", "liste"]),
    (Verb::Why, &["pourquoi"]),
    (Verb::Verify, &["vérifier", "vérifie"]),
    (Verb::Yes, &["oui"]),
    (Verb::No, &["non"]),
    (Verb::Hide, &["cacher", "cache"]),
    (Verb::Show, &["montrer", "montre"]),
    (Verb::Requests, &["demandes"]),
    (Verb::Accept, &["accepter", "accepte"]),
    (Verb::Decline, &["refuser", "refuse"]),
];

/// Who may see a person.
pub(super) const AUDIENCES: &[(Audience, &[&str])] = &[
    (Audience::Nobody, &["personne"]),
    (Audience::Green, &["connus", "vert"]),
    (Audience::Yellow, &["amis", "jaune"]),
    (Audience::All, &["tous", "tout le monde"]),
];

/// Says it.
pub(super) fn say(text: &Text<'_>) -> String {
    match text {
        Text::Status(0) => "personne à proximité".into(),
        Text::Status(n) => format!("{} à proximité", people(*n)),
        Text::Greeting(n, names) => format!(
            "Bonjour, je suis Jirani : je porte tes messages de cet ordinateur aux gens autour de toi. {} Écris aide pour \
             voir ce que tu peux me demander.",
            near(*n, names)
        ),
        Text::Help => "Tu peux m'écrire :\n\
             qui – qui est à proximité\n\
             pourquoi – pourquoi il n'y a personne\n\
             vérifier NOM – s'assurer que quelqu'un est bien qui il dit, par trois mots sur les deux écrans\n\
             montrer – qui peut te voir, et comment changer cela\n\
             cacher – que personne ne te voie\n\
             cacher NOM – enlever quelqu'un de ta liste\n\
             montrer NOM – l'y remettre\n\
             demandes – qui veut être ton contact sans que tu le laisses te voir\n\
             accepter ADRESSE – en faire ton contact\n\
             refuser ADRESSE – ne pas le faire\n\
             bonjour on – être vu aussi par d'autres programmes de ce réseau (Bonjour)"
            .into(),
        Text::NotUnderstood => "Je ne comprends pas cela. Écris aide pour voir ce que tu peux me demander.".into(),
        Text::TooFast => "C'est trop pour moi à la fois. Attends une minute, puis continue.".into(),
        Text::Who(0, _) => "Il n'y a personne à proximité. Écris pourquoi pour en voir la raison possible.".into(),
        Text::Who(n, shown) => lines(
            format!("{} à proximité :", people(*n)),
            shown,
            |person| format!("{}, {}", circle(person.circle), here(&Span::of(person.here))),
            (*n > shown.len()).then(|| format!("et {} de plus", n - shown.len())),
        ),
        Text::Why(absence) => why(*absence).into(),
        Text::WhoIsMeant => "Écris aussi qui : vérifier NOM. Écris qui pour voir les noms.".into(),
        Text::NobodyCalled(name) => {
            format!("Personne à proximité ne s'appelle {name}. Écris qui pour voir les noms.")
        }
        Text::Several(name, addresses) => {
            format!(
                "Plusieurs personnes s'appellent {name}. Écris l'adresse entière de l'une :\n{}",
                addresses.join("\n")
            )
        }
        Text::Audience(audience) => format!(
            "{} Pour changer cela, écris : montrer tous, montrer amis, montrer connus, ou cacher.",
            match audience {
                Audience::Nobody => "Personne ne peut te voir. Seuls tes contacts peuvent t'écrire.",
                Audience::Green =>
                    "Les gens que tu connais te voient : ceux que tu as vérifiés, et ceux de ta communauté.",
                Audience::Yellow =>
                    "Les gens que tu connais te voient, et ceux dont deux d'entre eux se portent garants.",
                Audience::All => "Tous ceux qui sont à proximité te voient.",
            }
        ),
        Text::Hidden(name, address) => {
            format!("{name} n'est plus dans ta liste. Pour annuler, écris : montrer {address}")
        }
        Text::IsContact(name) => format!("{name} est ton contact. Enlève d'abord le contact."),
        Text::NobodyHidden(name) => {
            format!("Tu n'as caché personne du nom de {name}. Écris montrer pour voir qui peut te voir.")
        }
        Text::NobodyIsHidden => "Tu n'as caché personne.".into(),
        Text::Shown(name) => format!("{name} sera de nouveau dans ta liste, une fois à proximité."),
        Text::Bonjour(on) => match on {
            Some(true) => {
                "D'autres programmes de ce réseau (Bonjour) te voient, et tu les vois. Là, personne ne prouve \
                 qui il est, et rien n'est chiffré. Pour changer cela, écris : bonjour off"
            }
            Some(false) => {
                "D'autres programmes de ce réseau (Bonjour) ne te voient pas. Pour changer cela, écris : bonjour on"
            }
            None => {
                "D'autres programmes de ce réseau (Bonjour) ne te voient que tant que tous te voient. Pour cela, \
                 écris : montrer tous"
            }
        }
        .into(),
        Text::Requests(0, _) => "Personne n'attend d'être ton contact.".into(),
        Text::Requests(n, shown) => format!(
            "{} être ton contact. Écris accepter ou refuser et une de ces adresses :\n{}{}",
            match *n {
                1 => "1 personne veut".to_owned(),
                n => format!("{} veulent", people(n)),
            },
            shown.join("\n"),
            if *n > shown.len() { format!("\net {} de plus", n - shown.len()) } else { String::new() },
        ),
        Text::Accepted(name) => format!("{name} est maintenant ton contact."),
        Text::ListFull(address) => {
            format!("Ta liste de contacts est pleine. Retires-en d'abord quelqu'un, puis écris : accepter {address}")
        }
        Text::Declined(name) => format!("{name} n'est pas ton contact."),
        Text::NobodyAsked(name) => {
            format!("Personne à l'adresse {name} ne l'a demandé. Écris demandes pour voir les adresses.")
        }
        Text::Waiting(name) => format!("J'ai demandé à {name}. Les mots viendront quand {name} aura dit oui."),
        Text::Asked(name, address) => format!(
            "{name} ({address}) veut s'assurer avec toi que personne n'est entre vos ordinateurs. Êtes-vous ensemble ? Écris \
             oui, et comparez trois mots sur vos écrans. Sinon, écris non."
        ),
        Text::Compare(name, [a, b, c]) => {
            format!(
                "L'écran de {name} doit montrer les mêmes trois mots :\n{a} {b} {c}\nEst-ce le cas ? Écris oui ou non."
            )
        }
        Text::Verified(name) => format!("C'est certain : c'est {name}, et personne n'est entre vos ordinateurs."),
        Text::NotVerified(name, cause) => format!("{name} reste non vérifié : {}.", failed(*cause)),
        Text::NoQuestion => "Il n'y a rien à quoi dire oui ou non. Pour comparer des mots, écris : vérifier NOM".into(),
        Text::KeyChanged(address) => format!(
            "Quelqu'un près de toi dit être {address}, mais montre une autre clé qu'avant. C'est peut-être un nouvel \
             ordinateur ; c'est peut-être quelqu'un d'autre. Rien n'est transmis de ni vers cette adresse. Demande à \
             {address} en personne. Si c'est juste, écris sur cet ordinateur : jirani accept {address}"
        ),
        Text::Title(menu) => match menu {
            Menu::Who => "Qui est à proximité",
            Menu::Why => "Pourquoi il n'y a personne",
            Menu::Verify => "Vérifier quelqu'un",
            Menu::Audience => "Qui peut me voir",
            Menu::Hide => "Retirer quelqu'un de ma liste",
            Menu::Show => "Remettre quelqu'un dans ma liste",
            Menu::Requests => "Qui veut être mon contact",
            Menu::Bonjour => "Que d'autres programmes de ce réseau me voient",
            Menu::Help => "Ce que tu peux demander",
        }
        .into(),
        Text::Reply(true) => "En faire mon contact".into(),
        Text::Reply(false) => "Ne pas en faire mon contact".into(),
        Text::Choose => "De qui s'agit-il ?".into(),
        Text::Choice(audience) => match audience {
            Audience::Nobody => "Personne",
            Audience::Green => "Les gens que je connais",
            Audience::Yellow => {
                "Les gens que je connais, et ceux dont deux personnes que j'ai vérifiées se portent garantes"
            }
            Audience::All => "Tous ceux qui sont à proximité",
        }
        .into(),
        Text::GoesOnInChat => "La suite vient dans ta conversation avec Jirani.".into(),
    }
}

/// In French, none and one are singular.
fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n < 2 { one } else { many })
}

fn people(n: usize) -> String {
    count(n as u64, "personne", "personnes")
}

fn near(n: usize, names: &[String]) -> String {
    match n {
        0 => "Il n'y a encore personne à proximité.".into(),
        n if n > names.len() => {
            format!("{} à proximité : {} et {} de plus.", people(n), names.join(", "), n - names.len())
        }
        n => format!("{} à proximité : {}.", people(n), names.join(", ")),
    }
}

fn circle(circle: Circle) -> &'static str {
    match circle {
        Circle::Green => "identité vérifiée",
        Circle::Yellow => "d'autres s'en portent garants",
        Circle::Red => "non vérifié",
    }
}

fn here(span: &Span) -> String {
    match span {
        Span::Short => "vient d'arriver".into(),
        Span::Minutes(n) => format!("ici depuis {}", count(*n, "minute", "minutes")),
        Span::Hours(n) => format!("ici depuis {}", count(*n, "heure", "heures")),
        Span::Days(n) => format!("ici depuis {}", count(*n, "jour", "jours")),
    }
}

fn why(absence: Absence) -> &'static str {
    match absence {
        Absence::LinksOff => {
            "Cet ordinateur ne cherche personne : les liens sont coupés. Qui s'en occupe peut les remettre (`links` dans la \
             configuration)."
        }
        Absence::Hiding => {
            "Tu ne laisses personne te voir, et ainsi tu ne vois personne. Pour changer cela, écris : montrer tous"
        }
        Absence::Looking => "Je cherche encore. S'il y a quelqu'un, il apparaîtra dans la minute.",
        Absence::Because(reason) => match reason {
            Reason::NoInterface => {
                "Cet ordinateur n'est connecté à aucun réseau. Branche un câble, ou rejoins le même Wi-Fi que les autres."
            }
            Reason::NoMulticast => {
                "Cet ordinateur n'est connecté que par un tunnel (un VPN), et il n'y a pas de voisins dedans. Rejoins aussi \
                 le même Wi-Fi que les autres."
            }
            Reason::Unheard => {
                "Ce que j'annonce ne me revient même pas. Un pare-feu de cet ordinateur, ou un autre programme, garde \
                 peut-être le port UDP 5353."
            }
            Reason::Isolated => {
                "D'autres sont là, mais ce Wi-Fi sépare les ordinateurs. Prends un autre réseau, ou change cela au point \
                 d'accès."
            }
            Reason::Nobody { wireless: false } => "Personne d'autre ne répond sur ce réseau. Jirani y tourne-t-il ?",
            Reason::Nobody { wireless: true } => {
                "Personne d'autre ne répond sur ce Wi-Fi. Jirani y tourne-t-il ? Si oui, le Wi-Fi sépare peut-être les \
                 ordinateurs."
            }
        },
    }
}

fn failed(cause: Cause) -> String {
    match cause {
        Cause::NotInReach => "cette personne n'est pas à proximité".into(),
        Cause::TooOften { again_in } => {
            format!("trop d'essais ; recommence dans {}", count(minutes(again_in), "minute", "minutes"))
        }
        Cause::Refused => "cette personne ne veut pas maintenant".into(),
        Cause::RefusedHere => "tu as dit non".into(),
        Cause::Differed => {
            "l'autre écran montrait d'autres mots ; quelqu'un est peut-être entre vos ordinateurs".into()
        }
        Cause::NoAnswer => "personne n'a répondu à temps".into(),
        Cause::LeftReach => "cette personne est partie".into(),
        Cause::LinkChanged => "la connexion entre vos ordinateurs a changé ; recommencez tous les deux".into(),
        Cause::Cheated => "l'autre ordinateur n'a pas suivi les règles ; quelqu'un est peut-être entre vous".into(),
        Cause::Busy => "l'un de vous compare des mots avec quelqu'un d'autre ; recommence dans quelques minutes".into(),
        Cause::NothingToSay => "il n'y a pas de mots auxquels dire oui ou non".into(),
        Cause::Hidden => "cette personne ne peut pas te voir ; écris d'abord montrer tous".into(),
        Cause::CannotVouch => "cet ordinateur n'a pas de clé avec laquelle tu pourrais te porter garant".into(),
        Cause::Unwritten => "cela n'a pas pu être écrit sur cet ordinateur ; réessaie".into(),
        Cause::Full => "cet ordinateur se souvient déjà d'autant de gens qu'il peut".into(),
    }
}
