//! What chat programs say, as they spell it: their quotes, their order, their ids. Written down by people who know them, not
//! recorded from them; only Profanity's ids were compared with its source.

use crate::random::Random;
use crate::words::{LANGUAGES, Language, name};

/// A chat program.
struct Client {
    resource: fn(&mut Random) -> String,
    id: fn(&mut Random) -> String,
    /// What stands beside the body: `{id}` is the message's, `{thread}` a thread's.
    message: &'static [&'static str],
    thread: fn(&mut Random) -> String,
    quote: char,
    /// How an empty element ends.
    end: &'static str,
    caps: &'static str,
    lang: bool,
}

fn no_thread(_: &mut Random) -> String {
    String::new()
}

/// `{}` is where the body stands.
const CLIENTS: &[Client] = &[
    // Conversations, Cheogram, Quicksy
    Client {
        resource: |r| {
            format!("{}.{}", r.pick(&["Conversations", "Conversations", "Cheogram", "Quicksy"]), r.base64_url(4))
        },
        id: |r| if r.one_in(2) { r.uuid() } else { r.base64_url(16) },
        message: &[
            "{}<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/><origin-id id='{id}' xmlns='urn:xmpp:sid:0'/><active xmlns='http://jabber.org/protocol/chatstates'/>",
            "<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><origin-id id='{id}' xmlns='urn:xmpp:sid:0'/><markable xmlns='urn:xmpp:chat-markers:0'/>{}",
            "<markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/><request xmlns='urn:xmpp:receipts'/>{}",
        ],
        thread: no_thread,
        quote: '"',
        end: "/>",
        caps: "http://conversations.im",
        lang: true,
    },
    // Dino
    Client {
        resource: |r| format!("dino.{}", r.hex(8)),
        id: Random::uuid,
        message: &[
            "{}<markable xmlns='urn:xmpp:chat-markers:0'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>",
            "{}<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/><origin-id id='{id}' xmlns='urn:xmpp:sid:0'/><active xmlns='http://jabber.org/protocol/chatstates'/>",
        ],
        thread: no_thread,
        quote: '\'',
        end: "/>",
        caps: "https://dino.im",
        lang: false,
    },
    // Gajim
    Client {
        resource: |r| format!("gajim.{}", r.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 8)),
        id: Random::uuid,
        message: &[
            "{}<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>",
            "{}<thread>{thread}</thread><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/><request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/><markable xmlns='urn:xmpp:chat-markers:0'/>",
        ],
        thread: |r| r.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 32),
        quote: '"',
        end: " />",
        caps: "https://gajim.org",
        lang: true,
    },
    // Profanity
    Client {
        resource: |r| format!("profanity.{}", r.letters(4)),
        id: |r| r.letters(15) + &r.hex(40),
        message: &[
            "{}<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>",
            "{}<origin-id id='{id}' xmlns='urn:xmpp:sid:0'/><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>",
            "{}<origin-id id='{id}' xmlns='urn:xmpp:sid:0'/><active xmlns='http://jabber.org/protocol/chatstates'/>",
        ],
        thread: no_thread,
        quote: '"',
        end: "/>",
        caps: "http://profanity-im.github.io",
        lang: false,
    },
    // Pidgin, Finch
    Client {
        resource: |r| if r.one_in(2) { String::new() } else { r.pick(&["Pidgin", "Finch", "Home"]).to_owned() },
        id: |r| format!("purple{}", r.hex(8)),
        message: &[
            "<active xmlns='http://jabber.org/protocol/chatstates'/>{}",
            "<active xmlns='http://jabber.org/protocol/chatstates'/>{}<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p>{body}</p></body></html>",
            "<thread>{thread}</thread><active xmlns='http://jabber.org/protocol/chatstates'/>{}",
        ],
        thread: |r| r.hex(32),
        quote: '\'',
        end: "/>",
        caps: "http://pidgin.im/",
        lang: false,
    },
    // Psi, Psi+
    Client {
        resource: |r| format!("{}.{}", r.pick(&["Psi", "Psi+"]), r.letters(4)),
        id: |r| format!("a{}a", r.text(b"0123456789abcdef", 3)),
        message: &[
            "\n{}\n<active xmlns='http://jabber.org/protocol/chatstates'/>\n<request xmlns='urn:xmpp:receipts'/>\n",
            "{}<thread>{thread}</thread><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>",
            "{}<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>",
        ],
        thread: Random::uuid,
        quote: '"',
        end: "/>",
        caps: "https://psi-im.org",
        lang: true,
    },
    // Converse.js, Movim and others in a browser
    Client {
        resource: |r| format!("converse.js-{}", r.text(b"0123456789", 8)),
        id: Random::uuid,
        message: &[
            "{}<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>",
            "{}<active xmlns='http://jabber.org/protocol/chatstates'/><markable xmlns='urn:xmpp:chat-markers:0'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>",
        ],
        thread: no_thread,
        quote: '"',
        end: "/>",
        caps: "https://conversejs.org",
        lang: true,
    },
    // slixmpp, bots, BeagleIM and Siskin, Monal
    Client {
        resource: |r| {
            if r.one_in(2) { r.letters(10) } else { r.pick(&["bot", "laptop", "phone", "jirani"]).to_owned() }
        },
        id: |r| match r.below(3) {
            0 => r.hex(32),
            1 => r.uuid().to_uppercase(),
            _ => r.base64_url(21),
        },
        message: &[
            "{}<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>",
            "{}",
            "{}<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>",
            "{}<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/><store xmlns='urn:xmpp:hints'/><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>",
        ],
        thread: no_thread,
        quote: '\'',
        end: "/>",
        caps: "https://slixmpp.readthedocs.io",
        lang: true,
    },
];

