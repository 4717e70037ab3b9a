//! Which annotations there are: those that Istio documents, and those that the templates of a config name.

use std::collections::BTreeSet;

use super::{NATIVE_SIDECAR, PROXY_CONFIG, PROXY_IMAGE_TYPE, REWRITE_PROBES, STATUS_PORT, TEMPLATES};
use crate::decision::SWITCH;
use crate::inject::Templates;
use crate::value::EcoString;

/// The prefixes of Istio's annotations about injection. Only Istio uses them.
const PREFIXES: [&str; 6] = [
    "inject.istio.io/",
    "proxy.istio.io/",
    "readiness.status.sidecar.istio.io/",
    "sidecar.istio.io/",
    "status.sidecar.istio.io/",
    "traffic.sidecar.istio.io/",
];

/// What is known of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// For users.
    Current,
    /// Written by the injector.
    Internal,
    /// Istio calls it deprecated.
    Deprecated,
    /// Istio calls it deprecated, and names another one to use.
    DeprecatedFor(&'static str),
}

/// The annotations of pods with these prefixes in istio.io/api, as of July 2026, in the order of their names.
const ISTIO: [(&str, Use); 43] = [
    ("inject.istio.io/templates", Use::Current),
    ("proxy.istio.io/config", Use::Current),
    ("proxy.istio.io/overrides", Use::Internal),
    ("readiness.status.sidecar.istio.io/applicationPorts", Use::Current),
    ("readiness.status.sidecar.istio.io/failureThreshold", Use::Current),
    ("readiness.status.sidecar.istio.io/initialDelaySeconds", Use::Current),
    ("readiness.status.sidecar.istio.io/periodSeconds", Use::Current),
    ("sidecar.istio.io/agentLogLevel", Use::Current),
    ("sidecar.istio.io/bootstrapOverride", Use::Current),
    ("sidecar.istio.io/componentLogLevel", Use::Current),
    ("sidecar.istio.io/discoveryAddress", Use::Deprecated),
    ("sidecar.istio.io/extraStatTags", Use::Deprecated),
    // Deprecated too, in favour of the label: the decision warns of it.
    ("sidecar.istio.io/inject", Use::Current),
    ("sidecar.istio.io/interceptionMode", Use::Current),
    ("sidecar.istio.io/logLevel", Use::Current),
    ("sidecar.istio.io/nativeSidecar", Use::Current),
    ("sidecar.istio.io/proxyCPU", Use::Current),
    ("sidecar.istio.io/proxyCPULimit", Use::Current),
    ("sidecar.istio.io/proxyImage", Use::Current),
    ("sidecar.istio.io/proxyImageType", Use::Current),
    ("sidecar.istio.io/proxyMemory", Use::Current),
    ("sidecar.istio.io/proxyMemoryLimit", Use::Current),
    ("sidecar.istio.io/rewriteAppHTTPProbers", Use::Current),
    ("sidecar.istio.io/statsCompression", Use::Deprecated),
    ("sidecar.istio.io/statsEvictionInterval", Use::Current),
    ("sidecar.istio.io/statsFlushInterval", Use::Current),
    ("sidecar.istio.io/statsHistogramBins", Use::Current),
    ("sidecar.istio.io/statsHistogramBuckets", Use::Current),
    ("sidecar.istio.io/statsInclusionPrefixes", Use::Deprecated),
    ("sidecar.istio.io/statsInclusionRegexps", Use::Deprecated),
    ("sidecar.istio.io/statsInclusionSuffixes", Use::Deprecated),
    ("sidecar.istio.io/status", Use::Internal),
    ("sidecar.istio.io/userVolume", Use::Current),
    ("sidecar.istio.io/userVolumeMount", Use::Current),
    ("status.sidecar.istio.io/port", Use::Current),
    ("traffic.sidecar.istio.io/excludeInboundPorts", Use::Current),
    ("traffic.sidecar.istio.io/excludeInterfaces", Use::Current),
    ("traffic.sidecar.istio.io/excludeOutboundIPRanges", Use::Current),
    ("traffic.sidecar.istio.io/excludeOutboundPorts", Use::Current),
    ("traffic.sidecar.istio.io/includeInboundPorts", Use::Current),
    ("traffic.sidecar.istio.io/includeOutboundIPRanges", Use::Current),
    ("traffic.sidecar.istio.io/includeOutboundPorts", Use::Current),
    ("traffic.sidecar.istio.io/kubevirtInterfaces", Use::DeprecatedFor("istio.io/reroute-virtual-interfaces")),
];

/// What the name of an annotation or label reveals about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has nothing to do with injection, or there is nothing to report.
    Fine,
    /// Istio calls it deprecated; what to use instead, if Istio names that.
    Deprecated(Option<&'static str>),
    /// It looks like one of injection's, and nothing is known to read it; the known one that is most like it.
    Unknown(Option<EcoString>),
    /// A label that only works as an annotation.
    Misplaced,
}

