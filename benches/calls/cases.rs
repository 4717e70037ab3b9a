//! What is measured: each row of the table, what goes before it, and the bare programs that do the same.

use std::error::Error;
use std::path::Path;

use crate::programs::{Program, Work, run};
use crate::{Result, namespace};

/// What Istio's injector runs.
const REDIRECT: [&str; 16] = [
    "-p",
    "15001",
    "-z",
    "15006",
    "-u",
    "1337",
    "-m",
    "REDIRECT",
    "-i",
    "*",
    "-x",
    "",
    "-b",
    "*",
    "-d",
    "15090,15021,15020",
];
const IPV4: [&str; 1] = ["--ip-families=ipv4"];
const DUAL_DNS: [&str; 3] = ["--ip-families=dual", "--redirect-dns", "--capture-all-dns"];
/// What was wanted before a change.
const OTHER: [&str; 4] = ["-p", "16001", "-d", "15090,15021,15020,9999"];

/// How rules get into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Nft,
    Legacy,
    Native,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Nft, Self::Legacy, Self::Native];

    const fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Legacy => "legacy",
            Self::Native => "native",
        }
    }

    /// The flags for that.
    const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Nft => &["--force-iptables-binary", "nft"],
            Self::Legacy => &["--force-iptables-binary", "legacy"],
            Self::Native => &["--native-nftables"],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    DryRun,
    FirstApply,
    InPlace,
    Change,
    Clean,
    Validation,
}

impl Action {
    const APPLIED: [Self; 4] = [Self::FirstApply, Self::InPlace, Self::Change, Self::Clean];

    const fn name(self) -> &'static str {
        match self {
            Self::DryRun => "dry run",
            Self::FirstApply => "first apply",
            Self::InPlace => "in place",
            Self::Change => "change",
            Self::Clean => "clean",
            Self::Validation => "validation",
        }
    }
}

/// The most that a call should take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// Times the floor.
    pub of_floor: Option<f64>,
    /// Times the bare programs, both without the floor.
    pub above_floor: Option<f64>,
    /// Milliseconds.
    pub milliseconds: Option<f64>,
    /// KiB of memory.
    pub kib: Option<usize>,
}

/// A row of the table.
pub struct Case {
    pub name: String,
    action: Action,
    kind: Kind,
    flags: Vec<String>,
    ranges: usize,
}

/// A row, ready to be measured.
pub struct Prepared {
    pub name: String,
    /// What has to be there first; not measured.
    pub before: Work,
    pub ours: Program,
    /// What does the same, and what it is called.
    pub bare: Option<(Work, &'static str)>,
    /// What has to be done at least: a program that runs the bare programs and does nothing else if this program needs
    /// them, an empty process if not.
    pub floor: Option<Program>,
    pub target: Target,
}

/// All rows, in the order of the table.
pub fn all() -> impl Iterator<Item = Case> {
    let plain = |action, kind| Case::new(action, kind, "IPv4", &IPV4, 0);
    let dual = |action, kind| Case::new(action, kind, "both families, DNS", &DUAL_DNS, 0);
    let mut cases = vec![plain(Action::DryRun, Kind::Nft), dual(Action::DryRun, Kind::Nft)];
    for kind in Kind::ALL {
        cases.extend(Action::APPLIED.map(|action| plain(action, kind)));
        cases.extend(Action::APPLIED.map(|action| dual(action, kind)));
    }
    cases.extend([plain(Action::Validation, Kind::Native), dual(Action::Validation, Kind::Native)]);
    for count in [100, 1_000, 10_000] {
        let excluded = |action, kind| {
            let flags = ["--ip-families=ipv4".to_owned(), "-x".to_owned(), ranges(count)];
            Case::new(action, kind, &format!("{count} ranges"), &flags, count)
        };
        cases.push(excluded(Action::DryRun, Kind::Nft));
        for kind in Kind::ALL {
            cases.extend(Action::APPLIED.map(|action| excluded(action, kind)));
        }
    }
    cases.into_iter()
}

/// Ranges for `-x`, `count` of them. Short ones: one argument may have 128 KiB (execve(2)).
fn ranges(count: usize) -> String {
    let range = |i: usize| format!("{}.{}.{}.{}/32", 1 + i / 1331, i / 121 % 11, i / 11 % 11, i % 11);
    (0..count).map(range).collect::<Vec<_>>().join(",")
}

impl Case {
    fn new(action: Action, kind: Kind, label: &str, flags: &[impl ToString], ranges: usize) -> Self {
        let name = match action == Action::DryRun {
            true => format!("{}, {label}", action.name()),
            false => format!("{}, {}, {label}", action.name(), kind.name()),
        };
        Self { name, action, kind, flags: flags.iter().map(ToString::to_string).collect(), ranges }
    }

    /// The calls of this program, and what the bare ones have to do. `runs` is a program that only runs others.
    pub fn prepare(&self, ours: &Program, runs: Option<&Path>) -> Result<Prepared> {
        let flags: Vec<_> = self.flags.iter().map(String::as_str).collect();
        let apply = ours.with(&REDIRECT).with(&flags).with(self.kind.flags());
        let applied = vec![vec![apply.clone()]];
        let (before, ours) = match self.action {
            Action::DryRun => (Vec::new(), apply.with(&["--dry-run"])),
            Action::FirstApply => (Vec::new(), apply.clone()),
            Action::InPlace => (applied, apply.clone()),
            Action::Change => (vec![vec![apply.with(&OTHER)]], apply.clone()),
            Action::Clean => (applied, apply.with(&["clean"])),
            Action::Validation => (applied, apply.with(&["--skip-rule-apply", "--run-validation"])),
        };
        let bare = self.bare(&apply, &before, &ours)?;
        let floor = match (&bare, self.kind) {
            _ if self.action == Action::DryRun => None,
            (Some((work, _)), Kind::Nft | Kind::Legacy) => runs.map(|path| Program::that_runs(work, path)),
            (Some(_), Kind::Native) => Some(Program::named("true", &[])?),
            (None, _) => None,
        };
        Ok(Prepared { name: self.name.clone(), before, ours, bare, floor, target: self.target() })
    }