const FEATURES: &[&str] = &[
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/chatstates",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "http://jabber.org/protocol/muc",
    "http://jabber.org/protocol/nick+notify",
    "http://jabber.org/protocol/xhtml-im",
    "http://jabber.org/protocol/ibb",
    "http://jabber.org/protocol/bytestreams",
    "jabber:iq:last",
    "jabber:iq:version",
    "jabber:x:conference",
    "jabber:x:data",
    "jabber:x:oob",
    "urn:xmpp:attention:0",
    "urn:xmpp:avatar:metadata+notify",
    "urn:xmpp:bob",
    "urn:xmpp:bookmarks:1+notify",
    "urn:xmpp:chat-markers:0",
    "urn:xmpp:eme:0",
    "urn:xmpp:idle:1",
    "urn:xmpp:jingle-message:0",
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:apps:file-transfer:5",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:ibb:1",
    "urn:xmpp:jingle:transports:ice-udp:1",
    "urn:xmpp:jingle:transports:s5b:1",
    "urn:xmpp:message-correct:0",
    "urn:xmpp:message-retract:1",
    "urn:xmpp:ping",
    "urn:xmpp:reactions:0",
    "urn:xmpp:receipts",
    "urn:xmpp:reply:0",
    "urn:xmpp:sid:0",
    "urn:xmpp:time",
    "vcard-temp",
    "eu.siacs.conversations.axolotl.devicelist+notify",
    "urn:xmpp:fallback:0",
    "urn:xmpp:styling:0",
];

const CONDITIONS: &[(&str, &str)] = &[
    ("cancel", "service-unavailable"),
    ("cancel", "item-not-found"),
    ("cancel", "feature-not-implemented"),
    ("cancel", "remote-server-not-found"),
    ("wait", "recipient-unavailable"),
    ("auth", "forbidden"),
    ("auth", "subscription-required"),
    ("cancel", "not-allowed"),
    ("modify", "bad-request"),
    ("wait", "remote-server-timeout"),
];

/// The two who talk in all samples.
pub(crate) const FROM: &str = "asha@amber-kite-river-stone-lamp.jirani.alt";
/// See [`FROM`].
pub(crate) const TO: &str = "juma@green-boat-wood-candle-five.jirani.alt";

/// One stanza as somebody sends it to somebody on another laptop, with its sender stamped.
pub(crate) fn stanza(random: &mut Random) -> String {
    let (client, other) = (&CLIENTS[random.below(CLIENTS.len())], &CLIENTS[random.below(CLIENTS.len())]);
    let language = &LANGUAGES[random.below(LANGUAGES.len())];
    let full =
        |bare: &str, resource: String| if resource.is_empty() { bare.to_owned() } else { format!("{bare}/{resource}") };
    let from = full(FROM, (client.resource)(random));
    let whole_to = full(TO, (other.resource)(random));
    let id = (client.id)(random);
    let lang = if client.lang && random.one_in(2) { format!(" xml:lang='{}'", language.code) } else { String::new() };
    let to = if random.one_in(2) { TO.to_owned() } else { whole_to.clone() };
    let xml = match random.below(20) {
        0..10 => {
            let inner = message(client, language, &id, random);
            format!(
                "<message xmlns='jabber:client' from='{from}' to='{to}' id='{id}' type='chat'{lang}>{inner}</message>"
            )
        }
        10..14 => {
            let inner = notice(&(other.id)(random), random);
            let id = if random.one_in(3) { String::new() } else { format!(" id='{id}'") };
            format!("<message xmlns='jabber:client' from='{from}' to='{to}'{id} type='chat'{lang}>{inner}</message>")
        }
        14..17 => presence(client, &from, &lang, language, random),
        _ => iq(client, &from, &whole_to, &id, &lang, random),
    };
    spelled(&xml, client)
}

