//! Istio's own functions. They replace sprig's of the same name.

use std::borrow::Cow;

use super::encoding;
use super::paths::directory;
use super::{bounded, failure};
use crate::mesh::view::{DURATION, Duration, MESH_CONFIG, Message, PROTO_MESSAGE, proto_to_json};
use crate::template;
use crate::template::{Args, Failure, Field, Functions, HostType, Map, Type, Value};
use crate::value as tree;
use crate::value::EcoString;
use crate::{json, yaml};

/// The metadata of an object, as a parameter.
static OBJECT_META: HostType =
    HostType { name: "v1.ObjectMeta", nilable: false, accepts: |object| object.type_name() == "v1.ObjectMeta" };

/// The containers of a pod, as a parameter.
static CONTAINERS: HostType =
    HostType { name: "[]v1.Container", nilable: true, accepts: |object| object.type_name() == "[]v1.Container" };

/// Adds Istio's functions. `variable` looks up the injector's environment.
pub fn add(f: &mut Functions, variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) {
    use Type::{Any, Host, Int, String, StringMap};
    f.add("env", &[String, String], move |a| {
        Ok(variable(a.text(0)).filter(|v| !v.is_empty()).map_or_else(|| a.value(1).clone(), Value::from))
    });
    f.add("annotation", const { &[Host(&OBJECT_META), String, Any] }, |a| {
        let given = field(a.value(0), "Annotations").and_then(|v| entry(&v, a.text(1)));
        Ok(given.unwrap_or_else(|| template::text(a.value(2)).into()))
    });
    f.add("isset", &[StringMap, String], |a| Ok(a.map(0).contains_key(a.text(1)).into()));
    f.add("valueOrDefault", &[Any, Any], |a| {
        let value = a.value(0);
        let absent = value.is_nothing() || matches!(value, Value::String(text) if text.is_empty());
        Ok(a.value(absent.into()).clone())
    });
    f.add("excludeInboundPort", &[Any, String], |a| {
        Ok(exclude(&template::text(a.value(0)), a.text(1)).as_ref().into())
    });
    f.add("includeInboundPorts", const { &[Host(&CONTAINERS)] }, |a| Ok(ports(a.value(0), "").into()));
    f.add("applicationPorts", const { &[Host(&CONTAINERS)] }, |a| Ok(ports(a.value(0), "istio-proxy").into()));
    f.add("kubevirtInterfaces", &[String], |a| Ok(a.value(0).clone()));
    f.add("excludeInterfaces", &[String], |a| Ok(a.value(0).clone()));
    f.add("contains", &[String, String], |a| Ok(a.text(1).contains(a.text(0)).into()));
    f.add("directory", &[String], |a| Ok(directory(a.text(0)).into()));
    f.add("toLower", &[String], |a| {
        Ok(a.text(0).chars().map(super::strings::lower).collect::<std::string::String>().into())
    });
    f.add("formatDuration", const { &[Host(&DURATION)] }, |a| {
        Ok(a.host::<Duration>(0).map_or_else(|| "0s".to_owned(), Duration::text).into())
    });
    f.add("indent", &[Int, String], |a| Ok(indent(a.int(0), a.text(1))?.into()));
    f.add("toYaml", &[Any], |a| Ok(a.value(0).to_data().map_or_else(|_| "".into(), |v| yaml::to_string(&v).into())));
    f.add("toJSON", &[StringMap], |a| {
        Ok(if a.map(0).is_nil() { "{}".into() } else { json::to_string(&a.value(0).to_data()?).into() })
    });
    f.add("fromJSON", &[String], |a| {
        Ok(encoding::parse(a.text(0)).unwrap_or_else(|error| {
            // The text itself may be the pod's, and is nothing for a log.
            log::warn!("fromJSON: not JSON, {{}} is used instead: {error}");
            "{}".into()
        }))
    });
    f.add("structToJSON", &[Any], |a| {
        let value = Some(a.value(0)).filter(|value| !value.is_nothing());
        Ok(value.and_then(|value| value.to_json().ok()).unwrap_or_else(|| "{}".to_owned()).into())
    });
    f.add("protoToJSON", const { &[Host(&PROTO_MESSAGE)] }, |a| {
        Ok(proto_to_json(a.value(0)).unwrap_or_else(|| "{}".into()).into())
    });
    f.add_variadic("toJsonMap", &[], StringMap, |a| Ok(json::to_string(&merged(a).to_data()?).into()));
    f.add_variadic("mergeMaps", &[], StringMap, |a| Ok(merged(a)));
    f.add_variadic("strdict", &[], String, |a| {
        let pairs = a.0.chunks(2).map(|pair| {
            let text = |i: usize| pair.get(i).and_then(Value::as_text).unwrap_or_default();
            (text(0), text(1))
        });
        Ok(Map::Strings(pairs.collect()).into())
    });
    f.add_variadic("omit", &[StringMap], String, |a| {
        let omitted = |key: &str| (1..a.len()).any(|i| a.text(i) == key);
        let kept = a.map(0).entries().into_iter().filter(|(key, _)| !omitted(key));
        Ok(Map::Strings(kept.filter_map(|(k, v)| Some((k, v.as_text()?))).collect()).into())
    });
    f.add("omitNil", &[Any], |a| Ok(without_nil(a.value(0), 100)?.0));
    f.add("appendMultusNetwork", &[String, String], |a| Ok(append_network(a.text(0), a.text(1)).as_ref().into()));
    f.add(
        "otelResourceAttributes",
        const { &[Host(&MESH_CONFIG), StringMap, StringMap, String, Host(&CONTAINERS)] },
        |a| {
            let asked = a.host::<Message>(0).is_some_and(Message::has_semantic_convention_provider);
            Ok(if asked { resource_attributes(a).into() } else { "".into() })
        },
    );
}

