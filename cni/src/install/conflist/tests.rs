use proptest::prelude::*;

use super::*;

fn object() -> Object {
    Object::read(r#"{"validate": true}"#, "a test").unwrap()
}

#[test]
fn object_goes_last_and_nothing_else_changes() {
    let text = r#"{
  "name": "k8s-pod-network", "big": 123456789012345678901234567890, "float": 1.0,
  "plugins": [
    {"type": "calico", "mtu": 0},
    {
      "type": "portmap"
    }
  ],
  "cniVersion": "0.3.1"
}
"#;
    let with = Conflist::usable(text).unwrap().with(&object());
    let wanted = text.replace(
        "\n    }\n  ],",
        r#"
    },
    {
      "type": "istio-cni",
      "validate": true,
      "capabilities": {
        "io.kubernetes.cri.pod-annotations": true
      }
    }
  ],"#,
    );
    assert_eq!(with, wanted);
    let list = Conflist::usable(&with).unwrap();
    assert!(list.holds(&object()) && list.is_managed());
    assert_eq!(list.position(), Some(Position { place: 3, of: 3, annotations: true }));
    assert_eq!(list.without(), text);
}

#[test]
fn layout_of_the_file_is_kept() {
    for (text, wanted) in [
        (
            r#"{"name":"a","plugins":[{"type":"b"}]}"#,
            r#"{"name":"a","plugins":[{"type":"b"},{"type":"istio-cni","validate":true,"capabilities":{"io.kubernetes.cri.pod-annotations":true}}]}"#,
        ),
        (
            "{\r\n\t\"name\": \"a\",\r\n\t\"plugins\": [\r\n\t\t{\"type\": \"b\"}\r\n\t]\r\n}",
            "{\r\n\t\"name\": \"a\",\r\n\t\"plugins\": [\r\n\t\t{\"type\": \"b\"},\r\n\t\t{\r\n\t\t\t\"type\": \"istio-cni\",\r\n\t\t\t\"validate\": true,\r\n\t\t\t\"capabilities\": {\r\n\t\t\t\t\"io.kubernetes.cri.pod-annotations\": true\r\n\t\t\t}\r\n\t\t}\r\n\t]\r\n}",
        ),
    ] {
        assert_eq!(Conflist::usable(text).unwrap().with(&object()), wanted);
    }
}

