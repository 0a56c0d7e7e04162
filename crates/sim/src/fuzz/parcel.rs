//! `docs/formats/post.md`: any bytes as a parcel, as what is stored of a copy, and as numbers that were taken.

use base::Wall;
use mesh::post::{Copied, Inbox, Parcel, Seen, Verdict, content_hash};

/// The bytes are what another device says, and what a disk has made of a row.
///
/// # Panics
/// If what is read is not written in the same way, or if a parcel is taken twice.
pub fn parcel(data: &[u8]) {
    let taken = Seen::read(data);
    if let Ok(seen) = &taken {
        assert_eq!(Seen::read(&seen.to_bytes()).as_ref(), Ok(seen));
    }
    if let Ok(copied) = Copied::read(data) {
        assert_eq!(copied.to_bytes(), data);
    }
    let Ok(parcel) = Parcel::read(data) else { return };
    assert_eq!(parcel.to_bytes(), data);
    let Parcel::Lasting(lasting) = parcel else { return };
    let mut inbox = Inbox::new([(1, data.to_vec(), 1, Wall(0))]);
    let incarnation = lasting.incarnation.unwrap_or(1);
    let hash = content_hash(lasting.payload);
    if inbox.judge(incarnation, lasting.counter, lasting.floor, &hash) == Verdict::New {
        inbox.take(incarnation, lasting.counter, Some(hash), Wall(1));
    } else {
        inbox.take(incarnation, lasting.floor, None, Wall(1));
        inbox.take(incarnation, lasting.counter, Some(hash), Wall(1));
    }
    assert_eq!(inbox.judge(incarnation, lasting.counter, lasting.floor, &hash), Verdict::Duplicate);
    assert!(inbox.through(incarnation, lasting.counter) >= lasting.counter);
}
