//! The shape of the lines that are written for iptables-restore.

use crate::net::{Interface, Mark, Network, Owner, Port, PortRange};
use crate::netfilter::{Chain, IstioChain};

/// Checks that a line of restore text has the shape of the planner's rules, and that every value in it is
/// one of its kind: then no value brought in a token of its own.
pub fn check_line(line: &str) -> Result<(), String> {
    let tokens: Vec<&str> = line.split(' ').collect();
    let chain = |name: &str| Chain::named(name).map(drop).ok_or(format!("chain {name:?}"));
    let rest = match tokens.as_slice() {
        ["COMMIT"] => return Ok(()),
        ["*", "filter" | "mangle" | "nat" | "raw"] => return Ok(()),
        ["-N", name] => return chain(name),
        ["-A", name, rest @ ..] => chain(name).map(|()| rest)?,
        ["-I", name, "1" | "2" | "3", rest @ ..] => chain(name).map(|()| rest)?,
        _ => return Err("no known beginning".to_owned()),
    };
    check_rule(rest)
}

fn check_rule(mut rest: &[&str]) -> Result<(), String> {
    let mut jumps = 0;
    while let [option, tail @ ..] = rest {
        let (value, after) = match tail {
            [value, after @ ..] => (Some(*value), after),
            [] => (None, tail),
        };
        let is = |good: bool| if good { Ok(after) } else { Err(format!("{option} {value:?}")) };
        let all = |good: &dyn Fn(&str) -> bool| is(value.is_some_and(|v| v.split(',').all(good)));
        let one_of = |words: &[&str]| is(value.is_some_and(|v| words.contains(&v)));
        rest = match *option {
            "!" => is(value.is_some_and(|v| v.starts_with('-'))).map(|_| tail)?,
            "--save-mark" | "--restore-mark" => tail,
            "-s" | "-d" => is(value.is_some_and(|v| Network::parse(v).is_ok()))?,
            "-i" | "-o" => is(value.is_some_and(|v| Interface::parse(v).is_ok()))?,
            "-p" => one_of(&["tcp", "udp"])?,
            "-m" => one_of(&["multiport", "owner", "conntrack", "mark", "connmark"])?,
            "--sport" | "--dport" => is(value.is_some_and(|v| PortRange::parse(v).is_ok()))?,
            "--dports" => all(&|v| Port::parse(v).is_ok())?,
            "--uid-owner" | "--gid-owner" => is(value.is_some_and(|v| Owner::parse(v).is_ok()))?,
            "--ctstate" => all(&|v| ["INVALID", "RELATED", "ESTABLISHED"].contains(&v))?,
            "--mark" | "--set-mark" => is(value.is_some_and(|v| Mark::parse(v).is_ok()))?,
            "--tproxy-mark" => {
                let mark = value.and_then(|v| v.strip_suffix("/0xffffffff"));
                is(mark.is_some_and(|v| Mark::parse(v).is_ok()))?
            }
            "--on-port" | "--to-ports" | "--to-port" => is(value.is_some_and(|v| Port::parse(v).is_ok()))?,
            "--zone" => one_of(&["1", "2"])?,
            "-j" => {
                jumps += 1;
                let built_in = ["RETURN", "ACCEPT", "DROP", "REDIRECT", "TPROXY", "MARK", "CONNMARK", "CT"];
                is(value.is_some_and(|v| built_in.contains(&v) || IstioChain::named(v).is_some()))?
            }
            _ => return Err(format!("{option:?} is no option of ours")),
        };
    }
    if jumps == 1 { Ok(()) } else { Err(format!("{jumps} targets")) }
}
