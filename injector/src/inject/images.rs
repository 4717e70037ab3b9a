//! The images of the proxy and of the init container.

use crate::mesh::ProxyConfig;
use crate::template;
use crate::value::Value;

/// Suffixes of tags that another image type replaces.
const KNOWN_TYPES: [&str; 2] = ["-distroless", "-debug"];

/// The proxy's image. `annotated` is the type that the pod's annotation asks for, the empty string included.
pub(super) fn proxy(values: &Value, proxy: &ProxyConfig, annotated: Option<&str>) -> String {
    image(values, &["global", "proxy", "image"], proxy.image_type(), annotated)
}

/// The init container's image.
pub(super) fn proxy_init(values: &Value, annotated: Option<&str>) -> String {
    image(values, &["global", "proxy_init", "image"], "", annotated)
}

fn image(values: &Value, path: &[&str], configured: &str, annotated: Option<&str>) -> String {
    let text = |path: &[&str]| values.str_at(path).unwrap_or_default();
    let name = Some(text(path)).filter(|name| !name.is_empty()).unwrap_or("proxyv2");
    let variant = if configured.is_empty() { text(&["global", "variant"]) } else { configured };
    let image_type = annotated.unwrap_or(variant);
    let hub = text(&["global", "hub"]);
    format!("{hub}/{name}:{}", typed_tag(&tag(values), image_type))
}

/// The tag as Go prints it: a number in the file is a double, so `1.12` stays, and 20240101 becomes `2.0240101e+07`.
fn tag(values: &Value) -> String {
    match values.at(&["global", "tag"]) {
        None => String::new(),
        Some(Value::String(tag)) => tag.to_string(),
        Some(tag) => template::print(&[template::Value::from(tag)]),
    }
}

fn typed_tag(tag: &str, image_type: &str) -> String {
    if image_type.is_empty() {
        return tag.to_owned();
    }
    let plain = KNOWN_TYPES.iter().find_map(|known| tag.strip_suffix(known)).unwrap_or(tag);
    if image_type == "default" { plain.to_owned() } else { format!("{plain}-{image_type}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image_of(values: &str, configured: &str, annotated: Option<&str>) -> String {
        let values = crate::json::parse(values.as_bytes()).unwrap();
        image(&values, &["global", "proxy", "image"], configured, annotated)
    }

    #[test]
    fn the_image_is_made_of_hub_name_tag_and_type() {
        let values = |tag: &str| {
            format!(r#"{{"global":{{"hub":"docker.io/istio","tag":{tag},"proxy":{{"image":"proxyv2"}}}}}}"#)
        };
        let cases = [
            (values(r#""1.12""#), "", None, "docker.io/istio/proxyv2:1.12"),
            (values("1.12"), "", None, "docker.io/istio/proxyv2:1.12"),
            (values("11"), "", None, "docker.io/istio/proxyv2:11"),
            (values("20240101"), "", None, "docker.io/istio/proxyv2:2.0240101e+07"),
            (values(r#""1.12-alpha.1""#), "distroless", None, "docker.io/istio/proxyv2:1.12-alpha.1-distroless"),
            (values(r#""1.12-distroless""#), "debug", None, "docker.io/istio/proxyv2:1.12-debug"),
            (values(r#""1.12-debug""#), "default", None, "docker.io/istio/proxyv2:1.12"),
            (values(r#""1.12""#), "debug", Some("distroless"), "docker.io/istio/proxyv2:1.12-distroless"),
            (values(r#""1.12-debug""#), "distroless", Some(""), "docker.io/istio/proxyv2:1.12-debug"),
            (values(r#""1.12""#), "", Some("weird"), "docker.io/istio/proxyv2:1.12-weird"),
            (r#"{"global":{"hub":"h","variant":"debug","tag":"t"}}"#.to_owned(), "", None, "h/proxyv2:t-debug"),
            (r#"{"global":{"hub":"h","variant":"debug","tag":"t"}}"#.to_owned(), "default", None, "h/proxyv2:t"),
            ("{}".to_owned(), "", None, "/proxyv2:"),
        ];
        for (values, configured, annotated, want) in cases {
            assert_eq!(image_of(&values, configured, annotated), want, "{values}");
        }
    }
}
