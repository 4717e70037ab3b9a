//! `manual FOLDER DATE`: writes the man pages and the completions of bash, zsh and fish into a folder.

use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use istio_iptables::cli;
use roff::{Roff, bold, roman};

/// The injector's command line, from its source: the rest of it takes minutes to build.
#[allow(dead_code)]
#[path = "../../../injector/src/commands/arguments.rs"]
mod injector;

/// What the injector's command line needs of its neighbour.
mod webhook {
    pub(crate) fn address(text: &str) -> Result<String, std::convert::Infallible> {
        Ok(text.to_owned())
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(date), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: manual FOLDER DATE"));
    };
    write(Path::new(&folder), &date)
}

fn write(folder: &Path, date: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("istio-iptables.8"), man_page(date)?)?;
    // Shells offer the command that the program finds among its other words.
    let mut command = cli::command().mut_arg("words", |a| a.hide(false).num_args(0..=1).value_parser(["clean"]));
    complete(&mut command, cli::PROGRAM, folder)?;
    let version = command.get_version().unwrap_or_default().to_owned();
    program(injector::command().version(version.clone()), "1", "User commands", date, folder)?;
    program(istio_cni::arguments::parser().version(version), "8", "System administration", date, folder)
}

/// The completions of a program, a page for it, and one for each of its commands.
fn program(mut command: Command, section: &str, manual: &str, date: &str, folder: &Path) -> io::Result<()> {
    let program = command.get_name().to_owned();
    complete(&mut command, &program, folder)?;
    command.build();
    let pages: Vec<_> = command.get_subcommands().filter(|command| command.get_name() != "help").cloned().collect();
    for command in std::iter::once(command).chain(pages) {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let mut page = Vec::new();
        Man::new(command.name(name.clone())).section(section).date(date).manual(manual).render(&mut page)?;
        std::fs::write(folder.join(format!("{name}.{section}")), page)?;
    }
    Ok(())
}

fn complete(command: &mut Command, program: &str, folder: &Path) -> io::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, command, program, folder)?;
    }
    Ok(())
}

fn man_page(date: &str) -> io::Result<Vec<u8>> {
    let command = cli::command();
    // The end of --help, by its paragraphs: the man page has sections for them.
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command).section("8").date(date).manual("System administration");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    // Names of flags and variables are not to be broken at the end of a line.
    let mut whole = Roff::new();
    whole.control("nh", []);
    whole.control("ad", ["l"]);
    whole.to_writer(&mut page)?;
    man.render_name_section(&mut page)?;
    let mut sections = Roff::new();
    sections.control("SH", ["SYNOPSIS"]);
    sections.text([bold("istio-iptables"), roman(" [FLAGS]")]);
    sections.control("br", []);
    sections.text([bold("istio-iptables clean"), roman(" [FLAGS]")]);
    sections.control("br", []);
    sections.text([bold("istio-clean-iptables"), roman(" [FLAGS]")]);
    sections.control("SH", ["DESCRIPTION"]);
    sections.text([roman(DESCRIPTION)]);
    sections.to_writer(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut sections = Roff::new();
    sections.control("SH", ["ENVIRONMENT"]);
    sections.text([roman(
        "A flag overrides its environment variable, which is named with the flag. A variable that is set but empty sets a \
         list to empty, and leaves a number or boolean alone. Without a flag are:",
    )]);
    for (name, meaning) in cli::VARIABLES {
        sections.control("TP", []);
        sections.text([bold(name)]);
        sections.text([roman(meaning)]);
    }
    sections.control("SH", ["NOTES"]);
    for paragraph in help.split("\n\n") {
        sections.control("PP", []);
        sections.control("nf", []);
        for line in paragraph.lines() {
            sections.text([roman(line)]);
        }
        sections.control("fi", []);
    }
    sections.control("SH", ["SEE ALSO"]);
    sections.text([
        bold("iptables"),
        roman("(8), "),
        bold("nft"),
        roman("(8), "),
        bold("network_namespaces"),
        roman("(7)"),
    ]);
    sections.to_writer(&mut page)?;
    Ok(page)
}

const DESCRIPTION: &str = "Runs once in a pod's network namespace, before the application starts, and exits. From \
    then on, the proxy's inbound listener receives every TCP connection into the pod, and its outbound listener \
    every one out of it, except those that the flags exclude and those of the proxy's own user. After exit status \
    0, the namespace has exactly the wanted rules, routes and addresses; after status 1, 2 or 3, it is as it was \
    before, unless a message lists what is left. It can be run again at any time: rules that are already in place \
    are not touched.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_and_each_page_names_every_command_of_the_injector() {
        let folder = std::env::temp_dir().join(format!("manual-{}", std::process::id()));
        write(&folder, "2026-01-02").unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let commands = ["kube-inject", "diff", "uninject", "explain", "render", "lint", "review", "webhook", "check"];
        for shell in ["sidecar-injector.bash", "_sidecar-injector", "sidecar-injector.fish"] {
            let text = read(shell);
            assert!(
                commands.iter().all(|command| text.contains(command)) && text.contains("injectConfigFile"),
                "{shell}"
            );
        }
        for command in commands {
            let page = read(&format!("sidecar-injector-{command}.1"));
            assert!(page.contains("2026\\-01\\-02") || page.contains("2026-01-02"), "{command}: {page}");
            assert!(read("sidecar-injector.1").contains(&command.replace('-', "\\-")), "{command}");
        }
        for command in ["install", "uninstall", "status"] {
            assert!(read(&format!("istio-cni-{command}.8")).contains("conf\\-dir"), "{command}");
            let shells = ["istio-cni.bash", "_istio-cni", "istio-cni.fish"];
            assert!(shells.iter().all(|shell| read(shell).contains(command)), "{command}");
        }
        assert!(read("istio-iptables.bash").contains("istio-iptables"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
