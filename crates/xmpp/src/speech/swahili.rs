//! All that the daemon says, in Swahili.

use base::{Audience, Circle};
use mesh::finding::Reason;
use mesh::verification::Cause;

use super::{Absence, Menu, Span, Text, Verb, lines, minutes};

/// The words of the commands.
pub(super) const VERBS: &[(Verb, &[&str])] = &[
    (Verb::Help, &["msaada", "saidia"]),
    (Verb::Who, &["nani", "orodha"]),
    (Verb::Why, &["kwa nini", "kwanini"]),
    (Verb::Verify, &["thibitisha", "hakiki"]),
    (Verb::Yes, &["ndiyo", "ndio"]),
    (Verb::No, &["hapana"]),
    (Verb::Hide, &["ficha"]),
    (Verb::Show, &["onyesha", "onesha"]),
    (Verb::Requests, &["maombi"]),
    (Verb::Accept, &["kubali"]),
    (Verb::Decline, &["kataa"]),
];

/// Who may see a person.
pub(super) const AUDIENCES: &[(Audience, &[&str])] = &[
    (Audience::Nobody, &["hakuna"]),
    (Audience::Green, &["ninaowajua", "kijani"]),
    (Audience::Yellow, &["marafiki", "njano"]),
    (Audience::All, &["wote", "kila mtu"]),
];

