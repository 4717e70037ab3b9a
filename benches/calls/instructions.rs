//! Counts in place of times: they hardly change from run to run, whatever else the machine does.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cases::Case;
use crate::measure::prepare;
use crate::namespace::FILES;
use crate::programs::{Program, run as run_all};
use crate::{Result, trace};

/// Prints the instructions and system calls of this program's process alone. Each function's share is left in
/// `profiles`, for callgrind_annotate(1).
pub fn run(cases: impl Iterator<Item = Case>, ours: &Program, other: Option<&Path>, profiles: &Path) -> Result<()> {
    let compared = if other.is_some() { format!("{:>15}{:>12}", "other", "ours/other") } else { String::new() };
    println!("{:<40}{:>15}{:>7}{compared}", "", "instructions", "calls");
    fs::create_dir_all(profiles)?;
    for case in cases {
        let prepared = case.prepare(ours, None)?;
        let profile = profiles.join(prepared.name.replace(", ", "-").replace(' ', "-"));
        prepare(&prepared.before)?;
        let counted = count(&prepared.ours, &profile)?;
        prepare(&prepared.before)?;
        let calls = trace::run(&prepared.ours)?.system_calls;
        let mut line = format!("{:<40}{counted:>15}{calls:>7}", prepared.name);
        if let Some(path) = other {
            prepare(&prepared.before)?;
            let theirs = count(&prepared.ours.by(path), Path::new("/dev/null"))?;
            line.push_str(&format!("{theirs:>15}{:>12.3}", counted as f64 / theirs as f64));
        }
        println!("{line}");
    }
    println!("\nby function: callgrind_annotate {}/NAME", profiles.display());
    Ok(())
}

/// The instructions that a program executes in its own process, those of the programs it starts left out.
fn count(program: &Program, profile: &Path) -> Result<u64> {
    let log = PathBuf::from(FILES).join("valgrind");
    let mut valgrind = Program::named("valgrind", &["--tool=callgrind"])?.with(&[
        &format!("--callgrind-out-file={}", profile.display()),
        &format!("--log-file={}", log.display()),
        &program.path.display().to_string(),
    ]);
    valgrind.arguments.extend(program.arguments.iter().cloned());
    run_all(&vec![vec![valgrind]])?;
    // Children write to the same file until they execute something; the last line of this kind is this program's.
    let text = fs::read_to_string(&log)?;
    let collected = text.lines().rev().find_map(|line| line.split_once("Collected : "));
    Ok(collected.ok_or("valgrind counted nothing")?.1.trim().parse()?)
}
