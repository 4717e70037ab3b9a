//! Reads the standard form of base64. The library reads less than Go does: no line breaks, and no bits after the end.

/// Decodes a text; nothing if it is no base64. Line breaks are skipped, padding is required.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let padding = symbols.iter().rev().take_while(|b| **b == b'=').count();
    let (data, _) = symbols.split_at_checked(symbols.len().checked_sub(padding)?)?;
    if !symbols.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(data.len() * 3 / 4);
    for group in data.chunks(4) {
        let bits = group.iter().try_fold(0u32, |bits, symbol| Some(bits << 6 | sextet(*symbol)?))?;
        match group.len() {
            4 => bytes.extend(bits.to_be_bytes().into_iter().skip(1)),
            3 => bytes.extend((bits << 6).to_be_bytes().into_iter().skip(1).take(2)),
            2 => bytes.extend((bits << 12).to_be_bytes().into_iter().skip(1).take(1)),
            _ => return None,
        }
    }
    Some(bytes)
}

fn sextet(symbol: u8) -> Option<u32> {
    Some(u32::from(match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_base64_is_decoded() {
        assert_eq!(decode("aGVsbG8=").as_deref(), Some(b"hello".as_slice()));
        assert_eq!(decode("aGVs\nbG8h").as_deref(), Some(b"hello!".as_slice()));
        assert_eq!(decode("/+8=").as_deref(), Some([0xff, 0xef].as_slice()));
        assert_eq!(decode("").as_deref(), Some([].as_slice()));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            let text = data_encoding::BASE64.encode(&bytes[..length]);
            assert_eq!(decode(&text).as_deref(), Some(&bytes[..length]));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["aGVsbG8", "a===", "aGV=bG8h", "a_b=", "====", "a b="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
