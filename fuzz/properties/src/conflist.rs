//! Configurations of container runtimes, which the installer changes.

use istio_cni::install::conflist::{Conflist, from_single, usable_single};
use istio_cni::install::{Object, json};

use crate::one_line;

/// Putting the object in makes a usable list that holds it, and once more changes nothing; taking it out gives the list that
/// was there.
pub fn conflist(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let object = Object::read("{}", "fuzzing").expect("an object");
    match Conflist::usable(text) {
        Err(reason) => one_line(&reason.to_string()),
        Ok(list) => {
            let with = list.with(&object);
            let added = Conflist::usable(&with).expect("a list with the object is usable");
            assert!(added.holds(&object), "{with}");
            assert_eq!(added.with(&object), with, "put in twice");
            if list.position().is_none() {
                assert_eq!(added.without(), text, "taken out again");
            }
        }
    }
    match (usable_single(text), from_single(text, &object)) {
        (Err(reason), _) => one_line(&reason.to_string()),
        (Ok(()), Err(reason)) => panic!("{text:?} is usable, and no list can be made of it: {reason}"),
        (Ok(()), Ok(made)) => {
            let list = Conflist::usable(&made).expect("a list of a single plugin is usable");
            assert!(list.holds(&object), "{made}");
            assert!(json::compact(&list.without()).contains("\"plugins\":[{"), "{made}");
        }
    }
}
