//! The kernel's notifications of changes (netlink(7), multicast groups).

use std::io;
use std::os::fd::AsFd;

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::KernelError;
use super::netlink::Netlink;

/// `NFNLGRP_NFTABLES` of `linux/netfilter/nfnetlink.h`: tables, chains, rules and sets of nf_tables, and so
/// those of iptables-nft too.
const NFTABLES: u32 = 7;
/// `RTNLGRP_*` of `linux/rtnetlink.h`: addresses, routes and policy rules of IPv4 (5, 7, 8) and IPv6 (9, 11, 19).
const ROUTING: [u32; 6] = [5, 7, 8, 9, 11, 19];

/// Waits for changes in the network namespace that the thread is in when this is opened.
#[derive(Debug)]
pub struct Watch {
    sockets: Vec<Netlink>,
    /// SIGTERM, if it ends the waiting.
    end: Option<SignalFd>,
}

impl Watch {
    /// Asks for notifications. A kernel without nf_tables has no changes of them to report.
    pub fn open() -> Result<Self, KernelError> {
        let mut sockets =
            vec![Netlink::subscribe(NETLINK_ROUTE, &ROUTING).map_err(|e| failed("subscribing to routing changes", e))?];
        match Netlink::subscribe(NETLINK_NETFILTER, &[NFTABLES]) {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.raw_os_error() == Some(Errno::EPROTONOSUPPORT as i32) => {
                log::debug!("the kernel has no netfilter netlink: {error}");
            }
            Err(error) => return Err(failed("subscribing to nf_tables changes", error)),
        }
        Ok(Self { sockets, end: None })
    }

    /// Has SIGTERM end the waiting, and not the process. Programs that are started do not have it blocked.
    pub fn end_at_sigterm(&mut self) -> Result<(), KernelError> {
        let mask = SigSet::from(Signal::SIGTERM);
        let end = mask.thread_block().and_then(|()| SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC));
        self.end = Some(end.map_err(|errno| failed("waiting for SIGTERM", errno.into()))?);
        Ok(())
    }

    /// Waits for a change; those that have come by then count as one. Returns whether there is one: if there is
    /// none, the process is asked to end (SIGTERM).
    pub fn wait(&mut self) -> Result<bool, KernelError> {
        self.changed().map_err(|e| failed("waiting for changes", e))
    }

    fn changed(&mut self) -> io::Result<bool> {
        loop {
            let files = self.end.iter().map(AsFd::as_fd).chain(self.sockets.iter().map(AsFd::as_fd));
            let mut polled: Vec<_> = files.map(|file| PollFd::new(file, PollFlags::POLLIN)).collect();
            match poll(&mut polled, PollTimeout::NONE) {
                Ok(_) if self.end.is_some() && polled.first().and_then(PollFd::any) == Some(true) => return Ok(false),
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        self.sockets.iter_mut().try_for_each(Netlink::drain)?;
        Ok(true)
    }
}

fn failed(what: &str, error: io::Error) -> KernelError {
    KernelError::Netlink { what: what.to_owned(), error, hint: String::new() }
}
