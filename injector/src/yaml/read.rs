//! From the events of a document to the tree.

use std::borrow::Cow;

use ecow::EcoString;
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::error::{Error, Position, Problem};
use super::resolve::{self, Meaning};
use crate::value::Value;

/// How long a document may be. etcd holds objects of up to 1.5 MiB.
pub const MAX_SIZE: usize = 16 << 20;

/// How deep lists and maps may be nested.
pub const MAX_DEPTH: usize = 500;

const TAGS: &str = "tag:yaml.org,2002:";

/// The entries of a map, in any order.
pub(super) type Entries = Vec<(EcoString, Value)>;

/// Reads the first document of a text.
pub(super) fn read(text: &str) -> Result<Value, Error> {
    if text.len() > MAX_SIZE {
        let problem = Problem::Size { size: text.len(), limit: MAX_SIZE };
        return Err(Error::new("", Position { line: 1, column: 1 }, problem));
    }
    if let Some(document) = super::block::read(text) {
        return Ok(document);
    }
    from_events(text)
}

/// Reads any document.
pub(super) fn from_events(text: &str) -> Result<Value, Error> {
    let mut reader = Reader { text, ..Reader::default() };
    let mut parser = parser(text);
    while let Some((event, span)) = next(&mut parser).map_err(|e| syntax(text, &e))? {
        if let Some(document) = reader.event(event, span).map_err(|p| Error::new(text, start(span), p))? {
            // What follows may still show that it was not a value: a key without a line of its own, or a line that is
            // indented less.
            for _ in 0..2 {
                next(&mut parser).map_err(|e| syntax(text, &e))?;
            }
            return Ok(document);
        }
    }
    Ok(Value::Null)
}

/// A parser as lenient as libyaml, from which yaml.v2 descends. The limit on depth is the reader's.
pub(super) fn parser(text: &str) -> Parser<'_, StrInput<'_>> {
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH + 1;
    options.block_nesting_limit = MAX_DEPTH + 1;
    options.set_emit_comments(false);
    options.block_scalar_eof_without_line_feed = true;
    Parser::new_from_str_with_options(text, options)
}

/// The next event of a parser; nothing at the end of the stream.
pub(super) fn next<'t>(parser: &mut Parser<'t, StrInput<'t>>) -> Result<Option<(Event<'t>, Span)>, ScanError> {
    let mut next = parser.next_event().transpose()?;
    // The parser prints a value that is not there as `~`.
    if let Some((Event::Scalar(text, ScalarStyle::Plain, ..), span)) = &mut next
        && span.is_empty()
    {
        *text = Cow::Borrowed("");
    }
    Ok(next)
}

pub(super) fn start(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn syntax(text: &str, error: &ScanError) -> Error {
    let position = Position { line: error.marker().line(), column: error.marker().col() + 1 };
    let info = error.info();
    let what = match info.as_str() {
        // The parser thinks of several documents; users think of one line that is out of place.
        "did not find expected <document start>" => {
            "the document has ended before this line; lines above it are indented more"
        }
        other => other,
    };
    Error::new(text, position, Problem::Syntax(what.to_owned()))
}

/// Builds the tree. Values of lists and maps that are still open are kept on two stacks, so that each list and
/// map is allocated once, at its size.
#[derive(Default)]
struct Reader<'t> {
    text: &'t str,
    open: Vec<Open>,
    elements: Vec<Value>,
    entries: Entries,
    /// By number, which counts from 1.
    anchors: Vec<Anchor>,
    sum: Sum,
}

/// A list or map that has begun.
struct Open {
    kind: Kind,
    anchor: usize,
    /// How much there was before it.
    before: Extent,
    /// How many levels there are below it so far.
    depth: usize,
}

enum Kind {
    /// Its elements begin here.
    List(usize),
    /// Its entries begin here.
    Map(usize, Expect),
}

/// What a map waits for.
enum Expect {
    Key,
    Value(EcoString),
    /// The value of `<<`.
    Merged,
    /// A list of maps to merge, of which the first counts most.
    MergedList,
}

