//! The type of rules.

use std::fmt;

use super::input::Object;
use super::picture::{Member, Picture};
use super::place::Hit;
use super::rules::{RULES, admission};

/// The severity of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Could be better.
    Info,
    /// Does not do what it seems to do, or fails under some circumstances.
    Warning,
    /// Fails.
    Error,
}

impl Level {
    /// All levels, the most severe first.
    pub const ALL: [Level; 3] = [Level::Error, Level::Warning, Level::Info];

    /// The level with a name.
    pub fn named(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A requirement of the mesh for workloads.
#[derive(Debug)]
pub struct Rule {
    /// Its name. Names never change, because users silence findings by name.
    pub name: &'static str,
    /// Its severity.
    pub level: Level,
    /// What it finds, for the list of rules.
    pub finds: &'static str,
    /// The remedy.
    pub advice: &'static str,
    /// How it is found.
    pub(super) checks: &'static [Check],
}

/// How a rule is checked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// While files are read.
    Reading,
    /// From the warnings and refusals of admission.
    Admission,
    /// From each workload.
    Workload(for<'p> fn(&'p Member, &'p Picture<'_>) -> Vec<Hit<'p>>),
    /// From each Service.
    Service(for<'p> fn(&'p Object, &'p Picture<'_>) -> Vec<Hit<'p>>),
    /// From each Namespace.
    Namespace(for<'p> fn(&'p Object, &'p Picture<'_>) -> Vec<Hit<'p>>),
    /// From each object.
    Object(for<'p> fn(&'p Object, &'p Picture<'_>) -> Vec<Hit<'p>>),
}

impl Rule {
    /// The rule with a name.
    pub fn named(name: &str) -> Option<&'static Rule> {
        RULES.iter().find(|rule| rule.name == name)
    }

    /// The path of its documentation.
    pub fn docs(&self) -> String {
        format!("docs/lint.md#{}", self.name)
    }

    /// Everything that breaks it.
    pub(super) fn hits<'p>(&self, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
        self.checks.iter().flat_map(|check| self.hits_of(*check, picture)).collect()
    }

    fn hits_of<'p>(&self, check: Check, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
        match check {
            Check::Reading => Vec::new(),
            Check::Admission => picture.members.iter().flat_map(|member| admission::hits(member, self.name)).collect(),
            Check::Workload(check) => picture.members.iter().flat_map(|member| check(member, picture)).collect(),
            Check::Service(check) => picture.services().flat_map(|service| check(service, picture)).collect(),
            Check::Namespace(check) => {
                let namespaces = picture.others.iter().filter(|object| object.kind() == "Namespace");
                namespaces.flat_map(|namespace| check(namespace, picture)).collect()
            }
            Check::Object(check) => picture.objects().flat_map(|object| check(object, picture)).collect(),
        }
    }
}
