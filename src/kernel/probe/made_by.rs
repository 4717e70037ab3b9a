//! Sockets made by another process. Rules know a packet's owner by the credentials with which its socket was
//! made (`f_cred` of the socket's file, `xt_owner.c`), no matter who uses it later: so a child becomes the user,
//! makes the sockets, hands them over and ends.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socket,
    socketpair,
};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Uid, fork, setgid, setgroups, setuid};

use crate::net::Family;
use crate::netfilter::Protocol;
use crate::validation::Ids;

/// A kind of socket.
pub type SocketKind = (Family, Protocol);

/// Makes sockets, in this order, that do not block.
pub fn sockets(ids: Option<Ids>, kinds: &[SocketKind]) -> io::Result<Vec<OwnedFd>> {
    let Some(ids) = ids else { return Ok(make(kinds)?) };
    let (ours, childs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: this process has one thread, so the child may do all that its parent may; it ends by `_exit`.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let made = become_(ids).and_then(|()| make(kinds));
            let errno = made.as_ref().err().map_or(0, |e| *e as i32);
            let made: Vec<RawFd> = made.iter().flatten().map(AsRawFd::as_raw_fd).collect();
            let rights = [ControlMessage::ScmRights(&made)];
            let rights = if made.is_empty() { &[][..] } else { &rights[..] };
            let sent = sendmsg::<()>(
                childs.as_raw_fd(),
                &[IoSlice::new(&errno.to_ne_bytes())],
                rights,
                MsgFlags::empty(),
                None,
            );
            // SAFETY: ends this process, without what its parent has registered to be done at exit.
            unsafe { nix::libc::_exit(i32::from(sent.is_err())) }
        }
        ForkResult::Parent { child } => {
            drop(childs);
            let received = receive(&ours);
            waitpid(child, None)?;
            received
        }
    }
}

fn become_(ids: Ids) -> Result<(), Errno> {
    setgroups(&[])?;
    setgid(Gid::from_raw(ids.gid))?;
    setuid(Uid::from_raw(ids.uid))
}

fn make(kinds: &[SocketKind]) -> Result<Vec<OwnedFd>, Errno> {
    let make = |(family, protocol): &SocketKind| {
        let family = match family {
            Family::Ipv4 => AddressFamily::Inet,
            Family::Ipv6 => AddressFamily::Inet6,
        };
        let kind = match protocol {
            Protocol::Tcp => SockType::Stream,
            Protocol::Udp => SockType::Datagram,
        };
        socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
    };
    kinds.iter().map(make).collect()
}

/// What the child has sent.
fn receive(from: &OwnedFd) -> io::Result<Vec<OwnedFd>> {
    let mut errno = [0; 4];
    let mut room = nix::cmsg_space!([RawFd; 64]);
    let mut parts = [IoSliceMut::new(&mut errno)];
    let message = loop {
        match recvmsg::<()>(from.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(Errno::EINTR) => {}
            message => break message?,
        }
    };
    let length = message.bytes;
    let mut sockets = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = part {
            // SAFETY: the kernel has just made these descriptors for this process, which has them nowhere else.
            sockets.extend(numbers.into_iter().map(|n| unsafe { OwnedFd::from_raw_fd(n) }));
        }
    }
    match (length, i32::from_ne_bytes(errno)) {
        (4, 0) => Ok(sockets),
        (4, errno) => Err(io::Error::from_raw_os_error(errno)),
        _ => Err(io::Error::other("the child process that creates the sockets has exited")),
    }
}
