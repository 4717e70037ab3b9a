//! Floating-point numbers as Go's `strconv` writes them.

/// The digits of a number, and the place of the decimal point among them: 0.digits × 10^point.
struct Decimal {
    digits: String,
    point: i32,
}

/// No double has more decimals than 1074, or more digits than 767: all others are zeros. Rust refuses more than 65535.
const DECIMALS: usize = 1100;

fn zeros(precision: usize) -> String {
    "0".repeat(precision.saturating_sub(DECIMALS))
}

/// A number without its sign, with this many decimals.
fn fixed(value: f64, precision: usize) -> String {
    format!("{:.*}{}", precision.min(DECIMALS), value.abs(), zeros(precision))
}

/// The digits of a number, one of them before the point, and the power of ten. Rust's shortest and rounded digits are the
/// same as Go's; only the layout differs.
fn scientific(value: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{:.*e}", precision.min(DECIMALS), value.abs()),
        None => format!("{:e}", value.abs()),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (format!("{mantissa}{}", zeros(precision.unwrap_or_default())), exponent.parse().unwrap_or_default())
}

fn decimal(value: f64, digits: Option<usize>) -> Decimal {
    let (mantissa, exponent) = scientific(value, digits.map(|digits| digits.saturating_sub(1)));
    let mut digits = mantissa.replace('.', "");
    digits.truncate(digits.trim_end_matches('0').len());
    let point = if digits.is_empty() { 0 } else { exponent + 1 };
    Decimal { digits, point }
}

/// A number as `FormatFloat(value, verb, precision, 64)` writes it; no precision is the shortest text that reads back
/// as the same number. The verb is one of `e E f F g G x X b`.
pub fn format(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let body = match verb {
        'e' | 'E' => exponent_form(value, verb, precision),
        'g' | 'G' => general_form(value, verb, precision),
        'x' | 'X' => hexadecimal(value, verb, precision),
        'b' => binary(value),
        _ => match precision {
            Some(precision) => fixed(value, precision),
            None => format!("{}", value.abs()),
        },
    };
    format!("{sign}{body}")
}

/// A number as Go prints it by default (`%v`).
pub fn shortest(value: f64) -> String {
    // A fast path for the most frequent case by far: port numbers and other integers.
    if value.fract() == 0.0 && value.abs() < 1e6 && !(value == 0.0 && value.is_sign_negative()) {
        return (value as i64).to_string();
    }
    format(value, 'g', None)
}

fn exponent_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let (mantissa, exponent) = scientific(value, precision);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{verb}{sign}{:02}", exponent.abs())
}

fn general_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let precision = precision.map(|p| p.max(1));
    let Decimal { digits, point } = decimal(value, precision);
    let count = digits.len() as i32;
    let limit = match precision {
        // Go decides as for %.6g when it is asked for the shortest text.
        None => 6,
        Some(p) if p as i32 > count && count >= point => count,
        Some(p) => p as i32,
    };
    if point - 1 < -4 || point > limit {
        let digits = digits.len().saturating_sub(1);
        return exponent_form(value, if verb == 'g' { 'e' } else { 'E' }, Some(digits));
    }
    fixed(value, usize::try_from(count - point).unwrap_or(0))
}

fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default() {
        0 => (fraction, -1074),
        exponent => (fraction | (1 << 52), exponent - 1075),
    }
}

fn binary(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    format!("{mantissa}p{exponent:+}")
}

fn hexadecimal(value: f64, verb: char, precision: Option<usize>) -> String {
    let (mut mantissa, exponent) = parts(value);
    let mut exponent = exponent + 52;
    if mantissa == 0 {
        exponent = 0;
    }
    while mantissa != 0 && mantissa & (1 << 52) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    // One hexadecimal digit before the point, 13 after it.
    if let Some(precision) = precision.filter(|p| *p < 13) {
        let shift = 52 - 4 * precision as u32;
        let (half, rest) = (1 << (shift - 1), mantissa & ((1 << shift) - 1));
        mantissa >>= shift;
        mantissa += u64::from(rest > half || (rest == half && mantissa & 1 == 1));
        mantissa <<= shift;
        if mantissa & (1 << 53) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut fraction = format!("{:013x}", mantissa & ((1 << 52) - 1));
    match precision {
        Some(precision) => {
            while fraction.len() < precision {
                fraction.push('0');
            }
            fraction.truncate(precision);
        }
        None => fraction.truncate(fraction.trim_end_matches('0').len()),
    }
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("0x{}{point}{fraction}p{sign}{:02}", mantissa >> 52, exponent.abs());
    if verb == 'X' { text.to_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_laid_out_as_go_does() {
        for (value, text) in [
            (15020.0, "15020"),
            (999999.0, "999999"),
            (1e6, "1e+06"),
            (1234567.0, "1.234567e+06"),
            (20240101.0, "2.0240101e+07"),
            (1e21, "1e+21"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.12, "1.12"),
            (-0.0, "-0"),
            (-2.5, "-2.5"),
            (100000.5, "100000.5"),
            (1e-320, "1e-320"),
        ] {
            assert_eq!(shortest(value), text);
        }
        for (value, verb, precision, text) in [
            (1234.5678, 'e', Some(3), "1.235e+03"),
            (1234.5678, 'g', Some(3), "1.23e+03"),
            (100.0, 'g', Some(3), "100"),
            (1234.5, 'f', Some(0), "1234"),
            (0.1, 'x', None, "0x1.999999999999ap-04"),
            (0.1, 'x', Some(2), "0x1.9ap-04"),
            (1.0, 'b', None, "4503599627370496p-52"),
            (0.0, 'g', Some(4), "0"),
        ] {
            assert_eq!(format(value, verb, precision), text, "{value} {verb} {precision:?}");
        }
    }

    #[test]
    fn any_precision_will_do() {
        const MOST: usize = 1_000_000;
        for value in [0.0, 0.1, 1.5, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1)] {
            let (few, all) = (format(value, 'f', Some(1074)), format(value, 'f', Some(MOST)));
            assert!(all.len() == few.len() + MOST - 1074 && all.trim_end_matches('0') == few.trim_end_matches('0'));
            let (mantissa, exponent) = scientific(value, Some(MOST));
            assert_eq!((mantissa.len(), exponent), (MOST + 2, scientific(value, None).1));
            assert_eq!(format(value, 'g', Some(MOST)), format(value, 'g', Some(1100)));
            assert_eq!(format(value, 'x', Some(MOST)).len() - format(value, 'x', Some(13)).len(), MOST - 13);
        }
    }
}