#[derive(Clone, Default)]
enum Anchor {
    #[default]
    Unfinished,
    /// The value, how much it is, and how many levels of lists and maps it has.
    Finished(Value, Extent, usize),
}

/// How many values there are with all aliases expanded, and how many bytes all scalars have.
#[derive(Clone, Copy, Default)]
struct Extent {
    nodes: u64,
    bytes: u64,
}

/// How much there is so far, and how many of the values come from aliases.
#[derive(Default)]
struct Sum {
    all: Extent,
    aliased: u64,
}

impl Sum {
    fn add(&mut self, text: &str) {
        self.all.nodes += 1;
        self.all.bytes = self.all.bytes.saturating_add(text.len() as u64);
    }

    /// yaml.v2's rule: in a small document nearly everything may come from aliases, in a large one a tenth.
    /// This program's own rule: no more text than a document may have, for an annotation could become gigabytes.
    fn add_aliased(&mut self, value: Extent) -> Result<(), Problem> {
        self.all.nodes = self.all.nodes.saturating_add(value.nodes);
        self.all.bytes = self.all.bytes.saturating_add(value.bytes);
        self.aliased = self.aliased.saturating_add(value.nodes);
        if self.all.bytes > MAX_SIZE as u64 {
            return Err(Problem::AliasedText { limit: MAX_SIZE });
        }
        let (low, high) = (400_000.0, 4_000_000.0);
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let (all, aliased) = (self.all.nodes as f64, self.aliased as f64);
        let share = 0.99 - 0.89 * ((all - low) / (high - low)).clamp(0.0, 1.0);
        if self.aliased > 100 && self.all.nodes > 1000 && aliased / all > share {
            return Err(Problem::Aliases { nodes: self.all.nodes });
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Takes one event; the value, if it ends the document.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is left has no content, whatever else the parser learns")]
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<Option<Value>, Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.sum.add(&text);
                if self.is_merge_key(&text, style, tag.as_deref()) {
                    self.expect_merge();
                    return Ok(None);
                }
                let (value, key) = match self.expects_key() {
                    true => (None, Some(key(&text, style, tag.as_deref())?)),
                    false => (Some(scalar(&text, style, tag.as_deref())?), None),
                };
                if anchor > 0 {
                    let value = match &value {
                        Some(value) => value.clone(),
                        None => scalar(&text, style, tag.as_deref())?,
                    };
                    self.define(anchor, value, Extent { nodes: 1, bytes: text.len() as u64 }, 0);
                }
                match (key, value) {
                    (Some(key), _) => self.key(key),
                    (None, Some(value)) => return self.value(value, 0),
                    (None, None) => {}
                }
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Kind::List(self.elements.len()), anchor)?,
            Event::MappingStart(_, anchor, _) => self.begin(Kind::Map(self.entries.len(), Expect::Key), anchor)?,
            Event::SequenceEnd | Event::MappingEnd => return self.end(),
            Event::Alias(id) => return self.alias(id, span),
            _ => {}
        }
        Ok(None)
    }

    fn begin(&mut self, kind: Kind, anchor: usize) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::Depth { limit: MAX_DEPTH });
        }
        if self.expects_key() {
            return Err(Problem::Key(if matches!(kind, Kind::List(_)) { "a list" } else { "a map" }));
        }
        if let (Kind::List(_), Some(Open { kind: Kind::Map(_, expect @ Expect::Merged), .. })) =
            (&kind, self.open.last_mut())
        {
            *expect = Expect::MergedList;
        }
        if anchor > 0 {
            self.anchors.resize(self.anchors.len().max(anchor), Anchor::Unfinished);
        }
        self.open.push(Open { kind, anchor, before: self.sum.all, depth: 0 });
        self.sum.add("");
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Value>, Problem> {
        let Some(open) = self.open.pop() else { return Ok(None) };
        let value = match open.kind {
            Kind::List(start) => Value::List(self.elements.drain(start..).collect()),
            Kind::Map(start, _) => Value::Map(self.entries.drain(start..).collect()),
        };
        let depth = open.depth + 1;
        let Extent { nodes, bytes } = self.sum.all;
        let extent = Extent { nodes: nodes - open.before.nodes, bytes: bytes - open.before.bytes };
        self.define(open.anchor, value.clone(), extent, depth);
        self.value(value, depth)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Option<Value>, Problem> {
        let (value, extent, depth) = match id.checked_sub(1).and_then(|i| self.anchors.get(i)) {
            Some(Anchor::Finished(value, extent, depth)) => (value.clone(), *extent, *depth),
            Some(Anchor::Unfinished) | None => return Err(Problem::Cycle(self.name(span))),
        };
        self.sum.add("");
        self.sum.add_aliased(extent)?;
        if self.expects_key() {
            self.key(key_of(&value)?);
            return Ok(None);
        }
        if let (Some(Open { kind: Kind::Map(_, Expect::Merged), .. }), false) =
            (self.open.last(), matches!(value, Value::Map(_)))
        {
            return Err(Problem::Merge);
        }
        self.value(value, depth)
    }

    /// The name of the alias at a place.
    fn name(&self, span: Span) -> String {
        let rest = self.text.chars().skip(span.start.index() + 1);
        rest.take_while(|c| !c.is_whitespace() && !",[]{}".contains(*c)).take(80).collect()
    }

    fn define(&mut self, anchor: usize, value: Value, extent: Extent, depth: usize) {
        let Some(index) = anchor.checked_sub(1) else { return };
        if self.anchors.len() <= index {
            self.anchors.resize(anchor, Anchor::Unfinished);
        }
        if let Some(slot) = self.anchors.get_mut(index) {
            *slot = Anchor::Finished(value, extent, depth);
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { kind: Kind::Map(_, Expect::Key), .. }))
    }

    /// Whether a scalar is the key `<<`: plain, or tagged as such.
    fn is_merge_key(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
        text == "<<" && self.expects_key() && {
            match Tagged::new(tag) {
                Tagged::None => style == ScalarStyle::Plain,
                Tagged::Implicit => true,
                Tagged::Standard(tag) => tag == "merge",
                Tagged::Other => false,
            }
        }
    }

    fn expect_merge(&mut self) {
        if let Some(Open { kind: Kind::Map(_, expect), .. }) = self.open.last_mut() {
            *expect = Expect::Merged;
        }
    }

    fn key(&mut self, key: EcoString) {
        if let Some(Open { kind: Kind::Map(_, expect), .. }) = self.open.last_mut() {
            *expect = Expect::Value(key);
        }
    }

    /// Adds a finished value with this number of levels to its parent; returns it if it is the document.
    fn value(&mut self, value: Value, depth: usize) -> Result<Option<Value>, Problem> {
        let outer = self.open.len();
        let Some(open) = self.open.last_mut() else { return Ok(Some(value)) };
        // An alias brings levels that are not open.
        if outer + depth > MAX_DEPTH {
            return Err(Problem::Depth { limit: MAX_DEPTH });
        }
        open.depth = open.depth.max(depth);
        match &mut open.kind {
            Kind::List(_) => self.elements.push(value),
            Kind::Map(_, expect) => match std::mem::replace(expect, Expect::Key) {
                Expect::Value(key) => self.entries.push((key, value)),
                Expect::Merged => merge(&mut self.entries, value)?,
                Expect::MergedList => {
                    let Value::List(maps) = value else { return Err(Problem::Merge) };
                    maps.into_iter().rev().try_for_each(|map| merge(&mut self.entries, map))?;
                }
                Expect::Key => {}
            },
        }
        Ok(None)
    }
}

