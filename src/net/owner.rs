//! Users and groups, as rules match the owner of a socket.

use std::fmt;

/// A uid or gid, a range of them, or a name of a user or group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// One number.
    Id(u32),
    /// An inclusive range of numbers, low end first.
    Range(u32, u32),
    /// A name. Printed as given; the kernel gets the number.
    Name {
        /// The name.
        name: String,
        /// Its number, if it is known.
        id: Option<u32>,
    },
}

impl Owner {
    /// What a value of this type may be, for error messages. The kernel keeps 2^32-1 for "none" (`(uid_t) -1`).
    pub const ALLOWED: &'static str =
        "a number from 0 to 4294967294, a range LOW-HIGH of them, or a name made of letters, digits, _, . and -";

    /// Reads a number, range or name as a user writes it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = || format!("give {}", Self::ALLOWED);
        if text.bytes().next().is_some_and(|b| b.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        {
            return match text.split_once('-') {
                None => id(text).map(Self::Id).ok_or_else(allowed),
                Some((low, high)) => match id(low).zip(id(high)).ok_or_else(allowed)? {
                    (low, high) if low > high => Err(format!("the range is reversed; did you mean {high}-{low}?")),
                    (low, high) if low == high => Ok(Self::Id(low)),
                    (low, high) => Ok(Self::Range(low, high)),
                },
            };
        }
        let name = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text.len() <= 256
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if name { Ok(Self::Name { name: text.to_owned(), id: None }) } else { Err(allowed()) }
    }

    /// The lowest and the highest number that is meant; `None` for a name whose number is not known.
    pub fn bounds(&self) -> Option<(u32, u32)> {
        match *self {
            Self::Id(id) => Some((id, id)),
            Self::Range(low, high) => Some((low, high)),
            Self::Name { id, .. } => id.map(|id| (id, id)),
        }
    }

    /// Whether `id` is meant; a name means none until its number is known.
    pub fn contains(&self, id: u32) -> bool {
        self.bounds().is_some_and(|(low, high)| (low..=high).contains(&id))
    }

    /// The lowest number that is meant, if it is known.
    pub fn lowest(&self) -> Option<u32> {
        self.bounds().map(|(low, _)| low)
    }

    /// The same by number, so that the name does not have to be looked up; as it is if the number is not known.
    pub fn by_number(&self) -> Self {
        match self {
            Self::Name { id: Some(id), .. } => Self::Id(*id),
            Self::Name { id: None, .. } | Self::Id(_) | Self::Range(..) => self.clone(),
        }
    }
}

fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&id| id != u32::MAX)
}

/// As iptables writes it: `1337`, `1000-2000` or the name.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Range(low, high) => write!(f, "{low}-{high}"),
            Self::Name { name, .. } => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_and_names() {
        assert_eq!(Owner::parse("0"), Ok(Owner::Id(0)));
        assert_eq!(Owner::parse("4294967294"), Ok(Owner::Id(u32::MAX - 1)));
        assert_eq!(Owner::parse("1000-2000"), Ok(Owner::Range(1000, 2000)));
        assert_eq!(Owner::parse("istio-proxy"), Ok(Owner::Name { name: "istio-proxy".into(), id: None }));
        for bad in [
            "",
            "-1",
            "+1",
            "4294967295",
            "4294967296",
            "1 2",
            "1;2",
            "1-",
            "2000-1000",
            "-x",
            "a b",
            "a\nb",
            "*",
            "!0",
            "1-2-3",
        ] {
            assert!(Owner::parse(bad).is_err(), "{bad:?}");
        }
    }
}
