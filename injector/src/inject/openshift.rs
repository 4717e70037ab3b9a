//! OpenShift: annotations of the pod's namespace determine which user and group the proxy runs as.

use super::pod::{self, INIT, PROXY, Place, VALIDATION, name};
use crate::annotations::STATUS;
use crate::value::{Map, Value};

const UID_RANGE: &str = "openshift.io/sa.scc.uid-range";
const SUPPLEMENTAL_GROUPS: &str = "openshift.io/sa.scc.supplemental-groups";

/// The annotations of a namespace that are read here.
#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "only a watch leaves the others out"))]
pub(crate) const ANNOTATIONS: [&str; 2] = [UID_RANGE, SUPPLEMENTAL_GROUPS];

/// The user and group that the proxy runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The user.
    pub user: i64,
    /// The group.
    pub group: i64,
}

impl Default for Ids {
    fn default() -> Self {
        Ids { user: 1337, group: 1337 }
    }
}

impl Ids {
    /// The last id of each range that a namespace's annotations reserve; the usual ids if they reserve nothing.
    pub fn of_namespace(namespace: &Value) -> Self {
        let usual = Ids::default();
        let annotation = |name: &str| namespace.at(&["metadata", "annotations"])?.str_at(&[name]);
        let user = annotation(UID_RANGE).and_then(last).map_or(usual.user, i64::from);
        let groups = annotation(SUPPLEMENTAL_GROUPS).or_else(|| annotation(UID_RANGE)).unwrap_or_default();
        let blocks: Option<Vec<u32>> = groups.split(',').map(last).collect();
        let group = blocks.and_then(|blocks| blocks.first().copied()).map_or(usual.group, i64::from);
        Ids { user, group }
    }
}

/// The last id of a block: `START/SIZE` or `START-END`. What follows is ignored.
fn last(block: &str) -> Option<u32> {
    if block.contains('/') {
        let (start, rest) = number(block)?;
        let (size, _) = number(rest.strip_prefix('/')?)?;
        return Some(start.wrapping_add(size).wrapping_sub(1));
    }
    let (_, rest) = number(block)?;
    number(rest.strip_prefix('-')?).map(|(end, _)| end)
}

/// A number, after spaces, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start_matches([' ', '\t', '\r']);
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// Drops the sidecar's user and group if the application has the same user. OpenShift stamps one user on all
/// containers, and traffic of the application would then bypass the proxy.
pub fn forget_stamped_user(pod: &mut Value) {
    let user = |container: &Value| container.at(&["securityContext", "runAsUser"]).and_then(Value::as_i64);
    let (mut sidecar, mut application) = (None, None);
    for container in
        [Place::Containers, Place::InitContainers].into_iter().flat_map(|place| pod::containers(pod, place))
    {
        match (name(container), user(container)) {
            (PROXY, Some(user)) => sidecar = Some(user),
            (PROXY | VALIDATION | INIT, _) | (_, None) => (),
            (_, Some(user)) => application = Some(user),
        }
    }
    // Istio treats an absent user as 0. In a pod that was injected before, a sidecar that runs as 0 is one with TPROXY.
    let nobody = if pod::annotation(pod, STATUS).is_some() { None } else { Some(0) };
    let is_stamped = sidecar.or(nobody) == application.or(nobody) && sidecar.or(nobody).is_some();
    if is_stamped
        && let Some(context) =
            pod::sidecar_mut(pod).and_then(|s| s.get_mut("securityContext")).and_then(Value::as_map_mut)
    {
        let _: [Option<Value>; 2] = ["runAsUser", "runAsGroup"].map(|field| Map::remove(context, field));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(annotations: &str) -> (i64, i64) {
        let namespace = format!(r#"{{"metadata":{{"annotations":{annotations}}}}}"#);
        let ids = Ids::of_namespace(&crate::json::parse(namespace.as_bytes()).unwrap());
        (ids.user, ids.group)
    }

    #[test]
    fn the_last_id_of_each_range_is_taken() {
        let both =
            |uid: &str, groups: &str| ids(&format!(r#"{{"{UID_RANGE}":"{uid}","{SUPPLEMENTAL_GROUPS}":"{groups}"}}"#));
        assert_eq!(both("1000620000/10000", "1000620000/10000"), (1_000_629_999, 1_000_629_999));
        assert_eq!(both("1-5", "7-9,1/2"), (5, 9));
        assert_eq!(both("", ""), (1337, 1337));
        assert_eq!(both("x", "1/1,x"), (1337, 1337));
        assert_eq!(both("1/2 and more", "3/4"), (2, 6));
        assert_eq!(ids(&format!(r#"{{"{UID_RANGE}":"10/10"}}"#)), (19, 19));
        assert_eq!(ids("{}"), (1337, 1337));
    }

    #[test]
    fn a_user_that_was_stamped_on_all_containers_is_forgotten() {
        let forget = |text: &str| {
            let mut pod = crate::json::parse(text.as_bytes()).unwrap();
            forget_stamped_user(&mut pod);
            pod.list_at(&["spec", "containers"])[0].get("securityContext").map(crate::json::to_string)
        };
        let pod = |sidecar: u32, application: u32| {
            format!(
                r#"{{"spec":{{"containers":[{{"name":"istio-proxy","securityContext":{{"runAsUser":{sidecar},"runAsGroup":1,"x":2}}}},
                    {{"name":"app","securityContext":{{"runAsUser":{application}}}}}]}}}}"#
            )
        };
        assert_eq!(forget(&pod(1000, 1000)).unwrap(), r#"{"x":2}"#);
        assert_eq!(forget(&pod(1000, 2000)).unwrap(), r#"{"runAsGroup":1,"runAsUser":1000,"x":2}"#);
    }
    #[test]
    fn a_sidecar_that_runs_as_root_keeps_its_group_when_it_is_injected_again() {
        let kept = |annotations: &str| {
            let text = format!(
                r#"{{"metadata":{{"annotations":{annotations}}},"spec":{{"containers":[{{"name":"app"}},
                    {{"name":"istio-proxy","securityContext":{{"runAsUser":0,"runAsGroup":6000}}}}]}}}}"#
            );
            let mut pod = crate::json::parse(text.as_bytes()).unwrap();
            forget_stamped_user(&mut pod);
            crate::json::to_string(pod.list_at(&["spec", "containers"])[1].get("securityContext").unwrap())
        };
        assert_eq!(kept("{}"), "{}", "as Istio does it");
        assert_eq!(kept(r#"{"sidecar.istio.io/status":"{}"}"#), r#"{"runAsGroup":6000,"runAsUser":0}"#);
    }
}