/// Like yaml.v2, a merged map replaces what comes before it and is replaced by what follows.
fn merge(entries: &mut Entries, value: Value) -> Result<(), Problem> {
    let Value::Map(map) = value else { return Err(Problem::Merge) };
    entries.extend(map);
    Ok(())
}

/// A tag, as far as it matters here.
enum Tagged<'t> {
    None,
    /// `!`: resolved as if it were plain.
    Implicit,
    /// One of YAML's own, without its prefix.
    Standard(&'t str),
    Other,
}

impl<'t> Tagged<'t> {
    fn new(tag: Option<&'t Tag>) -> Self {
        match tag.map(|tag| (tag.handle(), tag.suffix())) {
            None => Tagged::None,
            Some((TAGS, suffix)) => Tagged::Standard(suffix),
            Some(("", "!") | ("!", "")) => Tagged::Implicit,
            Some(("", full)) => full.strip_prefix(TAGS).map_or(Tagged::Other, Tagged::Standard),
            Some(_) => Tagged::Other,
        }
    }
}

fn meaning(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Meaning, Problem> {
    let wanted = match Tagged::new(tag) {
        Tagged::None if style != ScalarStyle::Plain => return Ok(Meaning::Text),
        Tagged::Implicit if text.is_empty() => return Ok(Meaning::Text),
        Tagged::None | Tagged::Implicit => return Ok(resolve::resolve(text)),
        Tagged::Other => return Ok(Meaning::Text),
        Tagged::Standard(wanted) => wanted,
    };
    let found = match wanted {
        "bool" | "int" | "float" | "null" | "timestamp" => resolve::resolve(text),
        _ => return Ok(Meaning::Text),
    };
    match (wanted, found) {
        ("bool", Meaning::Bool(_))
        | ("int", Meaning::Int(_) | Meaning::Uint(_))
        | ("float", Meaning::Float(_))
        | ("null", Meaning::Null)
        | ("timestamp", Meaning::Timestamp) => Ok(found),
        #[expect(clippy::cast_precision_loss, reason = "that is what the tag asks for")]
        ("float", Meaning::Int(i)) => Ok(Meaning::Float(i as f64)),
        (wanted, found) => {
            Err(Problem::Tag { text: text.chars().take(40).collect(), found: found.name(), tag: format!("!!{wanted}") })
        }
    }
}

pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Problem> {
    Ok(match meaning(text, style, tag)? {
        Meaning::Null => Value::Null,
        Meaning::Bool(b) => Value::Bool(b),
        Meaning::Int(i) => Value::Int(i),
        Meaning::Uint(u) => Value::Uint(u),
        Meaning::Float(f) if f.is_finite() => Value::Float(f),
        Meaning::Float(_) => return Err(Problem::NotFinite(text.to_owned())),
        Meaning::Timestamp | Meaning::Text => Value::String(string(text, tag)?.as_ref().into()),
    })
}

/// A scalar as a key: everything becomes a string.
pub(super) fn key(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<EcoString, Problem> {
    match meaning(text, style, tag)? {
        Meaning::Timestamp | Meaning::Text => Ok(string(text, tag)?.as_ref().into()),
        Meaning::Float(f) => Ok(float_key(f)),
        Meaning::Null | Meaning::Bool(_) | Meaning::Int(_) | Meaning::Uint(_) => key_of(&scalar(text, style, tag)?),
    }
}

fn key_of(value: &Value) -> Result<EcoString, Problem> {
    Ok(match value {
        Value::Bool(b) => if *b { "true" } else { "false" }.into(),
        Value::Int(i) => ecow::eco_format!("{i}"),
        Value::Float(f) => float_key(*f),
        Value::String(s) => s.clone(),
        Value::Null => return Err(Problem::Key("null")),
        Value::Uint(_) => return Err(Problem::Key("an integer above 9223372036854775807")),
        Value::List(_) => return Err(Problem::Key("a list")),
        Value::Map(_) => return Err(Problem::Key("a map")),
    })
}

/// Go prints float keys with the precision of 32 bits.
fn float_key(f: f64) -> EcoString {
    #[expect(clippy::cast_possible_truncation, reason = "that is the rule")]
    super::float::general32(f as f32).into()
}

/// The text of a string, decoded if it is `!!binary`.
fn string<'t>(text: &'t str, tag: Option<&Tag>) -> Result<Cow<'t, str>, Problem> {
    if !matches!(Tagged::new(tag), Tagged::Standard("binary")) {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = crate::base64::decode(text).ok_or(Problem::Binary)?;
    Ok(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}
