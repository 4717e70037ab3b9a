//! An image of one static program, in the form that `docker save` writes
//! (<https://github.com/moby/docker-image-spec/blob/main/v1.2.md>).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// The image of sandboxes.
pub const PAUSE: &str = "localhost/pause:test";

/// Writes an image that has only this program, under its file name, and runs it with these arguments.
pub fn write(archive: &Path, name: &str, program: &Path, arguments: &[&str]) {
    let file_name = program.file_name().expect("a program").to_str().expect("a name");
    let mut layer = tar::Builder::new(Vec::new());
    append(&mut layer, file_name, 0o755, &fs::read(program).expect("the program"));
    let layer = layer.into_inner().expect("a layer");
    let mut digest = String::from("sha256:");
    Sha256::digest(&layer).iter().for_each(|byte| write!(digest, "{byte:02x}").expect("a text takes more"));
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({
        "architecture": architecture, "os": "linux", "config": {"Entrypoint": arguments},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    let mut image = tar::Builder::new(Vec::new());
    append(&mut image, "layer.tar", 0o644, &layer);
    append(&mut image, "config.json", 0o644, config.to_string().as_bytes());
    append(&mut image, "manifest.json", 0o644, manifest.to_string().as_bytes());
    fs::write(archive, image.into_inner().expect("an image")).expect("the image is written");
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, contents: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(contents.len() as u64);
    archive.append_data(&mut header, path, contents).expect("memory takes it");
}
