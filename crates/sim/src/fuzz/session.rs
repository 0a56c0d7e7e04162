//! RFC 6120 section 8, RFC 6121, XEP-0198: a whole session against any bytes, beside one that behaves.

use crate::bench::Bench;

/// The bytes are what a client says after it is in; another one talks to a third all the while.
///
/// # Panics
/// If the node does, if what it writes to anybody is no stream (the bench's clients read it with another reader than
/// ours), or if those who behave are disturbed.
pub fn session(data: &[u8]) {
    let mut bench = Bench::new(1);
    let stranger = bench.login_managed("eve", "x");
    let (maria, paulo) = (bench.login("maria", "laptop"), bench.login("paulo", "phone"));
    // The bench's clients read with rxml, which does not know that XML allows U+FFFD in names.
    bench.send(stranger, &String::from_utf8_lossy(data).replace(char::REPLACEMENT_CHARACTER, "?"));
    bench.run_until_idle();
    for seat in [maria, paulo] {
        bench.received(seat);
    }
    bench.send(maria, "<message to='paulo@jirani.example' type='chat'><body>still here</body></message>");
    bench.expect(paulo, "<message type='chat'><body>still here</body></message>");
}