fn message(client: &Client, language: &Language, id: &str, random: &mut Random) -> String {
    let text = match random.below(12) {
        0 => format!("https://upload.example/{}/{}.jpg", random.base64_url(24), random.uuid()),
        _ => language.message(random),
    };
    let mut whole = random.pick(client.message).replace("{}", "<body>{body}</body>").replace("{body}", &text);
    whole = whole.replace("{id}", id).replace("{thread}", &(client.thread)(random));
    match random.below(12) {
        0 => format!("{whole}<replace xmlns='urn:xmpp:message-correct:0' id='{}'/>", (client.id)(random)),
        1 => format!(
            "{whole}<reply xmlns='urn:xmpp:reply:0' to='{TO}' id='{}'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='2{}'/></fallback>",
            (client.id)(random),
            random.below(10)
        ),
        2 if text.starts_with("https") => format!("{whole}<x xmlns='jabber:x:oob'><url>{text}</url></x>"),
        _ => whole,
    }
}

/// Receipts, markers, states, reactions, calls.
fn notice(about: &str, random: &mut Random) -> String {
    let states = ["composing", "composing", "paused", "active", "inactive", "gone"];
    match random.below(12) {
        0..3 => format!("<received xmlns='urn:xmpp:receipts' id='{about}'/>"),
        3 => format!("<received xmlns='urn:xmpp:receipts' id='{about}'/><store xmlns='urn:xmpp:hints'/>"),
        4 => format!(
            "<received xmlns='urn:xmpp:receipts' id='{about}'/><received xmlns='urn:xmpp:chat-markers:0' id='{about}'/>"
        ),
        5 => format!("<displayed xmlns='urn:xmpp:chat-markers:0' id='{about}'/><store xmlns='urn:xmpp:hints'/>"),
        6 => format!("<displayed xmlns='urn:xmpp:chat-markers:0' id='{about}'/>"),
        7 => format!(
            "<reactions xmlns='urn:xmpp:reactions:0' id='{about}'><reaction>{}</reaction></reactions><store xmlns='urn:xmpp:hints'/>",
            random.pick(&["👍", "❤️", "😂", "🎉"])
        ),
        8 => format!(
            "<propose xmlns='urn:xmpp:jingle-message:0' id='{about}'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose><request xmlns='urn:xmpp:receipts'/>"
        ),
        9 => format!("<{} xmlns='http://jabber.org/protocol/chatstates'/>", random.pick(&states)),
        10 => format!(
            "<{} xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>",
            random.pick(&states)
        ),
        _ => format!(
            "<{} xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/><no-copy xmlns='urn:xmpp:hints'/>",
            random.pick(&states)
        ),
    }
}

fn presence(client: &Client, from: &str, lang: &str, language: &Language, random: &mut Random) -> String {
    let bare = |kind: &str| format!("<presence xmlns='jabber:client' from='{FROM}' to='{TO}' type='{kind}'/>");
    match random.below(12) {
        0 => return bare("probe"),
        1 => return bare(random.pick(&["subscribed", "unsubscribe", "unsubscribed"])),
        2 if random.one_in(2) => return bare("subscribe"),
        2 => {
            return format!(
                "<presence xmlns='jabber:client' from='{FROM}' to='{TO}' type='subscribe'><status>{}</status><nick xmlns='http://jabber.org/protocol/nick'>{}</nick></presence>",
                language.message(random),
                name(random)
            );
        }
        3 => return format!("<presence xmlns='jabber:client' from='{from}' to='{TO}' type='unavailable'/>"),
        _ => {}
    }
    let mut inner = String::new();
    if random.one_in(2) {
        inner.push_str(&format!("<show>{}</show>", random.pick(&["away", "away", "xa", "dnd", "chat"])));
    }
    if random.one_in(4) {
        inner.push_str(&format!("<status>{}</status>", language.message(random)));
    }
    if random.one_in(2) {
        inner.push_str(&format!("<priority>{}</priority>", random.pick(&["0", "1", "5", "50", "10"])));
    }
    let ver = random.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 27);
    let caps = if random.one_in(2) {
        format!("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{}' ver='{ver}='/>", client.caps)
    } else {
        format!("<c node='{}' hash='sha-1' ver='{ver}=' xmlns='http://jabber.org/protocol/caps'/>", client.caps)
    };
    inner.push_str(&caps);
    match random.below(4) {
        0 => inner.push_str(&format!("<x xmlns='vcard-temp:x:update'><photo>{}</photo></x>", random.hex(40))),
        1 => inner.push_str("<x xmlns='vcard-temp:x:update'><photo/></x>"),
        2 => inner.push_str(&format!("<idle xmlns='urn:xmpp:idle:1' since='{}'/>", stamp(random))),
        _ => {}
    }
    format!("<presence xmlns='jabber:client' from='{from}' to='{TO}'{lang}>{inner}</presence>")
}

