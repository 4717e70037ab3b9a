//! Amounts of resources: `100m`, `1Gi`, `1e3`.

use std::borrow::Cow;

/// Why a text is no quantity. The texts are Kubernetes'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text does not have the form of a quantity.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Form,
    /// The number in it cannot be read.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// The suffix is unknown.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// The text that Kubernetes writes for a quantity that it has read. It is the same text if that is as short as can be,
/// by Kubernetes' own quick test, which lets `+5`, `1.500` and `012` pass.
pub fn canonical(text: &str) -> Result<Cow<'_, str>, Error> {
    let parts = Parts::split(text)?;
    let suffix = Suffix::parse(parts.suffix)?;
    if parts.is_kept(suffix) {
        return Ok(Cow::Borrowed(text));
    }
    let amount = Amount::of(&parts, suffix)?;
    let written = amount.write(suffix);
    Ok(if written == text { Cow::Borrowed(text) } else { Cow::Owned(written) })
}

/// A quantity's text, taken apart.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros; may be empty.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
    /// Whether there is any digit.
    digits: bool,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Form);
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (all, rest) = split_digits(unsigned);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        let number = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
        let exponent = number.strip_prefix(['-', '+']).unwrap_or(number);
        if exponent.bytes().any(|b| !b.is_ascii_digit()) {
            return Err(Error::Form);
        }
        let digits = !(all.is_empty() && fraction.is_empty());
        Ok(Parts { negative, whole: all.trim_start_matches('0'), fraction, suffix, digits })
    }

    /// Kubernetes' length of the whole part: zero has one digit.
    fn whole_digits(&self) -> usize {
        self.whole.len().max(1)
    }

    /// The last digits, before and after the point, that are written.
    fn ends_with_three_zeros(&self) -> bool {
        let digits = self.whole.bytes().chain(self.fraction.bytes());
        self.whole_digits() + self.fraction.len() >= 3 && digits.rev().take(3).all(|b| b == b'0')
    }

    /// Whether Kubernetes multiplies without big integers.
    fn fits_binary(&self, exponent: u8) -> bool {
        self.whole_digits() + usize::from(exponent) * 3 / 10 < 15
    }

    /// Whether Kubernetes keeps the text as it is: what fits into 64 bits, and by a quick test has no shorter form.
    fn is_kept(&self, suffix: Suffix) -> bool {
        match suffix {
            Suffix::Binary(exponent) => {
                let last_bits = || self.whole.bytes().fold(0, |n, b| (n * 10 + u32::from(b - b'0')) & 7);
                self.fraction.is_empty() && self.fits_binary(exponent) && last_bits() != 0
            }
            Suffix::Decimal(exponent) | Suffix::Exponent(exponent) => {
                let scale = i64::from(exponent) - self.fraction.len() as i64;
                let fits = self.whole_digits() + self.fraction.len() <= 18 && scale >= NANO;
                fits && scale % 3 == 0 && !self.whole.is_empty() && !self.ends_with_three_zeros()
            }
        }
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// The exponent of the smallest amount that Kubernetes has.
const NANO: i64 = -9;

/// The suffixes of powers of 10, by exponent.
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

/// The suffixes of powers of 1024, by power.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// What a suffix multiplies with, and in which form the quantity is written again.
#[derive(Clone, Copy)]
enum Suffix {
    /// A power of 10 by its letter.
    Decimal(i32),
    /// A power of 10 as an exponent.
    Exponent(i32),
    /// A power of 2.
    Binary(u8),
}

impl Suffix {
    fn parse(text: &str) -> Result<Suffix, Error> {
        if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == text) {
            return Ok(Suffix::Decimal(*exponent));
        }
        if let Some(power) = (1..).zip(&BINARY[1..]).find_map(|(power, name)| (*name == text).then_some(power)) {
            return Ok(Suffix::Binary(power * 10_u8));
        }
        let digits = text.strip_prefix(['e', 'E']).ok_or(Error::Suffix)?;
        let exponent: i64 = digits.parse().map_err(|_| Error::Suffix)?;
        #[expect(clippy::cast_possible_truncation, reason = "Kubernetes keeps the lower 32 bits")]
        Ok(Suffix::Exponent(exponent as i32))
    }
}

