//! The order of keys in a printed map: yaml.v2's "natural" order, in which `a2` comes before `a10`.

use std::cmp::Ordering;

use ecow::EcoString;

use crate::value::{Map, Value};

/// The entries of a map in the order in which they are printed.
pub(super) fn sorted(map: &Map) -> Vec<(&EcoString, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    let in_order = entries.windows(2).all(|pair| match pair {
        [(a, _), (b, _)] => !less(b, a),
        _ => true,
    });
    if !in_order {
        entries = merge_sort(entries);
    }
    entries
}

/// The order is not transitive for all keys, and the standard library's sort may panic then.
fn merge_sort<T: Copy>(mut entries: Vec<(&EcoString, T)>) -> Vec<(&EcoString, T)> {
    if entries.len() < 2 {
        return entries;
    }
    let right = merge_sort(entries.split_off(entries.len() / 2));
    let left = merge_sort(entries);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some((a, _)), Some((b, _))) = (left.peek(), right.peek()) {
        merged.extend(if less(b, a) { right.next() } else { left.next() });
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

fn less(a: &str, b: &str) -> bool {
    let same: usize = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    let (start, (a, b)) = (a.get(..same).unwrap_or_default(), (a.get(same..), b.get(same..)));
    let (Some(a), Some(b)) = (a, b) else { return false };
    let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len() < b.len() };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (true, false) | (false, true) => return y.is_alphabetic(),
        (false, false) => {}
    }
    // Inside a number, zeros count: `a10` and `a1x` are compared as 0 and nothing after a 1.
    let digits_before = start.chars().rev().take_while(char::is_ascii_digit);
    let inside_number = (x == '0' || y == '0') && digits_before.into_iter().any(|c| c != '0');
    let seed = i64::from(inside_number);
    let ((m, m_length), (n, n_length)) = (number(a, seed), number(b, seed));
    match m.cmp(&n).then(m_length.cmp(&n_length)) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => x < y,
    }
}

/// The digits at the start of a text as a number, and how many there are.
fn number(text: &str, seed: i64) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((seed, 0), |(n, length), d| (n.wrapping_mul(10).wrapping_add(i64::from(d - b'0')), length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_keys_are_compared_as_numbers() {
        let keys = ["a", "a.b", "a/b", "a1", "a10", "a2", "a02", "ab", "b", "B", "_", "1", "01", "10", "a-", "-"];
        let map: Map = keys.into_iter().map(|k| (k, Value::Null)).collect();
        let printed: Vec<_> = sorted(&map).into_iter().map(|(k, _)| k.as_str()).collect();
        let expected = ["-", "_", "1", "01", "10", "B", "a", "a-", "a.b", "a/b", "a1", "a2", "a02", "a10", "ab", "b"];
        assert_eq!(printed, expected);
    }

    #[test]
    fn keys_that_defeat_the_order_do_not_panic() {
        let map: Map = (0..3000).map(|i| (format!("{:o}é{}x{i:b}", i * 7919, i % 13), Value::Null)).collect();
        assert_eq!(sorted(&map).len(), map.len());
    }
}
