//! Images, in the form that `docker save` writes (<https://github.com/moby/docker-image-spec/blob/main/v1.2.md>).

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// An image of a few files.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    folders: Vec<PathBuf>,
    files: Vec<(PathBuf, Vec<u8>)>,
    entry_point: Vec<String>,
}

impl Image {
    /// An image of this name, without any file.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), folders: Vec::new(), files: Vec::new(), entry_point: Vec::new() }
    }

    /// With a program of this machine, at the top under its own name.
    pub fn program(self, program: &Path) -> Self {
        let name = program.file_name().expect("a program");
        self.copy(program, &Path::new("/").join(name))
    }

    /// With a file of this machine at this path.
    pub fn copy(self, file: &Path, path: &Path) -> Self {
        let contents = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.file(path, &contents)
    }

    /// Adds the libraries that a program of this machine needs, at the same paths as here.
    pub fn libraries(mut self, program: &Path) -> Self {
        let output = std::process::Command::new("ldd").arg(program).output().expect("ldd starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
        for path in paths {
            self = self.copy(Path::new(path), Path::new(path));
        }
        self
    }

    /// With all that a folder of this machine holds.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folders.push(folder.to_owned());
        self
    }

    /// With a file of these contents at this path.
    pub fn file(mut self, path: &Path, contents: &[u8]) -> Self {
        self.files.push((path.to_owned(), contents.to_owned()));
        self
    }

    /// With the command that it runs.
    pub fn entry_point(mut self, command: &[&str]) -> Self {
        self.entry_point = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Writes it as an archive.
    pub fn write(&self, archive: &Path) {
        let mut layer = tar::Builder::new(Vec::new());
        // Everyone may write to /tmp.
        append_folder(&mut layer, "tmp/", 0o1777);
        layer.follow_symlinks(false);
        for folder in &self.folders {
            layer.append_dir_all("", folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        for (path, contents) in &self.files {
            append(&mut layer, path.strip_prefix("/").unwrap_or(path), 0o755, contents);
        }
        let layer = layer.into_inner().expect("a layer");
        let mut digest = String::from("sha256:");
        Sha256::digest(&layer).iter().for_each(|byte| write!(digest, "{byte:02x}").expect("a text takes more"));
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {"Entrypoint": self.entry_point},
            "rootfs": {"type": "layers", "diff_ids": [digest]},
        });
        let manifest = json!([{"Config": "config.json", "RepoTags": [self.name], "Layers": ["layer.tar"]}]);
        let mut image = tar::Builder::new(Vec::new());
        append(&mut image, Path::new("layer.tar"), 0o644, &layer);
        append(&mut image, Path::new("config.json"), 0o644, config.to_string().as_bytes());
        append(&mut image, Path::new("manifest.json"), 0o644, manifest.to_string().as_bytes());
        fs::write(archive, image.into_inner().expect("an image")).expect("the image is written");
    }
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &Path, mode: u32, contents: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(contents.len() as u64);
    archive.append_data(&mut header, path, contents).expect("memory takes it");
}

fn append_folder(archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(mode);
    header.set_size(0);
    archive.append_data(&mut header, path, std::io::empty()).expect("memory takes it");
}
