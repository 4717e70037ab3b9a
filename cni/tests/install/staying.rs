//! An installer that stays, with its log and its health.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::node::Node;

/// Long enough for a busy machine. No test waits so long but one that fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

pub struct Staying {
    child: Child,
    log: Arc<Log>,
    address: String,
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Staying {
    /// Starts one, and waits until it answers.
    pub fn start(node: &Node, args: &[&str]) -> Self {
        let args = [&["install", "--listen=127.0.0.1:0"], args].concat();
        let mut child = node.command(&args).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        let (lines, to) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                to.lines.lock().unwrap().push(line);
                to.more.notify_all();
            }
        });
        let mut staying = Self { child, log, address: String::new() };
        let line = staying.logs("answering");
        staying.address = line.rsplit_once("http://").unwrap().1.to_owned();
        staying
    }

    /// Waits for a line of the log with this text.
    pub fn logs(&self, text: &str) -> String {
        let lines = self.log.lines.lock().unwrap();
        let has = |lines: &Vec<String>| lines.iter().any(|line| line.contains(text));
        let (lines, _) = self.log.more.wait_timeout_while(lines, PATIENCE, |lines| !has(lines)).unwrap();
        let line = lines.iter().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no {text:?} in {lines:#?}")).clone()
    }

    pub fn log(&self) -> String {
        self.log.lines.lock().unwrap().join("\n")
    }

    /// The answer to a request as it is.
    pub fn answer(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn get(&self, path: &str) -> String {
        self.answer(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
    }

    pub fn is_ready(&self) -> bool {
        self.get("/readyz").starts_with("HTTP/1.1 200 ")
    }

    pub fn becomes_ready(&self) {
        self.until("ready", || self.is_ready());
    }

    /// Waits for a condition.
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < end, "not {what}: {}\n{}", self.get("/readyz"), self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether each of its threads is traced.
    pub fn is_traced(&self) -> bool {
        self.of_threads("status").all(|status| !status.contains("TracerPid:\t0\n"))
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// What `/proc` shows of it.
    pub fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.id())).unwrap()
    }

    /// The states of its threads of this name, as proc_pid_stat(5) has them.
    pub fn states(&self, thread: &str) -> Vec<char> {
        let state = |stat: String| stat.split_once(&format!("({thread}) "))?.1.chars().next();
        self.of_threads("stat").filter_map(state).collect()
    }

    /// What `/proc` shows of its threads.
    fn of_threads(&self, file: &str) -> impl Iterator<Item = String> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        // A thread may have ended meanwhile.
        threads.filter_map(move |entry| fs::read_to_string(entry.ok()?.path().join(file)).ok())
    }

    pub fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args(["-s", signal, &self.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// Ends it, and gives its exit status.
    pub fn end(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }
}
