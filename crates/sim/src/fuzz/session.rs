//! RFC 6120 section 8, RFC 6121, XEP-0198: a whole session against any bytes, beside two that behave.

use super::house::{EVE, House, has_id, sayable};

/// The bytes are what a client with stream management says after it is in; another one talks to a third.
///
/// # Panics
/// If the shard does, if what it writes to anybody is no stream to another reader than ours, or if those who behave are
/// disturbed.
pub fn session(data: &[u8]) {
    let mut house = House::new(true);
    house.listens = false;
    let (maria, paulo) = (house.bind(0, Some("laptop")), house.bind(1, Some("phone")));
    let eve = house.bind(EVE, Some("x"));
    house.settle();
    house.say(eve, b"<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>");
    house.say(paulo, b"<presence/>");
    house.settle();
    house.listens = true;
    house.say(eve, sayable(data).as_bytes());
    house.settle();
    while house.next_said().is_some() {}
    house.say(maria, b"<message to='b@x.example' type='chat' id='still here'><body>.</body></message>");
    house.settle();
    let mut to_paulo = Vec::new();
    while let Some(said) = house.next_said() {
        if said.line == paulo
            && let crate::xml::Heard::Element(tree) = said.heard
        {
            to_paulo.push(tree);
        }
    }
    assert!(to_paulo.iter().any(|tree| has_id(tree, "still here")), "eve has come between: {to_paulo:?}");
}
