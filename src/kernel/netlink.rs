//! Requests to the kernel over netlink (netlink(7)): one client, for routing and for nf_tables.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use netlink_packet_core::{
    DecodeError, ErrorMessage, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, setsockopt, sockopt};

use crate::netlink::{Message, is_transient, messages, of_kind};

/// How long something is tried that other programs may interrupt.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits between attempts, ever longer.
#[derive(Debug)]
pub(super) struct Backoff {
    begun: Instant,
    pause: Duration,
}

impl Backoff {
    /// The first attempts matter, since a change takes milliseconds.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), pause: Duration::from_millis(1) }
    }

    /// Waits, unless the time is over: then there is to be no other attempt.
    ///
    /// Half of the pause is left to chance, or those that collided once would wait equally long and collide again.
    pub(super) fn wait(&mut self, bound: Duration) -> bool {
        let goes_on = self.begun.elapsed() < bound;
        if goes_on {
            let chance = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
            std::thread::sleep(self.pause * (512 + chance % 512) / 1024);
            self.pause = (self.pause * 2).min(Duration::from_millis(20));
        }
        goes_on
    }
}

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum NetlinkError {
    /// The socket does not take or give messages.
    Transfer {
        /// `write to` or `read from`.
        what: &'static str,
        source: io::Error,
    },
    /// The kernel refused it.
    Refused {
        source: io::Error,
        /// The kernel's own explanation, if it has one.
        message: Option<String>,
    },
    /// The answer cannot be read.
    Unreadable(DecodeError),
}

impl From<NetlinkError> for io::Error {
    fn from(error: NetlinkError) -> Self {
        match error {
            NetlinkError::Transfer { source, .. } | NetlinkError::Refused { source, .. } => source,
            NetlinkError::Unreadable(error) => Self::new(io::ErrorKind::InvalidData, error.to_string()),
        }
    }
}

/// An error after which the same may succeed when it is begun anew.
pub(super) trait Passing {
    /// The kernel's error number, if it gave one.
    fn errno(&self) -> Option<Errno>;

    /// The error once there is no other attempt.
    fn given_up(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

impl Passing for NetlinkError {
    fn errno(&self) -> Option<Errno> {
        match self {
            Self::Transfer { source, .. } | Self::Refused { source, .. } => source.raw_os_error().map(Errno::from_raw),
            Self::Unreadable(_) => None,
        }
    }
}

/// A socket of one netlink protocol. It stays in the network namespace that it was opened in.
#[derive(Debug)]
pub(crate) struct Netlink {
    protocol: isize,
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// The kernel fills a part of an answer up to 32 KiB (`netlink_dump` in `net/netlink/af_netlink.c`).
const LARGEST_PART: usize = 64 * 1024;

/// The length of `struct nlmsghdr`, which the kernel repeats in an error.
const REPEATED_HEADER: usize = 16;

impl Netlink {
    /// Opens a socket of a protocol, such as `NETLINK_ROUTE`.
    ///
    /// # Errors
    /// The system's; `EPROTONOSUPPORT` if the kernel does not have the protocol.
    pub(crate) fn open(protocol: isize) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // Without these, errors come without an explanation and with the whole message in them.
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        Ok(Self { protocol, socket, sequence: 0, buffer: Vec::with_capacity(LARGEST_PART) })
    }

    /// Opens a socket that receives notifications of these groups.
    pub(crate) fn subscribe(protocol: isize, groups: &[u32]) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        groups.iter().try_for_each(|group| socket.add_membership(*group))?;
        Ok(Self { protocol, socket, sequence: 0, buffer: Vec::with_capacity(LARGEST_PART) })
    }

    /// Opens the socket anew: the old one may be in the middle of an answer.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(self.protocol)?;
        Ok(())
    }

    /// Asks for everything there is of something.
    ///
    /// # Errors
    /// The kernel's answer, or an answer that cannot be read; `EINTR` if the list was changed meanwhile.
    pub(crate) fn dump(&mut self, message: Message) -> Result<Vec<Message>, NetlinkError> {
        self.request(message, NLM_F_DUMP)
    }

    /// Asks one question, and gets all that the kernel answers.
    pub(crate) fn ask(&mut self, message: Message) -> Result<Vec<Message>, NetlinkError> {
        self.request(message, NLM_F_ACK)
    }

    /// Asks for a change, and waits until it is made.
    pub(crate) fn change(&mut self, message: Message, flags: u16) -> Result<(), NetlinkError> {
        self.request(message, NLM_F_ACK | flags).map(drop)
    }

    /// Waits before another attempt, and opens the socket anew; not if the time is over.
    fn may_begin_anew(&mut self, backoff: &mut Backoff, errno: Errno) -> bool {
        log::debug!("{errno}; beginning anew");
        // Other errors pass; a buffer that is too small stays too small.
        let bound = if errno == Errno::ENOBUFS { Duration::from_secs(1) } else { PATIENCE };
        backoff.wait(bound) && self.reopen().is_ok()
    }

