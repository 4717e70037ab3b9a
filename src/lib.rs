//! Puts a pod's network namespace under a sidecar proxy's control.
pub mod capture;
pub mod cli;
pub mod config;
pub mod explain;
pub mod logging;
pub mod netfilter;
/// Runs a call.
pub fn run(
    argv: Vec<std::ffi::OsString>,
    variable: &dyn Fn(&str) -> Option<std::ffi::OsString>,
    out: &mut dyn std::io::Write,
) -> std::process::ExitCode {
    let call = match cli::parse(argv, variable) {
        cli::Parsed::Text(t) => {
            let _ = out.write_all(t.as_bytes());
            return 0.into();
        }
        cli::Parsed::Call(c) => c,
    };
    let mut problems = config::Problems::default();
    problems.warnings.extend(call.ignored.into_iter().map(Into::into));
    problems.errors.extend(call.errors.into_iter().map(Into::into));
    let options = config::Options::read(call.command, &call.flags, &mut problems);
    options.logging.install();
    let config = config::Config::resolve(&call.flags, &options, &config::host::ThisHost, &mut problems);
    for w in &problems.warnings {
        log::warn!("{w}");
    }
    for e in &problems.errors {
        log::error!("{e}");
    }
    if !problems.errors.is_empty() {
        return 2.into();
    }
    let plan = capture::plan(&config);
    for f in config::Family::BOTH {
        let t = netfilter::restore::script(&plan.rules, f);
        if t.is_empty() {
            continue;
        }
        let _ =
            writeln!(out, "# {}-restore --noflush", if f == config::Family::Ipv4 { "iptables" } else { "ip6tables" });
        let _ = out.write_all(t.as_bytes());
    }
    0.into()
}
