//! What a probe sends, so that it is recognised when it lands.

use std::hash::{BuildHasher, Hasher, RandomState};

/// How long a token is.
pub const LENGTH: usize = 32;

/// A text that no other program sends: 128 random bits in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub fn new() -> Self {
        // The keys of the standard library's hash tables are random, and nothing here is secret.
        let half = || RandomState::new().build_hasher().finish();
        Self(format!("{:016x}{:016x}", half(), half()))
    }

    /// What is sent.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether it is somewhere in there.
    pub fn is_in(&self, data: &[u8]) -> bool {
        data.windows(LENGTH).any(|w| w == self.bytes())
    }

    /// A query for the address of `TOKEN.invalid`, a name that there never is (RFC 1035, section 4; RFC 2606):
    /// a real server that gets it by mistake has an answer at once.
    pub fn query(&self) -> Vec<u8> {
        let id = self.bytes().get(..2).unwrap_or(&[0, 0]);
        let mut query = [id, &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, LENGTH as u8], self.bytes()].concat();
        query.extend(*b"\x07invalid\0\0\x01\0\x01");
        query
    }

    /// The answer to a query: there is no such name.
    pub fn answer(mut query: Vec<u8>) -> Vec<u8> {
        if let Some([response, code]) = query.get_mut(2..4) {
            *response |= 0x80;
            *code |= 0x03;
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_in_queries() {
        let (token, other) = (Token::new(), Token::new());
        assert_ne!(token, other);
        assert_eq!(token.bytes().len(), LENGTH);
        let query = token.query();
        assert_eq!(query.len(), 12 + 33 + 9 + 4);
        assert!(token.is_in(&query) && !other.is_in(&query));
        let answer = Token::answer(query);
        assert_eq!(answer[2..4], [0x81, 0x03]);
        assert!(token.is_in(&answer));
        assert_eq!(Token::answer(vec![1]), [1]);
    }
}
