//! Kubernetes' types as a static table: fields in Go's order, with their JSON names and merge keys.

use std::borrow::Cow;
use std::fmt;

use super::table;
use crate::value::order;

/// A struct of Kubernetes' API.
#[derive(Clone, Copy)]
pub struct Type(pub(super) &'static Struct);

impl Type {
    /// `v1.Pod`.
    pub const POD: Type = Type(&table::V1_POD);
    /// `v1.PodSpec`.
    pub const POD_SPEC: Type = Type(&table::V1_POD_SPEC);
    /// `v1.Container`.
    pub const CONTAINER: Type = Type(&table::V1_CONTAINER);
    /// `metav1.ObjectMeta`.
    pub const OBJECT_META: Type = Type(&table::METAV1_OBJECT_META);

    /// The struct of a name with its package, such as `v1.Pod`, `appsv1.Deployment` or `metav1.ObjectMeta`.
    pub fn named(name: &str) -> Option<Type> {
        let found = table::STRUCTS.binary_search_by(|s| s.name.cmp(name)).ok()?;
        table::STRUCTS.get(found).map(|s| Type(s))
    }

    /// The name as Go prints it, such as `v1.Deployment`: every package of Kubernetes' API is called by its version.
    pub fn go_name(self) -> &'static str {
        self.0.name.find("v1.").and_then(|at| self.0.name.get(at..)).unwrap_or(self.0.name)
    }

    /// The name without its package.
    pub fn short_name(self) -> &'static str {
        self.0.name.split_once('.').map_or(self.0.name, |(_, name)| name)
    }

    /// The fields in Go's order. Those of an embedded struct are among them.
    pub fn fields(self) -> &'static [Field] {
        self.0.fields
    }

    /// The struct whose fields Go promotes into this one.
    pub fn embedded(self) -> Option<Type> {
        self.0.embedded.map(Type)
    }

    /// The field of a JSON name, exactly as it is written.
    pub fn field(self, json: &str) -> Option<&'static Field> {
        self.position(json).and_then(|i| self.0.fields.get(i))
    }

    /// The field of a Go name.
    pub fn go_field(self, go: &str) -> Option<&'static Field> {
        self.0.fields.iter().find(|f| f.go == go)
    }

    /// The field that Go's JSON decoder chooses for a key: the exact name, else one that differs in case alone.
    pub(super) fn matching(self, key: &str) -> Option<(usize, &'static Field)> {
        let position = self.position(key).or_else(|| self.0.fields.iter().position(|f| folds(f.json, key)))?;
        self.0.fields.get(position).map(|f| (position, f))
    }

    fn position(self, json: &str) -> Option<usize> {
        let fields = self.0.fields;
        let name = |i: &u8| fields.get(usize::from(*i)).map_or("", |f| f.json);
        let found = self.0.by_json.binary_search_by(|i| order(name(i), json)).ok()?;
        self.0.by_json.get(found).map(|i| usize::from(*i))
    }

    /// The fields that JSON has even if they are unset, in the order of their JSON names.
    pub(super) fn written(self) -> impl ExactSizeIterator<Item = &'static Field> {
        #[expect(clippy::indexing_slicing, reason = "the table's own positions, which a test walks through")]
        self.0.written.iter().map(move |i| &self.0.fields[usize::from(*i)])
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Type) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Type {}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// Equality as Go's decoder has it: ASCII without case, and the two other letters that fold into ASCII.
fn folds(name: &str, key: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    };
    // Both other letters are longer than what they fold into, so no shorter key matches.
    key.len() >= name.len() && name.chars().map(|c| c.to_ascii_lowercase()).eq(key.chars().map(fold))
}

/// What the table has of a struct.
pub(super) struct Struct {
    pub(super) name: &'static str,
    pub(super) embedded: Option<&'static Struct>,
    pub(super) fields: &'static [Field],
    /// Positions of the fields in the order of their JSON names.
    pub(super) by_json: &'static [u8],
    /// Positions of the fields that are always written, in the same order.
    pub(super) written: &'static [u8],
}

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name in Go.
    pub go: &'static str,
    /// The name in JSON.
    pub json: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether an empty value is left out. Structs are never empty.
    pub omitempty: bool,
    /// Whether a zero struct is left out.
    pub omitzero: bool,
    /// Whether strategic merge merges the list instead of replacing it, and by which key; empty for scalars.
    pub merge_key: Option<&'static str>,
    /// Whether it belongs to the embedded struct.
    pub promoted: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// How the base type is wrapped.
    pub shape: Shape,
    /// The type of the value or of the elements.
    pub base: Base,
}

impl From<Type> for Kind {
    fn from(of: Type) -> Kind {
        plain(Base::Struct(of))
    }
}