/// Says it.
pub(super) fn say(text: &Text<'_>) -> String {
    match text {
        Text::Status(0) => "hakuna mtu karibu".into(),
        Text::Status(n) => format!("{} karibu", people(*n)),
        Text::Greeting(n, names) => format!(
            "Habari, mimi ni Jirani: napeleka ujumbe wako kutoka kompyuta hii kwa watu walio karibu nawe. {} Andika msaada \
             uone unachoweza kuniuliza.",
            near(*n, names)
        ),
        Text::Help => "Unaweza kuniandikia:\n\
             nani – nani yuko karibu\n\
             kwa nini – kwa nini hakuna mtu karibu\n\
             thibitisha JINA – hakikisha kwamba mtu ndiye anayesema, kwa maneno matatu kwenye skrini zote mbili\n\
             onyesha – nani anaweza kukuona, na jinsi ya kubadilisha\n\
             ficha – mtu yeyote asikuone\n\
             ficha JINA – ondoa mtu kwenye orodha yako\n\
             onyesha JINA – mrudishe\n\
             maombi – nani anataka kuwa kwenye orodha yako ingawa humruhusu akuone\n\
             kubali ANWANI – awe kwenye orodha yako\n\
             kataa ANWANI – asiwe\n\
             bonjour on – uonekane pia kwa programu nyingine za mtandao huu (Bonjour)"
            .into(),
        Text::NotUnderstood => "Sielewi hilo. Andika msaada uone unachoweza kuniuliza.".into(),
        Text::TooFast => "Hayo ni mengi mno kwa mara moja. Subiri dakika moja, kisha endelea.".into(),
        Text::Who(0, _) => "Hakuna mtu karibu. Andika kwa nini uone sababu inayowezekana.".into(),
        Text::Who(n, shown) => lines(
            format!("{} karibu:", people(*n)),
            shown,
            |person| format!("{}, {}", circle(person.circle), here(&Span::of(person.here))),
            (*n > shown.len()).then(|| format!("na wengine {}", n - shown.len())),
        ),
        Text::Why(absence) => why(*absence).into(),
        Text::WhoIsMeant => "Andika pia jina: thibitisha JINA. Andika nani uone majina.".into(),
        Text::NobodyCalled(name) => format!("Hakuna aliye karibu anayeitwa {name}. Andika nani uone majina."),
        Text::Several(name, addresses) => {
            format!("Zaidi ya mtu mmoja anaitwa {name}. Andika anwani kamili ya mmoja wao:\n{}", addresses.join("\n"))
        }
        Text::Audience(audience) => format!(
            "{} Kubadilisha, andika: onyesha wote, onyesha marafiki, onyesha ninaowajua, au ficha.",
            match audience {
                Audience::Nobody => "Sasa hakuna anayeweza kukuona. Ni watu wa orodha yako tu wanaoweza kukuandikia.",
                Audience::Green => "Watu unaowajua wanaweza kukuona: uliowathibitisha na wa jumuiya yako.",
                Audience::Yellow => "Watu unaowajua wanaweza kukuona, na wale wanaodhaminiwa na wawili wao.",
                Audience::All => "Kila mtu aliye karibu anaweza kukuona.",
            }
        ),
        Text::Hidden(name, address) => {
            format!("{name} hayuko tena kwenye orodha yako. Kumrudisha, andika: onyesha {address}")
        }
        Text::IsContact(name) => format!("{name} ni mtu wa orodha yako. Mwondoe kwanza kwenye orodha hiyo."),
        Text::NobodyHidden(name) => {
            format!("Hujamficha mtu anayeitwa {name}. Andika onyesha uone nani anaweza kukuona.")
        }
        Text::NobodyIsHidden => "Hujamficha mtu yeyote.".into(),
        Text::Shown(name) => format!("{name} atakuwa tena kwenye orodha yako akiwa karibu."),
        Text::Bonjour(on) => match on {
            Some(true) => {
                "Programu nyingine za mtandao huu (Bonjour) zinakuona, nawe unaziona. Huko hakuna \
                 anayethibitisha yeye ni nani, na hakuna kinachofichwa kwa siri. Kubadilisha, andika: bonjour \
                 off"
            }
            Some(false) => "Programu nyingine za mtandao huu (Bonjour) hazikuoni. Kubadilisha, andika: bonjour on",
            None => {
                "Programu nyingine za mtandao huu (Bonjour) zinakuona tu wakati kila mtu aliye karibu anaweza \
                 kukuona. Kwa hilo, andika: onyesha wote"
            }
        }
        .into(),
        Text::Requests(0, _) => "Hakuna anayesubiri kuwa kwenye orodha yako.".into(),
        Text::Requests(n, shown) => format!(
            "{} kuwa kwenye orodha yako. Andika kubali au kataa na mojawapo ya anwani hizi:\n{}{}",
            match *n {
                1 => "mtu 1 anataka".to_owned(),
                n => format!("{} wanataka", people(n)),
            },
            shown.join("\n"),
            if *n > shown.len() { format!("\nna wengine {}", n - shown.len()) } else { String::new() },
        ),
        Text::Accepted(name) => format!("{name} sasa yuko kwenye orodha yako."),
        Text::ListFull(address) => {
            format!("Hakuna nafasi kwenye orodha yako. Kwanza mwondoe mtu, kisha andika: kubali {address}")
        }
        Text::Declined(name) => format!("{name} hayuko kwenye orodha yako."),
        Text::NobodyAsked(name) => format!("Hakuna mwenye anwani {name} aliyeomba. Andika maombi uone anwani."),
        Text::Waiting(name) => format!("Nimemwuliza {name}. Maneno yatakuja {name} akisema ndiyo."),
        Text::Asked(name, address) => format!(
            "{name} ({address}) anataka kuhakikisha pamoja nawe kwamba hakuna mtu kati ya kompyuta zenu. Mko pamoja? Andika \
             ndiyo, kisha mlinganishe maneno matatu kwenye skrini zenu. Kama sivyo, andika hapana."
        ),
        Text::Compare(name, [a, b, c]) => {
            format!(
                "Skrini ya {name} lazima ionyeshe maneno matatu hayo hayo:\n{a} {b} {c}\nNi sawa? Andika ndiyo au hapana."
            )
        }
        Text::Verified(name) => format!("Sasa ni hakika: huyu ni {name}, na hakuna mtu kati ya kompyuta zenu."),
        Text::NotVerified(name, cause) => format!("{name} bado hajathibitishwa: {}.", failed(*cause)),
        Text::NoQuestion => {
            "Hakuna swali la kujibu ndiyo au hapana. Kulinganisha maneno, andika: thibitisha JINA".into()
        }
        Text::KeyChanged(address) => format!(
            "Mtu aliye karibu nawe anasema kuwa yeye ni {address}, lakini anaonyesha ufunguo tofauti na wa zamani. Labda ana \
             kompyuta mpya; labda ni mtu mwingine. Hakuna kinachopelekwa kwake wala kutoka kwake. Mwulize {address} ana kwa \
             ana. Kama ni kweli, andika kwenye kompyuta hii: jirani accept {address}"
        ),
        Text::Title(menu) => match menu {
            Menu::Who => "Nani yuko karibu",
            Menu::Why => "Kwa nini hakuna mtu karibu",
            Menu::Verify => "Thibitisha mtu",
            Menu::Audience => "Nani anaweza kuniona",
            Menu::Hide => "Ondoa mtu kwenye orodha yangu",
            Menu::Show => "Mrudishe mtu kwenye orodha yangu",
            Menu::Requests => "Nani anataka kuwa kwenye orodha yangu",
            Menu::Bonjour => "Nionekane kwa programu nyingine za mtandao huu",
            Menu::Help => "Unachoweza kuuliza",
        }
        .into(),
        Text::Reply(true) => "Awe kwenye orodha yangu".into(),
        Text::Reply(false) => "Asiwe kwenye orodha yangu".into(),
        Text::Choose => "Unamaanisha nani?".into(),
        Text::Choice(audience) => match audience {
            Audience::Nobody => "Hakuna mtu",
            Audience::Green => "Watu ninaowajua",
            Audience::Yellow => "Watu ninaowajua, na wale wanaodhaminiwa na watu wawili niliowathibitisha",
            Audience::All => "Kila mtu aliye karibu",
        }
        .into(),
        Text::GoesOnInChat => "Inaendelea katika mazungumzo yako na Jirani.".into(),
    }
}

