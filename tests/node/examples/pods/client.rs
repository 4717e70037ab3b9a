//! What runs in the shell: it asks the node, and prints what that answers.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

use super::{LOG, SOCKET};

/// Starts the node, and returns when it has its images.
pub fn start() -> ExitCode {
    if UnixStream::connect(SOCKET).is_ok() {
        eprintln!("pods: there is a node already; end it with `pods stop`");
        return ExitCode::FAILURE;
    }
    let log = File::create(LOG).expect("a log");
    let mut node = Command::new(std::env::current_exe().expect("this program"));
    node.arg("serve").stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
    let mut node = node.process_group(0).spawn().expect("the node starts");
    let mut ended = None;
    harness::wait_until("the node answers", || {
        ended = node.try_wait().expect("a child");
        ended.is_some() || UnixStream::connect(SOCKET).is_ok()
    });
    match ended {
        None => ExitCode::SUCCESS,
        Some(status) => {
            eprintln!("pods: the node ended with {status}:\n{}", fs::read_to_string(LOG).unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

/// A file, or standard input for `-`.
pub fn read(file: &str) -> String {
    if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).expect("standard input");
        return text;
    }
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Asks the node, and prints its answer.
pub fn ask(words: &[&str], input: &str) -> ExitCode {
    match answer(words, input) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{}", text.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// Becomes a program of this machine in the network namespace of a pod.
pub fn inside(pod: &str, command: &[&str]) -> ExitCode {
    match answer(&["namespace", pod], "") {
        Ok(path) => {
            let error = Command::new("nsenter").arg(format!("--net={path}")).args(command).exec();
            eprintln!("pods: nsenter: {error}");
            ExitCode::FAILURE
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn answer(words: &[&str], input: &str) -> Result<String, String> {
    let mut node = UnixStream::connect(SOCKET).map_err(|_| "pods: there is no node; begin with `pods start`")?;
    let question = json!({"words": words, "input": input}).to_string();
    let mut text = String::new();
    node.write_all(question.as_bytes())
        .and_then(|()| node.shutdown(Shutdown::Write))
        .and_then(|()| node.read_to_string(&mut text))
        .map_err(|error| format!("pods: {error}"))?;
    let answer: Value = serde_json::from_str(&text)
        .map_err(|_| format!("pods: the node has ended:\n{}", fs::read_to_string(LOG).unwrap_or_default()))?;
    let text = answer["text"].as_str().unwrap_or_default().to_owned();
    if answer["ok"] == true { Ok(text) } else { Err(text) }
}
