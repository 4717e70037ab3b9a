//! What cannot be known about a pod from the traces of its injection.

use std::fmt;

use crate::json;
use crate::value::EcoString;

/// Something that an injection did not record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// What a probe or lifecycle handler asked.
    Handler {
        /// The container.
        container: EcoString,
        /// The field, such as `livenessProbe`.
        field: String,
    },
    /// Whether it named its port or gave the number.
    PortName {
        /// The container.
        container: EcoString,
        /// The field.
        field: String,
        /// The port's name.
        port: EcoString,
    },
    /// The image of the user's own container.
    Image {
        /// The container.
        container: EcoString,
    },
    /// The place of the user's own container in its list.
    Order {
        /// The container.
        container: EcoString,
    },
    /// The list that the user's own sidecar was in.
    OwnSidecar {
        /// The list it is in now.
        list: &'static str,
    },
    /// How the Prometheus annotations were spelt.
    Spelling,
    /// Which port and path the Prometheus annotations had beside the targets.
    Targets,
    /// The Prometheus annotations, as there is no sidecar.
    Prometheus,
    /// A volume of an injected name with several sources: one of them was the user's.
    Volume {
        /// The volume.
        name: EcoString,
    },
    /// Annotations that a template of the CNI plugin sets, or the user.
    Annotation {
        /// The annotation, which stays.
        name: EcoString,
    },
    /// A setting or label that stays, set by the injection or by the user.
    Stays {
        /// The field or label.
        what: &'static str,
    },
    /// A setting with the value that some templates give it, which was removed.
    Removed {
        /// The field or label.
        what: &'static str,
    },
    /// The configuration at hand does not make the pod again, so that other settings may be left over.
    Configuration {
        /// The fields in which its result differs.
        paths: Vec<String>,
    },
}

impl Doubt {
    /// What the sidecar's variable about Prometheus leaves open.
    pub(super) fn of_prometheus(noted: &str, has_sidecar: bool) -> Vec<Doubt> {
        let noted = json::parse(noted.as_bytes()).unwrap_or_default();
        match (noted.as_map(), has_sidecar) {
            (None, true) => Vec::new(),
            (None, false) => vec![Doubt::Prometheus],
            (Some(noted), _) if noted.contains_key("targets") => vec![Doubt::Targets, Doubt::Spelling],
            (Some(_), _) => vec![Doubt::Spelling],
        }
    }

    /// Whether the next injection may come out differently for it.
    pub fn matters(&self) -> bool {
        match self {
            Doubt::Handler { .. }
            | Doubt::Prometheus
            | Doubt::Volume { .. }
            | Doubt::Annotation { .. }
            | Doubt::Stays { .. }
            | Doubt::Removed { .. }
            | Doubt::OwnSidecar { .. } => true,
            Doubt::PortName { .. }
            | Doubt::Image { .. }
            | Doubt::Order { .. }
            | Doubt::Spelling
            | Doubt::Targets
            | Doubt::Configuration { .. } => false,
        }
    }

    /// Whether it stays open if the configuration proves the pod: what the templates set is known then.
    pub(in crate::inject) fn outlasts_proof(&self) -> bool {
        !matches!(self, Doubt::Volume { .. } | Doubt::Annotation { .. } | Doubt::Stays { .. } | Doubt::Removed { .. })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Handler { container, field } => write!(
                f,
                "what {field} of container {container:?} asked was not recorded; its port is \"unknown\" now: set path and port"
            ),
            Doubt::PortName { container, field, port } => {
                write!(f, "whether {field} of container {container:?} named its port {port:?} or gave the number was not recorded; it has the number")
            }
            Doubt::Image { container } => {
                write!(f, "the image of container {container:?} was not recorded; it is \"auto\"")
            }
            Doubt::Order { container } => {
                write!(f, "where container {container:?} stood among the others was not recorded")
            }
            Doubt::OwnSidecar { list } => {
                write!(f, "whether \"istio-proxy\" was one of containers or initContainers was not recorded; it is in {list}")
            }
            Doubt::Spelling => f.write_str("how the Prometheus annotations were spelt was not recorded; they are \"prometheus.io/...\""),
            Doubt::Targets => f.write_str("prometheus.io/port and path beside prometheus.istio.io/scrape-targets were not recorded; they are those of the first target"),
            Doubt::Prometheus => f.write_str("the Prometheus annotations point at the agent, and what they were was not recorded; they are gone"),
            Doubt::Volume { name } => write!(f, "volume {name:?} has a source from the injection and one that was there before; both stay: remove one"),
            Doubt::Annotation { name } => write!(f, "annotation {name} may be from the injection; it stays"),
            Doubt::Stays { what } => write!(f, "{what} may be from the injection; it stays"),
            Doubt::Removed { what } => write!(f, "{what} has the value that injection gives it, and was removed; if it was there before, add it again"),
            Doubt::Configuration { paths } if paths.is_empty() => f.write_str(
                "labels, annotations and settings of the pod were told by the names that Istio's templates use, and others \
                 may be left; give the configuration that injected it to have the result proven",
            ),
            Doubt::Configuration { paths } => {
                let (shown, more) = paths.split_at(paths.len().min(5));
                let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
                write!(
                    f,
                    "another configuration injected it (this one differs in {}{more}): labels, annotations and settings of the \
                     pod were told by the names that Istio's templates use, and others may be left",
                    shown.join(", ")
                )
            }
        }
    }
}
