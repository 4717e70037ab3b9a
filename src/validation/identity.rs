//! Who calls: rules distinguish the proxy from applications by user and group.

use std::fmt;

use crate::config::{Config, Selection};
use crate::net::Owner;

/// A user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, group {}", self.uid, self.gid)
    }
}

/// This process, and what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub ids: Ids,
    /// Whether it may become another program (`CAP_SETUID`, `CAP_SETGID`).
    pub may_change: bool,
    /// Whether it may listen for any address (`CAP_NET_ADMIN` or `CAP_NET_RAW`).
    pub may_be_transparent: bool,
}

/// As whom a connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The proxy's user.
    Proxy,
    /// Another user, in the proxy's group: whose connections over loopback only mangle takes for the
    /// proxy's. Istio runs the proxy so in TPROXY mode, as root.
    ProxyGroup,
    /// Neither, and in a group whose traffic is captured.
    Application,
}

impl Role {
    /// The ids to take on; `None` if the process has the role as it is, or cannot but try as it is.
    ///
    /// # Errors
    /// Why the role cannot be had.
    pub fn take(self, config: &Config, caller: &Caller) -> Result<Option<Ids>, String> {
        if self.fits(config, caller.ids) {
            return Ok(None);
        }
        let other = self.ids(config, caller.ids)?;
        match (self, caller) {
            (_, Caller { may_change: true, .. }) => Ok(Some(other)),
            // The user to run the validation as was chosen, and it is not the proxy: it is tried, and the
            // rules do with it what they do.
            (Self::Proxy, Caller { ids: Ids { uid: 1.., .. }, .. }) => Ok(None),
            (Self::Proxy | Self::ProxyGroup | Self::Application, _) => Err(format!(
                "must run as {other}, but this process ({}) lacks CAP_SETUID and CAP_SETGID: add SETUID and SETGID to securityContext.capabilities, or validate in a separate container with runAsUser: {}",
                caller.ids, other.uid
            )),
        }
    }

    /// Whether a user or group has the role.
    fn fits(self, config: &Config, ids: Ids) -> bool {
        let user = |owners: &[Owner]| owners.iter().any(|o| o.contains(ids.uid));
        let group = |owners: &[Owner]| owners.iter().any(|o| o.contains(ids.gid));
        match self {
            // Rules for a second user come too late for its connections over loopback.
            Self::Proxy => user(config.proxy_uids.get(..1).unwrap_or_default()),
            Self::ProxyGroup => !user(&config.proxy_uids) && group(&config.proxy_gids),
            Self::Application => {
                let captured = match &config.owner_groups {
                    Selection::None => false,
                    Selection::AllExcept(groups) => !group(groups),
                    Selection::Only(groups) => group(groups),
                };
                !user(&config.proxy_uids) && !group(&config.proxy_gids) && captured
            }
        }
    }

    /// Ids that have the role, as close to `current` as possible.
    fn ids(self, config: &Config, current: Ids) -> Result<Ids, String> {
        let proxy_uid = config.proxy_uids.first().and_then(Owner::lowest);
        let proxy_gid = config.proxy_gids.first().and_then(Owner::lowest);
        let listed = config.owner_groups.listed().iter().filter_map(Owner::lowest);
        let (uids, gids): (Vec<u32>, Vec<u32>) = match self {
            Self::Proxy => (proxy_uid.into_iter().collect(), proxy_gid.into_iter().collect()),
            Self::ProxyGroup => (vec![current.uid, 0, 1000, 65_534], proxy_gid.into_iter().collect()),
            Self::Application => {
                (vec![current.uid, 1000, 65_534, 1001], listed.chain([current.gid, 1000, 65_534, 1001]).collect())
            }
        };
        let all = uids.iter().flat_map(|&uid| gids.iter().map(move |&gid| Ids { uid, gid }));
        all.into_iter().find(|ids| self.fits(config, *ids)).ok_or_else(|| match self {
            Self::Proxy => "the number of the proxy's user or group is unknown".to_owned(),
            Self::ProxyGroup => "found no user but the proxy's for the proxy's group".to_owned(),
            Self::Application => "found no user and group whose traffic is captured".to_owned(),
        })
    }

    /// Whether the process is the wrong user for the role, and can be no other.
    pub fn is_missed_by(self, config: &Config, caller: &Caller) -> bool {
        !self.fits(config, caller.ids) && !caller.may_change
    }
}
