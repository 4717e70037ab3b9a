//! A pod in which the program is called, as its init containers do.

use std::process::{Command, Output};

use crate::support::{Case, STANDARD};
use harness::Who;

/// As whom the validation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// `istio-init`: root with all it may have.
    Root,
    /// `istio-validation`: this user without capabilities, on a read-only file system.
    User(u32),
}

/// As Istio runs it.
pub const PROXY: As = As::User(1337);

/// A pod, wired to a world.
pub struct Pod(pub Case);

impl Pod {
    /// Applies rules.
    pub fn apply(&self, flags: &[&str]) {
        let said = self.call(As::Root, flags);
        assert_eq!(said.status, 0, "{}", said.text);
    }

    /// Validates, without an apply.
    pub fn validate(&self, who: As, flags: &[&str]) -> Said {
        self.call(who, &[&["--run-validation", "--skip-rule-apply"], flags].concat())
    }

    /// Calls the program.
    pub fn call(&self, who: As, flags: &[&str]) -> Said {
        let program = crate::PROGRAM;
        let mut command = match who {
            As::Root => Command::new(program),
            As::User(id) => {
                let mut command = Command::new("setpriv");
                let ids = [format!("--reuid={id}"), format!("--regid={id}")];
                command.args(ids).args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]);
                command.arg(program);
                command
            }
        };
        command.args(STANDARD).arg(self.0.kind.flag()).args(flags);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let resolv_conf = "nameserver 10.96.0.53\nnameserver fd00:96::53\n";
        let output = self.0.pod.enter_container(resolv_conf, || {
            if who != As::Root {
                make_read_only();
            }
            command.output().expect("the program runs")
        });
        let said = Said::new(&output);
        eprintln!("{who:?} {flags:?}: status {}\n{}", said.status, said.text);
        said
    }

    /// Empties the rules of a variant of iptables by hand.
    pub fn flush(&self, family: &str, table: &str, chain: &str) {
        let program = format!("{family}tables-{}", self.0.kind);
        self.0.pod.enter_container("", || {
            let status = Command::new(program).args(["-t", table, "-F", chain]).status().expect("iptables");
            assert!(status.success());
        });
    }

    /// Runs a server of this user, which accepts and sends nothing.
    pub fn listener(&self, uid: u32, at: &str) -> std::net::TcpListener {
        let who = Who { uid, gid: uid };
        self.0.pod.enter(who, || std::net::TcpListener::bind(at).expect(at))
    }
}

/// Makes all of this thread's file system read-only, as `readOnlyRootFilesystem` does.
fn make_read_only() {
    let status = Command::new("mount").args(["-o", "remount,bind,ro", "/"]).status().expect("mount");
    assert!(status.success(), "mount");
    assert!(std::fs::write("/read-only", "").is_err());
}

/// What the program printed.
pub struct Said {
    pub status: i32,
    pub text: String,
}

impl Said {
    fn new(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { status: output.status.code().expect("an exit status"), text }
    }

    /// The outcome of a check.
    #[track_caller]
    pub fn check(&self, subject: &str, family: &str) -> &str {
        let row = self.text.lines().find_map(|l| {
            let rest = l.strip_prefix(subject)?.trim_start().strip_prefix(family)?.trim_start();
            rest.split("  ").next()
        });
        row.unwrap_or_else(|| panic!("no row {subject:?} {family}"))
    }

    /// It passed, with all these checks.
    #[track_caller]
    pub fn passes(&self, subjects: &[&str], families: &[&str]) {
        assert_eq!(self.status, 0);
        for subject in subjects {
            for family in families {
                assert_eq!(self.check(subject, family), "passed", "{subject} {family}");
            }
        }
    }

    /// It failed, with these words.
    #[track_caller]
    pub fn fails(&self, words: &[&str]) {
        assert_eq!(self.status, 126);
        let error = self.text.split_once("the validation failed:").expect("a message").1;
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error}");
        }
    }
}