    fn request(&mut self, message: Message, flags: u16) -> Result<Vec<Message>, NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        message.write(flags, self.sequence, &mut bytes);
        self.write(&bytes)?;
        self.answers()
    }

    fn write(&self, bytes: &[u8]) -> Result<(), NetlinkError> {
        loop {
            match self.socket.send(bytes, 0) {
                Ok(_) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(NetlinkError::Transfer { what: "write to", source }),
            }
        }
    }

    /// All answers to the last request.
    fn answers(&mut self) -> Result<Vec<Message>, NetlinkError> {
        let mut found = Vec::new();
        let mut disturbed = false;
        loop {
            // A blocking read gives something, or an error.
            let Some(messages) = self.read(MsgFlags::empty())? else { continue };
            for NetlinkMessage { header, payload, .. } in messages {
                if header.sequence_number != self.sequence {
                    continue;
                }
                disturbed |= header.flags & NLM_F_DUMP_INTR != 0;
                let end = match payload {
                    NetlinkPayload::InnerMessage(message) => {
                        found.push(message);
                        continue;
                    }
                    NetlinkPayload::Done(done) => refusal(done.code, || None),
                    NetlinkPayload::Error(error) => refusal(error.raw_code(), || explanation(&header, &error)),
                    NetlinkPayload::Noop | NetlinkPayload::Overrun(_) | _ => continue,
                };
                return match end {
                    Some(error) => Err(error),
                    // The list was changed between two parts of the answer.
                    None if disturbed => Err(NetlinkError::Transfer { what: "read from", source: Errno::EINTR.into() }),
                    None => Ok(found),
                };
            }
        }
    }

    /// Reads what there is; `None` if there is nothing and `flags` ask not to wait.
    fn read(&mut self, flags: MsgFlags) -> Result<Option<Vec<NetlinkMessage<Message>>>, NetlinkError> {
        self.buffer.clear();
        let length = loop {
            match self.socket.recv(&mut self.buffer, (flags | MsgFlags::MSG_TRUNC).bits()) {
                Ok(length) => break length,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(source) => return Err(NetlinkError::Transfer { what: "read from", source }),
            }
        };
        if length != self.buffer.len() {
            return Err(NetlinkError::Unreadable(DecodeError::from("the answer is cut off")));
        }
        messages(&self.buffer).map(Some).map_err(NetlinkError::Unreadable)
    }

    /// Runs a transaction: all of it is done, or nothing. Gives the answers about its messages, by their numbers.
    ///
    /// The kernel is through with it, and its answers are there, when `send` returns.
    pub(crate) fn transact(&mut self, bytes: &[u8]) -> Result<Vec<(u32, Option<NetlinkError>)>, NetlinkError> {
        // A message has to fit into the socket's buffer, as have the errors about all of its parts; the
        // kernel's own accounting takes more than the bytes. If this is not permitted, sending fails.
        let space = bytes.len().saturating_mul(2).max(LARGEST_PART);
        let _ = setsockopt(&self.socket, sockopt::SndBufForce, &space);
        let _ = setsockopt(&self.socket, sockopt::RcvBufForce, &space.saturating_mul(4));
        self.write(bytes)?;
        let mut answers = Vec::new();
        while let Some(messages) = self.read(MsgFlags::MSG_DONTWAIT)? {
            for NetlinkMessage { header, payload, .. } in messages {
                let NetlinkPayload::Error(error) = payload else { continue };
                let refused = refusal(error.raw_code(), || explanation(&header, &error));
                answers.push((header.sequence_number, refused));
            }
        }
        Ok(answers)
    }

    /// Throws away all notifications that have come.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        loop {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, MsgFlags::MSG_DONTWAIT.bits()) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // More came than there was room for: that too is a change.
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Retries with back-off, for a bounded time, what another program's change got in the way of. Each attempt has a new
/// socket, since the old one may be in the middle of an answer, and the kernel gives no other then. `socket` is the one
/// that attempts with `client` use.
///
/// # Errors
/// The last attempt's.
pub(super) fn retry<C, T, E: Passing>(
    client: &mut C,
    socket: impl Fn(&mut C) -> &mut Netlink,
    mut attempt: impl FnMut(&mut C) -> Result<T, E>,
) -> Result<T, E> {
    let mut backoff = Backoff::new();
    loop {
        match attempt(client) {
            Err(error) => match error.errno().filter(|errno| is_transient(*errno)) {
                Some(errno) if socket(client).may_begin_anew(&mut backoff, errno) => {}
                Some(_) => return Err(error.given_up()),
                None => return Err(error),
            },
            done => return done,
        }
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn refusal(code: i32, message: impl FnOnce() -> Option<String>) -> Option<NetlinkError> {
    (code != 0).then(|| {
        let source = Errno::from_raw(code.saturating_abs()).into();
        NetlinkError::Refused { source, message: message() }
    })
}

/// `enum nlmsgerr_attrs` of `linux/netlink.h`: what an error explains.
const NLMSGERR_ATTR_MSG: u16 = 1;

/// The kernel's own explanation of an error (`NLMSGERR_ATTR_MSG`).
fn explanation(header: &NetlinkHeader, error: &ErrorMessage) -> Option<String> {
    if header.flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    // After the header of the refused message, and, if it was not left out, its content.
    let start = match header.flags & NLM_F_CAPPED {
        0 => {
            let length = error.header.get(..4).and_then(|l| l.try_into().ok()).map(u32::from_ne_bytes)?;
            usize::try_from(length).ok()?.checked_next_multiple_of(4)?
        }
        _ => REPEATED_HEADER,
    };
    of_kind(error.header.get(start..)?, NLMSGERR_ATTR_MSG)?.text().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_too_strange() {
        // Every length field of a header, in buffers of every length around it.
        for size in 0..64_usize {
            for length in (0..80_u32).chain([u32::MAX, u32::MAX - 3]) {
                for kind in [0, 2, 3, 4, 0x0a06_u16] {
                    let mut bytes = vec![0xff; size];
                    let header = [&length.to_ne_bytes()[..], &kind.to_ne_bytes()].concat();
                    for (to, from) in bytes.iter_mut().zip(header) {
                        *to = from;
                    }
                    for message in messages(&bytes).into_iter().flatten() {
                        if let NetlinkPayload::Error(error) = message.payload {
                            explanation(&message.header, &error);
                        }
                    }
                }
            }
        }
    }
}