/// A field of a struct.
fn field(value: &Value, name: &str) -> Option<Value> {
    match value.as_object()?.field(name) {
        Field::Value(value) => Some(value),
        Field::Failed(_) | Field::NilPointer | Field::Unknown => None,
    }
}

/// An entry of a map of strings.
fn entry(map: &Value, key: &str) -> Option<Value> {
    if let Value::Map(map) = map { map.get(key) } else { map.as_object()?.entry(key) }
}

/// A text field of a struct, of a named string type too.
fn text(value: &Value, name: &str) -> EcoString {
    field(value, name).and_then(|v| v.as_text()).unwrap_or_default()
}

/// A list of ports with one more, unless it is there already or is no port.
fn exclude<'a>(port: &str, list: &'a str) -> Cow<'a, str> {
    let port = port.trim();
    if port.is_empty() || port == "0" || list.split(',').any(|p| p == port) {
        return list.into();
    }
    let others = list.split(',').map(str::trim).filter(|p| !p.is_empty());
    others.chain([port]).collect::<Vec<_>>().join(",").into()
}

/// The TCP ports of the containers.
fn ports(containers: &Value, except: &str) -> String {
    let mut ports = Vec::new();
    for container in containers.elements().unwrap_or_default() {
        if !except.is_empty() && text(&container, "Name") == except {
            continue;
        }
        for port in field(&container, "Ports").and_then(|p| p.elements()).unwrap_or_default() {
            if !matches!(text(&port, "Protocol").as_str(), "UDP" | "SCTP")
                && let Some(number) = field(&port, "ContainerPort")
            {
                ports.push(template::text(&number));
            }
        }
    }
    ports.join(",")
}

/// Istio's `indent`: every line but the first.
fn indent(spaces: i64, text: &str) -> Result<String, Failure> {
    // Go's padding to a negative width is on the other side of nothing.
    let spaces = usize::try_from(spaces.unsigned_abs()).unwrap_or(usize::MAX);
    bounded(spaces.saturating_mul(text.matches('\n').count() + 1), "the text")?;
    Ok(text.replace('\n', &format!("\n{}", " ".repeat(spaces))))
}

/// All maps in one; the last value of a key counts. Nil if there is none.
fn merged(args: Args<'_>) -> Value {
    if args.is_empty() {
        return Map::NilStrings.into();
    }
    let mut all = tree::Map::new();
    for i in 0..args.len() {
        for (key, value) in args.map(i).entries() {
            all.insert(key, value.as_text().unwrap_or_default());
        }
    }
    Map::Strings(all).into()
}

