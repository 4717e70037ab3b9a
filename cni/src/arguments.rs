//! The command line: its commands and their flags.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, value_parser};

/// The variable that holds the plugin's configuration if no flag does.
pub(crate) const PLUGIN_CONFIG: &str = "ISTIO_CNI_PLUGIN_CONFIG";

/// The parser.
pub fn parser() -> clap::Command {
    let places = [
        Arg::new("bin-dir")
            .long("bin-dir")
            .value_name("DIRECTORY")
            .value_parser(value_parser!(PathBuf))
            .default_value("/host/opt/cni/bin")
            .help("The directory in which the node's runtime looks for CNI plugins"),
        Arg::new("conf-dir")
            .long("conf-dir")
            .value_name("DIRECTORY")
            .value_parser(value_parser!(PathBuf))
            .default_value("/host/etc/cni/net.d")
            .help("The directory in which the node's runtime looks for its CNI configuration"),
        Arg::new("conf-name").long("conf-name").value_name("FILE").value_parser(value_parser!(OsString)).help(
            "The configuration file in --conf-dir that the runtime uses [default: the first by name that it can use]",
        ),
    ];
    let config = [
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .conflicts_with("plugin-config")
            .help("A file that has the plugin's configuration as a JSON object; - for standard input"),
        Arg::new("plugin-config")
            .long("plugin-config")
            .value_name("JSON")
            .value_parser(value_parser!(OsString))
            .allow_hyphen_values(true)
            .help(format!("The plugin's configuration as a JSON object [env: {PLUGIN_CONFIG}] [default: {{}}]")),
    ];
    let switch =
        |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    clap::Command::new("istio-cni")
        .version(env!("CARGO_PKG_VERSION"))
        .about("CNI plugin that redirects the traffic of pods to their sidecar proxies, and its installer")
        .after_help(AFTER_HELP)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .subcommand(
            clap::Command::new("install")
                .about("Installs the plugin on this node, then keeps running and repairs the installation")
                .args(&places)
                .args(config)
                .arg(switch("once", "Exit once the plugin is installed, instead of keeping it installed"))
                .arg(switch("uninstall-on-exit", "Uninstall the plugin on SIGTERM or SIGINT").conflicts_with("once"))
                .arg(
                    Arg::new("listen")
                        .long("listen")
                        .value_name("ADDRESS")
                        .default_value("127.0.0.1:15023")
                        .help("Address that serves /healthz and /readyz, unless --once; empty for none"),
                ),
        )
        .subcommand(
            clap::Command::new("uninstall")
                .about("Removes the plugin from the CNI configuration, and then its program")
                .args(&places),
        )
        .subcommand(
            clap::Command::new("status")
                .about("Shows whether the plugin is installed on this node; changes nothing")
                .args(&places)
                .arg(
                    Arg::new("output")
                        .long("output")
                        .value_name("FORMAT")
                        .value_parser(["text", "json"])
                        .default_value("text")
                        .help("Output format"),
                ),
        )
}

const AFTER_HELP: &str = "\
Without a command it is a CNI plugin: it reads the call from CNI_* variables and standard input.

Exit status: 0 done, or installed (status); 1 failed; 2 usage error; 3 not installed (status).";
