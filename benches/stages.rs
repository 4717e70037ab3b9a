//! What the pure stages of a call cost, each alone: with the rules of a usual pod, and with thousands of excluded
//! ranges. `cargo bench`, or one of them: `cargo bench --bench stages -- compare`.

#![allow(clippy::panic, reason = "a benchmark that has nothing to measure ends")]

use std::collections::BTreeMap;
use std::fmt::Write;

use divan::{Bencher, black_box};
use istio_iptables::capture::{self, Plan};
use istio_iptables::config::Config;
use istio_iptables::config::fake::{FakeHost, resolve};
use istio_iptables::net::Family;
use istio_iptables::netfilter::{Variant, restore, save};
use istio_iptables::nftables;
use istio_iptables::state::{self, Comparison, Goal, Observed, SavedTables};

/// The program's.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// What Istio's injector runs; the rest is appended.
const REDIRECT: [&str; 16] = [
    "istio-iptables",
    "--ip-families=ipv4",
    "-p15001",
    "-z15006",
    "-u1337",
    "-mREDIRECT",
    "-i*",
    "-b*",
    "-d15090,15021,15020",
    "--force-iptables-binary=nft",
    "--redirect-dns=false",
    "--dual-stack=false",
    "--drop-invalid=false",
    "--reconcile=true",
    "--log_output_level=default:info",
    "-x",
];

/// How many ranges are excluded. The rules are some twenty more.
const RANGES: [usize; 3] = [0, 1_000, 10_000];

fn main() {
    divan::main();
}

/// From the command line to the configuration.
#[divan::bench(args = RANGES)]
fn parse(bencher: Bencher<'_, '_>, ranges: usize) {
    let arguments = arguments(ranges, "15001");
    bencher.with_inputs(|| arguments.clone()).bench_values(|arguments| config(&arguments));
}

/// From the configuration to the rules.
#[divan::bench(args = RANGES)]
fn plan(bencher: Bencher<'_, '_>, ranges: usize) {
    let config = config(&arguments(ranges, "15001"));
    bencher.bench_local(|| capture::plan(black_box(&config)));
}

/// From the rules to the text for iptables-restore.
#[divan::bench(args = RANGES)]
fn render_restore(bencher: Bencher<'_, '_>, ranges: usize) {
    let plan = planned(ranges, "15001");
    bencher.bench_local(|| restore::script(black_box(&plan.rules), Family::Ipv4));
}

/// From the rules to the script for nft.
#[divan::bench(args = RANGES)]
fn render_nft(bencher: Bencher<'_, '_>, ranges: usize) {
    let plan = planned(ranges, "15001");
    bencher.bench_local(|| nftables::Tables::of(black_box(&plan.rules)).to_string());
}

/// From the text of iptables-save to the rules that are there.
#[divan::bench(args = RANGES)]
fn parse_saved(bencher: Bencher<'_, '_>, ranges: usize) {
    let text = saved(&planned(ranges, "15001"));
    bencher.bench_local(|| save::parse(black_box(&text)));
}

/// The existing rules compared with the wanted ones, if they are the same.
#[divan::bench(args = RANGES)]
fn compare_in_place(bencher: Bencher<'_, '_>, ranges: usize) {
    let plan = planned(ranges, "15001");
    let there = there(&saved(&plan));
    assert_eq!(state::model::compare(&there, goal(&plan)), Comparison::InPlace);
    bencher.bench_local(|| state::model::compare(black_box(&there), goal(&plan)));
}

/// The same with another port of the proxy.
#[divan::bench(args = RANGES)]
fn compare_drifted(bencher: Bencher<'_, '_>, ranges: usize) {
    let there = there(&saved(&planned(ranges, "16001")));
    let plan = planned(ranges, "15001");
    bencher.bench_local(|| state::model::compare(black_box(&there), goal(&plan)));
}

fn arguments(ranges: usize, port: &str) -> Vec<String> {
    let range = |i: usize| format!("{}.{}.{}.{}/32", 1 + i / 1331, i / 121 % 11, i / 11 % 11, i % 11);
    let excluded = (0..ranges).map(range).collect::<Vec<_>>().join(",");
    let mut arguments: Vec<_> = REDIRECT.iter().map(|&a| a.to_owned()).collect();
    arguments.extend([excluded, format!("-p{port}")]);
    arguments
}

fn config(arguments: &[String]) -> Config {
    let arguments: Vec<_> = arguments.iter().skip(1).map(String::as_str).collect();
    resolve(&arguments, &[], &FakeHost::with(&[""; 0])).valid().config
}

fn planned(ranges: usize, port: &str) -> Plan {
    capture::plan(&config(&arguments(ranges, port)))
}

fn goal(plan: &Plan) -> Goal<'_> {
    Goal::Apply { plan, variant: Some(Variant::Nft) }
}

/// The text of iptables-save once the rules are in place.
fn saved(plan: &Plan) -> String {
    let mut text = String::new();
    for line in restore::script(&plan.rules, Family::Ipv4).lines() {
        let _ = if let Some(table) = line.strip_prefix("* ") {
            writeln!(text, "*{table}\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]")
        } else if let Some(chain) = line.strip_prefix("-N ") {
            writeln!(text, ":{chain} - [0:0]")
        } else {
            // It names the module of each match.
            writeln!(text, "{}", line.replace("-p tcp --dport", "-p tcp -m tcp --dport"))
        };
    }
    text
}

fn there(text: &str) -> Observed {
    let tables: SavedTables = match save::parse(text) {
        Ok(tables) => tables.into_iter().collect(),
        Err(error) => panic!("{error}"),
    };
    Observed { tables: BTreeMap::from([((Variant::Nft, Family::Ipv4), tables)]), ..Observed::default() }
}
