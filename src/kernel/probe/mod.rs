//! Makes connections and checks where they arrive: listeners and callers in one process and one loop.

use std::cell::LazyCell;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

mod client;
mod listener;
mod made_by;
mod token;

use crate::kernel::sockets::SocketTable;
use crate::net::{Family, Port};
use crate::netfilter::Protocol;
use crate::validation::{Holder, Ids, Observation, Probe, Probing, Seen};
use client::{Client, destination};
use listener::{Accepted, Listener};
use made_by::SocketKind;

/// How long nothing may happen once a probe has failed: what lands in this namespace does so at once.
const GRACE: Duration = Duration::from_millis(100);

/// Makes the connections; an observation for each, in their order.
pub fn run(probing: &Probing) -> Vec<Observation> {
    let until = Instant::now() + probing.bound;
    let listeners = listen(probing);
    let mut sockets = Sockets::make(probing.probes.iter().map(|p| (p.caller, kind(p))));
    let call = |probe| {
        let at = (kind(probe), probe.expected.port());
        let trouble = listeners.iter().find(|l| (l.kind, l.port) == at).and_then(Listener::trouble);
        let to = match trouble {
            // Whether a connection gets to a port that is taken can still be seen; a datagram cannot be followed.
            Some(seen) if !is_taken(seen) || probe.protocol == Protocol::Udp => Err(seen.clone()),
            _ => destination(probe, &probing.left_alone),
        };
        Client::call(probe, to, trouble.is_some_and(is_taken), sockets.take(probe.caller, kind(probe)))
    };
    let mut clients: Vec<_> = probing.probes.iter().map(call).collect();
    let ours: Vec<_> = listeners.iter().filter(|l| l.trouble().is_none()).map(|l| (l.kind, l.port.number())).collect();
    let mut accepted = Vec::new();
    loop {
        clients.iter_mut().for_each(Client::step);
        while take(&listeners, &mut accepted, &mut clients) {
            clients.iter_mut().for_each(Client::step);
        }
        // Read at most once a round: the kernel walks all sockets of the machine for it.
        let sockets = LazyCell::new(|| SocketTable::look(Protocol::Tcp));
        clients.iter_mut().for_each(|c| {
            let kind = kind(c.probe);
            c.look_unless(|port| ours.contains(&(kind, port)), &sockets);
        });
        let left = until.saturating_duration_since(Instant::now());
        let failed = clients.iter().any(|c| c.end.as_ref().is_some_and(|end| !end.seen.is_as(c.probe.expected)));
        // Time in which this process does not run, on a busy machine, is not time in which nothing happens.
        let pause = if failed { left.min(GRACE) } else { left };
        if left.is_zero() || clients.iter().all(|c| c.end.is_some()) || !wait(&listeners, &accepted, &clients, pause) {
            break;
        }
    }
    clients.iter_mut().for_each(Client::give_up);
    name_processes(clients.into_iter().filter_map(|c| Some((c.probe.protocol, c.end?))).collect())
}

/// Finds the processes that have ports of interest, once the connections are over.
fn name_processes(mut observations: Vec<(Protocol, Observation)>) -> Vec<Observation> {
    let mut known: Vec<(Protocol, Holder)> = Vec::new();
    for (protocol, observation) in &mut observations {
        if let Seen::Taken(holder) | Seen::Accepted(holder) = &mut observation.seen {
            let found = known.iter().find(|(t, h)| (*t, h.port) == (*protocol, holder.port));
            holder.process = match found {
                Some((_, found)) => found.process.clone(),
                None => SocketTable::look(*protocol).process(holder.port, *protocol),
            };
            known.push((*protocol, holder.clone()));
        }
    }
    observations.into_iter().map(|(_, observation)| observation).collect()
}

fn is_taken(seen: &Seen) -> bool {
    matches!(seen, Seen::Taken(_))
}

fn kind(probe: &Probe) -> SocketKind {
    let family = probe.to.first().map_or(Family::Ipv4, |to| Family::of(to.ip()));
    (family, probe.protocol)
}

/// Listeners on all ports that probes should reach, or should not.
fn listen(probing: &Probing) -> Vec<Listener> {
    let mut places: Vec<(SocketKind, Port)> = Vec::new();
    for place in probing.probes.iter().map(|p| (kind(p), p.expected.port())) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut sockets = Sockets::make(places.iter().map(|(kind, _)| (probing.listener, *kind)));
    let open = |(kind, port)| Listener::open(kind, port, probing.transparent, sockets.take(probing.listener, kind));
    places.into_iter().map(open).collect()
}

/// Takes what has reached the listeners; whether anything was received.
fn take(listeners: &[Listener], accepted: &mut Vec<Accepted>, clients: &mut [Client<'_>]) -> bool {
    let mut said = false;
    for listener in listeners {
        accepted.extend(std::iter::from_fn(|| listener.accept()));
        while let Some(landing) = listener.receive() {
            clients.iter_mut().for_each(|c| c.notice(&landing, listener.port.number()));
            said = true;
        }
    }
    accepted.retain_mut(|connection| match connection.step() {
        Ok(all) => {
            if all {
                clients.iter_mut().for_each(|c| c.notice(&connection.landing, connection.port));
                said = true;
            }
            true
        }
        Err(_) => false,
    });
    said
}

/// Waits until something happens; whether it does.
fn wait(listeners: &[Listener], accepted: &[Accepted], clients: &[Client<'_>], bound: Duration) -> bool {
    let here = |handle| PollFd::new(handle, PollFlags::POLLIN);
    let mut handles: Vec<_> = listeners.iter().filter_map(Listener::handle).map(here).collect();
    handles.extend(accepted.iter().map(Accepted::handle).map(here));
    handles.extend(clients.iter().filter_map(Client::handle).map(|(handle, connecting)| {
        PollFd::new(handle, if connecting { PollFlags::POLLOUT } else { PollFlags::POLLIN })
    }));
    // Rounded up, so that the last millisecond is not spent in a busy loop.
    let timeout = PollTimeout::try_from(bound + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
    match poll(&mut handles, timeout) {
        Ok(ready) => ready > 0,
        Err(Errno::EINTR) => true,
        Err(error) => {
            log::debug!("poll: {error}");
            false
        }
    }
}

/// Sockets that were made, each with its user and kind.
struct Sockets(Vec<(Option<Ids>, SocketKind, io::Result<OwnedFd>)>);

impl Sockets {
    /// Makes them, with no more children than there are users.
    fn make(wanted: impl Iterator<Item = (Option<Ids>, SocketKind)>) -> Self {
        let mut wanted: Vec<_> = wanted.collect();
        let mut made = Vec::new();
        while let Some(&(ids, _)) = wanted.first() {
            let kinds: Vec<_> = wanted.iter().filter(|(i, _)| *i == ids).map(|(_, kind)| *kind).collect();
            wanted.retain(|(i, _)| *i != ids);
            match made_by::sockets(ids, &kinds) {
                Ok(sockets) => made.extend(kinds.into_iter().zip(sockets).map(|(kind, s)| (ids, kind, Ok(s)))),
                Err(error) => {
                    let same = || io::Error::new(error.kind(), error.to_string());
                    made.extend(kinds.into_iter().map(|kind| (ids, kind, Err(same()))));
                }
            }
        }
        Self(made)
    }

    fn take(&mut self, ids: Option<Ids>, kind: SocketKind) -> io::Result<OwnedFd> {
        match self.0.iter().position(|(i, k, _)| (*i, *k) == (ids, kind)) {
            Some(at) => self.0.swap_remove(at).2,
            None => Err(io::Error::other("there are too few of them")),
        }
    }
}
