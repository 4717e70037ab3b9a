//! The plugin on a node: its program, and its object in the configuration that the runtime uses.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

mod binary;
pub mod conflist;
mod directory;
mod error;
pub mod json;
mod keep;
mod object;
mod place;
mod serve;
mod status;
mod watch;

pub use binary::Binary;
pub use conflist::Position;
pub use error::InstallError;
pub use keep::{Ended, Until, keep};
pub use object::{Object, ObjectError};

use conflist::Conflist;
use directory::{Choice, Found, Shape};
use place::Locked;

/// The bits of a file's mode that are its permissions.
const PERMISSIONS: u32 = 0o7777;

/// The places into which the plugin is installed.
#[derive(Clone, Debug)]
pub struct Places {
    /// The runtime's directory of programs.
    pub binaries: PathBuf,
    /// The runtime's directory of configurations.
    pub configurations: PathBuf,
    /// The file of it, if the operator knows better than the rule.
    pub named: Option<OsString>,
}

/// The result of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All is in place.
    Installed {
        /// The configuration.
        file: PathBuf,
    },
    /// There is no configuration, or none that is whole.
    Waiting {
        /// For what.
        reason: String,
        /// When to look again, even if nothing happens.
        again: Option<std::time::Duration>,
    },
}

/// One pass: the state after it, what it did and what it noticed.
#[derive(Debug)]
pub struct Pass {
    /// The state.
    pub standing: Standing,
    /// What it changed, and why.
    pub done: Vec<String>,
    /// What to warn of.
    pub notes: Vec<String>,
}

impl Places {
    /// Whether it is the name of a file that a runtime looks at.
    pub fn is_configuration_name(name: &OsStr) -> bool {
        Shape::of(name).is_some() && Path::new(name).file_name() == Some(name)
    }

    /// Puts program and configuration in place, if they are not: the program first, since a runtime fails at a
    /// configuration that names one that is not there.
    pub fn install(&self, object: &Object) -> Result<Pass, InstallError> {
        let (mut done, mut notes) = (Vec::new(), Vec::new());
        if let Some(before) = binary::put(&self.binaries)? {
            done.push(format!("{} written: {}", binary::path(&self.binaries).display(), was(&before)));
        }
        let standing = self.configure(object, &mut done, &mut notes)?;
        Ok(Pass { standing, done, notes })
    }

    fn configure(
        &self,
        object: &Object,
        done: &mut Vec<String>,
        notes: &mut Vec<String>,
    ) -> Result<Standing, InstallError> {
        let directory = &self.configurations;
        let nothing = |reason: String| Ok(Standing::Waiting { reason, again: None });
        if !directory::is_there(directory)? {
            return nothing(format!("{} is not there yet", directory.display()));
        }
        let locked = Locked::new(directory)?;
        let primary = match directory::choose(directory, self.named.as_deref(), notes)? {
            Choice::Primary(found) => self.rewritten(&found)?.unwrap_or(found),
            Choice::None => return nothing(self.missing()),
            Choice::Unsettled { path, reason, wait } => {
                let reason = format!("{} may still be written: {reason}", path.display());
                return Ok(Standing::Waiting { reason, again: Some(wait) });
            }
        };
        let name = match primary.shape {
            Shape::List => self.extend(&locked, &primary, object, done)?,
            Shape::Single => self.convert(&locked, &primary, object, done)?,
        };
        for other in directory::candidates(directory)? {
            if other != name
                && let Some(other) = directory::read_if_any(directory, &other)?
                && other.is_managed()
            {
                self.take_out(&locked, &other, done, notes)?;
            }
        }
        Ok(Standing::Installed { file: directory.join(name) })
    }

    /// What is required.
    fn missing(&self) -> String {
        let directory = self.configurations.display();
        match &self.named {
            Some(named) => format!("{} is not there yet, or cannot be used", self.configurations.join(named).display()),
            None => format!("no configuration is in {directory} yet (*.conflist, *.conf or *.json with a plugin)"),
        }
    }

    /// The file that a list was made of, if it was written again since. A `.json` sorts after its list, so that no
    /// runtime would read it.
    fn rewritten(&self, list: &Found) -> Result<Option<Found>, InstallError> {
        let single = with_extension(&list.name, "json");
        if !list.is_managed() || kept(&self.configurations, &single)?.is_none() {
            return Ok(None);
        }
        let single = directory::read_if_any(&self.configurations, &single)?;
        Ok(single.filter(|single| single.usable().is_ok()))
    }

    fn extend(
        &self,
        locked: &Locked,
        found: &Found,
        object: &Object,
        done: &mut Vec<String>,
    ) -> Result<OsString, InstallError> {
        let path = self.configurations.join(&found.name);
        let list =
            Conflist::usable(&found.text).map_err(|source| InstallError::Unusable { path: path.clone(), source })?;
        if list.holds(object) {
            return Ok(found.name.clone());
        }
        let why = match list.position() {
            None => "it had no istio-cni",
            Some(Position { annotations: false, .. }) => {
                "its istio-cni did not ask for annotations: perhaps Istio's own plugin"
            }
            Some(Position { place, of, .. }) if place < of => "its istio-cni was not the last plugin",
            Some(_) => "its istio-cni had a different configuration",
        };
        let mode = found.metadata.mode() & PERMISSIONS;
        let text = list.with(object);
        locked.put(&found.file, mode, Some(&found.metadata), Some(&found.metadata), place::text(&text))?;
        done.push(format!("{} now has istio-cni as its last plugin: {why}", path.display()));
        Ok(found.name.clone())
    }

