//! Go's `text/template`: the language of Istio's injection templates.
//!
//! Values are Go values as far as a template can tell (`value`), things that only the host program knows are
//! `Object`s, and functions carry their parameters' types (`function`), so that a wrong argument is reported as Go
//! reports it, before the function is called.

mod collection;
pub mod function;
mod object;
pub mod value;

pub use collection::{ANY, Dict, List, Map, Typed};
pub use function::{Args, Failure, Function, Functions, HostType, Type};
pub use object::{Field, IntType, Kind, Object, UintType};
pub use value::Value;