    /// The bare programs that do the work of `ours` after `before`, and their name.
    fn bare(&self, apply: &Program, before: &Work, ours: &Program) -> Result<Option<(Work, &'static str)>> {
        let kind = self.kind;
        let load = |program| Ok::<_, Box<dyn Error>>(vec![loads(&printed(program)?, kind)?]);
        let save_and_load = |texts: &[Text]| Ok::<_, Box<dyn Error>>(vec![saves(texts, kind)?, loads(texts, kind)?]);
        Ok(Some(match (self.action, kind) {
            (Action::DryRun, _) => (vec![vec![Program::named("true", &[])?]], "true"),
            (Action::Validation, _) => return Ok(None),
            (Action::FirstApply | Action::InPlace | Action::Change, Kind::Native) => {
                (load(apply)?, "nft -f of the same script")
            }
            (Action::Clean, Kind::Native) => (load(ours)?, "nft -f of delete table"),
            (Action::FirstApply, _) => (load(apply)?, "restore of the same text"),
            (Action::InPlace, _) => (vec![saves(&printed(apply)?, kind)?], "save"),
            (Action::Change, _) => (save_and_load(&logged(before, ours)?)?, "save, restore of the same text"),
            (Action::Clean, _) => {
                // A dry run is for both families; what is not there is not removed.
                let made = printed(apply)?;
                let mut texts = printed(ours)?;
                texts.retain(|text| made.iter().any(|m| m.program == text.program));
                (save_and_load(&texts)?, "save, restore of the same text")
            }
        }))
    }

    /// What the project has set itself. The calls with ranges show how the times grow.
    fn target(&self) -> Target {
        if self.ranges > 0 {
            return Target::default();
        }
        let first = self.action == Action::FirstApply;
        let small = self.action == Action::DryRun;
        Target {
            of_floor: (first && self.kind != Kind::Native).then_some(1.15),
            // Not for a change: most of it is the kernel's wait for those who still use the old rules, as it is of nft's.
            above_floor: (self.kind == Kind::Native && (first || self.action == Action::InPlace)).then_some(0.2),
            milliseconds: small.then_some(1.5),
            kib: small.then_some(3 * 1024),
        }
    }
}

/// Text for one bare program.
struct Text {
    program: &'static str,
    text: String,
}

/// What a dry run prints, by program.
fn printed(ours: &Program) -> Result<Vec<Text>> {
    let mut texts: Vec<Text> = Vec::new();
    for line in ours.with(&["--dry-run"]).output()?.0.lines() {
        let program =
            PROGRAMS.into_iter().find(|p| line.strip_prefix("# ").is_some_and(|l| l.starts_with(&format!("{p} "))));
        match (program, texts.last_mut()) {
            (Some(program), _) => texts.push(Text { program, text: String::new() }),
            (None, Some(last)) if !line.starts_with('#') => {
                last.text.push_str(line);
                last.text.push('\n');
            }
            (None, _) => {}
        }
    }
    there(texts)
}

/// What a call hands to the restore programs, which its log shows.
fn logged(before: &Work, ours: &Program) -> Result<Vec<Text>> {
    namespace::fresh()?;
    run(before)?;
    let mut texts = Vec::new();
    for line in ours.with(&["--log_as_json"]).output()?.1.lines() {
        let line: serde_json::Value = serde_json::from_str(line)?;
        let Some((head, text)) = line.get("msg").and_then(|m| m.as_str()).and_then(|m| m.split_once('\n')) else {
            continue;
        };
        let program = match head {
            _ if !head.contains(" rules for iptables (") => continue,
            _ if head.starts_with("IPv6") => "ip6tables-restore",
            _ => "iptables-restore",
        };
        if text.ends_with(" more lines)") {
            return Err("the log does not show all of the change".into());
        }
        texts.push(Text { program, text: format!("{text}\n") });
    }
    there(texts)
}

fn there(texts: Vec<Text>) -> Result<Vec<Text>> {
    if texts.is_empty() { Err("nothing was printed that a bare program could do".into()) } else { Ok(texts) }
}

/// The programs as a dry run names them.
const PROGRAMS: [&str; 3] = ["iptables-restore", "ip6tables-restore", "nft"];

/// The programs that load the texts, at the same time.
fn loads(texts: &[Text], kind: Kind) -> Result<Vec<Program>> {
    let load = |Text { program, text }: &Text| match kind {
        Kind::Native => Program::named(program, &["-f", "-"])?.reading(program, text),
        Kind::Nft | Kind::Legacy => Program::named(&of_kind(program, kind), &["--noflush"])?.reading(program, text),
    };
    texts.iter().map(load).collect()
}

/// The programs that show what the same programs have loaded.
fn saves(texts: &[Text], kind: Kind) -> Result<Vec<Program>> {
    texts.iter().map(|t| Program::named(&of_kind(t.program, kind).replace("-restore", "-save"), &[])).collect()
}

fn of_kind(program: &str, kind: Kind) -> String {
    program.replace("tables-", &format!("tables-{}-", kind.name()))
}
