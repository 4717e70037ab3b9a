//! What functions give, as the real sprig 3.2 and Istio's functions gave it.

use crate::json;
use crate::template::{Limits, Template, Value};

/// What a template prints; an error begins with `error: `.
fn render(text: &str) -> String {
    let data = r#"{"n":42,"f":3.75,"l":["x",1,null,{"k":"v"},"x"],"m":{"a":1,"b":{"c":"d"},"e":""},"z":0,"none":null}"#;
    let data = Value::from(json::parse(data.as_bytes()).unwrap());
    let functions = super::all(|name| (name == "HOME").then(|| "/root".to_owned()));
    let mut out = String::new();
    let rendered =
        Template::parse("inject", text, &functions).and_then(|t| t.render(&data, &Limits::default(), &mut out));
    match rendered {
        Ok(()) => out,
        Err(error) => format!("error: {error}"),
    }
}

#[track_caller]
fn gives(cases: &[(&str, &str)]) {
    for (call, result) in cases {
        assert_eq!(render(&format!("{{{{ {call} }}}}")), *result, "{call}");
    }
}

#[track_caller]
fn fails(cases: &[(&str, &str)]) {
    for (call, reason) in cases {
        let result = render(&format!("{{{{ {call} }}}}"));
        assert!(result.starts_with("error: ") && result.contains(reason), "{call}: {result}");
    }
}

