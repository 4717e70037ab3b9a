//! The position of a value in a text.

use granit_parser::{Event, Parser, Span, StrInput};

use super::error::Position;
use super::{Step, read};

/// The place of the value at a path of the first document. An alias is not followed: its own place counts.
pub(super) fn locate(text: &str, path: &[Step<'_>]) -> Option<Position> {
    let mut events = Events(read::parser(text));
    let (mut event, mut span) = events.node()?;
    for step in path {
        (event, span) = match (event, step) {
            (Event::MappingStart(..), Step::Key(key)) => events.value_of(key)?,
            (Event::SequenceStart(..), Step::Index(index)) => events.element(*index)?,
            (Event::Alias(_), _) => return Some(read::start(span)),
            _ => return None,
        };
    }
    Some(read::start(span))
}

/// The position of each of several paths of the first document: the key or the element that it ends with, or else the
/// innermost one on the way there that exists. Reads the text once, however many paths there are.
pub(super) fn places(text: &str, paths: &[&[Step<'_>]]) -> Vec<Option<Position>> {
    let mut search = Search { events: Events(read::parser(text)), paths, places: vec![None; paths.len()] };
    if let Some((event, span)) = search.events.node() {
        search.node(&event, read::start(span), &(0..paths.len()).collect::<Vec<_>>(), 0);
    }
    search.places
}

/// Looks for several paths at once.
struct Search<'t, 'p> {
    events: Events<'t>,
    paths: &'p [&'p [Step<'p>]],
    places: Vec<Option<Position>>,
}

impl Search<'_, '_> {
    /// Reads a node of which the first event has been taken, and that `wanted` lead to or through; `depth` steps lead here.
    fn node(&mut self, first: &Event<'_>, start: Position, wanted: &[usize], depth: usize) -> Option<()> {
        for path in wanted {
            if let Some(place) = self.places.get_mut(*path) {
                *place = Some(start);
            }
        }
        let is_map = matches!(first, Event::MappingStart(..));
        if wanted.is_empty() || !is_map && !matches!(first, Event::SequenceStart(..)) {
            return self.events.skip(first);
        }
        for index in 0.. {
            let (event, span) = self.events.next()?;
            let start = read::start(span);
            if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
                return Some(());
            }
            let (step, event) = if !is_map {
                (None, event)
            } else if let Event::Scalar(key, ..) = event {
                (Some(key), self.events.next()?.0)
            } else {
                self.events.skip(&event)?;
                (None, self.events.next()?.0)
            };
            let through = |path: &usize| match self.paths.get(*path).and_then(|path| path.get(depth)) {
                Some(Step::Key(key)) => step.as_deref() == Some(key),
                Some(Step::Index(wanted)) => !is_map && *wanted == index,
                None => false,
            };
            let inner: Vec<_> = wanted.iter().copied().filter(through).collect();
            self.node(&event, start, &inner, depth + 1)?;
        }
        Some(())
    }
}

struct Events<'t>(Parser<'t, StrInput<'t>>);

impl<'t> Events<'t> {
    fn next(&mut self) -> Option<(Event<'t>, Span)> {
        read::next(&mut self.0).ok()?
    }

    /// The first event of the document's value.
    fn node(&mut self) -> Option<(Event<'t>, Span)> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return None,
                node => return Some(node),
            }
        }
    }

    /// The first event of the value of a key of the map that has just begun.
    fn value_of(&mut self, wanted: &str) -> Option<(Event<'t>, Span)> {
        loop {
            match self.next()? {
                (Event::MappingEnd, _) => return None,
                (Event::Scalar(key, ..), _) if key == wanted => return self.next(),
                (other, _) => self.skip(&other)?,
            }
            let (value, _) = self.next()?;
            self.skip(&value)?;
        }
    }

    /// The first event of an element of the list that has just begun.
    fn element(&mut self, index: usize) -> Option<(Event<'t>, Span)> {
        for _ in 0..index {
            match self.next()? {
                (Event::SequenceEnd, _) => return None,
                (element, _) => self.skip(&element)?,
            }
        }
        self.next().filter(|(event, _)| !matches!(event, Event::SequenceEnd))
    }

    /// Passes over the rest of a node of which the first event has been taken.
    fn skip(&mut self, first: &Event<'_>) -> Option<()> {
        let mut depth = opens(first);
        while depth > 0 {
            let (event, _) = self.next()?;
            depth += opens(&event);
        }
        Some(())
    }
}

fn opens(event: &Event<'_>) -> isize {
    if matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
        1
    } else if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
        -1
    } else {
        0
    }
}