/// A value without the nils in it, and whether there were any. What is emptied by that is nil itself.
fn without_nil(value: &Value, depth: usize) -> Result<(Value, bool), Failure> {
    let Some(depth) = depth.checked_sub(1) else { return failure("value is nested too deeply") };
    if value.is_nothing() {
        return Ok((Value::Nil, true));
    }
    let plain = |kind: &str| kind == template::ANY;
    let mut changed = false;
    let mut keep = |inner: Value| {
        let (inner, had) = without_nil(&inner, depth)?;
        changed |= had;
        Ok((!inner.is_nothing()).then_some(inner))
    };
    let cleaned = if let Value::List(list) = value
        && plain(list.element_type())
    {
        let kept = list.iter().filter_map(|v| keep(v).transpose()).collect::<Result<Vec<_>, Failure>>()?;
        if kept.is_empty() { Value::Nil } else { kept.into_iter().collect() }
    } else if let Value::Map(map) = value
        && plain(map.element_type())
    {
        let kept = map.entries().into_iter().filter_map(|(k, v)| keep(v).map(|v| v.map(|v| (k, v))).transpose());
        let kept = kept.collect::<Result<Vec<_>, Failure>>()?;
        if kept.is_empty() { Value::Nil } else { Map::dict(kept).into() }
    } else {
        return Ok((value.clone(), false));
    };
    Ok(if changed { (cleaned, true) } else { (value.clone(), false) })
}

/// The value of the annotation for Multus with one more network, `NAME` or `NAMESPACE/NAME`.
fn append_network<'a>(networks: &'a str, network: &'a str) -> Cow<'a, str> {
    if networks.is_empty() {
        return network.into();
    }
    let Some(end) = networks.rfind(']') else {
        return match networks.split(',').any(|n| n.trim() == network) {
            true => networks.into(),
            false => format!("{networks}, {network}").into(),
        };
    };
    let (namespace, name) = match network.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, name] => (*namespace, *name),
        _ => ("", network),
    };
    let list = match json::parse(networks.as_bytes()) {
        Ok(tree::Value::List(list)) if list.iter().all(|n| n.as_map().is_some() || n.is_null()) => list,
        Ok(_) | Err(_) => {
            log::warn!(
                "the annotation k8s.v1.cni.cncf.io/networks is neither a JSON list nor a list of names, and stays as it is"
            );
            return networks.into();
        }
    };
    let same = |n: &tree::Value| {
        n.get("name").and_then(tree::Value::as_str) == Some(name)
            && match n.get("namespace") {
                None | Some(tree::Value::Null) => namespace.is_empty(),
                Some(other) => other.as_str() == Some(namespace),
            }
    };
    if list.iter().any(same) {
        return networks.into();
    }
    let more = match namespace {
        "" => format!(r#", {{"name": "{name}"}}"#),
        _ => format!(r#", {{"name": "{name}", "namespace": "{namespace}"}}"#),
    };
    let (before, after) = networks.split_at(end);
    format!("{before}{more}{after}").into()
}

/// The attributes of OpenTelemetry's conventions for services in Kubernetes.
fn resource_attributes(a: Args<'_>) -> String {
    let set = |map: &Map, key: &str| map.get(key).and_then(|v| v.as_text()).filter(|v| !v.is_empty());
    let annotation = |name: &str| set(a.map(1), &format!("resource.opentelemetry.io/{name}"));
    let namespace = a.text(3);
    let containers = a.value(4).elements().unwrap_or_default();
    let first = containers.first();
    let only = first.filter(|_| containers.len() == 1);
    let attributes = [
        (
            "service.namespace",
            annotation("service.namespace").or_else(|| (!namespace.is_empty()).then(|| namespace.into())),
        ),
        (
            "service.version",
            annotation("service.version")
                .or_else(|| set(a.map(2), "app.kubernetes.io/version"))
                .or_else(|| image_version(&text(only?, "Image"))),
        ),
        (
            "service.instance.id",
            annotation("service.instance.id")
                .or_else(|| Some(format!("{namespace}.$(POD_NAME).{}", text(first?, "Name")).into())),
        ),
    ];
    attributes
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)))
        .collect::<Vec<_>>()
        .join(",")
}

/// The tag and digest of an image: what follows the last colon of its last part, and what follows the `@`.
fn image_version(image: &str) -> Option<EcoString> {
    let (name, digest) = image.split_once('@').unwrap_or((image, ""));
    let last = name.rsplit('/').next().unwrap_or_default();
    let tag = last.rsplit_once(':').map_or("", |(_, tag)| tag);
    match (tag, digest) {
        ("", "") => None,
        ("", version) | (version, "") => Some(version.into()),
        (tag, digest) => Some(format!("{tag}@{digest}").into()),
    }
}
