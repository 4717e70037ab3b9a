//! The objects in files, with their positions.

use std::borrow::Cow;

use super::Subject;
use crate::config::Source;
use crate::kubernetes::typed;
use crate::object::{MAX_LISTS, documents};
use crate::value::{EcoString, Value};
use crate::yaml::{self, Position};

/// One document of a file.
pub(super) struct Text<'s> {
    /// Its file.
    pub(super) file: &'s str,
    /// Its text.
    pub(super) text: Cow<'s, str>,
    /// The line of the file on which it begins, counted from 1.
    pub(super) line: usize,
}

/// An object and its position.
#[derive(Debug)]
pub(super) struct Object {
    /// Its index among all objects.
    pub(super) id: usize,
    /// The index of its document among all documents.
    pub(super) document: usize,
    /// Its index in each enclosing list.
    pub(super) item: Vec<usize>,
    /// The object as it is written.
    pub(super) tree: Value,
    /// Its namespace, or the default one if it names none.
    pub(super) namespace: EcoString,
}

impl Object {
    /// Its kind.
    pub(super) fn kind(&self) -> &str {
        self.tree.str_at(&["kind"]).unwrap_or_default()
    }

    /// Its name, or the prefix of its generated name.
    pub(super) fn name(&self) -> &str {
        let name = |key| self.tree.str_at(&["metadata", key]).filter(|name| !name.is_empty());
        name("name").or_else(|| name("generateName")).unwrap_or_default()
    }

    /// Its kind, name and, if it names one, namespace.
    pub(super) fn full_name(&self) -> String {
        Subject::of(&self.tree).full_name()
    }
}

/// An object or a document that cannot be parsed, and is left out.
pub(super) struct Broken {
    /// The index of its document among all documents.
    pub(super) document: usize,
    /// The position in the document.
    pub(super) position: Option<Position>,
    /// The object, as far as it could be read.
    pub(super) object: Value,
    /// The problem.
    pub(super) message: String,
}

/// Everything that was read.
#[derive(Default)]
pub(super) struct Input<'s> {
    pub(super) documents: Vec<Text<'s>>,
    pub(super) objects: Vec<Object>,
    pub(super) broken: Vec<Broken>,
}

impl<'s> Input<'s> {
    /// Splits files into objects. `namespace` is that of objects that name none.
    pub(super) fn of(sources: &'s [Source], namespace: &str) -> Self {
        let mut input = Input::default();
        for source in sources {
            for document in documents(&source.text) {
                let number = input.documents.len();
                let (text, line) = match document {
                    Ok(document) => (document.text, document.line),
                    Err(error) => {
                        let position = Some(Position { line: 1, column: 1 });
                        let message = error.to_string();
                        input.broken.push(Broken { document: number, position, object: Value::Null, message });
                        (Cow::Borrowed(""), error.line)
                    }
                };
                match yaml::parse(&text) {
                    Ok(tree) => input.add(number, &mut Vec::new(), tree, namespace),
                    Err(error) => {
                        let (position, message) = (Some(error.position), error.message());
                        input.broken.push(Broken { document: number, position, object: Value::Null, message });
                    }
                }
                input.documents.push(Text { file: &source.name, text, line });
            }
        }
        input
    }

    /// Adds an object, or each of a list. Anything that is not a Kubernetes object may be something else, such as Helm
    /// values.
    fn add(&mut self, document: usize, item: &mut Vec<usize>, tree: Value, namespace: &str) {
        let Some(kind) = tree.str_at(&["kind"]) else { return };
        if kind.ends_with("List") && tree.get("items").is_some() && item.len() < MAX_LISTS {
            for (index, object) in tree.list_at(&["items"]).iter().enumerate() {
                item.push(index);
                self.add(document, item, object.clone(), namespace);
                item.pop();
            }
            return;
        }
        let own = tree.str_at(&["metadata", "namespace"]).filter(|own| !own.is_empty());
        let namespace = own.unwrap_or(namespace).into();
        let id = self.objects.len();
        self.objects.push(Object { id, document, item: item.clone(), tree, namespace });
    }

    /// Records that an object is not valid for its kind.
    pub(super) fn does_not_fit(&mut self, object: Object, error: &typed::Error) {
        let path: Vec<_> = steps_to(&object.item).chain(error.path().steps()).collect();
        self.cannot_be(object.document, &path, object.tree.clone(), error.to_string());
    }

    /// Records that something is wrong at a path of a document.
    pub(super) fn cannot_be(&mut self, document: usize, path: &[yaml::Step<'_>], object: Value, message: String) {
        let text = self.documents.get(document).map_or("", |document| &document.text);
        let position = yaml::places(text, &[path]).into_iter().next().flatten();
        self.broken.push(Broken { document, position, object, message });
    }
}

/// The path through lists to an object.
pub(super) fn steps_to<'s>(item: &[usize]) -> impl Iterator<Item = yaml::Step<'s>> {
    item.iter().flat_map(|index| [yaml::Step::Key("items"), yaml::Step::Index(*index)])
}
