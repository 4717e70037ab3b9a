//! The command line and the environment, up to the rules and the messages about them.

use istio_iptables::capture::{self, Plan};
use istio_iptables::config::Config;
use istio_iptables::explain::{Listeners, Pod, Scene, chart, findings, summary};
use istio_iptables::net::Family;
use istio_iptables::netfilter::normal::Specification;
use istio_iptables::netfilter::save::SavedRule;
use istio_iptables::netfilter::{Layer, Placement, Ruleset, Table, Variant, restore};
use istio_iptables::nftables::fuzzing::there_and_back;
use istio_iptables::nftables::{self, Tables};
use istio_iptables::report::json::{FindingView, rules as json_rules};
use istio_iptables::state::{self, Comparison, Goal, Observed, Stores};

use crate::call::{BUILT, Call, EXPLAINED};
use crate::packet::described;
use crate::{one_line, plans};
use istio_iptables::netfilter::lines::check_line;
use istio_iptables::state::model::{self, carry_out, content};

/// Nothing but values gets into a rule: each line is that of a planned rule, reads as that rule, and has the
/// shape of a rule. What is built from nothing is in place, and can be removed.
///
/// The format of the input is that of `Call::decode`.
pub fn command_line(data: &[u8]) {
    let call = Call::decode(data);
    let bits = data.first().copied().unwrap_or(0);
    let (built, explained) = (bits & BUILT != 0, bits & EXPLAINED != 0);
    assert!(!explained || call.parsers_agree());
    let Some(resolved) = call.resolve() else { return };
    let problems = &resolved.problems;
    problems.errors.iter().for_each(|e| one_line(&e.to_string()));
    problems.warnings.iter().for_each(|w| one_line(&w.to_string()));
    // If there are errors, the result is not used; it is checked all the same.
    let config = &resolved.config;
    let printed = config.to_string();
    assert_eq!(printed.lines().count(), plans::plan(0).0.to_string().lines().count(), "{printed:?}");
    let plan = capture::plan(config);
    let numbered = Plan { rules: plan.rules.by_number().into_owned(), routing: plan.routing.clone() };
    for family in Family::BOTH {
        let text = restore::script(&plan.rules, family);
        assert_eq!(text.is_empty(), !config.families.contains(family));
        lines(&text).for_each(|line| assert_eq!(check_line(line), Ok(()), "{line:?}"));
        reads_as_planned(&numbered.rules, family);
    }
    nft_script(&plan.rules);
    if built {
        there_and_back(&Tables::of(&numbered.rules)).unwrap_or_else(|broken| panic!("{broken}"));
        built_and_taken_away(&numbered);
    }
    if explained || !resolved.packet.is_empty() {
        let pod = Pod::default();
        if explained {
            explain(config, &plan, &pod);
        }
        let words: Vec<_> = resolved.packet.iter().map(String::as_str).collect();
        described(&words, config, &plan, &pod);
    }
}

/// The lines of a text that ends with one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.strip_suffix('\n').into_iter().flat_map(|text| text.split('\n'))
}

/// The text has a line for each rule, which reads as the rule.
fn reads_as_planned(rules: &Ruleset, family: Family) {
    let text = restore::script(rules, family);
    let mut planned = Table::ALL.into_iter().flat_map(|table| rules.of(family).filter(move |r| r.table == table));
    let (mut table, mut chains) = ("", Vec::new());
    for line in lines(&text) {
        if let Some(name) = line.strip_prefix("* ") {
            assert!(table.is_empty(), "{line:?} within a table");
            table = name;
        } else if line == "COMMIT" {
            assert!(!table.is_empty(), "{line:?} outside of a table");
            table = "";
            chains.clear();
        } else if let Some(name) = line.strip_prefix("-N ") {
            assert!(!chains.contains(&name), "{line:?} again");
            chains.push(name);
        } else {
            let rule = planned.next().unwrap_or_else(|| panic!("{line:?} stands for no rule"));
            let beginning = match rule.placement {
                Placement::Append => format!("-A {} ", rule.chain),
                Placement::Insert(number) => format!("-I {} {number} ", rule.chain),
            };
            let rest = line.strip_prefix(&beginning).unwrap_or_else(|| panic!("{line:?} is no {beginning:?}"));
            let read = SavedRule::parse(rest);
            assert_eq!(read.meaning(), Some(&Specification::from(rule)), "{line:?}");
            assert_eq!(table, rule.table.name(), "{line:?}");
            let leads_to = rule.target.jump();
            assert!(leads_to.is_none_or(|c| chains.contains(&c.name())), "{line:?} leads to no chain");
        }
    }
    assert!(table.is_empty() && planned.next().is_none(), "a rule has no line: {text:?}");
}

