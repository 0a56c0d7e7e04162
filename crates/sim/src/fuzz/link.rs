//! `docs/formats/post.md`, RFC 6121: a device in reach against a whole node, beside two people who behave.

use base::{Bare, DeviceId};

use crate::bench::{Bench, address};

/// Each line of the bytes is a parcel of a stranger's device to somebody on the node, who talks to a third all the while;
/// then the device leaves and comes back, and says it all again.
///
/// # Panics
/// If the node does, if what its clients get is no stream, or if those who behave are disturbed.
pub fn link(data: &[u8]) {
    let mut bench = Bench::new(1);
    let (maria, paulo) = (bench.login("maria", "laptop"), bench.login("paulo", "phone"));
    let (eve, at) = (DeviceId([7; 32]), Bare::new("eve@eve.jirani.alt").expect("it is an address"));
    for _ in 0..2 {
        bench.reach(eve, &at, true);
        for parcel in data.split(|byte| *byte == b'\n') {
            bench.parcel(eve, &address("maria"), parcel.to_vec());
        }
        bench.run_until_idle();
        bench.reach(eve, &at, false);
    }
    for seat in [maria, paulo] {
        bench.received(seat);
    }
    bench.send(maria, "<message to='paulo@jirani.example' type='chat'><body>still here</body></message>");
    bench.expect(paulo, "<message type='chat'><body>still here</body></message>");
}
