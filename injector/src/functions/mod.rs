//! The functions that templates call: sprig's, then Istio's, which replace sprig's of the same name.
//!
//! A folder of small pure functions. What sprig has and a template must not do, because two runs would differ or because
//! it looks at the network, the clock or the process, is known by name and fails when it is called (`refused`).

mod dates;
mod dicts;
mod encoding;
mod general;
mod istio;
mod lists;
mod numbers;
mod paths;
mod refused;
mod regexes;
mod semver;
mod strings;
mod urls;
mod words;

use crate::template::{Failure, Functions, Value};

/// What a template may call: sprig's functions and Istio's. `variable` looks up the injector's environment.
pub fn all(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Functions {
    let mut functions = sprig();
    istio::add(&mut functions, variable);
    functions
}

/// sprig 3.3's functions.
fn sprig() -> Functions {
    let mut functions = Functions::new();
    general::add(&mut functions);
    strings::add(&mut functions);
    words::add(&mut functions);
    numbers::add(&mut functions);
    lists::add(&mut functions);
    dicts::add(&mut functions);
    encoding::add(&mut functions);
    regexes::add(&mut functions);
    paths::add(&mut functions);
    urls::add(&mut functions);
    semver::add(&mut functions);
    dates::add(&mut functions);
    refused::add(&mut functions);
    functions
}

/// An error with its text.
fn failure<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure(text.into()))
}

/// Refuses what would fill memory.
fn bounded(size: usize, what: &str) -> Result<(), Failure> {
    use crate::template::function::MAX_RESULT;
    match size > MAX_RESULT {
        true => failure(format!("{what} would be larger than {MAX_RESULT} bytes or elements")),
        false => Ok(()),
    }
}

/// Whether sprig takes a value for empty: what `if` takes for false. Structs are never empty.
fn is_empty(value: &Value) -> bool {
    !value.is_true()
}

#[cfg(test)]
mod tests;
