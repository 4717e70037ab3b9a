//! Exit status, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    istio_iptables::run(std::env::args_os().collect(), &|name| std::env::var_os(name), &mut std::io::stdout().lock())
}
