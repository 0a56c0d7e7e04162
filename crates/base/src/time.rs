//! Time as pure code is told of it: a monotonic clock for what is due, the calendar for what people read (XEP-0082).

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

/// A point on a clock that never goes back: microseconds since some moment before the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, after: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(after.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Time> for Time {
    type Output = Duration;
    /// How long after `earlier` this is; zero if it is not after it.
    fn sub(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A point in the calendar: milliseconds since 1970-01-01T00:00:00Z. A laptop's may be wrong and may jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

impl fmt::Display for Wall {
    /// As XEP-0082 writes a moment: `2026-11-20T09:53:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What no four-digit year can say is said as its nearest end: a wrong clock must not make a wrong stanza.
        let ms = self.0.clamp(-62_135_596_800_000, 253_402_300_799_999);
        let t = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
            .expect("clamped to the years 1 to 9999");
        let (y, mo, d) = (t.year(), u8::from(t.month()), t.day());
        let (h, mi, s, ms) = (t.hour(), t.minute(), t.second(), t.millisecond());
        write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{ms:03}Z")
    }
}

/// Why a text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no moment such as 2026-11-20T09:53:00Z")]
pub struct WallError;

impl FromStr for Wall {
    type Err = WallError;

    /// Reads a moment as XEP-0082 writes it (section 3.2). What is finer than a millisecond is cut off.
    fn from_str(text: &str) -> Result<Wall, WallError> {
        let (date, rest) = text.split_once('T').ok_or(WallError)?;
        let mut date = date.splitn(3, '-');
        let mut part = |digits| number(date.next().unwrap_or_default(), digits);
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let zone_at = rest.find(['Z', '+', '-']).ok_or(WallError)?;
        let (clock, zone) = rest.split_at(zone_at);
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let [hour, minute, second] = colons(clock)?;
        if hour > 23 || minute > 59 || second > 59 {
            return Err(WallError);
        }
        if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return Err(WallError);
        }
        let ms = fraction.bytes().chain(*b"00").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
        let east = match zone.split_at(1) {
            ("Z", "") => 0,
            (sign, offset) => {
                let [hour, minute] = colons(offset)?;
                if sign == "Z" || hour > 14 || minute > 59 {
                    return Err(WallError);
                }
                (hour * 60 + minute) * if sign == "-" { -1 } else { 1 }
            }
        };
        let month = time::Month::try_from(month as u8).map_err(|_| WallError)?;
        let date = time::Date::from_calendar_date(year as i32, month, day as u8).map_err(|_| WallError)?;
        let days = i64::from(date.to_julian_day()) - i64::from(time::UtcDateTime::UNIX_EPOCH.to_julian_day());
        Ok(Wall((((days * 24 + hour) * 60 + minute - east) * 60 + second) * 1000 + ms))
    }
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Result<i64, WallError> {
    let fits = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| fits).ok_or(WallError)
}

/// Numbers of two digits with colons between them.
fn colons<const N: usize>(text: &str) -> Result<[i64; N], WallError> {
    let mut numbers = [0; N];
    let mut parts = text.split(':');
    for place in &mut numbers {
        *place = number(parts.next().unwrap_or_default(), 2)?;
    }
    if parts.next().is_none() { Ok(numbers) } else { Err(WallError) }
}

/// Both clocks, as read once for one input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines and waits.
    pub mono: Time,
    /// For stamps that people and peers read.
    pub wall: Wall,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_xep_0082() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_168_380_123, "2026-11-20T09:53:00.123Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Wall(ms).to_string(), text);
        }
    }

    #[test]
    fn stamps_are_read() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-20T09:53:00.123Z", Some(1_795_168_380_123)),
            ("2026-11-20T09:53:00.1239Z", Some(1_795_168_380_123)),
            ("2026-11-20T09:53:00.1Z", Some(1_795_168_380_100)),
            ("2026-11-20T12:53:00+03:00", Some(1_795_168_380_000)),
            ("2026-11-19T23:53:00-10:00", Some(1_795_168_380_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("2023-02-29T00:00:00Z", None),
            ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
            ("2026-11-20T24:00:00Z", None),
            ("2026-11-20T09:60:00Z", None),
            ("2026-11-20T09:53:60Z", None),
            ("2026-13-20T09:53:00Z", None),
            ("2026-00-20T09:53:00Z", None),
            ("2026-11-20T09:53:00", None),
            ("2026-11-20T09:53Z", None),
            ("2026-11-20T09:53:00.Z", None),
            ("2026-11-20T09:53:00.+1Z", None),
            ("2026-11-20T09:53:00Z+01:00", None),
            ("2026-11-20T09:53:00+15:00", None),
            ("2026-11-20T09:53:00+1:00", None),
            ("2026-11-20T+9:53:00Z", None),
            ("20261120T09:53:00", None),
            ("2026-11-20", None),
            ("-026-11-20T09:53:00Z", None),
            ("T", None),
            ("", None),
            ("２０２６-11-20T09:53:00Z", None),
        ] {
            assert_eq!(text.parse().ok(), ms.map(Wall), "{text}");
        }
    }

    #[test]
    fn waits_saturate() {
        assert_eq!(Time(u64::MAX) + Duration::from_secs(1), Time(u64::MAX));
        assert_eq!(Time(1) - Time(2), Duration::ZERO);
    }
}
