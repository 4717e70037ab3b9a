//! Semantic versions and constraints on them, as github.com/Masterminds/semver reads and compares them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

use super::failure;
use crate::template::{Failure, Field, Functions, Kind, Object, Type, Value};
use crate::value as tree;
use crate::value::EcoString;

pub fn add(f: &mut Functions) {
    f.add("semver", &[Type::String], |a| Ok(Value::object(Version::parse(a.text(0))?)));
    f.add("semverCompare", &[Type::String, Type::String], |a| {
        let constraints = Constraints::parse(a.text(0))?;
        Ok(constraints.admit(&Version::parse(a.text(1))?).into())
    });
}

/// A version; what is missing of it is 0.
#[derive(Clone, Default)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    pre: String,
    metadata: String,
    original: String,
}

const PARTS: &str = r"(-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?";
const OPERATORS: &str = r"=|!=|>=|=>|<=|=<|~>|>|<|~|\^|";

/// The patterns are constants that a test compiles.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?{PARTS}$")));
static CONSTRAINT: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"({OPERATORS})\s*v?([0-9xX*]+)(\.[0-9xX*]+)?(\.[0-9xX*]+)?{PARTS}")));
static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    let version = r"v?[0-9xX*]+(?:\.[0-9xX*]+)?(?:\.[0-9xX*]+)?(?:-[0-9A-Za-z\-.]+)?(?:\+[0-9A-Za-z\-.]+)?";
    pattern(&format!(r"\s*({version})\s+-\s+({version})\s*"))
});

impl Version {
    fn parse(text: &str) -> Result<Self, Failure> {
        let Some(found) = VERSION.captures(text) else { return failure("Invalid Semantic Version") };
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let number = |i: usize| match part(i).trim_start_matches('.') {
            "" => Ok(0),
            digits => digits.parse().or_else(|_| {
                failure(format!(
                    "Error parsing version segment: strconv.ParseUint: parsing {digits:?}: value out of range"
                ))
            }),
        };
        let numeric = |p: &str| p.len() > 1 && p.starts_with('0') && p.bytes().all(|b| b.is_ascii_digit());
        if part(5).split('.').any(numeric) {
            return failure("Version segment starts with 0");
        }
        Ok(Version {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            pre: part(5).into(),
            metadata: part(7).into(),
            original: text.into(),
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(&self.pre, &other.pre),
        })
    }

    fn text(&self) -> String {
        let suffix = |sign: char, part: &str| if part.is_empty() { String::new() } else { format!("{sign}{part}") };
        format!("{}.{}.{}{}{}", self.major, self.minor, self.patch, suffix('-', &self.pre), suffix('+', &self.metadata))
    }
}

fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl Object for Version {
    fn type_name(&self) -> Cow<'_, str> {
        "*semver.Version".into()
    }

    fn kind(&self) -> Kind {
        Kind::Pointer
    }

    fn field(&self, name: &str) -> Field {
        Field::Value(match name {
            "Major" => self.major.into(),
            "Minor" => self.minor.into(),
            "Patch" => self.patch.into(),
            "Prerelease" => self.pre.clone().into(),
            "Metadata" => self.metadata.clone().into(),
            "Original" => self.original.clone().into(),
            "String" => self.text().into(),
            _ => return Field::Unknown,
        })
    }

    fn text(&self) -> Option<EcoString> {
        Some(Version::text(self).into())
    }

    fn to_data(&self) -> Result<tree::Value, Failure> {
        Ok(Version::text(self).into())
    }
}

/// Alternatives, each of constraints that all have to hold.
struct Constraints(Vec<Vec<Constraint>>);

struct Constraint {
    operator: String,
    version: Version,
    /// The parts that were left out, or written as `x` or `*`.
    any_minor: bool,
    any_patch: bool,
    /// Any part at all.
    open: bool,
}

impl Constraints {
    fn parse(text: &str) -> Result<Self, Failure> {
        let text = RANGE.replace_all(text, ">= $1, <= $2");
        text.split("||").map(alternative).collect::<Result<_, _>>().map(Constraints)
    }

