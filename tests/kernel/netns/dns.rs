//! DNS queries, with an agent in the pod and a name server in the world.

use std::net::SocketAddr;

use crate::support::{Case, Family, Server, Transparent};
use harness::{APP, Backend, PROXY, ROOT, Who, wait_until};

for_all_and_native!(
    query_lands_on_the_agent,
    query_over_tcp_lands_on_the_agent,
    other_servers_are_only_captured_with_all,
    agents_own_queries_reach_the_server,
    agents_query_from_an_applications_port_reaches_the_server,
    applications_query_from_an_agents_port_reaches_the_agent,
    server_on_loopback_is_captured,
    excluded_interfaces_queries_are_not_captured,
    excluded_ports_queries_are_not_captured,
    proxys_user_or_group_is_enough,
    servers_answer_belongs_to_the_agents_query,
    application_to_itself_is_not_captured,
);

/// A pod with an agent and a proxy at 15053.
fn case(kind: Backend, family: Family) -> Case {
    case_with_agent(kind, family, PROXY)
}

fn case_with_agent(kind: Backend, family: Family, who: Who) -> Case {
    let mut case = Case::populated(kind, family);
    let agent = case.loopback(15053);
    case.also(Server::udp(&case.pod, who, "agent", agent));
    case.also(Server::tcp(&case.pod, who, "agent", agent, Transparent::No));
    for at in [case.name_server(), case.elsewhere(53)] {
        case.also(Server::udp(&case.world, ROOT, "server", at));
        case.also(Server::tcp(&case.world, ROOT, "server", at, Transparent::No));
    }
    case
}

fn query_lands_on_the_agent(kind: Backend, family: Family) {
    let case = case(kind, family);
    case.application().ask(case.name_server()).comes_from("server");
    case.apply(&["--redirect-dns"]);
    // `ask` insists on an answer from the address that was asked.
    case.application().ask(case.name_server()).comes_from("agent");
    case.is_captured();
}

fn query_over_tcp_lands_on_the_agent(kind: Backend, family: Family) {
    let case = case(kind, family);
    case.application().connect(case.name_server()).reaches("server");
    case.apply(&["--redirect-dns"]);
    case.application().connect(case.name_server()).captured_by("agent").talk();
}

fn other_servers_are_only_captured_with_all(kind: Backend, family: Family) {
    let listed = case(kind, family);
    listed.application().ask(listed.elsewhere(53)).comes_from("server");
    listed.apply(&["--redirect-dns"]);
    listed.application().ask(listed.elsewhere(53)).comes_from("server");
    // TCP is TCP: without a rule of its own it is an outbound connection as any other.
    listed.application().connect(listed.elsewhere(53)).captured_by("outbound");

    let all = case(kind, family);
    all.apply(&["--redirect-dns", "--capture-all-dns"]);
    for to in [all.name_server(), all.elsewhere(53)] {
        all.application().ask(to).comes_from("agent");
        all.application().connect(to).captured_by("agent");
    }
}

fn agents_own_queries_reach_the_server(kind: Backend, family: Family) {
    for flags in [&["--redirect-dns"][..], &["--redirect-dns", "--capture-all-dns"]] {
        let case = case(kind, family);
        case.sidecar().ask(case.name_server()).comes_from("server");
        case.apply(flags);
        case.application().ask(case.name_server()).comes_from("agent");
        case.sidecar().ask(case.name_server()).comes_from("server");
        case.sidecar().connect(case.name_server()).reaches("server");
        case.someone(1000, PROXY.gid).ask(case.name_server()).comes_from("server");
    }
}

/// An application asks, and then the agent, from the same port of the pod. Conntrack has one entry for both
/// if the zones do not separate them: the agent's query then comes back to itself.
fn agents_query_from_an_applications_port_reaches_the_server(kind: Backend, family: Family) {
    for flags in [&["--redirect-dns"][..], &["--redirect-dns", "--capture-all-dns"]] {
        for (zones, answer) in [(true, "server"), (false, "agent")] {
            let case = case(kind, family);
            let port = case.pod(40000);
            case.application().from(port).ask(case.name_server()).comes_from("server");
            case.apply(flags);
            // What conntrack has of the query above is older than the rules: another port.
            let port = SocketAddr::new(port.ip(), 40001);
            if !zones {
                case.flush_raw(None);
            }
            case.application().from(port).ask(case.name_server()).comes_from("agent");
            case.sidecar().from(port).ask(case.name_server()).comes_from(answer);
        }
    }
}