#[test]
fn strings_are_changed_as_sprig_does() {
    gives(&[
        (r#"title "hello wide-world_x""#, "Hello Wide-World_x"),
        (r#"untitle "Hello World""#, "hello world"),
        (r#"trunc 5 "hello world""#, "hello"),
        (r#"trunc -5 "hello world""#, "world"),
        (r#"substr 0 5 "hello world""#, "hello"),
        (r#"substr -1 5 "hello world""#, "hello"),
        (r#"trimAll "$" "$5.00$""#, "5.00"),
        (r#"nindent 2 "a\nb""#, "\n  a\n  b"),
        (r#"quote 1 nil "a\"""#, r#""1" "a\"""#),
        (r#"squote "a" 1"#, "'a' '1'"),
        (r#"cat "a" nil 1 "b ""#, "a 1 b "),
        (r#"plural "one" "many" 1"#, "one"),
        (r#"join "-" (list 1 nil "a")"#, "1-a"),
        (r#"splitList "," "a,b" | toJson"#, r#"["a","b"]"#),
        (r#"(split "/" "a/b")._1"#, "b"),
        (r#"splitn "" 2 "añb" | toJson"#, r#"{"_0":"a","_1":"ñb"}"#),
        (r#"sortAlpha (list "b" "a" 3)"#, "[3 a b]"),
        (r#"replace "" "-" "ab""#, "-a-b-"),
        (r#"upper "straße""#, "STRAßE"),
    ]);
    fails(&[
        (r#"substr -1 9 "abc""#, "slice bounds out of range [:9] with length 3"),
        (r#"repeat -1 "a""#, "negative Repeat count"),
        (r#"repeat 100000000 "aaaaaaaaaa""#, "would be larger than"),
        ("trunc 1 5", "expected string; found 5"),
        ("trunc 1 .n", "wrong type for value; expected string; got float64"),
    ]);
}

#[test]
fn words_are_found_as_sprig_does() {
    gives(&[
        (r#"abbrev 8 "hello world""#, "hello..."),
        (r#"abbrevboth 5 10 "1234 5678 9123""#, "...5678..."),
        (r#"initials "First Try""#, "FT"),
        (r#"swapcase "aLGO 1""#, "Algo 1"),
        (r#"wrap 7 "the quick brown fox""#, "the\nquick\nbrown\nfox"),
        (r#"wrapWith 5 "|" "HelloWorld a""#, "Hello|World|a"),
        (r#"snakecase "HTTP2xxStatus""#, "http_2xx_status"),
        (r#"snakecase "Bld4Floor3rd""#, "bld4_floor_3rd"),
        (r#"kebabcase "FirstName lastName""#, "first-name-last-name"),
        (r#"camelcase "http_server-name""#, "HttpServerName"),
        (r#"camelcase "GOLANG_IS_GREAT""#, "GolangIsGreat"),
        (r#"camelcase "someWords HTTP_x""#, "SomeWordsHttpX"),
    ]);
}

#[test]
fn numbers_are_read_and_counted_as_sprig_does() {
    gives(&[
        (r#"int "0x1F""#, "31"),
        (r#"int "08""#, "0"),
        (r#"int "12.00""#, "12"),
        (r#"int "-1.5""#, "-1"),
        (r#"int ".5""#, "0"),
        (r#"int "1.5x""#, "0"),
        (r#"int "1.2.3""#, "0"),
        (r#"add "2.7" 1"#, "3"),
        ("int 3.99", "3"),
        (r#"int "1_000""#, "1000"),
        (r#"atoi "99999999999999999999""#, "9223372036854775807"),
        ("add 1 .n .f", "46"),
        ("div 7 2", "3"),
        ("mod -7 2", "-1"),
        ("addf 0.1 0.2", "0.3"),
        ("divf 1 3", "0.3333333333333333"),
        ("round 2.5 0", "3"),
        ("round 3.14159 2", "3.14"),
        ("max 1 5 3", "5"),
        ("minf 1.5 3", "1.5"),
        ("until 3", "[0 1 2]"),
        ("untilStep 5 0 -2", "[5 3 1]"),
        ("seq 0 2 6", "0 2 4 6"),
        ("seq 2 -1", "2 1 0 -1"),
        (r#"toDecimal "777""#, "511"),
    ]);
    fails(&[
        ("div 1 0", "integer divide by zero"),
        ("divf 1 0", "decimal division by 0"),
        ("until 1000000000", "would be larger than"),
    ]);
}

#[test]
fn lists_and_maps_are_handled_as_sprig_does() {
    gives(&[
        ("append .l 2 | toJson", r#"["x",1,null,{"k":"v"},"x",2]"#),
        ("first (list) | typeOf", "<nil>"),
        ("rest (list 1 2 3)", "[2 3]"),
        ("uniq (list 1 1.0 1 \"1\")", "[1 1 1]"),
        ("without (list 1 2 3) 2", "[1 3]"),
        ("has \"x\" .l", "true"),
        ("compact (list 0 1 \"\" nil 2)", "[1 2]"),
        ("slice (list 1 2 3) 1", "[2 3]"),
        ("chunk 2 (list 1 2 3)", "[[1 2] [3]]"),
        ("concat (list 1) .l | len", "6"),
        (r#"get .m "missing""#, ""),
        (r#"dig "b" "c" "none" .m"#, "d"),
        (r#"dig "b" "x" "none" .m"#, "none"),
        (r#"keys (dict "b" 1 "a" 2)"#, "[a b]"),
        (r#"pick .m "a" "q" | toJson"#, r#"{"a":1}"#),
        (r#"pluck "a" .m (dict "a" 2)"#, "[1 2]"),
        (r#"merge (dict "a" 0 "c" 1) (dict "a" 5 "c" 6 "d" 7) | toJson"#, r#"{"a":5,"c":1,"d":7}"#),
        (r#"mergeOverwrite (dict "a" "x") (dict "a" (dict "b" 1)) | toJson"#, r#"{"a":{"b":1}}"#),
        (r#"merge (dict "a" "x") (dict "a" (dict "b" 1)) | toJson"#, r#"{"a":"x"}"#),
        (r#"mergeOverwrite (dict "a" 1 "b" 2) (dict "a" nil) | toJson"#, r#"{"a":null,"b":2}"#),
        (r#"mergeOverwrite (dict "b" (dict "q" 1)) .m | toJson"#, r#"{"a":1,"b":{"c":"d","q":1},"e":""}"#),
        (r#"merge .m (dict "z" 1) | toJson"#, r#"{"a":1,"b":{"c":"d"},"e":"","z":1}"#),
        (r#"$d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $_ := unset $d "a" }}{{ toJson $d"#, r#"{"b":2}"#),
        (r#"$c := deepCopy .m }}{{ $_ := set $c.b "c" 1 }}{{ toJson $c.b }}{{ toJson .m.b"#, r#"{"c":1}{"c":"d"}"#),
    ]);
    fails(&[
        (r#"first "abc""#, "Cannot find first on type string"),
        ("reverse nil", "nil pointer dereference"),
        ("slice (list 1) 2 3", "slice index out of bounds"),
        (r#"set .m "a" 2"#, "cannot change a map of the configuration or the pod"),
        (r#"dig "a""#, "at least three arguments"),
    ]);
}

#[test]
fn a_map_cannot_be_put_into_itself() {
    fails(&[
        (r#"$d := dict }}{{ set $d "d" $d"#, "the map cannot be put into itself, below its key \"d\""),
        (r#"$d := dict "a" 1 }}{{ set $d "d" (list 1 (dict "b" $d))"#, "cannot be put into itself"),
        (r#"$d := dict }}{{ $e := dict "d" $d }}{{ set $d "e" (tuple $e $e)"#, "cannot be put into itself"),
        (r#"$d := dict }}{{ merge $d (dict "d" $d)"#, "cannot be put into itself"),
        (r#"$d := dict "e" dict }}{{ mergeOverwrite $d (dict "e" (dict "d" $d))"#, "cannot be put into itself"),
    ]);
    gives(&[(r#"$d := dict "a" 1 }}{{ set $d "d" (deepCopy $d) | toJson"#, r#"{"a":1,"d":{"a":1}}"#)]);
}

#[test]
fn values_that_are_nested_too_deeply_are_errors() {
    let deep = r#"$d := dict }}{{ range until 300 }}{{ $d = dict "d" $d }}{{ end }}{{"#;
    let fail = |call: &str, error| fails(&[(&format!("{deep} {call} $d"), error)]);
    let doubled = r#"$l := list (repeat 1000000 "x") }}{{ range until 40 }}{{ $l = list $l $l }}{{ end }}{{ $l"#;
    fails(&[(doubled, "the output is larger than 16777216 bytes")]);
    fail("mustToJson", "cycle");
    fail("deepCopy", "nested too deeply");
}

#[test]
fn texts_are_encoded_as_sprig_does() {
    gives(&[
        (r#"b64enc "hello""#, "aGVsbG8="),
        (r#"b64dec "aGVs\nbG8=""#, "hello"),
        (r#"b64dec "a!""#, "illegal base64 data at input byte 1"),
        (r#"b32enc "foo""#, "MZXW6==="),
        (r#"sha1sum "a""#, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        (r#"sha256sum """#, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (r#"adler32sum "hello""#, "103547413"),
        (r#"toJson (dict "a" "<b>")"#, r#"{"a":"\u003cb\u003e"}"#),
        (r#"toRawJson (dict "a" "<b>")"#, r#"{"a":"<b>"}"#),
        (r#"toPrettyJson (dict "a" (list 1))"#, "{\n  \"a\": [\n    1\n  ]\n}"),
        (r#"(fromJson "{\"a\":[1]}").a"#, "[1]"),
        (r#"fromJson "{" | typeOf"#, "<nil>"),
    ]);
    fails(&[(r#"mustFromJson "{""#, "EOF")]);
}

#[test]
fn regular_expressions_are_those_of_go() {
    gives(&[
        (r#"regexMatch "^\\d+$" "١""#, "false"),
        (r#"regexFindAll "[\\w.]+" "a.b c" -1"#, "[a.b c]"),
        (r#"regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W""#, "-W-xxW-"),
        (r#"regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W""#, "---"),
        (r#"regexReplaceAllLiteral "a" "aa" "$1""#, "$1$1"),
        (r#"regexSplit "z+" "pizza" -1 | toJson"#, r#"["pi","a"]"#),
        (r#"regexSplit "" "abc" 2 | toJson"#, r#"["a","bc"]"#),
        (r#"regexFind "[]a]+" "b]a""#, "]a"),
        (r#"regexFind "[[:alpha:]&&]+" "1a&&b""#, "a&&b"),
        (r#"regexFind "{a{,2}" "x{a{,2}""#, "{a{,2}"),
        (r#"regexFind "\\Qa.b\\E+" "axb a.bb""#, "a.bb"),
        (r#"regexMatch "(" "a""#, "false"),
        (r#"regexQuoteMeta "1.2 [x]""#, r"1\.2 \[x\]"),
    ]);
    fails(&[(r#"mustRegexMatch "(" "a""#, "error parsing regexp"), (r#"regexFind "(a{500}){500}" "a""#, "size limit")]);
}

#[test]
fn paths_urls_versions_and_durations_are_read_as_sprig_does() {
    gives(&[
        (r#"clean "/a/../../b/./c//""#, "/b/c"),
        (r#"clean "../a/..""#, ".."),
        (r#"dir "/a/b/""#, "/a/b"),
        (r#"base "/a/b/""#, "b"),
        (r#"ext "a.tar.gz""#, ".gz"),
        (
            r#"(urlParse "http://u:p@host:80/a%20b?q=1#f") | toJson"#,
            concat!(
                r#"{"fragment":"f","host":"host:80","hostname":"host","opaque":"","path":"/a b","query":"q=1","#,
                r#""scheme":"http","userinfo":"u:p"}"#
            ),
        ),
        (r#"urlJoin (dict "scheme" "http" "host" "h" "path" "/a b" "query" "q")"#, "http://h/a%20b?q"),
        (r#"semverCompare "^1.2" "1.9.0""#, "true"),
        (r#"semverCompare ">=1.2.0 <2 || 3.x" "3.4""#, "true"),
        (r#"semverCompare "~1.2.3" "1.3.0""#, "false"),
        (r#"semverCompare ">=1.0.0" "1.2.0-beta""#, "false"),
        (r#"semverCompare ">=1.20.0-0, <2.0.0" "v1.22.0-gke.1""#, "true"),
        (r#"semverCompare "1.20.0-0 - 1.30.0" "1.22.0-gke.1""#, "true"),
        (r#"semverCompare ">=1.20.0-0 || <2.0.0" "1.10.0-gke.1""#, "false"),
        (r#"semverCompare "!=1.0.0" "1.22.0-gke.1""#, "false"),
        (r#"(semver "v1.2.3-a+b").Prerelease"#, "a"),
        (r#"semver "v1.2""#, "1.2.0"),
        (r#"duration "95""#, "1m35s"),
        (r#"durationRound "2h45m""#, "2h"),
    ]);
    fails(&[
        (r#"urlParse "a:b:c%zz d\n""#, "unable to parse url"),
        (r#"semverCompare "nope" "1.0""#, "improper constraint: nope"),
    ]);
}

#[test]
fn choices_and_types_are_those_of_sprig() {
    gives(&[
        (r#"default "d" .z"#, "d"),
        (r#"default "d" .missing"#, "d"),
        ("coalesce 0 nil .n", "42"),
        ("ternary 1 2 false", "2"),
        ("typeOf .n", "float64"),
        ("kindOf .m", "map"),
        (r#"kindIs "slice" .l"#, "true"),
        ("deepEqual (list 1) (list 1)", "true"),
        ("deepEqual 1 1.0", "false"),
        ("all 1 0", "false"),
        ("any 0 1", "true"),
    ]);
    fails(&[(r#"fail "stop here""#, "error calling fail: stop here")]);
}

#[test]
fn what_would_make_injection_unrepeatable_fails_with_the_reason() {
    fails(&[
        ("randAlphaNum 5", "randAlphaNum is not available in templates: its result is random"),
        ("now", "depends on the clock"),
        (r#"getHostByName "x""#, "asks the network"),
        (r#"expandenv "$HOME""#, "reads the injector's environment"),
        (r#"genCA "x" 1"#, "secrets"),
    ]);
    assert_eq!(render("{{ if false }}{{ uuidv4 }}{{ end }}ok"), "ok");
}

#[test]
fn istios_functions_replace_those_of_sprig() {
    gives(&[
        (r#"env "HOME" "x""#, "/root"),
        (r#"env "NOPE" "x""#, "x"),
        (r#"contains "b" "abc""#, "true"),
        (r#"indent 2 "a\nb\n""#, "a\n  b\n  "),
        (r#"valueOrDefault 0 "d""#, "0"),
        (r#"valueOrDefault "" "d""#, "d"),
        (r#"excludeInboundPort 15020.0 "80, ,443""#, "80,443,15020"),
        (r#"excludeInboundPort "0" "80, ""#, "80, "),
        (r#"excludeInboundPort 80 "80,81""#, "80,81"),
        (r#"directory "/a/b""#, "/a/"),
        (r#"toYaml .m"#, "a: 1\nb:\n  c: d\ne: \"\"\n"),
        (r#"fromJSON "{""#, "{}"),
        (r#"(fromJSON "{\"a\":1}").a"#, "1"),
        (r#"structToJSON nil"#, "{}"),
        (r#"structToJSON (float64 "inf")"#, "{}"),
        (r#"toYaml (float64 "inf")"#, ""),
        (r#"toJSON (strdict "a" "b" "c")"#, r#"{"a":"b","c":""}"#),
        (r#"toJsonMap"#, "null"),
        (r#"toJsonMap (strdict "a" "1") (strdict "a" "2")"#, r#"{"a":"2"}"#),
        (r#"omit (strdict "a" "1" "b" "2") "a""#, "map[b:2]"),
        (r#"isset (strdict "a" "") "a""#, "true"),
        (r#"omitNil (dict "a" nil "b" (dict "c" nil) "d" (dict) "e" (list nil 1)) | toJson"#, r#"{"d":{},"e":[1]}"#),
        (r#"omitNil .none | typeOf"#, "<nil>"),
    ]);
    fails(&[(r#"isset .m "a""#, "expected map[string]string; got map[string]interface {}")]);
}

#[test]
fn a_network_is_added_to_those_of_multus_once() {
    gives(&[
        (r#"appendMultusNetwork "" "istio-cni""#, "istio-cni"),
        (r#"appendMultusNetwork "a, b" "istio-cni""#, "a, b, istio-cni"),
        (r#"appendMultusNetwork "a, istio-cni" "istio-cni""#, "a, istio-cni"),
        (r#"appendMultusNetwork "[{\"name\": \"a\"}]" "istio-cni""#, r#"[{"name": "a"}, {"name": "istio-cni"}]"#),
        (
            r#"appendMultusNetwork "[{\"name\": \"b\", \"namespace\": \"a\"}]" "a/b""#,
            r#"[{"name": "b", "namespace": "a"}]"#,
        ),
        (r#"appendMultusNetwork "[{]" "a/b""#, "[{]"),
        (r#"appendMultusNetwork "[]" "a/b""#, r#"[, {"name": "b", "namespace": "a"}]"#),
    ]);
}
