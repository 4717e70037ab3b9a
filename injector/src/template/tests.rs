//! What templates give: the expected texts are Go's.

use super::*;

mod host;

const DATA: &str = r#"{"a":{"b":"x","n":null,"f":1.5,"port":15020,"big":1234567,"list":["p","q",null],"nested":[[1,2],{"k":"v"}],"empty":[]},"z":true,"m":{"k2":"v2","k1":"v1"},"html":"<a href='x'>&\"</a>"}"#;

fn data() -> Value {
    crate::json::parse(DATA.as_bytes()).unwrap().into()
}

/// What a template gives, or the error as Go words it.
fn render(text: &str) -> String {
    let mut out = String::new();
    let result = Template::parse("t", text, &Functions::new());
    match result.and_then(|template| template.render(&data(), &Limits::default(), &mut out)) {
        Ok(()) => out,
        Err(error) => error.as_go(),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(render(template), *expected, "{template}");
    }
}

#[test]
fn literals_and_values_print_as_in_go() {
    check(&[
        (r#"{{1}} {{-7}} {{0x1F}} {{0b101}} {{0o17}} {{1_000}} {{'a'}} {{'\n'}}"#, "1 -7 31 5 15 1000 97 10"),
        (
            "{{1.5}} {{1e3}} {{1e6}} {{999999.0}} {{.5}} {{0x1p4}} {{1e400}}",
            r#"template: t:1: illegal number syntax: "1e400""#,
        ),
        ("{{2i}} {{1+2i}}", "(0+2i) (1+2i)"),
        (r#"{{"a\tb\u00e9\x41\101"}} {{`raw\n`}}"#, "a\tbéAA raw\\n"),
        ("{{true}} {{false}}", "true false"),
        ("{{.a.port}} {{.a.big}} {{.a.f}}", "15020 1.234567e+06 1.5"),
        ("{{.a.list}} {{.m}} {{.a.nested}} {{.a.empty}}", "[p q <nil>] map[k1:v1 k2:v2] [[1 2] map[k:v]] []"),
        ("{{.a.n}} {{.missing}} {{.missing.deeper}}", "<no value> <no value> <no value>"),
        ("{{print .a.n}} {{print .missing}}", "<nil> <nil>"),
        (
            "{{9223372036854775808}}",
            r#"template: t:1:2: executing "t" at <9223372036854775808>: 9223372036854775808 overflows int"#,
        ),
        ("{{99999999999999999999}}", r#"template: t:1: integer overflow: "99999999999999999999""#),
        ("{{1.}} {{+4}} {{1.5e-7}}", "1 4 1.5e-07"),
        (r#"{{"unclosed}}"#, "template: t:1: unterminated quoted string"),
        ("{{'ab'}}", "template: t:1: malformed character constant: 'ab'"),
        ("{{0x}}", r#"template: t:1: illegal number syntax: "0x""#),
        ("{{1a}}", r#"template: t:1: bad number syntax: "1a""#),
    ]);
}

#[test]
fn trim_markers_work_on_each_side_separately() {
    check(&[
        ("a \n {{- 1 }} b", "a1 b"),
        ("a {{ 1 -}} \n b", "a 1b"),
        ("a {{- 1 -}} b", "a1b"),
        ("a\n{{- /* c */}}\n b", "a\n b"),
        ("a\n{{/* c */ -}}\n b", "a\nb"),
        ("a {{- /* c */ -}} b", "ab"),
        ("{{-1}}", "-1"),
        ("{{- -1 }}", "-1"),
        (" {{-\n1\n-}} ", "1"),
        (r#"a {{"-}}"}} b"#, "a -}} b"),
        ("x{{- `\n` -}}y", "x\ny"),
        ("{{ /* c */ }}", r#"template: t:1: unexpected "/" in command"#),
        ("{{/* a */", "template: t:1: comment ends before closing delimiter"),
        ("a{{/*\n*/}}b{{\n  .z\n  | not\n}}", "abfalse"),
    ]);
}

#[test]
fn conditions_and_with() {
    check(&[
        ("{{if .z}}y{{else}}n{{end}}", "y"),
        ("{{if .missing}}y{{else if .a.empty}}m{{else}}n{{end}}", "n"),
        ("{{with .a}}{{.b}} {{$.z}}{{end}}", "x true"),
        ("{{with $x := .m}}{{$x.k1}}{{else}}none{{end}}", "v1"),
        ("{{with .missing}}y{{else}}{{.z}}{{end}}", "true"),
        (r#"{{if 0}}a{{end}}{{if ""}}b{{end}}{{if .a.n}}c{{end}}{{if 0.0}}d{{end}}{{if .m}}e{{end}}"#, "e"),
        ("{{if and .z .a.b}}1{{end}}{{if or .missing .z}}2{{end}}{{if not .missing}}3{{end}}", "123"),
        (r#"{{and .a.empty (index .a.empty 9)}}|{{or "x" (index .a.empty 9)}}"#, "[]|x"),
        ("{{and}}", r#"template: t:1:2: executing "t" at <and>: wrong number of args for and: want at least 1 got 0"#),
        ("{{if}}x{{end}}", "template: t:1: missing value for if"),
        ("{{if .z}}", "template: t:1: unexpected EOF"),
        ("{{end}}", "template: t:1: unexpected {{end}}"),
        ("{{if .z}}a{{else}}b{{else}}c{{end}}", "template: t:1: expected end; found {{else}}"),
        ("{{.z | and .a.b}} {{or .missing .a.n}}", "true <no value>"),
    ]);
}

#[test]
fn loops() {
    check(&[
        ("{{range .a.list}}[{{.}}]{{end}}", "[p][q][<no value>]"),
        ("{{range $e := .a.list}}{{$e}},{{end}}", "p,q,<no value>,"),
        ("{{range $i, $e := .a.list}}{{$i}}={{$e}};{{end}}", "0=p;1=q;2=<no value>;"),
        ("{{range $k, $v := .m}}{{$k}}={{$v}};{{end}}", "k1=v1;k2=v2;"),
        ("{{range .a.empty}}x{{else}}none{{end}}", "none"),
        ("{{range .missing}}x{{else}}none{{end}}", "none"),
        ("{{range .a.list}}{{break}}{{end}}ok", "ok"),
        ("{{range $i, $e := .a.list}}{{if $i}}{{break}}{{end}}{{$e}}{{end}}", "p"),
        ("{{range $i, $e := .a.list}}{{if eq $i 0}}{{continue}}{{end}}{{$e}};{{end}}", "q;<no value>;"),
        ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
        ("{{range .z}}{{end}}", r#"template: t:1:8: executing "t" at <.z>: range can't iterate over true"#),
        ("{{range .a.b}}{{end}}", r#"template: t:1:10: executing "t" at <.a.b>: range can't iterate over x"#),
        ("{{range $i, $j, $k := .m}}{{end}}", "template: t:1: too many declarations in range"),
        ("{{range $i, 1}}{{end}}", "template: t:1: range can only initialize variables"),
        (
            "{{range .a.list}}{{.x}}{{end}}",
            r#"template: t:1:19: executing "t" at <.x>: can't evaluate field x in type interface {}"#,
        ),
        ("{{range .m}}{{range $.a.empty}}{{else}}{{break}}{{end}}.{{end}}", ".."),
        ("{{range $x := .a.nested}}{{len $x}}{{end}}", "21"),
    ]);
}

#[test]
fn variables() {
    check(&[
        ("{{$x := 1}}{{$x = 2}}{{$x}}", "2"),
        ("{{$x := 1}}{{if .z}}{{$x = 3}}{{$x := 4}}{{$x}}{{end}}{{$x}}", "43"),
        (r#"{{$x := ""}}{{range .a.list}}{{$x = printf "%v%v" $x .}}{{end}}{{$x}}"#, "pq<nil>"),
        ("{{$x}}", r#"template: t:1: undefined variable "$x""#),
        ("{{$x = 1}}", r#"template: t:1:7: executing "t" at <1>: undefined variable: $x"#),
        ("{{if .z}}{{$y := 1}}{{end}}{{$y}}", r#"template: t:1: undefined variable "$y""#),
        ("{{$x := .a}}{{$x.b}} {{$x.n}} {{$.a.f}}", "x <no value> 1.5"),
        ("{{$x := .a.n}}{{$x.y}}", "<no value>"),
        ("{{with $x := 1}}{{with $x := 2}}{{$x}}{{end}}{{$x}}{{end}}", "21"),
        ("{{$x, $y := 1}}", "template: t:1: too many declarations in command"),
        ("{{($x := 1)}}{{$x}}", "11"),
        (r#"{{$a := 1 | printf "%d"}}{{$a}}"#, "1"),
    ]);
}

#[test]
fn fields_and_parentheses() {
    check(&[
        ("{{.a.b.c}}", r#"template: t:1:4: executing "t" at <.a.b.c>: can't evaluate field c in type interface {}"#),
        ("{{.a.n.x}}", r#"template: t:1:4: executing "t" at <.a.n.x>: nil pointer evaluating interface {}.x"#),
        ("{{(.a.n).x}}", "<no value>"),
        ("{{(.a).b}} {{(index .a.nested 1).k}}", "x v"),
        ("{{.z.x}}", r#"template: t:1:4: executing "t" at <.z.x>: can't evaluate field x in type interface {}"#),
        ("{{nil.x}}", r#"template: t:1: unexpected . after term "nil""#),
        (r#"{{"s".x}}"#, r#"template: t:1: unexpected . after term "\"s\"""#),
        ("{{1.x}}", r#"template: t:1: bad number syntax: "1.x""#),
        ("{{.a.b 1}}", r#"template: t:1:4: executing "t" at <.a.b>: b is not a method but has arguments"#),
        ("{{1 | .a.b}}", r#"template: t:1:8: executing "t" at <.a.b>: b is not a method but has arguments"#),
        (r#"{{"x" 1}}"#, r#"template: t:1:2: executing "t" at <"x">: can't give argument to non-function "x""#),
        ("{{nil}}", r#"template: t:1:2: executing "t" at <nil>: nil is not a command"#),
        ("{{print nil}}", "<nil>"),
        (
            "{{.}}",
            r#"map[a:map[b:x big:1.234567e+06 empty:[] f:1.5 list:[p q <nil>] n:<nil> nested:[[1 2] map[k:v]] port:15020] html:<a href='x'>&"</a> m:map[k1:v1 k2:v2] z:true]"#,
        ),
        (
            "{{(1 | print) 2}}",
            r#"template: t:1:2: executing "t" at <(1 | print) 2>: can't give argument to non-function 1 | print"#,
        ),
        ("{{.a..b}}", "template: t:1: unexpected <.> in operand"),
        ("{{. a}}", r#"template: t:1: function "a" not defined"#),
        ("{{.a .b}}", r#"template: t:1:2: executing "t" at <.a>: a is not a method but has arguments"#),
        ("{{()}}", "template: t:1: missing value for parenthesized pipeline"),
        ("{{(.a}}", "template: t:1: unclosed left paren"),
        ("{{.z | 1}}", "template: t:1: non executable command in pipeline stage 2"),
        ("{{(.a.missing).x.y}}", "<no value>"),
    ]);
}

#[test]
fn comparisons() {
    check(&[
        (
            "{{eq 1 1}} {{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}",
            "true true true true true false true",
        ),
        (r#"{{eq "a" "a"}} {{lt "a" "b"}} {{eq .a.port 15020.0}} {{eq true .z}}"#, "true true true true"),
        (
            "{{eq .a.port 15020}}",
            r#"template: t:1:2: executing "t" at <eq .a.port 15020>: error calling eq: incompatible types for comparison"#,
        ),
        (
            "{{eq 1 1.0}}",
            r#"template: t:1:2: executing "t" at <eq 1 1.0>: error calling eq: incompatible types for comparison"#,
        ),
        (
            r#"{{eq "1" 1}}"#,
            r#"template: t:1:2: executing "t" at <eq "1" 1>: error calling eq: incompatible types for comparison"#,
        ),
        ("{{eq .missing nil}} {{eq .a.n nil}} {{eq .a.b nil}} {{ne .missing nil}}", "true true false false"),
        (
            "{{eq .m .m}}",
            r#"template: t:1:2: executing "t" at <eq .m .m>: error calling eq: non-comparable type map[k1:v1 k2:v2]: map[string]interface {}"#,
        ),
        (
            "{{eq .a.list .m}}",
            r#"template: t:1:2: executing "t" at <eq .a.list .m>: error calling eq: non-comparable types [p q <nil>]: []interface {}, map[string]interface {}: map[k1:v1 k2:v2]"#,
        ),
        (
            "{{lt true false}}",
            r#"template: t:1:2: executing "t" at <lt true false>: error calling lt: invalid type for comparison"#,
        ),
        (
            "{{lt nil 1}}",
            r#"template: t:1:2: executing "t" at <lt nil 1>: error calling lt: invalid type for comparison"#,
        ),
        (
            r#"{{lt 1 "a"}}"#,
            r#"template: t:1:2: executing "t" at <lt 1 "a">: error calling lt: incompatible types for comparison"#,
        ),
        ("{{eq 1}}", r#"template: t:1:2: executing "t" at <eq 1>: error calling eq: missing argument for comparison"#),
        ("{{ne 1 2 3}}", r#"template: t:1:2: executing "t" at <ne>: wrong number of args for ne: want 2 got 3"#),
        ("{{eq 2i 2i}} {{eq 1.5 .a.f}} {{gt .a.port 80.0}}", "true true true"),
    ]);
}

#[test]
fn builtin_functions() {
    check(&[
        (r#"{{len .a.list}} {{len .m}} {{len "é"}}"#, "3 2 2"),
        ("{{len 3}}", r#"template: t:1:2: executing "t" at <len 3>: error calling len: len of type int"#),
        (
            "{{len nil}}",
            r#"template: t:1:2: executing "t" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value"#,
        ),
        (
            "{{len .missing}}",
            r#"template: t:1:2: executing "t" at <len .missing>: error calling len: reflect: call of reflect.Value.Type on zero Value"#,
        ),
        (
            r#"{{index .a.list 1}} {{index .m "k1"}} {{index .a.nested 0 1}} {{index .m "none"}} {{index "abc" 1}}"#,
            "q v1 2 <no value> 98",
        ),
        (
            "{{index .a.list 7}}",
            r#"template: t:1:2: executing "t" at <index .a.list 7>: error calling index: index out of range: 7"#,
        ),
        (
            "{{index .a.list -1}}",
            r#"template: t:1:2: executing "t" at <index .a.list -1>: error calling index: index out of range: -1"#,
        ),
        (
            r#"{{index .a.list "x"}}"#,
            r#"template: t:1:2: executing "t" at <index .a.list "x">: error calling index: cannot index slice/array with type string"#,
        ),
        (
            "{{index .m 1}}",
            r#"template: t:1:2: executing "t" at <index .m 1>: error calling index: value has type int; should be string"#,
        ),
        (
            "{{index .missing 1}}",
            r#"template: t:1:2: executing "t" at <index .missing 1>: error calling index: index of untyped nil"#,
        ),
        (
            "{{index .z 1}}",
            r#"template: t:1:2: executing "t" at <index .z 1>: error calling index: can't index item of type bool"#,
        ),
        ("{{index .a.list}}", "[p q <nil>]"),
        (r#"{{slice "hello" 1 3}} {{slice .a.list 1}} {{slice "abc"}}"#, "el [q <nil>] abc"),
        (
            r#"{{slice "abc" 2 1}}"#,
            r#"template: t:1:2: executing "t" at <slice "abc" 2 1>: error calling slice: invalid slice index: 2 > 1"#,
        ),
        (
            r#"{{slice "abc" 9}}"#,
            r#"template: t:1:2: executing "t" at <slice "abc" 9>: error calling slice: index out of range: 9"#,
        ),
        (
            "{{slice .m 1}}",
            r#"template: t:1:2: executing "t" at <slice .m 1>: error calling slice: can't slice item of type map[string]interface {}"#,
        ),
        (
            r#"{{slice "a" 0 1 1}}"#,
            r#"template: t:1:2: executing "t" at <slice "a" 0 1 1>: error calling slice: cannot 3-index slice a string"#,
        ),
        (r#"{{print 1 2 "a" "b" 3 4 nil true}}"#, "1 2ab3 4 <nil> true"),
        (r#"{{println 1 "a"}}"#, "1 a\n"),
        (
            "{{html .html}} {{js .html}} {{urlquery .html}}",
            r#"&lt;a href=&#39;x&#39;&gt;&amp;&#34;&lt;/a&gt; \u003Ca href\u003D\'x\'\u003E\u0026\"\u003C/a\u003E %3Ca+href%3D%27x%27%3E%26%22%3C%2Fa%3E"#,
        ),
        ("{{html .missing}}", "&lt;no value&gt;"),
        ("{{call nil}}", r#"template: t:1:2: executing "t" at <call nil>: error calling call: call of nil"#),
        (
            "{{call .z}}",
            r#"template: t:1:2: executing "t" at <call .z>: error calling call: non-function of type bool"#,
        ),
        ("{{not 1 2}}", r#"template: t:1:2: executing "t" at <not>: wrong number of args for not: want 1 got 2"#),
        ("{{nope}}", r#"template: t:1: function "nope" not defined"#),
        ("{{print}}|", "|"),
    ]);
}

#[test]
fn printf_formats() {
    check(&[
        (r#"{{printf "%s %d %v %q %t" "a" 1 1.5 "q\n" true}}"#, r#"a 1 1.5 "q\n" true"#),
        (
            r#"{{printf "%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%b|%c|%U" 42 42 42 42 42 42 42 42 42 42 42 42}}"#,
            "   42|42   |00042|+42| 42|2a|2A|0x2a|52|101010|*|U+002A",
        ),
        (
            r#"{{printf "%f|%.2f|%8.3f|%e|%g|%G|%6.2g|%08.3f|%+.1f" 1.5 1.5 1.5 1.5 1e9 1e-9 123.456 -1.5 2.0}}"#,
            "1.500000|1.50|   1.500|1.500000e+00|1e+09|1E-09|1.2e+02|-001.500|+2.0",
        ),
        (r#"{{len (printf "%.70000U|%.70000f|%.70000e|%.70000x|%.70000d" 42 1.5 1.5 1.5 42)}}"#, "350022"),
        (r#"{{len (printf "%.70000g|%#.70000g" 1.5 1.5)}}"#, "70005"),
        (
            r#"{{printf "%s|%5s|%-5s|%.2s|%q|%x|% x|%#q" "abc" "abc" "abc" "abc" "a\"b" "abc" "abc" "raw"}}"#,
            r#"abc|  abc|abc  |ab|"a\"b"|616263|61 62 63|`raw`"#,
        ),
        (
            r#"{{printf "%d" "a"}} {{printf "%s" 1}} {{printf "%s" nil}} {{printf "%d" .a.f}}"#,
            "%!d(string=a) %!s(int=1) %!s(<nil>) %!d(float64=1.5)",
        ),
        (
            r#"{{printf "%s" .a.list}} {{printf "%d" .a.list}} {{printf "%v" .m}} {{printf "%q" .m}}"#,
            r#"[p q <nil>] [%!d(string=p) %!d(string=q) <nil>] map[k1:v1 k2:v2] map["k1":"v1" "k2":"v2"]"#,
        ),
        (
            r#"{{printf "%d"}} {{printf "%d %d" 1}} {{printf "x" 1 "b"}}"#,
            "%!d(MISSING) 1 %!d(MISSING) x%!(EXTRA int=1, string=b)",
        ),
        (
            r#"{{printf "%[2]d %[1]d" 1 2}} {{printf "%[3]d" 1}} {{printf "%*d" 5 1}} {{printf "%.*f" 1 2.25}}"#,
            "2 1 %!d(BADINDEX)     1 2.2",
        ),
        (r#"{{printf "%z %!" 1}} {{printf "100%%"}} {{printf "%"}}"#, "%!z(int=1) %!!(MISSING) 100% %!(NOVERB)"),
        (
            r#"{{printf "%T %T %T %T %T %T" 1 1.5 "a" .m .a.list nil}}"#,
            "int float64 string map[string]interface {} []interface {} <nil>",
        ),
        (r#"{{printf "%#v %#v %#v %+v" "a" 1 .a.f .m}}"#, r#""a" 1 1.5 map[k1:v1 k2:v2]"#),
        ("{{printf 1}}", r#"template: t:1:9: executing "t" at <1>: expected string; found 1"#),
        (r#"{{.a.f | printf "%v-%v" "x"}}"#, "x-1.5"),
        (r#"{{printf "%6.2f%%|%-8q|%08b" 12.345 "a" 5}}"#, r#" 12.35%|"a"     |00000101"#),
    ]);
}

#[test]
fn templates_and_definitions() {
    check(&[
        (r#"{{define "d"}}<{{.}}{{$}}>{{end}}{{template "d" .a.b}}{{template "d"}}"#, "<xx><<no value><no value>>"),
        (r#"{{template "later" 1}}{{define "later"}}{{.}}{{end}}"#, "1"),
        (r#"{{block "b" .a}}{{.b}}{{end}}"#, "x"),
        (
            r#"{{template "none"}}"#,
            r#"template: t:1:11: executing "t" at <{{template "none"}}>: template "none" not defined"#,
        ),
        (
            r#"{{define "d"}}a{{end}}{{define "d"}}b{{end}}"#,
            r#"template: t:1: template: multiple definition of template "d""#,
        ),
        (r#"{{define "d"}} {{end}}{{define "d"}}b{{end}}{{template "d"}}"#, "b"),
        (r#"{{define "d"}}{{template "d"}}"#, "template: t:1: unexpected EOF"),
        ("{{define x}}{{end}}", r#"template: t:1: unexpected "x" in define clause"#),
        (r#"{{if .z}}{{define "x"}}{{end}}{{end}}"#, "template: t:1: unexpected <define> in command"),
        (r#"{{$x := 1}}{{define "d"}}{{$x}}{{end}}"#, r#"template: t:1: undefined variable "$x""#),
        (
            "{{define \"d\"}}{{.a.n.x}}{{end}}\n{{template \"d\" .}}",
            r#"template: t:1:18: executing "d" at <.a.n.x>: nil pointer evaluating interface {}.x"#,
        ),
        ("{{template 1}}", r#"template: t:1: unexpected "1" in template clause"#),
        (r#"{{define "t"}}own{{end}}"#, "own"),
        (
            r#"{{template "d" 1 2}}"#,
            r#"template: t:1:11: executing "t" at <{{template "d" 1 2}}>: template "d" not defined"#,
        ),
    ]);
}

#[test]
fn errors_name_the_place() {
    check(&[
        (
            "a\nb {{.a.b.c}}",
            r#"template: t:2:6: executing "t" at <.a.b.c>: can't evaluate field c in type interface {}"#,
        ),
        (
            "a\nb\n  {{ index .a.list 7 | print }}",
            r#"template: t:3:5: executing "t" at <index .a.list 7>: error calling index: index out of range: 7"#,
        ),
        (
            r#"{{if eq 1 "x"}}{{end}}"#,
            r#"template: t:1:5: executing "t" at <eq 1 "x">: error calling eq: incompatible types for comparison"#,
        ),
        (
            "line1\n{{ if .z }}\n{{ printf \"%d\" (len 3) }}\n{{end}}",
            r#"template: t:3:16: executing "t" at <len 3>: error calling len: len of type int"#,
        ),
        ("{{\n.z\n| nope}}", r#"template: t:3: function "nope" not defined"#),
        (
            r#"{{ .a.b | index .m "k1" 1 }}"#,
            r#"template: t:1:10: executing "t" at <index .m "k1" 1>: error calling index: can't index item of type uint8"#,
        ),
        ("x\n{{ .z", "template: t:2: unclosed action"),
        ("x\n{{ .z\n\"", "template: t:3: unterminated quoted string in action started at t:2"),
        ("a {{ (len .m | index .a.list).x }}", "a <no value>"),
        (
            "{{ $x := .a.b.c }}",
            r#"template: t:1:11: executing "t" at <.a.b.c>: can't evaluate field c in type interface {}"#,
        ),
        (
            r#"{{template "none" .a}}"#,
            r#"template: t:1:11: executing "t" at <{{template "none" .a}}>: template "none" not defined"#,
        ),
        ("{{/*", "template: t:1: unclosed comment"),
    ]);
}

#[test]
fn what_came_after_go_1_19_works() {
    check(&[
        ("{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}{{range 0}}x{{else}}none{{end}}", "01201none"),
        ("{{with .missing}}a{{else with .a}}{{.b}}{{else}}c{{end}}", "x"),
        ("{{$x := 0}}{{range $x = .a.list}}{{end}}{{$x}}", "<no value>"),
        ("{{$i := 0}}{{$e := 0}}{{range $i, $e = .m}}{{end}}{{$i}}{{$e}}", "k2v2"),
        ("{{.z)}}", "template: t:1: unexpected right paren"),
        ("{{range $i, $j := 3}}{{end}}", {
            "template: t:1:18: executing \"t\" at <3>: can't use 3 to iterate over more than one variable"
        }),
        ("{{with .z}}{{else if .z}}{{end}}", "template: t:1: unexpected <if> in input"),
    ]);
}