/// The other way round: without zones, the application's query passes by the agent.
fn applications_query_from_an_agents_port_reaches_the_agent(kind: Backend, family: Family) {
    for flags in [&["--redirect-dns"][..], &["--redirect-dns", "--capture-all-dns"]] {
        for (zones, answer) in [(true, "agent"), (false, "server")] {
            let case = case(kind, family);
            case.apply(flags);
            if !zones {
                case.flush_raw(None);
            }
            let port = case.pod(40001);
            case.sidecar().from(port).ask(case.name_server()).comes_from("server");
            case.application().from(port).ask(case.name_server()).comes_from(answer);
        }
    }
}

/// A resolver of the node's, or of docker's, at an address of `lo`.
fn server_on_loopback_is_captured(kind: Backend, family: Family) {
    let mut case = case(kind, family);
    let at = case.loopback(53);
    case.resolve_with(at.ip());
    case.also(Server::udp(&case.pod, APP, "local", at));
    case.application().ask(at).comes_from("local");
    case.apply(&["--redirect-dns"]);
    case.application().ask(at).comes_from("agent");
    case.sidecar().ask(at).comes_from("local");
}

fn excluded_interfaces_queries_are_not_captured(kind: Backend, family: Family) {
    let case = case(kind, family);
    case.application().ask(case.name_server()).comes_from("server");
    case.apply(&["--redirect-dns", "-c", "eth0"]);
    case.application().ask(case.name_server()).comes_from("server");
    assert!(case.packets("-A OUTPUT -o eth0 -j RETURN") > 0);
}

fn excluded_ports_queries_are_not_captured(kind: Backend, family: Family) {
    let case = case(kind, family);
    case.application().ask(case.name_server()).comes_from("server");
    case.apply(&["--redirect-dns", "-o", "53"]);
    case.application().ask(case.name_server()).comes_from("server");
    case.application().connect(case.name_server()).reaches("server");
    case.is_captured();
}

/// The zones are those of the proxy's user, and those of its group.
fn proxys_user_or_group_is_enough(kind: Backend, family: Family) {
    for flags in [&["--redirect-dns"][..], &["--redirect-dns", "--capture-all-dns"]] {
        for who in [Who { uid: 1337, gid: 1000 }, Who { uid: 1000, gid: 1337 }] {
            let case = case_with_agent(kind, family, who);
            let port = case.pod(40001);
            let agents_query = || case.someone(who.uid, who.gid).from(case.pod(40000)).ask(case.name_server());
            agents_query().comes_from("server");
            case.apply(flags);
            case.application().from(port).ask(case.name_server()).comes_from("agent");
            case.someone(who.uid, who.gid).from(port).ask(case.name_server()).comes_from("server");
        }
    }
}

/// The answer has the zone of the query, so that a firewall which lets in nothing new lets it in.
fn servers_answer_belongs_to_the_agents_query(kind: Backend, family: Family) {
    for flags in [&["--redirect-dns"][..], &["--redirect-dns", "--capture-all-dns"]] {
        let case = case(kind, family);
        let new = ["-m", "conntrack", "--ctstate", "NEW", "-j", "DROP"];
        case.iptables(&[&["-A", "INPUT", "-i", "eth0", "-p", "udp"][..], &new].concat());
        case.sidecar().ask(case.name_server()).comes_from("server");
        case.apply(flags);
        case.application().ask(case.name_server()).comes_from("agent");
        case.sidecar().ask(case.name_server()).comes_from("server");
        // Without a zone for answers the query is unanswered, as far as conntrack knows.
        case.flush_raw(Some("ISTIO_INBOUND"));
        let dropped = case.packets("-A INPUT -i eth0 -p udp");
        case.sidecar().tell(case.name_server());
        wait_until("the answer is dropped", || case.packets("-A INPUT -i eth0 -p udp") > dropped);
    }
}

fn application_to_itself_is_not_captured(kind: Backend, family: Family) {
    let case = case(kind, family);
    let call = |to| case.application().connect(to).reaches("app");
    call(case.loopback(8080));
    call(case.pod(8080));
    case.apply(&["--redirect-dns"]);
    case.is_captured();
    call(case.loopback(8080));
    call(case.pod(8080));
}