    fn admit(&self, version: &Version) -> bool {
        self.0.iter().any(|all| {
            // A pre-release counts only where one is asked for, in any constraint of an alternative (since 3.4).
            let asked = version.pre.is_empty() || all.iter().any(|c| !c.version.pre.is_empty());
            asked && all.iter().all(|c| c.admits(version))
        })
    }
}

/// Constraints that are separated by commas or spaces.
fn alternative(text: &str) -> Result<Vec<Constraint>, Failure> {
    let improper = || failure(format!("improper constraint: {text}"));
    let mut constraints = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some(found) = CONSTRAINT.captures(rest) else { return improper() };
        let Some(all) = found.get(0).filter(|m| m.start() == 0) else { return improper() };
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        constraints.push(Constraint::new(part)?);
        let after = rest.get(all.end()..).unwrap_or_default();
        let next = after.trim_start();
        let next = next.strip_prefix(',').map_or(next, str::trim_start);
        if next.len() == after.len() && !next.is_empty() {
            return improper();
        }
        rest = next;
    }
    if constraints.is_empty() {
        return improper();
    }
    Ok(constraints)
}

impl Constraint {
    fn new<'a>(part: impl Fn(usize) -> &'a str) -> Result<Self, Failure> {
        let open = |i: usize| matches!(part(i).trim_start_matches('.'), "" | "x" | "X" | "*");
        let (any_major, any_minor, any_patch) = (open(2), open(3), open(4));
        let numbers = match (any_major, any_minor, any_patch) {
            (true, _, _) => "0.0.0".to_owned(),
            (false, true, _) => format!("{}.0.0", part(2)),
            (false, false, true) => format!("{}{}.0", part(2), part(3)),
            (false, false, false) => format!("{}{}{}", part(2), part(3), part(4)),
        };
        let Ok(version) = Version::parse(&(numbers + part(5))) else { return failure("constraint parser error") };
        Ok(Constraint {
            operator: part(1).into(),
            version,
            any_minor: !any_major && any_minor,
            any_patch: !any_major && !any_minor && any_patch,
            open: any_major || any_minor || any_patch,
        })
    }

    fn admits(&self, v: &Version) -> bool {
        let c = &self.version;
        let order = v.compare(c);
        match self.operator.as_str() {
            "!=" => match (self.open, self.any_minor, self.any_patch) {
                (false, _, _) => order != Ordering::Equal,
                (true, _, _) if c.major != v.major => true,
                (true, true, _) => false,
                (true, false, true) => {
                    c.minor != v.minor || compare_pre(&v.pre, &c.pre) != Ordering::Equal && v.pre != c.pre
                }
                (true, false, false) => c.minor != v.minor || c.patch != v.patch || order != Ordering::Equal,
            },
            ">" if self.any_minor => v.major > c.major,
            ">" if self.any_patch => (v.major, v.minor) > (c.major, c.minor),
            ">" => order == Ordering::Greater,
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" if self.open => {
                v.major < c.major || v.major == c.major && (v.minor <= c.minor || self.any_minor)
            }
            "<=" | "=<" => order != Ordering::Greater,
            "^" => order != Ordering::Less && self.caret(v),
            "~" | "~>" => self.tilde(v, order),
            _ if self.open => self.tilde(v, order),
            _ => order == Ordering::Equal,
        }
    }

    fn tilde(&self, v: &Version, order: Ordering) -> bool {
        let c = &self.version;
        let anything = (c.major, c.minor, c.patch) == (0, 0, 0) && !self.any_minor && !self.any_patch;
        order != Ordering::Less && (anything || v.major == c.major && (v.minor == c.minor || self.any_minor))
    }

    fn caret(&self, v: &Version) -> bool {
        let c = &self.version;
        if c.major > 0 || self.any_minor {
            v.major == c.major
        } else if c.minor > 0 || self.any_patch {
            v.major == 0 && v.minor == c.minor
        } else {
            (v.major, v.minor, v.patch) == (0, 0, c.patch)
        }
    }
}