    /// A file of one plugin becomes a list under another name. The old one is kept aside, so that it can go back as it
    /// was. At any moment, the file that comes first by name is a whole one: `.conf` sorts before `.conflist`, so it
    /// counts until it is renamed, and `.json` sorts after it.
    fn convert(
        &self,
        locked: &Locked,
        found: &Found,
        object: &Object,
        done: &mut Vec<String>,
    ) -> Result<OsString, InstallError> {
        let directory = &self.configurations;
        let path = directory.join(&found.name);
        let text = conflist::from_single(&found.text, object)
            .map_err(|source| InstallError::Unusable { path: path.clone(), source })?;
        let name = directory::list_name(&found.name);
        let target = directory.join(&name);
        let is_managed = directory::read_if_any(directory, &name)?.is_some_and(|list| list.is_managed());
        if !is_managed && directory::has(directory, &name)? {
            locked.set_aside(&name)?;
            done.push(format!("{} is kept as {}", target.display(), directory.join(place::aside(&name)).display()));
        }
        let mode = found.metadata.mode() & PERMISSIONS;
        locked.put(&name, mode, Some(&found.metadata), None, place::text(&text))?;
        locked.set_aside(&found.name)?;
        done.push(format!(
            "{} lists the plugin of {} and istio-cni; the old file is kept as {}",
            target.display(),
            path.display(),
            directory.join(place::aside(&found.name)).display()
        ));
        Ok(name)
    }

    /// Takes the object out of a file. A list made from a single plugin's file becomes that file again, unless it was
    /// changed since.
    fn take_out(
        &self,
        locked: &Locked,
        found: &Found,
        done: &mut Vec<String>,
        notes: &mut Vec<String>,
    ) -> Result<(), InstallError> {
        let directory = &self.configurations;
        let path = directory.join(&found.name);
        let list =
            Conflist::read(&found.text).map_err(|source| InstallError::Unusable { path: path.clone(), source })?;
        let without = list.without();
        for single in ["conf", "json"].map(|extension| with_extension(&found.name, extension)) {
            if kept(directory, &single)?.is_some_and(|kept| makes(&kept, &without)) {
                locked.bring_back(&single)?;
            } else if !directory::read_if_any(directory, &single)?.is_some_and(|single| makes(&single.text, &without)) {
                continue;
            }
            // An installer that was killed may have brought it back already.
            match directory::has(directory, &place::aside(&found.name))? {
                true => locked.bring_back(&found.name)?,
                false => locked.remove(&found.name)?,
            }
            done.push(format!("{} was restored to what it was before istio-cni", directory.join(single).display()));
            return Ok(());
        }
        for single in ["conf", "json"].map(|extension| with_extension(&found.name, extension)) {
            if kept(directory, &single)?.is_some() {
                notes.push(format!(
                    "{} was changed since it was made from {}, and is kept; {} can be removed",
                    path.display(),
                    directory.join(&single).display(),
                    directory.join(place::aside(&single)).display()
                ));
            }
        }
        let mode = found.metadata.mode() & PERMISSIONS;
        locked.put(&found.file, mode, Some(&found.metadata), Some(&found.metadata), place::text(&without))?;
        done.push(format!("istio-cni was removed from {}", path.display()));
        Ok(())
    }

    /// Takes the configuration away, wherever it is, and then the program, which no runtime looks for any more.
    pub fn uninstall(&self) -> Result<Pass, InstallError> {
        let directory = &self.configurations;
        let (mut done, mut notes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        if directory::is_there(directory)? {
            let locked = Locked::new(directory)?;
            for name in directory::candidates(directory)? {
                match directory::read(directory, &name) {
                    Ok(found) if found.is_managed() => {
                        errors.extend(self.take_out(&locked, &found, &mut done, &mut notes).err());
                    }
                    Ok(_) => {}
                    Err(error) if error.rules_out_an_object() => {
                        notes.push(format!("{error}; nothing was removed from it"));
                    }
                    // It may name the program, which then has to stay.
                    Err(error) => errors.push(error),
                }
            }
        }
        if !errors.is_empty() {
            return Err(InstallError::Several(errors));
        }
        let program = binary::path(&self.binaries);
        match binary::take_away(&self.binaries)? {
            Binary::Missing => {}
            Binary::Foreign => notes.push(format!("{} is another program, and is kept", program.display())),
            Binary::Managed { version, .. } => done.push(format!("{} removed, version {version}", program.display())),
        }
        Ok(Pass { standing: Standing::Waiting { reason: "uninstalled".to_owned(), again: None }, done, notes })
    }
}

/// Whether a single plugin's file is what a list was made of, which is without the plugin's object here.
fn makes(single: &str, list: &str) -> bool {
    let made = Object::read("{}", "").ok().and_then(|object| conflist::from_single(single, &object).ok());
    let made = made.as_deref().and_then(|text| Conflist::read(text).ok()).map(|list| list.without());
    made.is_some_and(|made| json::compact(&made) == json::compact(list))
}

fn with_extension(name: &OsString, extension: &str) -> OsString {
    Path::new(name).with_extension(extension).into_os_string()
}

/// What is kept aside of a file.
fn kept(directory: &Path, name: &OsString) -> Result<Option<String>, InstallError> {
    Ok(directory::read_if_any(directory, &place::aside(name))?.map(|found| found.text))
}

fn was(binary: &Binary) -> String {
    match binary {
        Binary::Missing => "it was not there".to_owned(),
        Binary::Foreign => "another program was there: perhaps Istio's own plugin".to_owned(),
        Binary::Managed { same: true, .. } => "not everyone could execute it".to_owned(),
        Binary::Managed { version, .. } => format!("version {version} was there"),
    }
}