fn iq(client: &Client, from: &str, to: &str, id: &str, lang: &str, random: &mut Random) -> String {
    let info = "http://jabber.org/protocol/disco#info";
    let (kind, inner) = match random.below(20) {
        0..4 => ("get", format!("<query xmlns='{info}' node='{}#{}='/>", client.caps, random.base64_url(27))),
        4 => ("get", format!("<query xmlns='{info}'/>")),
        5..7 => {
            let first = random.below(3);
            let features: Vec<String> = FEATURES
                .iter()
                .skip(first)
                .filter(|_| !random.one_in(3))
                .map(|f| format!("<feature var='{f}'/>"))
                .collect();
            let kind = random.pick(&["pc", "phone", "console", "web", "bot"]);
            let identity = format!(
                "<identity category='client' type='{kind}' name='{}'/>",
                random.pick(&["Gajim", "Dino", "Profanity", "Conversations", "Psi", "Pidgin"])
            );
            let node = if random.one_in(2) {
                format!(" node='{}#{}='", client.caps, random.base64_url(27))
            } else {
                String::new()
            };
            ("result", format!("<query xmlns='{info}'{node}>{identity}{}</query>", features.concat()))
        }
        7 => ("get", "<ping xmlns='urn:xmpp:ping'/>".to_owned()),
        8 | 9 => ("result", String::new()),
        10 => ("get", "<vCard xmlns='vcard-temp'/>".to_owned()),
        11 => {
            let photo = random.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 600);
            let name = name(random);
            (
                "result",
                format!(
                    "<vCard xmlns='vcard-temp'><FN>{name}</FN><NICKNAME>{name}</NICKNAME><PHOTO><TYPE>image/png</TYPE><BINVAL>{photo}</BINVAL></PHOTO></vCard>"
                ),
            )
        }
        12 => ("get", "<query xmlns='jabber:iq:last'/>".to_owned()),
        13 => ("result", format!("<query xmlns='jabber:iq:last' seconds='{}'/>", random.below(100_000))),
        14 => ("get", random.pick(&["<query xmlns='jabber:iq:version'/>", "<time xmlns='urn:xmpp:time'/>"]).to_owned()),
        15 if random.one_in(2) => (
            "result",
            format!(
                "<time xmlns='urn:xmpp:time'><tzo>+0{}:00</tzo><utc>{}</utc></time>",
                random.below(4),
                stamp(random)
            ),
        ),
        15 => (
            "result",
            format!(
                "<query xmlns='jabber:iq:version'><name>{}</name><version>1.{}.{}</version><os>{}</os></query>",
                random.pick(&["Gajim", "Profanity", "Psi+", "Dino"]),
                random.below(10),
                random.below(10),
                random.pick(&["Linux", "Debian GNU/Linux 12 (bookworm)", "Ubuntu 24.04 LTS", "Windows 11"])
            ),
        ),
        16 => {
            let node = random.pick(&[
                "urn:xmpp:avatar:metadata",
                "urn:xmpp:avatar:data",
                "eu.siacs.conversations.axolotl.devicelist",
                "http://jabber.org/protocol/nick",
            ]);
            (
                "get",
                format!(
                    "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}' max_items='1'/></pubsub>"
                ),
            )
        }
        17 => {
            let data = random.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 800);
            (
                "set",
                format!(
                    "<data xmlns='http://jabber.org/protocol/ibb' sid='{}' seq='{}'>{data}</data>",
                    random.letters(10),
                    random.below(500)
                ),
            )
        }
        _ => {
            let (kind, condition) = random.pick(CONDITIONS);
            (
                "error",
                format!("<error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"),
            )
        }
    };
    format!("<iq xmlns='jabber:client' from='{from}' to='{to}' id='{id}' type='{kind}'{lang}>{inner}</iq>")
}

fn stamp(random: &mut Random) -> String {
    let two = |n: usize| format!("{n:02}");
    let (month, day) = (two(1 + random.below(12)), two(1 + random.below(28)));
    format!(
        "202{}-{month}-{day}T{}:{}:{}Z",
        6 + random.below(4),
        two(random.below(24)),
        two(random.below(60)),
        two(random.below(60))
    )
}

/// With the program's own quotes and ends of tags: samples are written with `'` as quotes and have it nowhere else in tags.
fn spelled(xml: &str, client: &Client) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut in_tag = false;
    for c in xml.chars() {
        in_tag = match c {
            '<' => true,
            '>' => false,
            _ => in_tag,
        };
        if in_tag && c == '\'' { out.push(client.quote) } else { out.push(c) }
    }
    out.replace("/>", client.end)
}
