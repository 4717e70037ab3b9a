//! The `proxyMetadata` of a proxy config, which is the YAML of an annotation. Everything else in it is passed over.

use granit_parser::{Event, Options, Parser, ScalarStyle};

/// Its entries, in their order.
///
/// # Errors
/// What is wrong with the text, or with `proxyMetadata` in it.
pub fn read(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut walk = Walk::default();
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(event) = parser.next_event() {
        let (mut event, span) = event.map_err(|e| e.to_string())?;
        if event == Event::DocumentEnd {
            break;
        }
        // The parser prints a value that is not there as `~`.
        if let Event::Scalar(text, ScalarStyle::Plain, ..) = &mut event
            && span.is_empty()
        {
            *text = "".into();
        }
        walk.event(event).map_err(|why| format!("line {}: {why}", span.start.line()))?;
    }
    Ok(walk.found)
}

/// The lists and maps that are open at a point of the document. An alias is never followed, so that a small text stays
/// small.
#[derive(Default)]
struct Walk {
    open: Vec<Open>,
    found: Vec<(String, String)>,
}

struct Open {
    of: Place,
    /// The key whose value comes next.
    key: Option<String>,
}

/// What a list or map is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The proxy config.
    Config,
    /// Its `proxyMetadata`.
    Metadata,
    /// Something else, whose keys do not matter.
    List,
    /// The same.
    Map,
}

/// What a node of the document is.
enum Spot {
    Root,
    Key,
    Metadata,
    Entry(String),
    Merge,
    Elsewhere,
}

const NO_CONFIG: &str = "a proxy config must be a map";
const NOT_A_MAP: &str = "proxyMetadata must be a map of names to strings";

impl Walk {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is left has no content, whatever else the parser learns")]
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, ..) => {
                let is_null = matches!(&*text, "" | "null" | "~");
                match self.spot() {
                    Spot::Root if !is_null => return Err(NO_CONFIG.to_owned()),
                    Spot::Metadata if !is_null => return Err(NOT_A_MAP.to_owned()),
                    Spot::Root | Spot::Metadata | Spot::Merge | Spot::Elsewhere => {}
                    Spot::Key => self.expect_value(text.into_owned()),
                    Spot::Entry(key) => self.found.push((key, text.into_owned())),
                }
            }
            Event::Alias(_) => match self.spot() {
                Spot::Metadata | Spot::Entry(_) | Spot::Merge => {
                    return Err("proxyMetadata cannot come from an alias here: write it out".to_owned());
                }
                Spot::Key => self.expect_value(String::new()),
                Spot::Root | Spot::Elsewhere => {}
            },
            Event::MappingStart(..) => self.begin(Place::Map)?,
            Event::SequenceStart(..) => self.begin(Place::List)?,
            Event::MappingEnd | Event::SequenceEnd => drop(self.open.pop()),
            _ => {}
        }
        Ok(())
    }

    /// A list or map begins.
    fn begin(&mut self, kind: Place) -> Result<(), String> {
        let is_list = kind == Place::List;
        let of = match self.spot() {
            Spot::Root if is_list => return Err(NO_CONFIG.to_owned()),
            Spot::Root => Place::Config,
            Spot::Metadata if !is_list => Place::Metadata,
            Spot::Metadata | Spot::Entry(_) => return Err(NOT_A_MAP.to_owned()),
            Spot::Merge => return Err("<< is not supported here: write its entries out".to_owned()),
            Spot::Key => {
                self.expect_value(String::new());
                kind
            }
            Spot::Elsewhere => kind,
        };
        self.open.push(Open { of, key: None });
        Ok(())
    }

    /// What the next node is. If it is a value, its key has been used.
    fn spot(&mut self) -> Spot {
        let Some(open) = self.open.last_mut() else { return Spot::Root };
        if open.of == Place::List {
            return Spot::Elsewhere;
        }
        let Some(key) = open.key.take() else { return Spot::Key };
        match (open.of, key.as_str()) {
            (Place::Config | Place::Metadata, "<<") => Spot::Merge,
            (Place::Config, "proxyMetadata" | "proxy_metadata") => Spot::Metadata,
            (Place::Metadata, _) => Spot::Entry(key),
            (Place::Config | Place::List | Place::Map, _) => Spot::Elsewhere,
        }
    }

    fn expect_value(&mut self, key: String) {
        if let Some(open) = self.open.last_mut() {
            open.key = Some(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn entries_are_read_from_yaml_and_json() {
        let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let text =
            "holdApplicationUntilProxyStarts: true\nproxyMetadata:\n  A: \"true\"\n  B: 1\ntracing: {zipkin: {A: x}}\n";
        assert_eq!(read(text), Ok(vec![entry("A", "true"), entry("B", "1")]));
        assert_eq!(
            read(r#"{"proxyMetadata":{"A":"x y"},"list":[{"proxyMetadata":{"B":""}}]}"#),
            Ok(vec![entry("A", "x y")])
        );
        assert_eq!(read("proxy_metadata: {A: b}"), Ok(vec![entry("A", "b")]));
        assert_eq!(read("proxyMetadata:\n  A:\n  B: ~\n"), Ok(vec![entry("A", ""), entry("B", "~")]));
        // As in libyaml, brackets make indentation irrelevant.
        assert_eq!(read("proxyMetadata: {\n  A: \"b\", # c\n}\n"), Ok(vec![entry("A", "b")]));
        assert_eq!(read("x:\n  y: [\n  1\n  ]\nproxyMetadata:\n  A:\tb\n"), Ok(vec![entry("A", "b")]));
        for nothing in ["", "{}", "null", "# only a comment", "proxyMetadata:", "proxyMetadata: {}", "a: &x 1\nb: *x"] {
            assert_eq!(read(nothing), Ok(Vec::new()), "{nothing:?}");
        }
        // Complex keys do not shift what follows them.
        assert_eq!(read("? {a: b}\n: c\n? [d]\n: e\nproxyMetadata: {A: b}"), Ok(vec![entry("A", "b")]));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_line() {
        for (text, part) in [
            ("a: b\nproxyMetadata: [A]", "line 2: proxyMetadata must be a map"),
            ("proxyMetadata: text", "must be a map"),
            ("proxyMetadata: {A: {B: c}}", "must be a map"),
            ("proxyMetadata: {A: [c]}", "must be a map"),
            ("- a", "a proxy config must be a map"),
            ("text", "a proxy config must be a map"),
            ("x: &x {A: b}\nproxyMetadata: *x", "line 2: proxyMetadata cannot come from an alias"),
            ("x: &x {proxyMetadata: {A: b}}\n<<: *x", "alias"),
            ("proxyMetadata: {<<: {A: b}}", "<< is not supported"),
            ("a: b: c", "line 1"),
            ("{", "line"),
        ] {
            let why = read(text).expect_err(text);
            assert!(why.contains(part), "{text:?}: {why}");
        }
    }
}
