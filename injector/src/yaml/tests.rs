use proptest::prelude::*;

use super::*;
use crate::json;
use crate::value::Map;

/// What a text is as JSON, or the error.
fn read(text: &str) -> String {
    parse(text).map_or_else(|e| e.to_string(), |value| json::to_string(&value))
}

#[test]
fn plain_scalars_have_the_types_of_yaml_v2() {
    let text = "\
{null: [null, ~, Null, '', \"null\"],
bool: [true, Yes, on, y, n, Off, 'yes', tRue],
int: [1, -1, +1, 0x1F, 0o17, 017, 0b11, 1_000, -0x10, 18446744073709551615, 0b-101],
float: [1.5, .5, 1e3, 08, -.5e-3, 18446744073709551616, ._5],
text: [1:30, 2020-01-01, 0x, +, 1e999, 0xZ, 1.2.3, .1_0_]}";
    let expected = concat!(
        r#"{"bool":[true,true,true,true,false,false,"yes","tRue"],"#,
        r#""float":[1.5,0.5,1000,8,-0.0005,18446744073709552000,"._5"],"#,
        r#""int":[1,-1,1,31,15,15,3,1000,-16,18446744073709551615,-5],"null":[null,null,null,"","null"],"#,
        r#""text":["1:30","2020-01-01","0x","+","1e999","0xZ","1.2.3",".1_0_"]}"#,
    );
    // A key that is null is none: quoted here.
    assert_eq!(read(&text.replacen("null:", "'null':", 1)), expected);
}

#[test]
fn keys_become_strings() {
    assert_eq!(read("1: a\n1.50: b\nyes: c\n2020-01-01: d\n.inf: e\n"), {
        r#"{".inf":"e","1":"a","1.5":"b","2020-01-01":"d","true":"c"}"#
    });
}

