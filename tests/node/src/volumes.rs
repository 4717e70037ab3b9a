//! The volumes of a pod, each a folder on the node that goes with the pod.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::cri::messages::Mount;
use crate::fields::Facts;
use crate::spec::{ConfigMap, Container, Downward, Projection};

/// A placeholder for the token of a service account. Nothing here checks tokens.
const TOKEN: &str = "a token that opens nothing";

/// Makes the volumes in `folder`. `config_maps` are what the API server would have: ConfigMaps of the pod's namespace.
pub fn make(facts: &Facts<'_>, config_maps: &[Value], folder: &Path) -> Result<(), String> {
    for volume in &facts.pod.spec.volumes {
        let path = folder.join(&volume.name);
        fs::create_dir_all(&path).expect("a folder");
        // The kubelet makes an empty folder open to all, and gives other volumes to `fsGroup`.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("a folder of our own");
        let mut sources = Vec::new();
        sources.extend(volume.downward_api.clone().map(Projection::DownwardApi));
        sources.extend(volume.config_map.clone().map(Projection::ConfigMap));
        sources.extend(volume.projected.iter().flat_map(|projected| projected.sources.clone()));
        for source in sources {
            match source {
                Projection::ServiceAccountToken(token) => write(&path, &token.path, TOKEN),
                Projection::ConfigMap(map) => write_config_map(&path, &map, config_maps)?,
                Projection::DownwardApi(downward) => write_fields(&path, &downward, facts)?,
            }
        }
    }
    Ok(())
}

/// The mounts of a container.
pub fn mounts(container: &Container, folder: &Path) -> Vec<Mount> {
    let mount = |mount: &crate::spec::VolumeMount| Mount {
        container_path: mount.mount_path.clone(),
        host_path: folder.join(&mount.name).display().to_string(),
        readonly: mount.read_only,
    };
    container.volume_mounts.iter().map(mount).collect()
}

fn write_config_map(folder: &Path, wanted: &ConfigMap, all: &[Value]) -> Result<(), String> {
    match all.iter().find(|map| map["metadata"]["name"] == *wanted.name) {
        Some(map) => {
            for (name, text) in map["data"].as_object().into_iter().flatten() {
                write(folder, name, text.as_str().unwrap_or_default());
            }
            Ok(())
        }
        None if wanted.optional => Ok(()),
        None => Err(format!("no ConfigMap {} was given", wanted.name)),
    }
}

fn write_fields(folder: &Path, downward: &Downward, facts: &Facts<'_>) -> Result<(), String> {
    for item in &downward.items {
        write(folder, &item.path, &facts.field(&item.field_ref.field_path)?);
    }
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("a folder");
    fs::write(file, text).expect("a file in a folder of our own");
}