/// The script has a line for each table, chain and rule, of the characters that nft's words are made of.
fn nft_script(rules: &Ruleset) {
    let script = Tables::of(rules).to_string();
    let tables = Tables::of(rules);
    let count: usize = tables.0.iter().map(|t| 2 + t.chains().count() + t.rules.len()).sum();
    assert_eq!(lines(&script).count(), count, "{script:?}");
    for line in lines(&script) {
        let first: Vec<_> = line.split(' ').take(3).collect();
        let known = ["add table inet", "flush table inet", "add chain inet", "add rule inet", "insert rule inet"];
        assert!(known.contains(&first.join(" ").as_str()), "{line:?}");
        let parts: Vec<_> = line.split('"').collect();
        assert!(parts.len() % 2 == 1, "a quote does not end in {line:?}");
        let bare: String = parts.iter().step_by(2).copied().collect();
        let quoted: String = parts.iter().skip(1).step_by(2).copied().collect();
        assert!(quoted.chars().all(|c| c.is_ascii_graphic()), "{line:?}");
        let word = |c: char| c.is_ascii_alphanumeric() || " _-.:/,+".contains(c);
        let of_chain = |c: char| first[1] == "chain" && c == ';';
        assert!(bare.replace("!= ", "").chars().all(|c| word(c) || "{}".contains(c) || of_chain(c)), "{line:?}");
        let braces: Vec<_> = bare.chars().filter(|c| "{}".contains(*c)).collect();
        assert!(braces.chunks(2).all(|pair| pair == ['{', '}']), "{line:?}");
    }
    for table in &tables.0 {
        for chain in table.chains() {
            for body in table.in_order(chain) {
                assert!(nftables::raise(table.table, chain, &body.body).is_some(), "{body:?} is no rule of iptables");
            }
        }
    }
}

/// What is built is in place; the way back, and cleaning, leave nothing.
fn built_and_taken_away(plan: &Plan) {
    let nothing = Observed::default();
    let goal = Goal::Apply { plan, variant: Some(Variant::Nft) };
    let stores = Stores::new(nothing.clone(), goal);
    let built = carry_out(&nothing, &stores, false);
    assert_eq!(content(&built), content(&model::wanted(&stores)));
    assert_eq!(model::compare(&built, goal), Comparison::InPlace);
    let undone = carry_out(&built, &stores.back_from(&built), false);
    assert_eq!(content(&undone), []);
    assert_eq!(undone.routing, nothing.routing);
    let mut cleaned = built;
    for family in Family::BOTH {
        let tables = cleaned.tables.entry((Variant::Nft, family)).or_default();
        model::restore(tables, &state::clean_script(plan, family));
    }
    assert_eq!(content(&cleaned), []);
}

fn explain(config: &Config, plan: &Plan, pod: &Pod) {
    let layers = [Layer::from(plan.rules.clone())];
    let found = findings(config, &layers[0], pod);
    found.iter().for_each(|f| one_line(&f.to_string()));
    let found: Vec<_> = found.iter().map(FindingView::from).collect();
    serde_json::to_string(&found).expect("it can be written as JSON");
    serde_json::to_string(&json_rules(&layers)).expect("it can be written as JSON");
    let all =
        summary(config, &Scene { layers: &layers, routing: &plan.routing, pod, listeners: Listeners::of(config) })
            .to_string();
    assert!(!all.contains(|c: char| c.is_control() && c != '\n'), "{all:?}");
    for family in Family::BOTH {
        let picture = chart(&layers[0], family, None);
        assert!(!picture.contains(|c: char| c.is_control() && c != '\n'), "{picture:?}");
    }
}