#[test]
fn the_last_of_equal_keys_counts() {
    assert_eq!(read("b: 1\na: 2\nb: 3\n"), r#"{"a":2,"b":3}"#);
}

#[test]
fn tags_choose_the_type() {
    assert_eq!(
        read("[!!str 1, !!int \"2\", !!float 3, !!binary aGVsbG8=, !own 4, ! \"5\", !!null '', ! ]"),
        r#"["1",2,3,"hello","4",5,null,""]"#
    );
    assert_eq!(read("a: !!int 1.5"), "line 1, column 10: a float `1.5` cannot be a !!int (at: a: !!int 1.5)",);
    assert!(read("!!binary '*'").contains("must be base64"));
}

/// libyaml, and so yaml.v2, ignores indentation within brackets and quotes; many manifests rely on it.
#[test]
fn what_libyaml_reads_is_read() {
    for (text, expected) in [
        ("s:\n  args: [\n    a,\n    b,\n  ]\n  c: d\n", r#"{"s":{"args":["a","b"],"c":"d"}}"#),
        ("s:\n  args: [\n  a\n  ]\n", r#"{"s":{"args":["a"]}}"#),
        ("- a: {\nb: 1\n}\n- c\n", r#"[{"a":{"b":1}},"c"]"#),
        ("- a: [\n  ]\n", r#"[{"a":[]}]"#),
        ("a:\n  b: \"c\nd\"\n  e: 'f\n  g'\n", r#"{"a":{"b":"c d","e":"f g"}}"#),
        ("a:\tb\n", r#"{"a":"b"}"#),
        ("a: |\n  b", r#"{"a":"b"}"#),
        ("a: !!str\nb: !!str ~\n", r#"{"a":"","b":"~"}"#),
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

#[test]
fn aliases_and_merge_keys_are_expanded() {
    let text = "base: &base {a: 1, b: [x]}\nother: &other {b: 2, c: 3}\nm:\n  <<: *base\n  a: 9\nk:\n  a: 9\n  <<: [*base, *other]\nl: [*base]\n";
    assert_eq!(
        read(text),
        concat!(
            r#"{"base":{"a":1,"b":["x"]},"k":{"a":1,"b":["x"],"c":3},"l":[{"a":1,"b":["x"]}],"#,
            r#""m":{"a":9,"b":["x"]},"other":{"b":2,"c":3}}"#
        )
    );
    assert_eq!(parse("'<<': 1").unwrap().get("<<"), Some(&Value::Int(1)));
    assert!(read("<<: 1").contains("must be a map or a list of maps"));
    assert!(read("a: &a [1]\n<<: *a").contains("must be a map or a list of maps"));
}

#[test]
fn only_the_first_document_is_read() {
    assert_eq!(read("---\na: 1\n---\n: : :\n"), r#"{"a":1}"#);
    assert_eq!(read(""), "null");
    assert_eq!(read("# nothing\n"), "null");
}

#[test]
fn errors_name_the_line_and_the_column() {
    let error = parse("a: 1\nb:\n  - c\n d: 2\n").unwrap_err();
    assert_eq!(error.position, Position { line: 4, column: 2 });
    assert!(error.to_string().ends_with("(at: d: 2)"), "{error}");
    assert_eq!(error.after(10).position.line, 14);
    let error = read("a: 1\n? [x]\n: b\n");
    assert!(error.starts_with("line 2, column 3: a list cannot be the key of a map"), "{error}");
    assert!(read("a: .nan").contains("JSON cannot hold"));
}

#[test]
fn errors_are_within_the_text_and_steer_no_terminal() {
    let error = parse("%Y").unwrap_err();
    assert_eq!((error.position, &*error.text), (Position { line: 1, column: 3 }, "%Y"));
    let error = parse("a: 1\rb:\r - c\r d\r").unwrap_err();
    assert_eq!(error.position, Position { line: 4, column: 2 }, "{error}");
    let error = read("a: \"\u{1b}[2J\\xZ\"");
    assert!(error.ends_with(r#"(at: a: "\u001b[2J\xZ")"#), "{error}");
}

#[test]
fn a_text_that_goes_on_after_its_value_is_an_error() {
    let error = read("abc\nspec:\n  a: 1\n");
    assert!(error.starts_with("line 2, column 5: this is not valid YAML"), "{error}");
    let error = read("  a: 1\nb: 2\n");
    assert!(
        error.starts_with("line 2, column 1: this is not valid YAML: the document has ended before this line"),
        "{error}"
    );
}

#[test]
fn an_alias_inside_its_own_value_is_an_error() {
    assert_eq!(
        read("a: &loop\n  b: [*loop]\n"),
        "line 2, column 7: the alias `loop` is inside the value that it refers to (at: b: [*loop])"
    );
    assert!(read("a: *nowhere").contains("unknown anchor"));
}

#[test]
fn a_billion_laughs_are_an_error() {
    let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for i in 1..10 {
        let before = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{before}]\n"));
    }
    let error = read(&text);
    assert!(error.contains("which is more than its size justifies"), "{error}");
}

#[test]
fn aliases_of_a_long_text_are_limited() {
    let text = |aliases: usize| format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 16), vec!["*a"; aliases].join(", "));
    assert!(parse(&text(254)).is_ok());
    assert!(
        read(&text(256)).starts_with("line 2, column 1021: aliases make more than 16777216 bytes"),
        "{}",
        read(&text(256))
    );
}

#[test]
fn ordinary_use_of_aliases_is_fine() {
    let text = format!("a: &a {{x: 1, y: 2}}\nb: [{}]\n", vec!["*a"; 300].join(", "));
    assert_eq!(parse(&text).unwrap().list_at(&["b"]).len(), 300);
}

#[test]
fn nesting_and_size_are_limited() {
    let deep = |levels: usize| format!("{}x", "- ".repeat(levels));
    assert!(parse(&deep(MAX_DEPTH)).is_ok());
    let brackets = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(parse(&brackets(MAX_DEPTH)).is_ok());
    let error = read(&brackets(MAX_DEPTH + 1));
    assert!(error.contains("more than 500 levels deep"), "{error}");
    assert!(read(&deep(MAX_DEPTH + 1)).contains("more than 500 levels deep"));
    let nested = |levels: usize| {
        let lists = "- ".repeat(levels);
        format!("a:\n  &a\n  {lists}x\nb:\n  &b\n  {lists}{{k: *a}}\nc:\n  {lists}*b\n")
    };
    assert!(parse(&nested(166)).is_ok(), "{}", read(&nested(166)));
    assert!(read(&nested(167)).contains("more than 500 levels deep"));
    assert!(read(&" ".repeat(MAX_SIZE + 1)).contains("16777217 bytes; at most 16777216"));
}

#[test]
fn a_path_is_located() {
    let text = "a: 1\nlist:\n- x: [p, q]\n- {y: 2, z: 3}\n\"k\":\n    deep: v\n";
    let at = |path: &[Step<'_>]| locate(text, path).map(|p| (p.line, p.column));
    assert_eq!(at(&[]), Some((1, 1)));
    assert_eq!(at(&[Step::Key("a")]), Some((1, 4)));
    assert_eq!(at(&[Step::Key("list"), Step::Index(0), Step::Key("x"), Step::Index(1)]), Some((3, 10)));
    assert_eq!(at(&[Step::Key("list"), Step::Index(1), Step::Key("z")]), Some((4, 13)));
    assert_eq!(at(&[Step::Key("k"), Step::Key("deep")]), Some((6, 11)));
    assert_eq!(at(&[Step::Key("b")]), None);
    assert_eq!(at(&[Step::Key("list"), Step::Index(2)]), None);
    assert_eq!(at(&[Step::Key("a"), Step::Key("b")]), None);
}

#[test]
fn several_paths_are_located_at_once_by_their_keys() {
    use Step::{Index, Key};
    let text = "a: 1\nlist:\n- x: [p, q]\n- {y: 2, z: 3}\n\"k\":\n    deep: &v {w: 1}\n[c]: *v\n";
    let paths: [(&[Step<'_>], (usize, usize)); 9] = [
        (&[], (1, 1)),
        (&[Key("a")], (1, 1)),
        (&[Key("list"), Index(0), Key("x"), Index(1)], (3, 10)),
        (&[Key("list"), Index(1), Key("z")], (4, 10)),
        (&[Key("k"), Key("deep"), Key("w")], (6, 15)),
        // A value that does not exist has the position that it would have.
        (&[Key("b")], (1, 1)),
        (&[Key("list"), Index(2)], (2, 1)),
        (&[Key("list"), Key("x")], (2, 1)),
        (&[Key("a"), Key("b")], (1, 1)),
    ];
    let found = places(text, &paths.map(|(path, _)| path));
    let found: Vec<_> = found.into_iter().map(|p| p.map(|p| (p.line, p.column))).collect();
    assert_eq!(found, paths.map(|(_, place)| Some(place)));
}

#[test]
fn strings_are_quoted_only_if_they_must_be() {
    let texts = [
        ("plain text", "plain text"),
        ("", r#""""#),
        ("15020", r#""15020""#),
        ("yes", r#""yes""#),
        ("2020-01-01", r#""2020-01-01""#),
        ("2020-02-30", "2020-02-30"),
        ("1:30", r#""1:30""#),
        ("1:70", "1:70"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("it's", "it's"),
        ("'", "''''"),
        ("[x]", "'[x]'"),
        ("- x", "'- x'"),
        ("-x", "-x"),
        (" x", "' x'"),
        ("---", "'---'"),
        ("<<", "<<"),
        ("tab\there", r#""tab\there""#),
        ("é", "é"),
        ("😀", r#""\U0001F600""#),
        ("a\u{2028} b", r#""a\L b""#),
        ("a\u{2029}b", r#""a\Pb""#),
        ("a\n\u{2028}b", r#""a\n\Lb""#),
        ("1e3", r#""1e3""#),
        ("0o8", "0o8"),
    ];
    for (text, printed) in texts {
        assert_eq!(to_string(&Value::from(text)), format!("{printed}\n"), "{text:?}");
    }
}

#[test]
fn a_key_that_looks_like_the_merge_key_stays_a_key() {
    let value = parse("!own <<: {a: 1}\n").unwrap();
    assert_eq!(json::to_string(&value), "{\"\\u003c\\u003c\":{\"a\":1}}");
    assert_eq!(to_string(&value), "\"<<\":\n  a: 1\n");
    assert_eq!(parse(&to_string(&value)).unwrap(), value);
}

#[test]
fn blocks_and_lists_are_laid_out_as_yaml_v2_does() {
    let value = json::parse(
        br#"{"list":[{"a":1,"b":[]},[1,[2]],"x\ny\n","two\n\n","none\nat end"," lead\n","sp \nbad"],"map":{},"a10":null,"a2":1.5,
            "multi\nkey":[1],"big":1000000.5,"int":3.0}"#,
    );
    let expected = "\
a2: 1.5
a10: null
big: 1.0000005e+06
int: 3
list:
- a: 1
  b: []
- - 1
  - - 2
- |
  x
  y
- |+
  two

- |-
  none
  at end
- |2
   lead
- \"sp \\nbad\"
map: {}
? |-
  multi
  key
: - 1
";
    assert_eq!(to_string(&value.unwrap()), expected);
}

#[test]
fn long_values_are_folded_after_column_80_and_keys_are_not() {
    let words = |count: usize| vec!["word"; count].join(" ");
    let mut map = Map::new();
    map.insert("k", words(20));
    map.insert("q", format!("{}: {}", words(17), words(2)));
    map.insert("d", format!("\t{}  {}", words(17), words(2)));
    map.insert(words(20), 1);
    map.insert("spaces", format!("\t{}   {}", "w".repeat(75), words(2)));
    let expected = [
        format!("d: \"\\t{}\n  word  {}\"", words(16), words(2)),
        format!("k: {}\n  {}", words(16), words(4)),
        format!("q: '{}\n  word: {}'", words(16), words(2)),
        format!("spaces: \"\\t{}\n  \\  {}\"", "w".repeat(75), words(2)),
        format!("{}: 1\n", words(20)),
    ]
    .join("\n");
    assert_eq!(to_string(&map.into()), expected);
}

fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "0",
        "1",
        "yes",
        "~",
        "null",
        ".5",
        "0x1",
        "1e3",
        "2020-01-01",
        ":",
        ": ",
        "#",
        " #",
        "-",
        "- ",
        "?",
        "[",
        "{",
        "}",
        ",",
        "&",
        "*",
        "!",
        "|",
        ">",
        "'",
        "\"",
        "%",
        " ",
        "  ",
        "\n",
        "\t",
        "\\",
        "é",
        "\u{85}",
        "\u{feff}",
        "😀",
        "---",
        "...",
        "word word word word word word word word word",
        "<<",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12).prop_map(|parts| parts.concat())
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::Int),
        1 => (i64::MAX as u64 + 1..).prop_map(Value::Uint),
        1 => Just(Value::Null),
        1 => any::<f64>().prop_filter("JSON has no others", |f| f.is_finite() && f.fract() != 0.0).prop_map(Value::Float),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|v| v.into_iter().collect()),
            prop::collection::vec((text(), inner), 0..5).prop_map(|v| v.into_iter().collect::<Map>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same_tree(tree in tree()) {
        let printed = to_string(&tree);
        prop_assert_eq!(parse(&printed), Ok(tree), "{}", printed);
    }

    #[test]
    fn any_text_is_read_or_refused(text in text()) {
        let _ = parse(&text);
        let _ = locate(&text, &[Step::Key("a"), Step::Index(0)]);
        let _ = places(&text, &[&[Step::Key("a"), Step::Index(0)], &[Step::Key("a")]]);
    }
}

/// Lines as templates make them, and some that should never be written.
fn lines() -> impl Strategy<Value = String> {
    fn of(texts: &'static str) -> impl Strategy<Value = String> {
        prop::sample::select(texts.split('|').collect::<Vec<_>>()).prop_map(|text| text.replace('/', "\n"))
    }
    let key = prop_oneof![
        8 => of("a: |b: |c:|a: |'d': |\"e\": "),
        2 => of("1: |true: |~: |<<: |x y: |a#b: |a #b: |$p: |a:b: |null: |-a: |...: |'a' : |a : |? a: |*a: |&b a: |!t c: "),
    ];
    let key = prop::option::weighted(0.8, key).prop_map(Option::unwrap_or_default);
    let plain = of(
        "|a|ab c|-1|--a|1.5|.5|0x1|true|~|null|a:b|$(A)|2020-01-01|{}|[]| |1_0|<a>|=|a-b|0777|''|\"\"|'a: b'|\" #\"",
    );
    let odd = of(
        "a: b|a #b|a#|::|a:|...|---|- a|&a b|*a|!!str 1|!t|%a|@a|`a|#a|,a|\"a\\n\\\\\"b\"|\"\\t\"|\"\\x41\"|\"\\|'a''b'|\"a|'a|'a'b|>|>-",
    );
    let flow = of(
        "{a: 1}|[a, b]|{/a: b,/  c: d,/}|{/  a: b/}|[{a: 1}, [b]]|{a|[a/  b]|[\"]\", '}']|{a: \"b\\\"}\"}|{it's: 1}|{a, b}|[a #b/]|[&a b]|{a: b}c|{a: b} #|[/  a,/  b/  ]|{\"a\":1}|{a: b}]",
    );
    let literal = [1, 2, 4, 6, 8].map(|indent| {
        let pad = " ".repeat(indent);
        ["", "-", "+", "2"].map(|mark| format!("X{mark}\n{pad}a: b\n{pad}  # c\n\n{pad}d").replace('X', "|"))
    });
    let literal = prop::sample::select(literal.concat());
    let value = prop_oneof![8 => plain, 2 => odd, 2 => flow, 2 => literal];
    let dashes = of("||||- |- |- |-|-   |- - ");
    let indent = prop::sample::select(vec![0, 0, 1, 2, 2, 2, 4, 4, 6, 8]);
    let line = (indent, dashes, key, value, of("|||| |  "))
        .prop_map(|(indent, dashes, key, value, end)| format!("{:indent$}{dashes}{key}{value}{end}\n", ""));
    let other = of("/|  /|         /|---/|.../|--- a/|# c/|  #c/|\ta: b/|a: b\r/|é: b/|%YAML 1.1/");
    (prop::collection::vec(prop_oneof![14 => line, 1 => other], 1..8), any::<bool>()).prop_map(|(lines, whole)| {
        let text = lines.concat();
        if whole { text } else { text.trim_end_matches('\n').to_owned() }
    })
}

/// A tree as it is printed, with a few characters changed.
fn mutated() -> impl Strategy<Value = String> {
    let characters = " -:#'\"{}[]|>\n&*!,?%@`~a1.\\".chars().collect::<Vec<_>>();
    let mutation = (any::<prop::sample::Index>(), prop::sample::select(characters), 0..3usize);
    (tree(), prop::collection::vec(mutation, 0..3)).prop_map(|(tree, mutations)| {
        let mut text: Vec<char> = to_string(&tree).chars().collect();
        for (index, character, length) in mutations {
            let at = index.index(text.len() + 1);
            text.splice(at..text.len().min(at + length), (length < 2).then_some(character));
        }
        text.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn plain_documents_are_read_as_their_events_are(text in prop_oneof![lines(), mutated()]) {
        if let Some(document) = block::read(&text) {
            let from_events = read::from_events(&text).map_err(|error| error.to_string());
            prop_assert_eq!(Ok(document), from_events);
        }
    }
}