impl Kind {
    /// The type as Go prints it. What is a string under another name is a `string` here.
    pub fn go_name(self) -> Cow<'static, str> {
        let base = self.base.go_name();
        match (self.shape, self.base) {
            (Shape::Plain, _) | (Shape::Pointer, Base::Any) => base.into(),
            (Shape::Pointer, _) => format!("*{base}").into(),
            (Shape::List, _) => format!("[]{base}").into(),
            (Shape::Map, Base::Quantity) => "v1.ResourceList".into(),
            (Shape::Map, _) => format!("map[string]{base}").into(),
        }
    }

    /// One value of this kind: an element of a list or map, or what a pointer points to.
    pub(super) const fn element(self) -> Kind {
        plain(self.base)
    }
}

/// How a field's base type is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The value itself.
    Plain,
    /// A pointer to it, which may be nil.
    Pointer,
    /// A list of them.
    List,
    /// A map from strings to them.
    Map,
}

/// The types of which fields are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A string, whatever Go calls its type.
    String,
    /// A boolean.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// An amount of a resource.
    Quantity,
    /// A port, as a number or by name, or a percentage.
    IntOrString,
    /// A point in time, to the second.
    Time,
    /// Anything: the table does not look into it.
    Any,
    /// A struct.
    Struct(Type),
}

impl Base {
    /// The type as Go prints it.
    pub fn go_name(self) -> &'static str {
        match self {
            Base::String => "string",
            Base::Bool => "bool",
            Base::Int32 => "int32",
            Base::Int64 => "int64",
            Base::Quantity => "resource.Quantity",
            Base::IntOrString => "intstr.IntOrString",
            Base::Time => "v1.Time",
            Base::Any => "interface {}",
            Base::Struct(of) => of.go_name(),
        }
    }
}

/// The functions of which the table is made.
pub(super) const fn field(go: &'static str, json: &'static str, kind: Kind) -> Field {
    Field { go, json, kind, omitempty: false, omitzero: false, merge_key: None, promoted: false }
}

pub(super) const fn of(of: &'static Struct) -> Base {
    Base::Struct(Type(of))
}

pub(super) const fn plain(base: Base) -> Kind {
    Kind { shape: Shape::Plain, base }
}

pub(super) const fn pointer(base: Base) -> Kind {
    Kind { shape: Shape::Pointer, base }
}

pub(super) const fn list(base: Base) -> Kind {
    Kind { shape: Shape::List, base }
}

pub(super) const fn map(base: Base) -> Kind {
    Kind { shape: Shape::Map, base }
}

impl Field {
    pub(super) const fn omitempty(self) -> Field {
        Field { omitempty: true, ..self }
    }

    pub(super) const fn omitzero(self) -> Field {
        Field { omitzero: true, ..self }
    }

    pub(super) const fn merged(self, key: &'static str) -> Field {
        Field { merge_key: Some(key), ..self }
    }

    pub(super) const fn promoted(self) -> Field {
        Field { promoted: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_positions_lie_within_it() {
        assert!(table::STRUCTS.is_sorted_by(|a, b| a.name < b.name));
        for s in table::STRUCTS {
            let names: Vec<&str> = s.by_json.iter().map(|i| s.fields[usize::from(*i)].json).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "{}: {names:?}", s.name);
            assert_eq!(names.len(), s.fields.len());
            let written: Vec<&str> = Type(s).written().map(|f| f.json).collect();
            assert!(written.is_sorted_by(|a, b| a < b), "{}: {written:?}", s.name);
        }
    }

    #[test]
    fn a_field_is_found_by_either_name() {
        let spec = Type::named("v1.PodSpec").unwrap();
        assert_eq!(spec.field("hostNetwork").unwrap().go, "HostNetwork");
        assert_eq!(spec.go_field("TopologySpreadConstraints").unwrap().merge_key, Some("topologyKey"));
        assert!(spec.field("HostNetwork").is_none());
        assert!(spec.field("hosts").is_none());
        assert!(Type::named("v1.Service").is_none());
    }

    #[test]
    fn keys_match_fields_without_case_when_no_field_has_their_exact_name() {
        let name = |key| Type::OBJECT_META.matching(key).map(|(_, f)| f.json);
        assert_eq!(name("name"), Some("name"));
        assert_eq!(name("NameSpace"), Some("namespace"));
        assert_eq!(name("label\u{17f}"), Some("labels"));
        assert_eq!(Type::named("v1.Toleration").unwrap().matching("\u{212a}ey").map(|(_, f)| f.json), Some("key"));
        assert_eq!(name("label"), None);
        assert_eq!(name("uıd"), None);
    }

    #[test]
    fn promoted_fields_are_those_of_the_embedded_struct() {
        for s in table::STRUCTS {
            let promoted: Vec<&str> = s.fields.iter().filter(|f| f.promoted).map(|f| f.json).collect();
            let embedded = s.embedded.map_or_else(Vec::new, |e| e.fields.iter().map(|f| f.json).collect());
            assert_eq!(promoted, embedded, "{}", s.name);
        }
    }
}
