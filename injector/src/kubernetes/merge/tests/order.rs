//! `$setElementOrder`.

use super::*;

#[test]
fn the_order_of_a_list_can_be_set() {
    let original = r#"{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#;
    let order = |names: &str| format!(r#"{{"$setElementOrder/containers":[{names}]}}"#);
    gives(
        "v1.PodSpec",
        original,
        &order(r#"{"name":"c"},{"name":"a"}"#),
        r#"{"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]}"#,
    );
    gives(
        "v1.PodSpec",
        original,
        r#"{"$setElementOrder/containers":[{"name":"d"},{"name":"b"}],"containers":[{"name":"d"},{"name":"b","image":"i"}]}"#,
        r#"{"containers":[{"name":"d"},{"name":"a"},{"image":"i","name":"b"},{"name":"c"}]}"#,
    );
    gives(
        "metav1.ObjectMeta",
        r#"{"finalizers":["a","b"]}"#,
        r#"{"$setElementOrder/finalizers":["b","a"]}"#,
        r#"{"finalizers":["b","a"]}"#,
    );
    gives("v1.PodSpec", "{}", &order(r#"{"name":"a"}"#), "{}");
    gives(
        "v1.PodSpec",
        "{}",
        r#"{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"b","image":null},{"name":"a","resources":{"$patch":null},"ports":[{"$patch":"x"}]}]}"#,
        r#"{"containers":[{"image":null,"name":"b"},{"name":"a","ports":[]}]}"#,
    );
    gives(
        "v1.PodSpec",
        "{}",
        r#"{"containers":[{"name":"b","image":null},{"name":"a","resources":{"$patch":null},"ports":[{"$patch":"x"}]}]}"#,
        r#"{"containers":[{"name":"b"},{"name":"a","ports":[],"resources":{}}]}"#,
    );
    // A list without a merge key is replaced, then put in order.
    gives(
        "v1.Container",
        r#"{"args":["a"]}"#,
        r#"{"$setElementOrder/args":["c","b"],"args":["c","b"]}"#,
        r#"{"args":["c","b"]}"#,
    );
    // Kubernetes takes a new element for the smallest one, each time that it is compared.
    gives(
        "v1.PodSpec",
        original,
        r#"{"$setElementOrder/containers":[],"containers":[{"name":"d"}]}"#,
        r#"{"containers":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}]}"#,
    );
    // What is new takes the place of what is deleted, and then counts as an element that was there.
    gives(
        "v1.PodSpec",
        r#"{"containers":[{"name":"c"},{"name":"d"}]}"#,
        r#"{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"$patch":"delete","name":"d"},{"name":"a"}]}"#,
        r#"{"containers":[{"name":"c"},{"name":"a"}]}"#,
    );
    // There is room only for as many as are deleted: here for none.
    gives(
        "v1.PodSpec",
        r#"{"containers":[{"name":"c"},{"name":"d"}]}"#,
        r#"{"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],"containers":[{"name":"c"},{"name":"a"},{"$patch":"delete","name":"b"}]}"#,
        r#"{"containers":[{"name":"c"},{"name":"a"},{"name":"d"}]}"#,
    );
    gives(
        "v1.PodSpec",
        r#"{"containers":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}]}"#,
        r#"{"$setElementOrder/containers":[{"name":"x"},{"name":"d"},{"name":"y"},{"name":"z"}],"containers":[{"$patch":"delete","name":"b"},{"$patch":"delete","name":"a"},{"name":"x"},{"name":"y"},{"name":"z"}]}"#,
        r#"{"containers":[{"name":"c"},{"name":"x"},{"name":"d"},{"name":"y"},{"name":"z"}]}"#,
    );
    gives(
        "v1.PodSpec",
        r#"{"containers":[{"name":"c"},{"name":"d"}]}"#,
        r#"{"$setElementOrder/containers":[{"name":"x"},{"name":"c"},{"name":"y"}],"containers":[{"$patch":"delete","name":"d"},{"name":"x"},{"name":"y"}]}"#,
        r#"{"containers":[{"name":"x"},{"name":"c"},{"name":"y"}]}"#,
    );
    fails(
        "v1.PodSpec",
        original,
        r#"{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"a"},{"$patch":"replace"}]}"#,
        "The order in patch list:\n[map[name:a] map[$patch:replace]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n (in containers of the patch)",
    );
    fails(
        "v1.PodSpec",
        original,
        r#"{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"b"}]}"#,
        "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n (in containers of the patch)",
    );
    fails(
        "v1.PodSpec",
        original,
        r#"{"$setElementOrder/containers":{}}"#,
        "expected a []interface {}, but received an object (in $setElementOrder/containers of the patch)",
    );
}
