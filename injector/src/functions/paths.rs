//! Go's `path`, which agrees with `path/filepath` on Linux.

use crate::template::{Functions, Type};

pub fn add(f: &mut Functions) {
    use Type::String;
    f.add("base", &[String], |a| Ok(base(a.text(0)).into()));
    f.add("dir", &[String], |a| Ok(clean(directory(a.text(0))).into()));
    f.add("clean", &[String], |a| Ok(clean(a.text(0)).into()));
    f.add("ext", &[String], |a| Ok(extension(a.text(0)).into()));
    f.add("isAbs", &[String], |a| Ok(a.text(0).starts_with('/').into()));
    for (os, name) in
        [("osBase", "base"), ("osDir", "dir"), ("osClean", "clean"), ("osExt", "ext"), ("osIsAbs", "isAbs")]
    {
        f.alias(os, name);
    }
}

/// Everything up to the last slash, the slash included.
pub fn directory(path: &str) -> &str {
    path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or_default()
}

fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/').rsplit('/').next() {
        Some("") | None => "/",
        Some(last) => last,
    }
}

fn extension(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.rfind('.').and_then(|dot| last.get(dot..)).unwrap_or_default()
}

/// The shortest path that means the same, by text alone.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") | None if rooted && parts.is_empty() => {}
                Some(&"..") | None => parts.push(".."),
                Some(_) => drop(parts.pop()),
            },
            _ => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".into(),
        (false, rest) => rest,
    }
}
