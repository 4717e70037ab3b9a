//! Sockets with the options that a packet needs. The safe libraries lack half of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::libc::{self, c_int, c_void, socklen_t};

pub const IPV6_ORIGDSTADDR: c_int = 74;
const SO_ORIGINAL_DST: c_int = 80;

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A non-blocking socket for the family of the address.
pub fn socket(ipv6: bool, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    // SAFETY: no pointers; the descriptor is new, and nothing else owns it.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub fn set<T: Copy>(socket: &OwnedFd, level: c_int, option: c_int, value: T) -> io::Result<()> {
    let (pointer, length) = ((&raw const value).cast::<c_void>(), size_of::<T>() as socklen_t);
    // SAFETY: the pointer is to `length` bytes that live through the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, pointer, length) }).map(|_| ())
}

/// Lets the socket have addresses that are not this host's.
pub fn set_transparent(socket: &OwnedFd, ipv6: bool) -> io::Result<()> {
    match ipv6 {
        true => set(socket, libc::SOL_IPV6, libc::IPV6_TRANSPARENT, 1 as c_int),
        false => set(socket, libc::SOL_IP, libc::IP_TRANSPARENT, 1 as c_int),
    }
}

#[repr(C)]
union Address {
    any: libc::sockaddr_storage,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

fn to_raw(address: SocketAddr) -> (Address, socklen_t) {
    match address {
        SocketAddr::V4(a) => {
            let sin_addr = libc::in_addr { s_addr: u32::from_ne_bytes(a.ip().octets()) };
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: a.port().to_be(),
                sin_addr,
                sin_zero: [0; 8],
            };
            (Address { v4 }, size_of::<libc::sockaddr_in>() as socklen_t)
        }
        SocketAddr::V6(a) => {
            let v6 = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: a.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: a.ip().octets() },
                sin6_scope_id: 0,
            };
            (Address { v6 }, size_of::<libc::sockaddr_in6>() as socklen_t)
        }
    }
}

fn from_raw(address: &Address) -> Option<SocketAddr> {
    // SAFETY: all variants begin with the family, which identifies the variant.
    unsafe {
        match c_int::from(address.any.ss_family) {
            libc::AF_INET => {
                let ip = Ipv4Addr::from(address.v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(address.v4.sin_port)))
            }
            libc::AF_INET6 => {
                let ip = Ipv6Addr::from(address.v6.sin6_addr.s6_addr);
                Some(SocketAddr::new(IpAddr::V6(ip), u16::from_be(address.v6.sin6_port)))
            }
            _ => None,
        }
    }
}

fn blank() -> Address {
    // SAFETY: all zeroes are a valid address of no family.
    Address { any: unsafe { std::mem::zeroed() } }
}

pub fn bind(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    let (raw, length) = to_raw(address);
    // SAFETY: the pointer is to an address of this length.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const raw).cast(), length) }).map(|_| ())
}

pub fn listen(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::listen(socket.as_raw_fd(), 256) }).map(|_| ())
}

/// Begins to connect.
pub fn connect(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    let (raw, length) = to_raw(address);
    // SAFETY: the pointer is to an address of this length.
    match check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const raw).cast(), length) }) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        other => other.map(|_| ()),
    }
}

pub fn accept(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: null pointers mean that the peer's address is not wanted; nothing else owns the new descriptor.
    unsafe {
        let fd = check(libc::accept4(socket.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), flags))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

pub fn send(socket: &OwnedFd, data: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of the slice.
    let sent = unsafe { libc::send(socket.as_raw_fd(), data.as_ptr().cast(), data.len(), libc::MSG_NOSIGNAL) };
    check(sent as c_int).map(|_| ())
}

/// The destination of the connection before it was redirected; its destination if it was not.
pub fn original(socket: &OwnedFd, ipv6: bool) -> Option<SocketAddr> {
    let level = if ipv6 { libc::SOL_IPV6 } else { libc::SOL_IP };
    let mut raw = blank();
    let mut length = size_of::<Address>() as socklen_t;
    let pointer = (&raw mut raw).cast();
    // SAFETY: the pointer is to `length` bytes.
    let result = unsafe {
        match libc::getsockopt(socket.as_raw_fd(), level, SO_ORIGINAL_DST, pointer, &raw mut length) {
            0 => 0,
            _ => libc::getsockname(socket.as_raw_fd(), (&raw mut raw).cast(), &raw mut length),
        }
    };
    check(result).ok().and_then(|_| from_raw(&raw))
}

/// A datagram, and the address that it was sent to when it arrived.
pub fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = [0_u64; 32];
    // SAFETY: all zeroes are a valid, empty message header.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
    (message.msg_control, message.msg_controllen) = (control.as_mut_ptr().cast(), size_of_val(&control) as _);
    // SAFETY: all pointers in the header are to buffers of the lengths given with them.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    check(received as c_int)?;
    let mut to = None;
    // SAFETY: the kernel has filled the control buffer; the macros stay within it, and data is read
    // unaligned and not beyond an address's size, which each of these messages has.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            let kind = ((*header).cmsg_level, (*header).cmsg_type);
            let mut address = blank();
            let data = libc::CMSG_DATA(header);
            if kind == (libc::SOL_IP, libc::IP_ORIGDSTADDR) {
                address.v4 = std::ptr::read_unaligned(data.cast());
                to = from_raw(&address);
            } else if kind == (libc::SOL_IPV6, IPV6_ORIGDSTADDR) {
                address.v6 = std::ptr::read_unaligned(data.cast());
                to = from_raw(&address);
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok((received as usize, to))
}

/// Waits until one of the sockets can be read (or written), at most this long; returns for each whether it can.
pub fn wait(sockets: &[&OwnedFd], events: i16, milliseconds: c_int) -> Vec<bool> {
    let mut polled: Vec<_> = sockets.iter().map(|s| libc::pollfd { fd: s.as_raw_fd(), events, revents: 0 }).collect();
    // SAFETY: pointer and length are those of the vector.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
    polled.iter().map(|p| p.revents != 0).collect()
}

/// Runs a part with the user and group that files are opened with: the owner of sockets made in it. They
/// belong to the thread.
pub fn as_user<T>(uid: u32, gid: u32, part: impl FnOnce() -> T) -> T {
    let set = |uid: u32, gid: u32| {
        nix::unistd::setfsgid(gid.into());
        nix::unistd::setfsuid(uid.into());
    };
    set(uid, gid);
    let result = part();
    // The user goes first: root may have any group.
    nix::unistd::setfsuid(0.into());
    set(0, 0);
    result
}