/// The annotations and labels of injection that the templates of a config name.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    names: BTreeSet<EcoString>,
    /// Those of them that are looked up among the labels.
    labels: BTreeSet<EcoString>,
    /// Prefixes without a name: a template reads every annotation that begins so, or makes up a name.
    prefixes: BTreeSet<EcoString>,
}

impl Mentions {
    /// Looks through the templates' texts.
    pub(crate) fn of(templates: &Templates) -> Self {
        let mut mentions = Mentions::default();
        templates.values().for_each(|template| mentions.scan(template.source()));
        mentions
    }

    fn scan(&mut self, text: &str) {
        let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
        let mut rest = text;
        while let Some(at) = rest.find("istio.io/") {
            let (before, found) = rest.split_at(at);
            let start = before.rfind(|c| !part_of_name(c)).map_or(0, |last| ceil(before, last + 1));
            let (before, head) = before.split_at(start);
            let end = found.find(|c| !part_of_name(c)).unwrap_or(found.len());
            let (tail, after) = found.split_at(end);
            rest = after;
            let name = format!("{head}{}", tail.trim_end_matches('.'));
            if PREFIXES.contains(&name.as_str()) {
                self.prefixes.insert(name.into());
            } else if has_prefix(&name) {
                if before.trim_end_matches(['`', '"']).trim_end().ends_with("Labels") {
                    self.labels.insert(name.as_str().into());
                }
                self.names.insert(name.into());
            }
        }
    }

