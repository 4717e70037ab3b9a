//! The capabilities of this process (capabilities(7)).

// `CAP_*` of `linux/capability.h`.
const SETGID: u32 = 6;
const SETUID: u32 = 7;
const NET_ADMIN: u32 = 12;
const NET_RAW: u32 = 13;
const SYS_ADMIN: u32 = 21;

/// The effective capabilities.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities(u64);

impl Capabilities {
    /// Those of this process; none if they cannot be read.
    pub fn effective() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bits = status.lines().find_map(|l| l.strip_prefix("CapEff:"));
        Self(bits.and_then(|b| u64::from_str_radix(b.trim(), 16).ok()).unwrap_or(0))
    }

    fn has(self, capability: u32) -> bool {
        self.0 >> capability & 1 == 1
    }

    /// Whether network configuration can be changed.
    pub fn net_admin(self) -> bool {
        self.has(NET_ADMIN)
    }

    /// Whether raw sockets can be opened, which legacy iptables does.
    pub fn net_raw(self) -> bool {
        self.has(NET_RAW)
    }

    /// Whether the process can become another user and group.
    pub fn set_ids(self) -> bool {
        self.has(SETUID) && self.has(SETGID)
    }

    /// Whether mount namespaces can be made.
    pub fn sys_admin(self) -> bool {
        self.has(SYS_ADMIN)
    }

    /// The ones that matter here, and which ones it takes, for a message.
    pub fn describe(self) -> String {
        let names = [("NET_ADMIN", self.net_admin()), ("NET_RAW", self.net_raw())];
        let had: Vec<_> = names.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
        let what = if had.is_empty() { "neither NET_ADMIN nor NET_RAW".to_owned() } else { had.join(" and ") };
        format!(
            "effective capabilities 0x{:x}: {what}; legacy iptables needs NET_ADMIN and NET_RAW, everything else NET_ADMIN, and uid 0 to keep them: securityContext: {{runAsUser: 0, capabilities: {{add: [NET_ADMIN, NET_RAW]}}}}",
            self.0
        )
    }
}
