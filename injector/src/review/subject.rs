//! What a review is about, as far as a log may show it.

use crate::value::{EcoString, Value};

/// Kubernetes' limit for names. A longer one can only be abuse, and is truncated.
const LONGEST: usize = 253;

/// What a review is about: names, and nothing else from the pod. Empty if the body is not a review.
///
/// The texts are the caller's, and may hold any character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The review's `uid`.
    pub uid: EcoString,
    /// The pod's namespace, or the request's if the pod has none.
    pub namespace: EcoString,
    /// The pod's name; of a pod that has none yet, its `generateName`.
    pub name: EcoString,
    /// Whether nothing will come of it.
    pub dry_run: bool,
}

impl Subject {
    pub(crate) fn of(review: &Value) -> Self {
        let Some(request) = review.get("request") else { return Subject::default() };
        let first = |paths: &[&[&str]]| {
            let texts = paths.iter().filter_map(|path| request.str_at(path));
            cut(texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default())
        };
        Subject {
            uid: first(&[&["uid"]]),
            namespace: first(&[&["object", "metadata", "namespace"], &["namespace"]]),
            name: first(&[&["object", "metadata", "name"], &["object", "metadata", "generateName"], &["name"]]),
            dry_run: request.get("dryRun").and_then(Value::as_bool).unwrap_or(false),
        }
    }
}

fn cut(text: &str) -> EcoString {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(request: &str) -> Subject {
        Subject::of(&crate::json::parse(format!(r#"{{"request":{request}}}"#).as_bytes()).unwrap())
    }

    #[test]
    fn a_pod_is_named_by_itself_or_by_the_request() {
        let of = |uid: &str, namespace: &str, name: &str| Subject {
            uid: uid.into(),
            namespace: namespace.into(),
            name: name.into(),
            dry_run: false,
        };
        let pod = r#"{"uid":"u","namespace":"r","dryRun":false,"object":{"metadata":{"namespace":"n","name":"p"}}}"#;
        assert_eq!(subject(pod), of("u", "n", "p"));
        assert_eq!(subject(r#"{"namespace":"r","object":{"metadata":{"generateName":"g-"}}}"#), of("", "r", "g-"));
        assert_eq!(subject(r#"{"namespace":"r","name":"p","object":null}"#), of("", "r", "p"));
        assert!(subject(r#"{"dryRun":true}"#).dry_run);
        for nothing in ["null", "[]", r#"{"uid":1,"object":{"metadata":[]}}"#] {
            assert_eq!(subject(nothing), Subject::default());
        }
    }

    #[test]
    fn endless_names_are_cut() {
        let long = subject(&format!(r#"{{"uid":"{}"}}"#, "é".repeat(1000)));
        assert_eq!(long.uid.chars().count(), LONGEST);
    }
}
