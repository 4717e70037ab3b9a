//! Questions and transactions over a netlink socket.

use std::io;

use netlink_packet_core::{
    DecodeError, ErrorMessage, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket as RawSocket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, setsockopt, sockopt};

use super::NftError;
use super::attribute::attributes;
use super::batch::Batch;
use super::message::{Reply, Request};
use super::uapi::NLMSGERR_ATTR_MSG;
use crate::kernel::netlink::{LARGEST_PART, messages};

/// The length of `struct nlmsghdr`, which the kernel repeats in an error.
const REPEATED_HEADER: usize = 16;

/// A socket to the kernel's nf_tables. It stays in the network namespace that it was opened in.
#[derive(Debug)]
pub(super) struct Socket {
    socket: RawSocket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One message from the kernel.
pub(super) type Message = NetlinkMessage<Reply>;

impl Socket {
    pub(super) fn open() -> Result<Self, NftError> {
        let open = || {
            let mut socket = RawSocket::new(NETLINK_NETFILTER)?;
            socket.bind(&SocketAddr::new(0, 0))?;
            socket.connect(&SocketAddr::new(0, 0))?;
            // Without these, errors come without an explanation and with the whole message in them.
            let _ = socket.set_ext_ack(true);
            let _ = socket.set_cap_ack(true);
            Ok(socket)
        };
        let socket = open().map_err(|source| NftError::Open { source })?;
        Ok(Self { socket, sequence: 0, buffer: Vec::with_capacity(LARGEST_PART) })
    }

    /// Asks for one thing.
    pub(super) fn ask(&mut self, what: &'static str, request: Request) -> Result<Reply, NftError> {
        self.send(request, 0)?;
        self.replies(what, false)?.pop().ok_or(NftError::NoAnswer)
    }

    /// Asks for all of a kind.
    pub(super) fn list(&mut self, what: &'static str, request: Request) -> Result<Vec<Reply>, NftError> {
        self.send(request, NLM_F_DUMP)?;
        self.replies(what, true)
    }

    fn send(&mut self, request: Request, flags: u16) -> Result<(), NftError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = Vec::new();
        request.write(flags, self.sequence, &mut message)?;
        self.write(&message)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), NftError> {
        loop {
            match self.socket.send(bytes, 0) {
                Ok(_) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(NftError::Transfer { what: "write to", source }),
            }
        }
    }

    /// Reads the replies to the last question: all, or the first one.
    fn replies(&mut self, what: &'static str, all: bool) -> Result<Vec<Reply>, NftError> {
        let mut replies = Vec::new();
        let mut interrupted = false;
        loop {
            let Some(messages) = self.read(what, MsgFlags::empty())? else { return Err(NftError::NoAnswer) };
            for message in messages {
                let (header, payload) = message.into_parts();
                if header.sequence_number != self.sequence {
                    continue;
                }
                interrupted |= header.flags & NLM_F_DUMP_INTR != 0;
                let mut last = false;
                if let NetlinkPayload::Done(done) = &payload {
                    refused(done.code, || what.to_owned(), || None)?;
                    last = true;
                } else if let NetlinkPayload::Error(error) = &payload {
                    refused(error.raw_code(), || what.to_owned(), || explanation(&header, error))?;
                    last = true;
                } else if let NetlinkPayload::InnerMessage(reply) = payload {
                    replies.push(reply);
                }
                if last || !all {
                    // The tables were changed between two parts of the answer.
                    let code = if interrupted { -(Errno::EINTR as i32) } else { 0 };
                    return refused(code, || what.to_owned(), || None).map(|()| replies);
                }
            }
        }
    }

    /// Reads what there is; `None` where there is nothing and `flags` say not to wait.
    fn read(&mut self, what: &'static str, flags: MsgFlags) -> Result<Option<Vec<Message>>, NftError> {
        self.buffer.clear();
        let length = loop {
            match self.socket.recv(&mut self.buffer, (flags | MsgFlags::MSG_TRUNC).bits()) {
                Ok(length) => break length,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(source) => return Err(NftError::Transfer { what: "read from", source }),
            }
        };
        if length != self.buffer.len() {
            return Err(NftError::decode(what)(DecodeError::from("the answer is cut off")));
        }
        messages(&self.buffer).map(Some).map_err(NftError::decode(what))
    }

    /// Runs a transaction: all of it is done, or nothing.
    ///
    /// The kernel is through with it, and its answers are there, when `send` returns.
    pub(super) fn run(&mut self, batch: &Batch<'_>) -> Result<(), NftError> {
        let bytes = batch.bytes();
        // A message has to fit into the socket's buffer, as have the errors about all of its parts; the
        // kernel's own accounting takes more than the bytes. Where this is not permitted, sending says so.
        let space = bytes.len().saturating_mul(2).max(LARGEST_PART);
        let _ = setsockopt(&self.socket, sockopt::SndBufForce, &space);
        let _ = setsockopt(&self.socket, sockopt::RcvBufForce, &space.saturating_mul(4));
        self.write(bytes)?;
        let mut confirmed = false;
        let mut failure = None;
        while let Some(messages) = self.read("a transaction", MsgFlags::MSG_DONTWAIT)? {
            for message in messages {
                let (header, payload) = message.into_parts();
                let NetlinkPayload::Error(error) = payload else { continue };
                let what = || batch.describe(header.sequence_number);
                match refused(error.raw_code(), what, || explanation(&header, &error)) {
                    Ok(()) => confirmed = true,
                    // Later ones follow from the first.
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None if confirmed => Ok(()),
            None => Err(NftError::NoAnswer),
        }
    }
}

/// What a message says of nf_tables; `None` where it is about the answer itself.
pub(super) fn reply(message: Message) -> Option<Reply> {
    if let NetlinkPayload::InnerMessage(reply) = message.payload { Some(reply) } else { None }
}

/// An error where the code is one.
fn refused(code: i32, what: impl FnOnce() -> String, message: impl FnOnce() -> Option<String>) -> Result<(), NftError> {
    if code == 0 {
        return Ok(());
    }
    let source = Errno::from_raw(code.saturating_abs()).into();
    Err(NftError::Refused { what: what(), message: message(), source })
}

/// The kernel's own explanation of an error (`NLMSGERR_ATTR_MSG`).
fn explanation(header: &NetlinkHeader, error: &ErrorMessage) -> Option<String> {
    if header.flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    // Behind the header of the refused message, and, if it was not left out, its content.
    let start = match header.flags & NLM_F_CAPPED {
        0 => {
            let length = error.header.get(..4).and_then(|l| l.try_into().ok()).map(u32::from_ne_bytes)?;
            usize::try_from(length).ok()?.checked_next_multiple_of(4)?
        }
        _ => REPEATED_HEADER,
    };
    attributes(error.header.get(start..)?)
        .filter_map(Result::ok)
        .find(|a| a.kind == NLMSGERR_ATTR_MSG)
        .and_then(|a| a.text().ok().map(str::to_owned))
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
                    for message in messages::<Reply>(&bytes).into_iter().flatten() {
                        if let NetlinkPayload::Error(error) = message.payload {
                            explanation(&message.header, &error);
                        }
                    }
                }
            }
        }
    }
}
