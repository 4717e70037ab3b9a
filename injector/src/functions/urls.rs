//! URLs, as Go's `net/url` takes them apart and puts them together.

use super::failure;
use crate::template::{Failure, Functions, Map, Type, Value};

pub fn add(f: &mut Functions) {
    f.add("urlParse", &[Type::String], |a| {
        let url = Url::parse(a.text(0)).or_else(|reason| {
            failure(format!("unable to parse url: parse {}: {reason}", crate::template::quote(a.text(0))))
        })?;
        Ok(Map::dict([
            ("scheme", Value::from(url.scheme)),
            ("userinfo", url.userinfo.unwrap_or_default().into()),
            ("hostname", hostname(&url.host).into()),
            ("host", url.host.into()),
            ("path", url.path.into()),
            ("query", url.query.into()),
            ("opaque", url.opaque.into()),
            ("fragment", url.fragment.into()),
        ])
        .into())
    });
    f.add("urlJoin", &[Type::Map], |a| {
        let part = |key: &str| match a.map(0).get(key) {
            None => Ok(String::new()),
            Some(Value::String(s)) => Ok(s.into()),
            Some(other) => {
                failure(format!("unable to parse {key} key, must be of type string, but {} found", other.kind().name()))
            }
        };
        let userinfo = part("userinfo")?;
        let url = Url {
            scheme: part("scheme")?,
            userinfo: (!userinfo.is_empty()).then_some(userinfo),
            host: part("host")?,
            path: part("path")?,
            query: part("query")?,
            opaque: part("opaque")?,
            fragment: part("fragment")?,
        };
        Ok(url.text().into())
    });
}

#[derive(Default)]
struct Url {
    scheme: String,
    userinfo: Option<String>,
    host: String,
    path: String,
    query: String,
    opaque: String,
    fragment: String,
}

impl Url {
    fn parse(text: &str) -> Result<Self, Failure> {
        if text.chars().any(|c| c.is_ascii_control()) {
            return failure("net/url: invalid control character in URL");
        }
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Url { fragment: unescape(fragment)?, ..Url::default() };
        let (scheme, rest) = scheme(rest)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        url.query = query.into();
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                url.opaque = rest.into();
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|first| first.contains(':')) {
                return failure("first path segment in URL cannot contain colon");
            }
        }
        if let Some(authority) = rest.strip_prefix("//").filter(|_| !url.scheme.is_empty() || !rest.starts_with("///"))
        {
            let slash = authority.find('/').unwrap_or(authority.len());
            let (authority, path) = authority.split_at(slash);
            rest = path;
            match authority.rsplit_once('@') {
                Some((user, host)) => (url.userinfo, url.host) = (Some(user.into()), unescape(host)?),
                None => url.host = unescape(authority)?,
            }
            if let Some((_, port)) = url.host.rsplit_once(':').filter(|(_, p)| !p.ends_with(']'))
                && !port.bytes().all(|b| b.is_ascii_digit())
            {
                return failure(format!("invalid port {} after host", crate::template::quote(&format!(":{port}"))));
            }
        }
        url.path = unescape(rest)?;
        Ok(url)
    }

    fn text(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out += &format!("{}:", self.scheme);
        }
        if !self.opaque.is_empty() {
            out += &self.opaque;
        } else {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.userinfo.is_some() {
                let has_authority = !self.host.is_empty() || !self.path.is_empty() || self.userinfo.is_some();
                out += if has_authority { "//" } else { "" };
                out += &self.userinfo.as_ref().map(|u| format!("{u}@")).unwrap_or_default();
                out += &escape(&self.host, "!$&'()*+,;=:[]<>\"");
            }
            let path = escape(&self.path, "$&+,/:;=@!*'()");
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            if out.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
                out += "./";
            }
            out += &path;
        }
        if !self.query.is_empty() {
            out += &format!("?{}", self.query);
        }
        if !self.fragment.is_empty() {
            out += &format!("#{}", escape(&self.fragment, "$&+,/:;=?@!*'()"));
        }
        out
    }
}

/// The scheme, if the text has one, and the rest.
fn scheme(text: &str) -> Result<(&str, &str), Failure> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).unwrap_or(text.len());
    let (scheme, rest) = text.split_at(end);
    match rest.strip_prefix(':') {
        Some(_) if scheme.is_empty() => failure("missing protocol scheme"),
        Some(rest) if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok((scheme, rest)),
        _ => Ok(("", text)),
    }
}

/// A host without its port and without the brackets of an IPv6 address.
fn hostname(host: &str) -> String {
    if let Some((inside, _)) = host.strip_prefix('[').and_then(|h| h.split_once(']')) {
        return inside.into();
    }
    host.split_once(':').map_or(host, |(name, _)| name).into()
}

fn unescape(text: &str) -> Result<String, Failure> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits: Vec<u8> = bytes.by_ref().take(2).collect();
        let hex =
            std::str::from_utf8(&digits).ok().filter(|d| d.len() == 2 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(value) => out.push(value),
            None => {
                let bad = format!("%{}", String::from_utf8_lossy(&digits));
                return failure(format!("invalid URL escape {}", crate::template::quote(&bad)));
            }
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn escape(text: &str, plain: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        match c.is_ascii_alphanumeric() || "-_.~".contains(c) || plain.contains(c) {
            true => out.push(c),
            false => out += &format!("%{byte:02X}"),
        }
    }
    out
}
