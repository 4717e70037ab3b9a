//! Ignored findings: an annotation of the object, or of its pods, silences rules by name.

use super::IGNORE;
use super::input::Object;
use super::picture::Picture;
use super::place::{At, Hit};
use super::rule::Rule;

/// Whether a rule is silenced for an object.
pub(super) fn ignores(picture: &Picture<'_>, object: &Object, rule: &str) -> bool {
    places(picture, object).iter().any(|at| names(at).any(|name| name == rule))
}

/// Unknown rule names in the annotation.
pub(super) fn unknown<'p>(object: &'p Object, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let mut hits = Vec::new();
    for at in places(picture, object) {
        for name in names(&at).filter(|name| Rule::named(name).is_none()) {
            hits.push(at.clone().hit(format!("annotation {IGNORE}: there is no rule {name:?}")));
        }
    }
    hits
}

/// The annotation, in each place that has it.
fn places<'p>(picture: &'p Picture<'_>, object: &'p Object) -> Vec<At<'p>> {
    let own = At::object(object).down(["metadata", "annotations", IGNORE]);
    let member = picture.members.iter().find(|member| std::ptr::eq(&member.object, object));
    let of_pod = member.map(|member| member.metadata().down(["annotations", IGNORE]));
    let mut places = vec![own];
    places.extend(of_pod.filter(|at| at.path.len() > 3));
    places.retain(At::exists);
    places
}

fn names<'p>(at: &At<'p>) -> impl Iterator<Item = &'p str> {
    let text = at.value.as_str().unwrap_or_default();
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}
