//! Partition keys, and the values that partitions take.
//!
//! Source: PostgreSQL's documentation, "Table Partitioning" and "CREATE TABLE".

use super::object::{DataType, Expression};
use smol_str::SmolStr;
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionStrategy {
    List,
    Range,
    Hash,
}

impl PartitionStrategy {
    pub fn of(name: &str) -> Option<PartitionStrategy> {
        match name {
            "list" => Some(PartitionStrategy::List),
            "range" => Some(PartitionStrategy::Range),
            "hash" => Some(PartitionStrategy::Hash),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            PartitionStrategy::List => "list",
            PartitionStrategy::Range => "range",
            PartitionStrategy::Hash => "hash",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionKey {
    pub strategy: PartitionStrategy,
    pub parts: Vec<PartitionKeyPart>,
}

impl PartitionKey {
    pub fn has(&self, column: &str) -> bool {
        self.parts.iter().any(|part| part.column.as_deref() == Some(column))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionKeyPart {
    /// Name of the column, or `None` for an expression.
    pub column: Option<SmolStr>,
    pub expr: Expression,
    pub ty: Option<DataType>,
}

/// The values that a partition takes.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBound {
    Default,
    List(Vec<Datum>),
    /// Lower bound, which is included, and upper bound, which is not.
    Range(Vec<Datum>, Vec<Datum>),
    /// Modulus and remainder.
    Hash(i64, i64),
}

/// A value of a bound.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    Min,
    Max,
    Null,
    /// A number, or microseconds since 1970-01-01 UTC.
    Number(i128),
    /// A value whose order is unknown.
    Text(SmolStr),
    Unknown,
}

impl Datum {
    fn compare(&self, other: &Datum) -> Option<Ordering> {
        match (self, other) {
            (Datum::Min, Datum::Min) | (Datum::Max, Datum::Max) => Some(Ordering::Equal),
            (Datum::Min, _) | (_, Datum::Max) => Some(Ordering::Less),
            (Datum::Max, _) | (_, Datum::Min) => Some(Ordering::Greater),
            (Datum::Number(one), Datum::Number(two)) => Some(one.cmp(two)),
            (Datum::Text(one), Datum::Text(two)) if one == two => Some(Ordering::Equal),
            _ => None,
        }
    }

    fn is_same(&self, other: &Datum) -> bool {
        *self != Datum::Unknown && self == other
    }
}

/// Compares two bounds of a range. Returns `None` if the order is unknown.
pub fn compare(one: &[Datum], two: &[Datum]) -> Option<Ordering> {
    for (left, right) in one.iter().zip(two) {
        match left.compare(right)? {
            // values behind MINVALUE and MAXVALUE are ignored
            Ordering::Equal if matches!(left, Datum::Min | Datum::Max) => return Some(Ordering::Equal),
            Ordering::Equal => {}
            order => return Some(order),
        }
    }
    Some(Ordering::Equal)
}

impl PartitionBound {
    /// Returns whether two partitions certainly take the same value. Default partitions are not compared with others.
    pub fn overlaps(&self, other: &PartitionBound) -> bool {
        match (self, other) {
            (PartitionBound::List(one), PartitionBound::List(two)) => one.iter().any(|value| two.iter().any(|other| value.is_same(other))),
            (PartitionBound::Range(from, to), PartitionBound::Range(other_from, other_to)) => {
                let is_below = |one: &[Datum], two: &[Datum]| compare(one, two) == Some(Ordering::Less);
                is_below(from, other_to) && is_below(other_from, to)
            }
            (PartitionBound::Hash(modulus, remainder), PartitionBound::Hash(other_modulus, other_remainder)) => {
                let least = *modulus.min(other_modulus);
                least > 0 && remainder % least == other_remainder % least
            }
            _ => false,
        }
    }
}

/// Converts a literal to a value of its type. The order of texts depends on a collation, so it is unknown.
pub fn datum(text: &str, ty: &DataType) -> Datum {
    if ty.array || ty.user.is_some() {
        return Datum::Unknown;
    }
    match ty.base.as_str() {
        "smallint" | "integer" | "bigint" | "numeric" => text.trim().parse().map_or(Datum::Unknown, Datum::Number),
        "date" | "timestamp without time zone" | "timestamp with time zone" => moment(text, &ty.base).map_or(Datum::Unknown, Datum::Number),
        "text" | "character varying" => Datum::Text(text.into()),
        "uuid" => Datum::Text(text.to_ascii_lowercase().into()),
        _ => Datum::Unknown,
    }
}

const DAY: i128 = 86_400_000_000;

/// Returns the microseconds since 1970-01-01 UTC of an ISO 8601 date with an optional time and offset. Without an offset, the time zone is
/// UTC, the default of Supabase.
fn moment(text: &str, ty: &str) -> Option<i128> {
    let text = text.trim();
    match text {
        "infinity" => return Some(i128::MAX),
        "-infinity" => return Some(i128::MIN),
        _ => {}
    }
    let at = text.find([' ', 'T']).unwrap_or(text.len());
    let (date, rest) = text.split_at(at);
    let day = days(date)? * DAY;
    let rest = rest.trim_start_matches([' ', 'T']);
    if rest.is_empty() || ty == "date" {
        return Some(day);
    }
    let zone = rest.find(['+', '-', 'Z', 'z', ' ']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone);
    let mut parts = time.split(':');
    let hours: i128 = number(parts.next()?)?;
    let minutes: i128 = number(parts.next()?)?;
    let (seconds, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "0")),
        None => ("0", "0"),
    };
    let fraction: i128 = number(&format!("{:0<6}", fraction.get(..6).unwrap_or(fraction)))?;
    let local = day + (hours * 3600 + minutes * 60 + number(seconds)?) * 1_000_000 + fraction;
    match ty {
        "timestamp with time zone" => Some(local - offset(zone.trim())? * 60_000_000),
        _ => Some(local),
    }
}

/// Returns a UTC offset in minutes, positive to the east.
fn offset(zone: &str) -> Option<i128> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") || zone.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or_else(|| digits.split_at_checked(2).unwrap_or((digits, "")));
    let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
    Some(sign * (number(hours)? * 60 + minutes))
}

/// Returns the days since 1970-01-01 of a date in the Gregorian calendar.
fn days(date: &str) -> Option<i128> {
    let (year, month, day) = match date.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] => (year, month, day),
        [date] if date.len() == 8 => (date.get(..4)?, date.get(4..6)?, date.get(6..)?),
        _ => return None,
    };
    if year.len() != 4 {
        return None;
    }
    let (year, month, day): (i128, i128, i128) = (number(year)?, number(month)?, number(day)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // years begin in March, so the leap day is the last day
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468)
}

fn number(text: &str) -> Option<i128> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_postgresql() {
        let zoned = |text| moment(text, "timestamp with time zone");
        assert_eq!(zoned("1970-01-01"), Some(0));
        assert_eq!(zoned("2000-03-01"), Some(951_868_800_000_000));
        assert_eq!(zoned("20250101"), zoned("2025-01-01 00:00:00+00"));
        assert_eq!(zoned("2025-01-01 02:00:00.5+02"), zoned("2025-01-01T00:00:00.500000Z"));
        assert_eq!(zoned("2025-01-01 00:00-05:30"), zoned("2025-01-01 05:30"));
        assert_eq!(zoned("January 8, 1999"), None);
        assert_eq!(moment("2025-01-01 12:00", "date"), moment("2025-01-01", "date"));
    }
}