/// People are `mtu` and `watu`, and the number comes behind them.
fn people(n: usize) -> String {
    format!("{} {n}", if n == 1 { "mtu" } else { "watu" })
}

fn near(n: usize, names: &[String]) -> String {
    match n {
        0 => "Bado hakuna mtu karibu.".into(),
        n if n > names.len() => {
            format!("Karibu kuna {}: {} na wengine {}.", people(n), names.join(", "), n - names.len())
        }
        n => format!("Karibu kuna {}: {}.", people(n), names.join(", ")),
    }
}

fn circle(circle: Circle) -> &'static str {
    match circle {
        Circle::Green => "amethibitishwa",
        Circle::Yellow => "anadhaminiwa na wengine",
        Circle::Red => "hajathibitishwa",
    }
}

fn here(span: &Span) -> String {
    match span {
        Span::Short => "amefika sasa hivi".into(),
        Span::Minutes(n) => format!("yuko hapa kwa dakika {n}"),
        Span::Hours(n) => format!("yuko hapa kwa saa {n}"),
        Span::Days(n) => format!("yuko hapa kwa siku {n}"),
    }
}

fn why(absence: Absence) -> &'static str {
    match absence {
        Absence::LinksOff => {
            "Kompyuta hii haitafuti mtu yeyote: viungo vimezimwa. Anayeitunza anaweza kuviwasha (`links` katika mipangilio)."
        }
        Absence::Hiding => "Hutaki mtu akuone, kwa hiyo nawe huoni mtu. Kubadilisha, andika: onyesha wote",
        Absence::Looking => "Bado natafuta. Kama wapo, wataonekana ndani ya dakika moja.",
        Absence::Because(reason) => match reason {
            Reason::NoInterface => {
                "Kompyuta hii haijaunganishwa na mtandao wowote. Chomeka waya, au jiunge na Wi-Fi ile ile ya wenzako."
            }
            Reason::NoMulticast => {
                "Kompyuta hii imeunganishwa kwa njia ya siri (VPN) tu, na humo hamna majirani. Jiunge pia na Wi-Fi ile ile \
                 ya wenzako."
            }
            Reason::Unheard => {
                "Ninachotangaza hakirudi hata kwangu. Labda ukuta wa moto wa kompyuta hii, au programu nyingine, inashika \
                 mlango wa UDP 5353."
            }
            Reason::Isolated => {
                "Wengine wapo, lakini Wi-Fi hii inatenganisha kompyuta. Tumia mtandao mwingine, au badilisha hilo kwenye \
                 kifaa cha Wi-Fi."
            }
            Reason::Nobody { wireless: false } => {
                "Hakuna mwingine anayejibu kwenye mtandao huu. Je, Jirani inaendeshwa huko?"
            }
            Reason::Nobody { wireless: true } => {
                "Hakuna mwingine anayejibu kwenye Wi-Fi hii. Je, Jirani inaendeshwa huko? Kama ndiyo, labda Wi-Fi inatenganisha \
                 kompyuta."
            }
        },
    }
}

fn failed(cause: Cause) -> String {
    match cause {
        Cause::NotInReach => "hayuko karibu".into(),
        Cause::TooOften { again_in } => {
            format!("mmejaribu mara nyingi mno; jaribu tena baada ya dakika {}", minutes(again_in))
        }
        Cause::Refused => "hataki kwa sasa".into(),
        Cause::RefusedHere => "umesema hapana".into(),
        Cause::Differed => "aliona maneno mengine; labda kuna mtu kati ya kompyuta zenu".into(),
        Cause::NoAnswer => "hakuna aliyejibu kwa wakati".into(),
        Cause::LeftReach => "ameondoka".into(),
        Cause::LinkChanged => "muunganisho kati ya kompyuta zenu umebadilika; anzeni tena nyote wawili".into(),
        Cause::Cheated => "kompyuta nyingine haikufuata kanuni; labda kuna mtu kati yenu".into(),
        Cause::Busy => "mmoja wenu analinganisha maneno na mtu mwingine; jaribu tena baada ya dakika chache".into(),
        Cause::NothingToSay => "hakuna maneno ya kujibu ndiyo au hapana".into(),
        Cause::Hidden => "hawezi kukuona; kwanza andika onyesha wote".into(),
        Cause::CannotVouch => "kompyuta hii haina ufunguo wa kumdhamini".into(),
        Cause::Unwritten => "haikuweza kuandikwa kwenye kompyuta hii; jaribu tena".into(),
        Cause::Full => "kompyuta hii inakumbuka watu wengi kadiri inavyoweza".into(),
    }
}
