//! Each input that was kept, through what holds for every input.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use fuzz_properties::TARGETS;

#[test]
fn what_was_kept_breaks_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut folders: Vec<_> = fs::read_dir(&corpus).unwrap().map(|f| f.unwrap().file_name()).collect();
    folders.sort();
    let mut names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort();
    assert_eq!(folders, names, "a folder for each target, and no other");
    let mut broken = Vec::new();
    for (name, holds_for) in TARGETS {
        let inputs: Vec<_> = fs::read_dir(corpus.join(name)).unwrap().map(|f| f.unwrap().path()).collect();
        println!("{name}: {} inputs", inputs.len());
        assert!(!inputs.is_empty(), "{name} has none");
        for input in inputs {
            let data = fs::read(&input).unwrap();
            if panic::catch_unwind(AssertUnwindSafe(|| holds_for(&data))).is_err() {
                broken.push(input);
            }
        }
    }
    assert_eq!(broken, Vec::<std::path::PathBuf>::new(), "with these, something does not hold that has to");
}

#[test]
fn the_dictionary_has_every_flag() {
    let dictionary = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../command_line.dict")).unwrap();
    for flag in istio_iptables::cli::flags::ALL {
        assert!(dictionary.contains(&format!("\"--{}\"", flag.long)), "--{}", flag.long);
    }
}