    /// Whether a template may read it.
    fn knows(&self, name: &str) -> bool {
        self.names.contains(name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// What the name of a pod's annotation reveals.
    pub fn annotation(&self, name: &str) -> Verdict {
        if !has_prefix(name) {
            return Verdict::Fine;
        }
        match of_istio(name) {
            Some(Use::Current | Use::Internal) => Verdict::Fine,
            Some(Use::Deprecated) => Verdict::Deprecated(None),
            Some(Use::DeprecatedFor(other)) => Verdict::Deprecated(Some(other)),
            None if self.knows(name) => Verdict::Fine,
            None => Verdict::Unknown(self.nearest(name)),
        }
    }

    /// What the name of a pod's label reveals. Only an annotation among the labels deserves a warning: labels are
    /// for everybody to select by.
    pub fn label(&self, name: &str) -> Verdict {
        let is_fine = !has_prefix(name) || name == SWITCH || self.labels.contains(name);
        if !is_fine && of_istio(name).is_some() { Verdict::Misplaced } else { Verdict::Fine }
    }

    /// The annotation that was probably meant.
    fn nearest(&self, name: &str) -> Option<EcoString> {
        let current = ISTIO.iter().filter(|(_, use_)| *use_ == Use::Current).map(|(name, _)| *name);
        let candidates = current.chain(self.names.iter().map(EcoString::as_str));
        let (prefix, word) = split(name);
        // Kubernetes takes no longer one, and comparing takes its time.
        let word = plain(Some(word).filter(|word| word.len() <= 63)?);
        let distance = |candidate: &str| {
            let (other_prefix, other) = split(candidate);
            let distance = distance(word.as_bytes(), plain(other).as_bytes());
            // One letter in four may be wrong.
            (distance * 4 <= word.len()).then_some((distance, other_prefix != prefix))
        };
        let near = candidates.filter_map(|candidate| Some((distance(candidate)?, candidate)));
        near.min().map(|(_, candidate)| candidate.into())
    }
}

/// The next place at which a text can be cut.
fn ceil(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Whether it begins as Istio's annotations about injection do.
pub(crate) fn has_prefix(name: &str) -> bool {
    PREFIXES.into_iter().any(|prefix| name.starts_with(prefix))
}

/// Whether Istio documents it as one that a template has to read: the injector does not by itself, nor the agent later.
pub(crate) fn is_for_templates(name: &str) -> bool {
    let by_itself = [TEMPLATES, PROXY_CONFIG, NATIVE_SIDECAR, PROXY_IMAGE_TYPE, REWRITE_PROBES, STATUS_PORT, SWITCH];
    let by_agent = ["sidecar.istio.io/stats", "sidecar.istio.io/extraStatTags", "sidecar.istio.io/discoveryAddress"];
    matches!(of_istio(name), Some(Use::Current | Use::Deprecated | Use::DeprecatedFor(_)))
        && !by_itself.contains(&name)
        && !by_agent.iter().any(|prefix| name.starts_with(prefix))
}

fn of_istio(name: &str) -> Option<Use> {
    let at = ISTIO.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    ISTIO.get(at).map(|(_, use_)| *use_)
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("", name))
}

/// A name without what is often written differently.
fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// How many letters have to be changed, added or removed to make one word of the other (Levenshtein).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, of_a) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, of_b) in row.iter_mut().skip(1).zip(b) {
            let changed = diagonal + usize::from(of_a != of_b);
            diagonal = *above;
            left = changed.min(*above + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotations::RULES;

    fn mentions(text: &str) -> Mentions {
        let mut mentions = Mentions::default();
        mentions.scan(text);
        mentions
    }

    fn unknown(name: &str) -> Verdict {
        Verdict::Unknown(Some(name.into()))
    }

    #[test]
    fn the_table_is_in_order_and_has_every_annotation_with_a_rule() {
        assert!(ISTIO.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(ISTIO.iter().all(|(name, _)| has_prefix(name)));
        let missing = RULES.iter().find(|(name, _)| has_prefix(name) && of_istio(name).is_none());
        assert_eq!(missing.map(|(name, _)| name), None);
    }

    #[test]
    fn a_typo_or_another_prefix_leads_to_the_right_name() {
        let cases = [
            ("sidecar.istio.io/proxyCpu", "sidecar.istio.io/proxyCPU"),
            ("sidecar.istio.io/proxy-cpu-limit", "sidecar.istio.io/proxyCPULimit"),
            ("sidecar.istio.io/proxyMemoryLimits", "sidecar.istio.io/proxyMemoryLimit"),
            ("sidecar.istio.io/excludeOutboundPorts", "traffic.sidecar.istio.io/excludeOutboundPorts"),
            ("traffic.sidecar.istio.io/excludeOutboundPort", "traffic.sidecar.istio.io/excludeOutboundPorts"),
            ("traffic.sidecar.istio.io/excludeOutboundIpRanges", "traffic.sidecar.istio.io/excludeOutboundIPRanges"),
            ("sidecar.istio.io/rewriteAppHTTPProbes", "sidecar.istio.io/rewriteAppHTTPProbers"),
            ("sidecar.istio.io/port", "status.sidecar.istio.io/port"),
            ("proxy.istio.io/configs", "proxy.istio.io/config"),
            ("inject.istio.io/template", "inject.istio.io/templates"),
            ("sidecar.istio.io/injected", "sidecar.istio.io/inject"),
            ("readiness.status.sidecar.istio.io/periodSecond", "readiness.status.sidecar.istio.io/periodSeconds"),
        ];
        for (name, want) in cases {
            assert_eq!(Mentions::default().annotation(name), unknown(want), "{name}");
        }
        for name in ["sidecar.istio.io/enableCoreDump", "proxy.istio.io/", "sidecar.istio.io/x"] {
            assert_eq!(Mentions::default().annotation(name), Verdict::Unknown(None), "{name}");
        }
    }

    #[test]
    fn what_a_template_names_is_known() {
        let own =
            mentions("é{{ index .ObjectMeta.Annotations `sidecar.istio.io/ownThing` }} # see sidecar.istio.io/other.");
        assert_eq!(own.annotation("sidecar.istio.io/ownThing"), Verdict::Fine);
        assert_eq!(own.annotation("sidecar.istio.io/other"), Verdict::Fine);
        assert_eq!(own.annotation("sidecar.istio.io/ownThings"), unknown("sidecar.istio.io/ownThing"));
        let made_up = mentions(r#"{{ hasPrefix "traffic.sidecar.istio.io/" $key }}"#);
        assert_eq!(made_up.annotation("traffic.sidecar.istio.io/anything"), Verdict::Fine);
        assert_eq!(made_up.annotation("sidecar.istio.io/anything"), Verdict::Unknown(None));
    }

    #[test]
    fn annotations_with_foreign_prefixes_are_ignored() {
        for name in [
            "istio.io/rev",
            "example.com/sidecar",
            "my.sidecar.istio.io/x",
            "sidecar.istio.io",
            "",
            "prometheus.io/port",
        ] {
            assert_eq!(Mentions::default().annotation(name), Verdict::Fine, "{name}");
        }
    }

    #[test]
    fn deprecated_ones_are_reported_with_istios_replacement() {
        let verdict = |name| Mentions::default().annotation(name);
        assert_eq!(
            verdict("traffic.sidecar.istio.io/kubevirtInterfaces"),
            Verdict::Deprecated(Some("istio.io/reroute-virtual-interfaces"))
        );
        assert_eq!(verdict("sidecar.istio.io/statsCompression"), Verdict::Deprecated(None));
        assert_eq!(verdict("sidecar.istio.io/status"), Verdict::Fine);
    }

    #[test]
    fn a_label_that_has_to_be_an_annotation_is_misplaced() {
        let none = Mentions::default();
        assert_eq!(none.label("sidecar.istio.io/proxyCPU"), Verdict::Misplaced);
        for name in ["sidecar.istio.io/inject", "sidecar.istio.io/team", "app", "istio.io/rev"] {
            assert_eq!(none.label(name), Verdict::Fine, "{name}");
        }
        let read = mentions("{{ index .ObjectMeta.Labels `sidecar.istio.io/logLevel` }}");
        assert_eq!(read.label("sidecar.istio.io/logLevel"), Verdict::Fine);
        let not = mentions("{{ index .ObjectMeta.Annotations `sidecar.istio.io/logLevel` }}");
        assert_eq!(not.label("sidecar.istio.io/logLevel"), Verdict::Misplaced);
    }
}
