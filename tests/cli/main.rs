//! The program from outside: what it prints, where, and its exit status.
//!
//! Every call runs in namespaces of its own (see `support`), so that nothing here can touch the machine,
//! and the host facts are those of the test. Nothing is skipped in silence: if namespaces cannot be
//! made, the tests report that, and fail if `CI` is set.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::unwrap_used)]

mod applying;
mod bad_input;
mod environment;
mod flags;
mod forms;
mod hosts;
mod json;
mod looking;
mod output;
mod schema;
mod support;
