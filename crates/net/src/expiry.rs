//! RFC 5280 section 4.1.2.5: when a certificate ends. Only for telling a person in time; who may connect is rustls' affair.

use base::Wall;
use time::{Date, Month, PrimitiveDateTime, Time};

/// Tags of DER (X.690) that stand before the validity.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate in DER ends. `None` if it is none.
pub fn not_after(certificate: &[u8]) -> Option<Wall> {
    let (_, certificate, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut fields, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.2;
    }
    // The serial number, the signature's algorithm, the issuer; then the validity.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (_, validity, _) = element(fields).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, _, end) = element(validity)?;
    let (tag, end, _) = element(end)?;
    moment(tag, std::str::from_utf8(end).ok()?)
}

/// The first element: its tag, what is in it, and what is behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, short], rest) = der.split_first_chunk()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, behind) = rest.split_at_checked(length)?;
    Some((tag, inside, behind))
}

/// `YYMMDDHHMMSSZ`, where 50 and more is the last century, or `YYYYMMDDHHMMSSZ`.
fn moment(tag: u8, text: &str) -> Option<Wall> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at(2);
            let year: i32 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at(4);
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
    Some(Wall(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp() * 1000))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[track_caller]
    fn check(year: i32, expect: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 2, 28);
        let certificate = params.self_signed(&key).unwrap();
        let der = certificate.der();
        assert_eq!(not_after(der).map(|end| end.to_string()).as_deref(), Some(expect));
        // What is cut off anywhere is no certificate, or has lost only what stands behind its end.
        for length in 0..der.len() {
            assert_eq!(not_after(&der[..length]), None);
        }
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        check(2026, "2026-02-28T00:00:00.000Z");
        check(2049, "2049-02-28T00:00:00.000Z");
        check(2050, "2050-02-28T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for (tag, text) in [
            (UTC_TIME, "260230000000Z"),
            (UTC_TIME, "260228240000Z"),
            (UTC_TIME, "2602280000Z"),
            (UTC_TIME, "20260228000000Z"),
            (GENERALIZED_TIME, "20260228000000"),
            (GENERALIZED_TIME, "2026022800000+Z"),
            (2, "260228000000Z"),
        ] {
            assert_eq!(moment(tag, text), None, "{text}");
        }
        assert_eq!(moment(UTC_TIME, "991231235959Z").unwrap().to_string(), "1999-12-31T23:59:59.000Z");
    }
}
