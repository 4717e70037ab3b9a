//! Amounts of resources.

use sidecar_injector::kubernetes::{Type, quantity, typed};
use sidecar_injector::value::{Map, Value};

/// The canonical text is one, and of the same amount, as far as that can be computed here; in an object it is the same.
pub fn quantity(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let canonical = quantity::canonical(text);
    let within = in_object(text.into());
    assert_eq!(in_object(format!("  {text} ").into()), within, "{text:?} with blanks");
    let canonical = match canonical {
        Ok(canonical) => canonical,
        Err(error) => {
            // Blanks around it are removed in an object.
            let blank = |c: char| c == ' ' || !c.is_ascii() && c.is_whitespace();
            assert!(within.is_none() || text.starts_with(blank) || text.ends_with(blank), "{text:?}: {error}");
            return;
        }
    };
    assert_eq!(within.as_deref(), Some(&*canonical), "{text:?} in an object");
    // Kubernetes reads an exponent of 64 bits and keeps 32 of them.
    let wraps = canonical.split_once('e').is_some_and(|(_, exponent)| exponent.parse::<i32>().is_err());
    let again = quantity::canonical(&canonical);
    assert!(wraps || again.as_ref() == Ok(&canonical), "the text of {text:?} changes again: {canonical:?}, {again:?}");
    if let Some((before, after)) = nanos(text).zip(nanos(&canonical)) {
        assert_eq!(after, before, "{text:?} has become {canonical:?}");
    }
    for other in [format!(" {text}"), format!("{text} "), format!("{text}_"), format!("+{text}+")] {
        assert!(quantity::canonical(&other).is_err(), "{other:?} is {:?}", quantity::canonical(&other));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let positive = format!("+{canonical}");
        assert_eq!(nanos(&positive), nanos(&canonical), "{positive:?}");
        let negative = quantity::canonical(&format!("-{text}")).map(String::from);
        let expected = if canonical == "0" { "0".to_owned() } else { format!("-{canonical}") };
        assert_eq!(negative, Ok(expected), "-{text:?}");
    }
}

/// The amount as an object has it after the trip through its type.
fn in_object(text: Value) -> Option<String> {
    let limits = Map::from_iter([("cpu", text)]);
    let of = Type::named("v1.ResourceRequirements").expect("a type");
    let object = Map::from_iter([("limits", limits)]).into();
    let written = typed::round_trip(&object, of, typed::Mode::Json).ok()?;
    Some(written.str_at(&["limits", "cpu"]).expect("a text").to_owned())
}

/// How many billionths it is, rounded away from zero; nothing if that is too large to be computed here.
fn nanos(text: &str) -> Option<i128> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("0{whole}{fraction}").parse::<i128>().ok()?;
    let fraction = i64::try_from(fraction.len()).ok()?;
    let power = match suffix {
        "n" => -9,
        "u" => -6,
        "m" => -3,
        "" => 0,
        "k" => 3,
        "M" => 6,
        "G" => 9,
        "T" => 12,
        "P" => 15,
        "E" => 18,
        _ => match suffix.strip_suffix('i') {
            Some(letter) => {
                let factor = 1024_i128.checked_pow("KMGTPE".find(letter).map(|at| at as u32 + 1)?)?;
                let nanos = scaled(digits.checked_mul(factor)?, 9 - fraction)?;
                return Some(sign * nanos.min(i128::from(i64::MAX) * 1_000_000_000));
            }
            None => suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?.into(),
        },
    };
    scaled(digits, power + 9 - fraction).map(|nanos| sign * nanos)
}

/// A number times a power of ten, rounded up.
fn scaled(number: i128, power: i64) -> Option<i128> {
    let factor = 10_i128.checked_pow(u32::try_from(power.unsigned_abs()).ok()?);
    match (number, factor) {
        (0, _) => Some(0),
        (_, Some(factor)) if power >= 0 => number.checked_mul(factor),
        (_, Some(factor)) => Some((number - 1) / factor + 1),
        (_, None) if power < 0 => Some(1),
        (_, None) => None,
    }
}
