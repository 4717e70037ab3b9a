//! Programs, how they are started, and how long they take.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::Result;
use crate::namespace::FILES;

/// The whole environment of most programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program to run, with its arguments and what it reads.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<String>,
    /// Environment variables besides `PATH`.
    pub environment: Vec<(String, String)>,
    /// The file for its standard input. Without it, programs that read standard input would wait.
    pub input: Option<PathBuf>,
}

impl Program {
    /// A program by its path.
    pub fn at(path: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
        Self { path: path.to_owned(), arguments, environment: Vec::new(), input: None }
    }

    /// A program that is looked for now, so that it has not to be when it is measured.
    pub fn named(name: &str, arguments: &[&str]) -> Result<Self> {
        let found = PATH.split(':').map(|directory| Path::new(directory).join(name)).find(|path| path.exists());
        Ok(Self::at(&found.ok_or_else(|| format!("{name} is not there"))?, arguments))
    }

    /// What does this work and nothing else (`benches/calls/floor.rs`).
    pub fn that_runs(work: &Work, floor: &Path) -> Self {
        let words = |program: &Self| {
            let mut words = vec![program.path.display().to_string()];
            words.extend(program.arguments.iter().cloned());
            words.extend(program.input.iter().map(|input| format!("<{}", input.display())));
            words
        };
        let together = |programs: &Vec<Self>| programs.iter().map(words).collect::<Vec<_>>().join(&"--and".to_owned());
        let arguments = work.iter().map(together).collect::<Vec<_>>().join(&"--then".to_owned());
        Self { path: floor.to_owned(), arguments, environment: Vec::new(), input: None }
    }

    /// The same with more arguments.
    pub fn with(&self, arguments: &[&str]) -> Self {
        let mut more = self.clone();
        more.arguments.extend(arguments.iter().map(|&a| a.to_owned()));
        more
    }

    /// The same call of another binary.
    pub fn by(&self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    /// The same with this text as standard input: from a file, so that nothing has to write it meanwhile.
    pub fn reading(&self, name: &str, text: &str) -> Result<Self> {
        let input = Path::new(FILES).join(name);
        fs::write(&input, text)?;
        Ok(Self { input: Some(input), ..self.clone() })
    }

    /// The command that starts it. Standard error goes to a file in memory: this program writes its log, as it does
    /// for operators.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", PATH)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(errors())?);
        match &self.input {
            Some(path) => command.stdin(File::open(path)?),
            None => command.stdin(Stdio::null()),
        };
        Ok(command)
    }

    /// What it writes to standard output, and to standard error.
    pub fn output(&self) -> Result<(String, String)> {
        forget_errors()?;
        let output = self.command()?.stdout(Stdio::piped()).output()?;
        let error = fs::read_to_string(errors())?;
        match output.status.success() {
            true => Ok((String::from_utf8(output.stdout)?, error)),
            false => Err(self.failed(&error)),
        }
    }

    /// The error for a run that failed.
    pub fn failed(&self, error: &str) -> Box<dyn std::error::Error> {
        let arguments = self.arguments.join(" ");
        let shown: String = arguments.chars().take(200).collect();
        let last: Vec<_> = error.lines().rev().take(5).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        format!("{} {shown} failed:\n{}", self.path.display(), last.join("\n")).into()
    }
}

/// Groups of programs, one group after the other; the programs of a group run at the same time.
pub type Work = Vec<Vec<Program>>;

/// What work took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// By the clock.
    pub time: Duration,
    /// On processors, of all programs that were started. Less of it depends on what else the machine does.
    pub processor: Duration,
}

/// Does the work, which must succeed.
pub fn run(work: &Work) -> Result<Took> {
    forget_errors()?;
    let commands = |programs: &Vec<Program>| programs.iter().map(Program::command).collect::<Result<Vec<_>>>();
    let mut commands = work.iter().map(commands).collect::<Result<Vec<_>>>()?;
    let mut succeeded = true;
    let processor = processor()?;
    let start = Instant::now();
    for together in &mut commands {
        let running: Vec<Child> = together.iter_mut().map(Command::spawn).collect::<std::io::Result<_>>()?;
        for mut child in running {
            succeeded &= child.wait()?.success();
        }
    }
    let time = start.elapsed();
    let took = Took { time, processor: self::processor()?.saturating_sub(processor) };
    match work.iter().flatten().next_back() {
        Some(last) if !succeeded => Err(last.failed(&fs::read_to_string(errors())?)),
        _ => Ok(took),
    }
}

/// The processor time of all programs that have been waited for, by this process and by those programs.
fn processor() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let duration = |time: TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}

fn forget_errors() -> Result<()> {
    Ok(fs::write(errors(), "")?)
}

/// The file for standard error.
fn errors() -> PathBuf {
    Path::new(FILES).join("errors")
}
