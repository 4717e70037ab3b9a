//! What is installed on a node, without changing anything.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::binary::{self, Binary, Executable};
use super::conflist::Conflist;
use super::directory::{self, Choice, Found, Shape};
use super::error::InstallError;
use super::object::Object;
use super::{Places, Position};

/// The state of an installation.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether pods get their rules: program and object are there, and the runtime hands over annotations.
    pub installed: bool,
    /// The program.
    pub program: Program,
    /// The configuration that the runtime uses; none if there is none yet.
    pub configuration: Option<Configuration>,
    /// What is not as it should be.
    pub problems: Vec<String>,
}

/// The program on the node.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    /// The path at which it is expected.
    pub path: PathBuf,
    /// Whether anything is there.
    pub present: bool,
    /// The version, unless it is another program of that name, such as Istio's.
    pub version: Option<String>,
    /// Whether it is the program that was asked.
    pub same: bool,
}

/// The runtime's configuration.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Configuration {
    /// The file.
    pub path: PathBuf,
    /// How many plugins it has.
    pub plugins: usize,
    /// Which of them is this one, from 1.
    pub position: Option<usize>,
    /// Whether the runtime is asked for annotations.
    pub annotations: bool,
}

impl Places {
    /// Looks at the node.
    pub fn status(&self) -> Result<Status, InstallError> {
        let mut problems = Vec::new();
        let (program, callable) = self.program(&mut problems)?;
        let configuration = match directory::choose(&self.configurations, self.named.as_deref(), &mut problems)? {
            Choice::Primary(found) => Some(self.configuration(&found, &mut problems)),
            Choice::None => {
                problems.push(self.missing());
                None
            }
            Choice::Unsettled { path, reason, .. } => {
                problems.push(format!("{} may still be written: {reason}", path.display()));
                None
            }
        };
        let configured = configuration.as_ref().is_some_and(|found| found.position.is_some() && found.annotations);
        Ok(Status { installed: callable && configured, program, configuration, problems })
    }

    /// The program, and whether a runtime can call it.
    fn program(&self, problems: &mut Vec<String>) -> Result<(Program, bool), InstallError> {
        let path = binary::path(&self.binaries);
        let binary = Binary::look(&self.binaries)?;
        let problem = match &binary {
            Binary::Missing => Some("is not there"),
            Binary::Foreign => Some("is another program: perhaps Istio's own plugin"),
            Binary::Managed { executable: Executable::Never, .. } => Some("is not executable: no pod can start"),
            Binary::Managed { executable: Executable::ForSome, .. } => Some("is not executable by everyone"),
            Binary::Managed { executable: Executable::ForAll, .. } => None,
        };
        problems.extend(problem.map(|problem| format!("{} {problem}", path.display())));
        let present = binary != Binary::Missing;
        let (version, same, callable) = match binary {
            Binary::Missing | Binary::Foreign => (None, false, false),
            Binary::Managed { version, same, executable } => (Some(version), same, executable != Executable::Never),
        };
        Ok((Program { path, present, version, same }, callable))
    }

    fn configuration(&self, found: &Found, problems: &mut Vec<String>) -> Configuration {
        let path = self.configurations.join(&found.name);
        let list = Conflist::read(&found.text).ok().filter(|_| found.shape == Shape::List);
        let position = list.as_ref().and_then(Conflist::position);
        let plugins = list.as_ref().map_or(1, Conflist::plugins);
        match position {
            None => problems.push(format!("{} has no istio-cni", path.display())),
            Some(Position { annotations: false, .. }) => problems.push(format!(
                "the istio-cni in {} does not ask for annotations: perhaps Istio's own plugin",
                path.display()
            )),
            Some(Position { place, of, .. }) if place < of => {
                problems.push(format!("istio-cni is not the last plugin in {}", path.display()));
            }
            Some(_) => {}
        }
        let annotations = position.is_some_and(|position| position.annotations);
        Configuration { path, plugins, position: position.map(|position| position.place), annotations }
    }

    /// Whether the program and this object are in place; if not, what is not.
    pub fn in_place(&self, object: &Object) -> Result<(), String> {
        let program = Binary::look(&self.binaries).is_ok_and(|binary| binary.in_place());
        let configuration = directory::choose(&self.configurations, self.named.as_deref(), &mut Vec::new())
            .is_ok_and(|choice| matches!(choice, Choice::Primary(found) if found.holds(object)));
        if program && configuration {
            return Ok(());
        }
        let Status { program: Program { path, .. }, problems, .. } =
            self.status().map_err(|error| error.to_string())?;
        let mut problems = problems.into_iter();
        Err(if program {
            problems.last().unwrap_or_else(|| "its configuration differs".to_owned())
        } else {
            problems.next().unwrap_or_else(|| format!("{} is not this program", path.display()))
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Program { path, version, same, present } = &self.program;
        write!(f, "program        {}, ", path.display())?;
        match version {
            Some(version) => write!(f, "version {version}{}", if *same { ", the same as this one" } else { "" })?,
            None => f.write_str(if *present { "another program" } else { "missing" })?,
        }
        f.write_str("\nconfiguration  ")?;
        match &self.configuration {
            None => f.write_str("none yet")?,
            Some(Configuration { path, position: None, .. }) => write!(f, "{}, without istio-cni", path.display())?,
            Some(Configuration { path, position: Some(position), plugins, annotations }) => write!(
                f,
                "{}, plugin {position} of {plugins}\nannotations    {}",
                path.display(),
                if *annotations { "requested" } else { "not requested" }
            )?,
        }
        write!(f, "\ninstalled      {}", if self.installed { "yes" } else { "no" })?;
        self.problems.iter().try_for_each(|problem| write!(f, "\nproblem        {problem}"))
    }
}