/// An amount, exactly: `digits * 10^exponent`, with the sign apart.
struct Amount {
    negative: bool,
    /// From the most significant one, without leading zeros; each 0 to 9. Empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Amount {
    /// The amount of a text. A text without any digit is zero for Kubernetes if it fits into 64 bits, otherwise wrong.
    fn of(parts: &Parts<'_>, suffix: Suffix) -> Result<Amount, Error> {
        let digits = parts.whole.bytes().chain(parts.fraction.bytes()).map(|b| b - b'0');
        let digits: Vec<u8> = digits.skip_while(|d| *d == 0).collect();
        let exponent = -(parts.fraction.len() as i64);
        let mut amount = Amount { negative: parts.negative, digits, exponent };
        match suffix {
            Suffix::Decimal(power) | Suffix::Exponent(power) => {
                amount.exponent += i64::from(power);
                if !parts.digits && amount.exponent < NANO {
                    return Err(Error::Number);
                }
                amount.round_up(NANO);
            }
            Suffix::Binary(power) => {
                if !parts.digits && !parts.fits_binary(power) {
                    return Err(Error::Number);
                }
                amount.multiply(1 << power);
                amount.round_up(NANO);
                amount.cap();
            }
        }
        Ok(amount)
    }

    fn multiply(&mut self, factor: u64) {
        let mut carry = 0_u128;
        for digit in self.digits.iter_mut().rev() {
            carry += u128::from(*digit) * u128::from(factor);
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            self.digits.insert(0, (carry % 10) as u8);
            carry /= 10;
        }
    }

