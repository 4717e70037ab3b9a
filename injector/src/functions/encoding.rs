//! JSON, base 64 and base 32, checksums.

use data_encoding::{BASE32, BASE64, DecodeError, Encoding, HEXLOWER};
use sha2::Digest;

use super::failure;
use crate::json;
use crate::template::{Failure, Functions, Type, Value};

pub fn add(f: &mut Functions) {
    use Type::{Any, String};
    f.add("fromJson", &[String], |a| Ok(parse(a.text(0)).unwrap_or(Value::Nil)));
    f.add("mustFromJson", &[String], |a| parse(a.text(0)));
    // If sprig's functions with `must` fail, those without it return the empty text.
    f.add("toJson", &[Any], |a| Ok(a.value(0).to_json().unwrap_or_default().into()));
    f.add("mustToJson", &[Any], |a| Ok(a.value(0).to_json()?.into()));
    f.add("toPrettyJson", &[Any], |a| {
        Ok(a.value(0).to_json().map_or_else(|_| "".into(), |text| json::pretty(&text).into()))
    });
    f.add("mustToPrettyJson", &[Any], |a| Ok(json::pretty(&a.value(0).to_json()?).into()));
    f.add("toRawJson", &[Any], |a| Ok(json::raw(&a.value(0).to_json()?).into()));
    f.alias("mustToRawJson", "toRawJson");
    f.add("b64enc", &[String], |a| Ok(BASE64.encode(a.text(0).as_bytes()).into()));
    f.add("b64dec", &[String], |a| Ok(decode(&BASE64, a.text(0), "illegal base64 data at input byte").into()));
    f.add("b32enc", &[String], |a| Ok(BASE32.encode(a.text(0).as_bytes()).into()));
    f.add("b32dec", &[String], |a| Ok(decode(&BASE32, a.text(0), "illegal base32 data at input byte").into()));
    f.add("sha1sum", &[String], |a| Ok(HEXLOWER.encode(&sha1::Sha1::digest(a.text(0))).into()));
    f.add("sha256sum", &[String], |a| Ok(HEXLOWER.encode(&sha2::Sha256::digest(a.text(0))).into()));
    f.add("sha512sum", &[String], |a| Ok(HEXLOWER.encode(&sha2::Sha512::digest(a.text(0))).into()));
    f.add("adler32sum", &[String], |a| Ok(adler32(a.text(0).as_bytes()).to_string().into()));
}

/// A JSON text as values that may be changed.
pub fn parse(text: &str) -> Result<Value, Failure> {
    match json::parse(text.as_bytes()) {
        Ok(value) => Ok(Value::changeable(&value)),
        Err(error) => failure(error.to_string()),
    }
}

/// The decoded text, or, as sprig does it, the text of the error.
fn decode(encoding: &Encoding, text: &str, wrong: &str) -> String {
    // Go passes over line breaks.
    let text = text.replace(['\r', '\n'], "");
    let symbols = encoding.specification().symbols;
    match encoding.decode(text.as_bytes()) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(DecodeError { position, .. }) => {
            // The length is looked at first here, and last by Go.
            let first = text.bytes().position(|b| b != b'=' && !symbols.as_bytes().contains(&b));
            format!("{wrong} {}", first.unwrap_or(position))
        }
    }
}

/// RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const PRIME: u32 = 65521;
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % PRIME;
        (a, (a + b) % PRIME)
    });
    b << 16 | a
}
