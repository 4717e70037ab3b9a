//! Requests to the kernel over netlink (netlink(7)).

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use netlink_packet_core::{
    DecodeError, ErrorMessage, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::MsgFlags;

/// How long something is tried that others may get in the way of.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

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

    /// Waits, but not where the time is over: then there is to be no other attempt.
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

/// A message whose contents are read by the caller, who alone knows which kinds can come: code that can
/// read every kind there is would be twice as large as all the rest of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    kind: u16,
    body: Vec<u8>,
}

impl Message {
    /// The kind (`nlmsg_type`).
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// A message of this kind with these contents, padded to a multiple of four bytes.
    pub fn of_bytes(kind: u16, mut body: Vec<u8>) -> Self {
        body.resize(body.len().next_multiple_of(4), 0);
        Self { kind, body }
    }

    /// The contents as bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.body.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.body);
    }
}

impl NetlinkDeserializable for Message {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { kind: header.message_type, body: payload.to_vec() })
    }
}

/// A socket of one netlink protocol.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// The kernel fills a part of an answer up to 32 KiB (`netlink_dump` in `net/netlink/af_netlink.c`).
pub(super) const LARGEST_PART: usize = 64 * 1024;

impl Netlink {
    /// Opens a socket of a protocol, such as `NETLINK_ROUTE`.
    ///
    /// # Errors
    /// What the system says; `EPROTONOSUPPORT` where the kernel does not have it.
    pub fn open(protocol: isize) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0, buffer: Vec::with_capacity(LARGEST_PART) })
    }

    /// Asks for everything there is of something.
    ///
    /// # Errors
    /// The kernel's answer, or an answer that cannot be read. A dump that was disturbed by a change is
    /// repeated, up to a bound in time.
    pub fn dump(&mut self, message: &Message) -> io::Result<Vec<Message>> {
        let mut backoff = Backoff::new();
        loop {
            self.send(message, NLM_F_REQUEST | NLM_F_DUMP)?;
            match self.answers() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted && backoff.wait(PATIENCE) => {}
                answers => return answers,
            }
        }
    }

    /// Asks for a change, and waits until it is made.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn change(&mut self, message: &Message, flags: u16) -> io::Result<()> {
        self.send(message, NLM_F_REQUEST | NLM_F_ACK | flags)?;
        self.answers().map(drop)
    }

    /// Asks one question, and gets all that the kernel answers.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn ask(&mut self, message: &Message) -> io::Result<Vec<Message>> {
        self.send(message, NLM_F_REQUEST | NLM_F_ACK)?;
        self.answers()
    }

    fn send(&mut self, message: &Message, flags: u16) -> io::Result<()> {
        self.sequence += 1;
        let bytes = self.written(message, flags);
        self.socket.send(&bytes, 0).map(drop)
    }

    fn written(&self, message: &Message, flags: u16) -> Vec<u8> {
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message.clone()));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        bytes
    }

    /// All answers to the last request.
    fn answers(&mut self) -> io::Result<Vec<Message>> {
        /// `NLM_F_DUMP_INTR` of `linux/netlink.h`: something changed while it was listed.
        const DISTURBED: u16 = 0x10;
        let mut found = Vec::new();
        let mut disturbed = false;
        loop {
            self.buffer.clear();
            let length = self.socket.recv(&mut self.buffer, MsgFlags::MSG_TRUNC.bits())?;
            if length > self.buffer.len() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is cut off"));
            }
            let invalid = |e: DecodeError| io::Error::new(io::ErrorKind::InvalidData, e.to_string());
            for message in messages::<Message>(&self.buffer).map_err(invalid)? {
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                disturbed |= message.header.flags & DISTURBED != 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(message) => found.push(message),
                    NetlinkPayload::Done(_) if disturbed => return Err(io::ErrorKind::Interrupted.into()),
                    NetlinkPayload::Done(_) | NetlinkPayload::Error(ErrorMessage { code: None, .. }) => {
                        return Ok(found);
                    }
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::Noop | NetlinkPayload::Overrun(_) | _ => {}
                }
            }
        }
    }
}

/// The messages in a part of an answer.
pub(super) fn messages<T: NetlinkDeserializable>(mut bytes: &[u8]) -> Result<Vec<NetlinkMessage<T>>, DecodeError> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let message = NetlinkMessage::<T>::deserialize(bytes)?;
        // Messages begin at multiples of four bytes.
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        messages.push(message);
    }
    Ok(messages)
}
