use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

#[track_caller]
fn gives(from: &str, to: &str, expected: &str) {
    let patch = diff(&read(from), &read(to));
    assert_eq!(to_json(&patch), expected);
    assert_eq!(apply(read(from), &patch), Ok(read(to)));
}

#[test]
fn what_is_equal_needs_no_operation() {
    gives(r#"{"a":[1,{"b":null}]}"#, r#"{"a":[1,{"b":null}]}"#, "[]");
}

#[test]
fn keys_are_added_removed_and_replaced_in_their_order() {
    gives(
        r#"{"a":1,"c":2,"d":{"e":1}}"#,
        r#"{"b":null,"c":"2","d":{"e":1,"f":[]}}"#,
        r#"[{"op":"remove","path":"/a"},{"op":"add","path":"/b","value":null},{"op":"replace","path":"/c","value":"2"},{"op":"add","path":"/d/f","value":[]}]"#,
    );
    gives("{}", "[]", r#"[{"op":"replace","path":"","value":[]}]"#);
}

#[test]
fn slashes_and_tildes_in_keys_are_escaped() {
    gives("{}", r#"{"a/b~c":1}"#, r#"[{"op":"add","path":"/a~1b~0c","value":1}]"#);
}

#[test]
fn elements_are_inserted_in_the_right_place() {
    gives(
        r#"{"containers":[{"name":"app","image":"a"}]}"#,
        r#"{"containers":[{"name":"proxy"},{"name":"app","image":"a"}]}"#,
        r#"[{"op":"add","path":"/containers/0","value":{"name":"proxy"}}]"#,
    );
    gives("[1,2,3]", "[1,3]", r#"[{"op":"remove","path":"/1"}]"#);
    gives("[[1,2]]", "[[1,3]]", r#"[{"op":"replace","path":"/0/1","value":3}]"#);
    gives(r#"["a","b"]"#, r#"["a","c"]"#, r#"[{"op":"replace","path":"/1","value":"c"}]"#);
    gives("[1]", "[1,2,3]", r#"[{"op":"add","path":"/1","value":2},{"op":"add","path":"/2","value":3}]"#);
}

#[test]
fn changes_within_an_element_are_small_though_it_moves() {
    gives(
        r#"[{"name":"a","image":"x","args":["1","2"]},{"name":"b"}]"#,
        r#"[{"name":"new"},{"name":"a","image":"x","args":["1","3"]},{"name":"b"}]"#,
        r#"[{"op":"add","path":"/0","value":{"name":"new"}},{"op":"replace","path":"/1/args/1","value":"3"}]"#,
    );
    gives(
        r#"[{"name":"x","mountPath":"/a"},{"name":"x","mountPath":"/b"}]"#,
        r#"[{"name":"x","mountPath":"/b","readOnly":true}]"#,
        r#"[{"op":"remove","path":"/0"},{"op":"add","path":"/0/readOnly","value":true}]"#,
    );
}

#[test]
fn a_pod_with_thousands_of_variables_gets_a_small_patch() {
    let variable = |i: usize, value: &str| {
        Value::Map([("name", format!("V{i}")), ("value", value.to_owned())].into_iter().collect())
    };
    let from: Value = (10..2_000).map(|i| variable(i, "a")).collect();
    let to: Value = (0..2_000).map(|i| variable(i, if i == 1_000 { "b" } else { "a" })).collect();
    let patch = diff(&from, &to);
    assert_eq!(patch.len(), 11);
    assert_eq!(patch.last(), Some(&Operation::Replace { path: "/1000/value".into(), value: "b".into() }));
    assert_eq!(apply(from, &patch), Ok(to));
}

#[test]
fn a_patch_for_another_object_is_refused() {
    let remove = |path: &str| Operation::Remove { path: path.into() };
    for path in ["/b", "/a/1", "/a/x", "/a/0/b", ""] {
        assert_eq!(apply(read(r#"{"a":[1]}"#), &[remove(path)]), Err(Missing { path: path.to_owned() }));
    }
    let add = |path: &str| Operation::Add { path: path.into(), value: 2.into() };
    assert_eq!(apply(read(r#"{"a":[1]}"#), &[add("/a/1")]), Ok(read(r#"{"a":[1,2]}"#)));
    assert_eq!(apply(read(r#"{"a":[1]}"#), &[add("/a/2")]), Err(Missing { path: "/a/2".to_owned() }));
}

fn trees() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec!["name", "mountPath", "containerPort", "a", "b", "~1", "a/b", ""]);
    let leaves = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..4).prop_map(Value::from),
        prop::sample::select(vec!["x", "y", "z"]).prop_map(Value::from),
    ];
    leaves.prop_recursive(4, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|l| l.into_iter().collect::<Value>()),
            prop::collection::vec((keys.clone(), inner), 0..5).prop_map(|m| Value::Map(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_patch_makes_one_object_of_the_other(from in trees(), to in trees()) {
        let patch = diff(&from, &to);
        prop_assert_eq!(apply(from, &patch), Ok(to));
    }

    #[test]
    fn a_patch_between_similar_lists_makes_one_of_the_other(
        list in prop::collection::vec(trees(), 0..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let from: Value = list.iter().cloned().collect();
        let to: Value = order.iter().filter(|_| !list.is_empty()).map(|i| i.get(&list).clone()).collect();
        let patch = diff(&from, &to);
        prop_assert_eq!(apply(from, &patch), Ok(to));
    }

    #[test]
    fn nothing_is_done_about_what_is_equal(tree in trees()) {
        prop_assert_eq!(diff(&tree, &tree.clone()), Vec::new());
        prop_assert_eq!(diff(&tree, &json::parse(json::to_string(&tree).as_bytes()).unwrap()), Vec::new());
    }
}
