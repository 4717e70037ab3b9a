//! A model of tables that reads restore text as the kernel's tools do.

#[cfg(test)]
use crate::capture::Plan;
use crate::net::Family;
use crate::netfilter::save::{SavedChain, SavedRule, SavedTable};
use crate::netfilter::{Chain, Table, Variant};
use crate::state::{Action, Comparison, Goal, Observed, SavedTables, Stores};

/// Flags that lead to one of each variant of rule.
pub const FLAGS: [&str; 10] = [
    "",
    "-b * -i *",
    "-b * -i * -x 10.9.0.0/16 -d 15090 -o 22",
    "-b 80,443 -i 10.0.0.0/8,fd00::/8 -c eth1,eth2 -k vm0",
    "-m TPROXY -b * -i * --redirect-dns --capture-all-dns --drop-invalid",
    "-m TPROXY -b 80 -i * -c eth1 -t 77 -r 99",
    "-b * -i * -k vm0,vm1 -u 1,2 -g 3",
    "-m TPROXY -b * -i * -x 10.9.0.0/16 -d 15090",
    "-b * -i 127.0.0.0/8,::1/128 --redirect-dns -q 8000:8100 -u root -g 1-5",
    "-b * -i * -p 1 -z 2 -e 3 --redirect-dns --ip-families ipv4",
];

/// A plan for both families, as it is handed to programs.
#[cfg(test)]
pub fn planned(flags: &str) -> Plan {
    use crate::config::fake::{FakeHost, resolve};
    let words: Vec<_> = flags.split_ascii_whitespace().chain(["--ip-families", "dual"]).collect();
    let Plan { rules, routing } = crate::capture::plan(&resolve(&words, &[], &FakeHost::pod()).config);
    Plan { rules: rules.by_number().into_owned(), routing }
}

/// Does to tables what iptables-restore --noflush does; panics if it would fail.
pub fn restore(tables: &mut SavedTables, text: &str) {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix("* ").unwrap_or_else(|| panic!("{line:?} outside of a table"));
        let table = Table::ALL.into_iter().find(|t| t.name() == name).unwrap();
        let saved = tables.entry(table).or_default();
        for line in lines.by_ref().take_while(|l| *l != "COMMIT") {
            command(saved, line);
        }
    }
}

/// The chain; built-in ones are created on first use.
pub fn chain<'a>(table: &'a mut SavedTable, name: &str) -> &'a mut SavedChain {
    if table.chain(name).is_none() {
        assert!(matches!(Chain::named(name), Some(Chain::Builtin(_))), "no chain {name}");
        table.chains.push(SavedChain::empty(name));
    }
    table.chains.iter_mut().find(|c| c.name == name).unwrap()
}

fn command(table: &mut SavedTable, line: &str) {
    let (option, rest) = line.split_once(' ').unwrap();
    let (name, rule) = rest.split_once(' ').unwrap_or((rest, ""));
    let led_to =
        |table: &SavedTable| table.chains.iter().flat_map(|c| &c.rules).any(|r| r.jump().as_deref() == Some(name));
    match option {
        "-N" => {
            assert!(table.chain(name).is_none(), "{line}: it exists");
            table.chains.push(SavedChain::empty(name));
        }
        "-F" => chain(table, name).rules.clear(),
        "-X" => {
            assert!(chain(table, name).rules.is_empty() && !led_to(table), "{line}: it is in use");
            table.chains.retain(|c| c.name != name);
        }
        "-A" | "-I" => {
            let (at, rule) = match option {
                "-I" => rule.split_once(' ').map(|(n, r)| (n.parse::<usize>().unwrap() - 1, r)).unwrap(),
                _ => (chain(table, name).rules.len(), rule),
            };
            let rule = SavedRule::parse(rule);
            if let Some(target) = rule.jump().filter(|j| j.contains('_') || j.starts_with("FOREIGN")) {
                assert!(table.chain(&target).is_some(), "{line}: no chain {target}");
            }
            let rules = &mut chain(table, name).rules;
            assert!(at <= rules.len(), "{line}: no such place");
            rules.insert(at, rule);
        }
        "-D" => {
            let wanted = SavedRule::parse(rule);
            let rules = &mut chain(table, name).rules;
            let same = |r: &SavedRule| *r == wanted;
            let number = rule.parse().ok().and_then(|n: usize| n.checked_sub(1)).filter(|at| *at < rules.len());
            let at = number.or_else(|| rules.iter().position(same)).unwrap_or_else(|| panic!("{line}: no such rule"));
            rules.remove(at);
        }
        _ => panic!("{line}"),
    }
}

/// How a state differs from a goal.
pub fn compare(observed: &Observed, goal: Goal<'_>) -> Comparison {
    Stores::new(observed.clone(), goal).comparison()
}

/// Does on the model what leads from a state to what is wanted.
pub fn carry_out(observed: &Observed, stores: &Stores<'_>, force: bool) -> Observed {
    let mut now = observed.clone();
    stores.actions(force).iter().for_each(|action| act(&mut now, action));
    now
}

/// Does one thing.
pub fn act(now: &mut Observed, action: &Action<'_>) {
    match action {
        Action::Nftables(_) => panic!("the model has no nftables"),
        Action::Dormant(family, table, dormant) => {
            let of_family = now.tables.get_mut(&(Variant::Nft, *family)).unwrap();
            of_family.get_mut(table).unwrap().dormant = *dormant;
        }
        Action::Restore(one) => restore(now.tables.entry((one.variant, one.family)).or_default(), &one.text),
        Action::AddRouting(routing) => {
            now.routing.addresses.extend(&routing.addresses);
            now.routing.rules.extend(&routing.rules);
            now.routing.routes.extend(&routing.routes);
        }
        Action::RemoveRouting(routing) => {
            now.routing.addresses.retain(|a| !routing.addresses.contains(a));
            now.routing.rules.retain(|r| !routing.rules.contains(r));
            now.routing.routes.retain(|r| !routing.routes.contains(r));
        }
    }
}

/// The tables that are wanted.
pub fn wanted(stores: &Stores<'_>) -> Observed {
    let of = |variant| Family::BOTH.map(|f| ((variant, f), stores.iptables(variant).wanted(f).clone()));
    Observed { tables: Variant::BOTH.into_iter().flat_map(of).collect(), ..Observed::default() }
}

/// A chain's variant, family, table and name, with its rules.
pub type ModelRules = Vec<(Variant, Family, Table, String, Vec<String>)>;

/// The rules of a state by variant, family, table and chain, without empty chains.
pub fn content(observed: &Observed) -> ModelRules {
    let mut all = Vec::new();
    for ((variant, family), tables) in &observed.tables {
        for (table, saved) in tables {
            for chain in &saved.chains {
                let builtin = matches!(Chain::named(&chain.name), Some(Chain::Builtin(_)));
                if !builtin || !chain.rules.is_empty() {
                    let said = |r: &SavedRule| r.meaning().map_or_else(|| r.text().to_owned(), |m| format!("{m:?}"));
                    all.push((*variant, *family, *table, chain.name.clone(), chain.rules.iter().map(said).collect()));
                }
            }
        }
    }
    all.sort();
    all
}