#[test]
fn objects_of_the_same_type_are_replaced_and_moved_to_the_end() {
    let text = r#"{"name":"a","plugins":[{"type":"istio-cni","kubernetes":{}}, {"type":"b"},{"type":"istio-cni"} ,{"type":"c"}] }"#;
    let list = Conflist::usable(text).unwrap();
    assert_eq!(list.position(), Some(Position { place: 3, of: 4, annotations: false }));
    let own = object();
    assert_eq!(
        list.with(&own),
        format!(r#"{{"name":"a","plugins":[{{"type":"b"}} ,{{"type":"c"}},{}] }}"#, own.text())
    );
    // Istio's own plugin stays if this one is removed.
    assert_eq!(list.without(), text);
}

#[test]
fn list_of_this_object_alone_becomes_empty() {
    let text = format!(r#"{{"name":"a","plugins":[ {} ]}}"#, object().text());
    let list = Conflist::read(&text).unwrap();
    assert_eq!(list.without(), r#"{"name":"a","plugins":[]}"#);
    assert_eq!(Conflist::usable(&text).unwrap_err(), Unusable::OnlyOwn);
}

#[test]
fn single_plugin_becomes_a_list() {
    let text = "{\n\t\"cniVersion\": \"0.3.1\",\n\t\"type\": \"ptp\",\n\t\"name\": \"n\",\n\t\"mtu\": 1.50e3\n}";
    let list = from_single(text, &object()).unwrap();
    assert_eq!(
        list,
        "{\n\t\"cniVersion\": \"0.3.1\",\n\t\"name\": \"n\",\n\t\"plugins\": [\n\t\t{\n\t\t\t\"type\": \"ptp\",\n\t\t\t\"mtu\": 1.50e3\n\t\t},\n\t\t{\n\t\t\t\"type\": \"istio-cni\",\n\t\t\t\"validate\": true,\n\t\t\t\"capabilities\": {\n\t\t\t\t\"io.kubernetes.cri.pod-annotations\": true\n\t\t\t}\n\t\t}\n\t]\n}\n"
    );
    assert!(Conflist::usable(&list).unwrap().holds(&object()));
}

#[test]
fn files_that_no_runtime_could_use_are_errors() {
    for (text, reason) in [
        ("", "not JSON"),
        ("[]", "not JSON"),
        (r#"{"name":"a","plugins":[{"type":"b"}"#, "not JSON"),
        (r#"{"plugins":[{"type":"b"}]}"#, "no string \"name\""),
        (r#"{"name":"","plugins":[{"type":"b"}]}"#, "no string \"name\""),
        (r#"{"name":1,"plugins":[{"type":"b"}]}"#, "no string \"name\""),
        (r#"{"name":"a"}"#, "\"plugins\""),
        (r#"{"name":"a","plugins":{}}"#, "\"plugins\""),
        (r#"{"name":"a","plugins":[]}"#, "\"plugins\""),
        (r#"{"name":"a","plugins":[1]}"#, "\"plugins\""),
        (r#"{"name":"a","plugins":[{"type":"b"},{}]}"#, "\"plugins\""),
        (r#"{"name":"a","plugins":[{"type":"b"}],"plugins":[]}"#, "twice"),
        (r#"{"name":"a","plugins":[{"type":"istio-cni"}]}"#, "it has only istio-cni"),
    ] {
        let error = Conflist::usable(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    for (text, reason) in [
        (r#"{"name":"a","plugins":[{"type":"b"}]}"#, "no string \"type\""),
        (r#"{"type":"b"}"#, "no string \"name\""),
        (r#"{"name":"a","type":"istio-cni"}"#, "it has only istio-cni"),
        (r#"{"name":"a","type":"b","type":"c"}"#, "twice"),
        ("{\"name\":\"a\",\"type\":\"b\"", "not JSON"),
    ] {
        let error = usable_single(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    // Deep enough to end a parser that calls itself.
    let deep =
        format!(r#"{{"name":"a","plugins":[{{"type":"b","x":{}{}}}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let _ = Conflist::usable(&deep).map(|list| list.with(&object()));
}

/// Any value, formatted in any way.
fn value() -> impl Strategy<Value = String> {
    let blanks = || prop::sample::select(vec!["", " ", "\n", "\r\n\t", "\n    "]);
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "1.0",
            "-0",
            "1E+2",
            "123456789012345678901234567890",
            "\"istio-cni\""
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        prop::sample::select(vec![r#""\u0041\/""#, r#""\"},{""#, r#""]\\""#]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let items = prop::collection::vec((blanks(), inner.clone(), blanks()), 0..4);
        let list = items.prop_map(|items| {
            let items: Vec<_> = items.iter().map(|(before, item, after)| format!("{before}{item}{after}")).collect();
            format!("[{}]", items.join(","))
        });
        prop_oneof![list, object_of(inner)]
    })
}

fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(("[a-z\"\\\\é]{1,4}", value, prop::sample::select(vec!["", " ", "\n  "])), 0..4).prop_map(
        |members| {
            let members: Vec<_> = members
                .iter()
                .enumerate()
                .map(|(at, (name, value, blank))| {
                    format!("{blank}{}{blank}:{value}", serde_json::Value::from(format!("{name}{at}")))
                })
                .collect();
            format!("{{{}}}", members.join(","))
        },
    )
}

/// A list in the format of another program, with the places of plugins of the type istio-cni.
fn list(types: &'static [&'static str]) -> impl Strategy<Value = String> {
    let plugin = (prop::sample::select(types), value(), prop::sample::select(vec!["", " ", "\n    ", "\n\t\t"]));
    (prop::collection::vec(plugin, 0..4), value(), value(), prop::sample::select(vec!["", "\n", "\n  "])).prop_map(
        |(plugins, before, after, blank)| {
            let mut plugins: Vec<_> = plugins
                .iter()
                .map(|(of, value, blank)| format!("{blank}{{\"x\":{value},{blank}\"type\":\"{of}\"}}"))
                .collect();
            plugins.push(format!("{blank}{{\"type\":\"last\"}}"));
            format!(
                "{{{blank}\"before\":{before},{blank}\"plugins\":[{}{blank}],\"name\":\"n\",{blank}\"after\":{after}{blank}}}{blank}",
                plugins.join(",")
            )
        },
    )
}

proptest! {
    #[test]
    fn taking_away_undoes_putting_in(text in list(&["calico", "portmap"])) {
        let with = Conflist::usable(&text).unwrap().with(&object());
        let list = Conflist::usable(&with).unwrap();
        prop_assert!(list.holds(&object()));
        prop_assert_eq!(list.without(), text);
    }

    #[test]
    fn twice_is_once_and_all_else_stays(text in list(&["calico", "istio-cni"])) {
        let before = Conflist::usable(&text).unwrap();
        let with = before.with(&object());
        let list = Conflist::usable(&with).unwrap();
        prop_assert!(list.holds(&object()));
        prop_assert_eq!(list.with(&object()), with.clone());
        // The same tokens except for the objects of this type.
        let others = |list: &Conflist<'_>| compact(&list.without_those(|plugin| plugin.own_type));
        prop_assert_eq!(others(&list), others(&before));
        let other = Object::read("{}", "a test").unwrap();
        let again = list.with(&other);
        prop_assert_eq!(compact(&Conflist::usable(&again).unwrap().with(&object())), compact(&with));
    }

    #[test]
    fn single_plugins_keep_their_members(inner in object_of(value())) {
        let members = inner.trim_start().strip_prefix('{').unwrap();
        let comma = if compact(&inner) == "{}" { "" } else { "," };
        let text = format!("{{\"type\":\"ptp\",\"name\":\"n\",\"cniVersion\":\"0.4.0\"{comma}{members}");
        let made = from_single(&text, &object()).unwrap();
        let list = Conflist::usable(&made).unwrap();
        prop_assert!(list.holds(&object()));
        let rest = compact(&inner);
        let wanted = format!("{{\"type\":\"ptp\"{comma}{}", rest.strip_prefix('{').unwrap());
        prop_assert_eq!(compact(list.get(&list.plugins[0].span)), wanted);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), cut in any::<prop::sample::Index>(), whole in list(&["istio-cni"])) {
        let _ = Conflist::usable(&text);
        let _ = usable_single(&text);
        let mut end = cut.index(whole.len());
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        prop_assert!(Conflist::usable(&whole[..end]).is_err() || whole[end..].trim().is_empty());
        prop_assert!(from_single(&whole, &object()).is_err());
    }
}