    /// Drops what is smaller than `10^exponent`; if anything was, the rest is rounded away from zero.
    fn round_up(&mut self, exponent: i64) {
        let Ok(dropped @ 1..) = usize::try_from(exponent - self.exponent) else { return };
        let kept = self.digits.len().saturating_sub(dropped);
        let inexact = self.digits.drain(kept..).any(|d| d != 0);
        self.exponent = exponent;
        if inexact {
            self.increment();
        }
    }

    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
    }

    /// The most that Kubernetes allows with a binary suffix.
    fn cap(&mut self) {
        if self.integer().is_none_or(|(n, exact)| n > i64::MAX as u64 || n == i64::MAX as u64 && !exact) {
            self.digits = i64::MAX.to_string().bytes().map(|b| b - b'0').collect();
            self.exponent = 0;
        }
    }

    /// The whole part if it fits into 64 bits, and whether there is nothing else.
    fn integer(&self) -> Option<(u64, bool)> {
        let mut number = 0_u64;
        let places = self.digits.len() as i64 + self.exponent;
        let whole = usize::try_from(places).unwrap_or(0);
        for digit in self.digits.iter().copied().chain(std::iter::repeat(0)).take(whole) {
            number = number.checked_mul(10)?.checked_add(digit.into())?;
            if number == 0 {
                break;
            }
        }
        Some((number, self.digits.iter().skip(whole).all(|d| *d == 0)))
    }

    fn write(mut self, suffix: Suffix) -> String {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        match suffix {
            Suffix::Binary(_) => match self.integer() {
                Some((number @ 1024.., true)) => self.write_binary(number),
                _ => self.write_decimal(true),
            },
            Suffix::Decimal(_) => self.write_decimal(true),
            Suffix::Exponent(_) => self.write_decimal(false),
        }
    }

    fn write_binary(&self, mut number: u64) -> String {
        let mut suffixes = BINARY.iter();
        let mut suffix = suffixes.next();
        while number.is_multiple_of(1024) {
            number /= 1024;
            suffix = suffixes.next();
        }
        format!("{}{number}{}", if self.negative { "-" } else { "" }, suffix.unwrap_or(&""))
    }

    fn write_decimal(mut self, letters: bool) -> String {
        // There is no letter above E: what is larger gets zeros. (Kubernetes leaves the letter out, and so writes 1
        // for 1000E.)
        let largest = if letters { 18 } else { i64::MAX };
        let exponent = largest.min(self.exponent - self.exponent.rem_euclid(3));
        let zeros = usize::try_from(self.exponent - exponent).unwrap_or(0);
        self.digits.resize(self.digits.len() + zeros, 0);
        let mut out = String::with_capacity(self.digits.len() + 4);
        if self.negative {
            out.push('-');
        }
        out.extend(self.digits.iter().map(|d| char::from(b'0' + d)));
        if !letters && exponent != 0 {
            out.push('e');
            out.push_str(&exponent.to_string());
        } else if let Some((suffix, _)) = DECIMAL.iter().find(|(_, e)| i64::from(*e) == exponent) {
            out.push_str(suffix);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(pairs: &[(&str, &str)]) {
        for (text, expected) in pairs {
            let written = canonical(text).map_or_else(|e| format!("{e:?}"), Cow::into_owned);
            assert_eq!(written, *expected, "{text}");
        }
    }

    #[test]
    fn quantities_are_written_with_the_largest_suffix() {
        texts(&[
            ("2000m", "2"),
            ("1000m", "1"),
            ("0.1", "100m"),
            ("1500m", "1500m"),
            ("4000", "4k"),
            ("1.5", "1500m"),
            ("0", "0"),
            ("0.0", "0"),
            ("-2000m", "-2"),
            ("0.000000001", "1n"),
            ("123456789123456789123", "123456789123456789123"),
            ("1000000000000000000", "1E"),
        ]);
    }

    #[test]
    fn binary_quantities_stay_binary_while_they_are_whole_and_not_small() {
        texts(&[
            ("1024Mi", "1Gi"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Mi", "512Ki"),
            ("0.5Ki", "512"),
            ("0.1Ki", "102400m"),
            ("-1024Ki", "-1Mi"),
            ("0Gi", "0"),
            ("1.0001Ki", "1024102400u"),
            ("1.0005Ki", "1024512m"),
            ("9007199254740991.9995Ki", "9223372036854775807"),
            ("9Ei", "9223372036854775807"),
            ("-9Ei", "-9223372036854775807"),
        ]);
    }

    #[test]
    fn exponents_stay_exponents() {
        texts(&[("1e3", "1e3"), ("1000e3", "1e6"), ("1E1", "10"), ("100e-3", "100e-3"), ("0.5e-9", "1e-9")]);
        texts(&[("1e2147483647", "10e2147483646"), ("1e-2147483648", "1e-9"), ("2e99999999999999999999", "Suffix")]);
    }

    #[test]
    fn amounts_below_a_billionth_are_rounded_up() {
        texts(&[("1e-10", "1e-9"), ("0.1n", "1n"), ("1.0000000001", "1000000001n"), ("-0.00000000099", "-1n")]);
        texts(&[("0.00000000001Ki", "11n"), ("999999999.9n", "1")]);
        texts(&[("0.000000000001", "1n"), ("1.000000000001", "1000000001n")]);
    }

    #[test]
    fn texts_that_pass_the_quick_test_are_kept() {
        texts(&[("+5", "+5"), ("1.500", "1.500"), ("012", "012"), ("1.", "1."), ("1.000", "1"), ("0100m", "0100m")]);
        // At most 18 digits and nothing below a billionth; with a binary suffix at most 44 bits and no even number.
        texts(&[
            ("+123456789012345678", "+123456789012345678"),
            ("+123456789.123456789", "+123456789.123456789"),
            ("+1234567890.123456789", "1234567890123456789n"),
            ("+1.500u", "+1.500u"),
            ("+1.500n", "2n"),
            ("+11Ki", "+11Ki"),
            ("+12345678901Ki", "+12345678901Ki"),
            ("+123456789011Ki", "123456789011Ki"),
        ]);
    }

    #[test]
    fn texts_without_digits_are_zero_while_they_are_small() {
        texts(&[("+", "0"), (".", "0"), (".Ki", "0"), (".e-9", "0"), (".Ei", "Number"), (".e-10", "Number")]);
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_the_reason() {
        texts(&[("", "Form"), ("1 ", "Form"), ("abc", "Form"), ("1.2.3", "Form"), ("1Gib", "Form"), ("1-x", "Form")]);
        texts(&[
            ("1K", "Suffix"),
            ("--1", "Suffix"),
            ("1mi", "Suffix"),
            ("1e", "Suffix"),
            ("1k3", "Suffix"),
            ("\u{661}", "Form"),
        ]);
    }

    #[test]
    fn amounts_above_the_largest_suffix_keep_their_zeros() {
        texts(&[("1000E", "1000E"), ("1000000000000000000000", "1000E")]);
    }

    proptest! {
        #[test]
        fn canonical_texts_stay_as_they_are(text in "[+-]?[0-9]{0,22}(\\.[0-9]{0,12})?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?") {
            if let Ok(once) = canonical(&text) {
                prop_assert_eq!(canonical(&once).unwrap(), once.clone());
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}|[0-9.eEinumkKMGTP+-]{0,16}") {
            let _ = canonical(&text);
        }

        #[test]
        fn small_whole_numbers_keep_their_value(number in 0_u64..1 << 40, power in 0_usize..3) {
            let written = canonical(&format!("{number}{}", BINARY[power])).unwrap().into_owned();
            let (digits, suffix) = split_digits(&written);
            let factor = match suffix {
                "" => 1,
                "k" => 1_000,
                "M" => 1_000_000,
                "G" => 1_000_000_000,
                "T" => 1_000_000_000_000,
                binary => 1 << (10 * BINARY.iter().position(|s| *s == binary).unwrap()),
            };
            prop_assert_eq!(digits.parse::<u64>().unwrap() * factor, number << (10 * power));
        }
    }
}
