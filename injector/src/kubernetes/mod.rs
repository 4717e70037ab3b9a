//! What Kubernetes does with objects: its types, the trip of an object through them, amounts, strategic merge, label
//! selectors, and JSON patches. All of it works on [`Value`](crate::value::Value); nothing is copied into structs.

mod gotext;
pub mod merge;
pub mod patch;
mod path;
pub mod quantity;
pub mod selector;
mod table;
pub mod typed;
mod types;
pub mod view;

pub use path::Path;
pub use types::{Base, Field, Kind, Shape, Type};
