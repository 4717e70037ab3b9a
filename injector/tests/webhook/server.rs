//! The real program as a server, in a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::client::Client;
use crate::support::{Program, value};

/// A server with its folder.
pub struct Server {
    program: Program,
    pub address: SocketAddr,
    pub folder: Folder,
}

impl Server {
    /// Starts it with a certificate of `folder`, and waits until it serves.
    pub fn start(folder: Folder, arguments: &[&str]) -> Self {
        let file = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
        let mut all = vec!["webhook", "--listen", "127.0.0.1:0", "--poll", "5", "--shutdown-delay", "0"];
        let (certificate, key) = (file("tls/tls.crt"), file("tls/tls.key"));
        if !arguments.contains(&"--self-signed") {
            all.extend(["--tls-cert", &certificate, "--tls-key", &key]);
        }
        let (config, values) = (file("config/config"), file("config/values"));
        if folder.0.join("config").exists() {
            all.extend(["--injectConfigFile", &config, "--valuesFile", &values]);
        }
        all.extend(arguments);
        let program = Program::start(&all);
        let address = value(&program.wait_for(" serving "), "address").parse().unwrap();
        Server { program, address, folder }
    }

    /// A client that trusts the CA of the folder.
    pub fn client(&self) -> Client {
        Client::new(self.address, &fs::read_to_string(self.folder.0.join("ca.pem")).unwrap())
    }

    /// The next line of the log that has `text`.
    pub fn wait_for(&self, text: &str) -> String {
        self.program.wait_for(text)
    }

    pub fn signal(&self, signal: &str) {
        self.program.signal(signal);
    }

    /// The most memory that it has had so far, in MiB: VmHWM, proc_pid_status(5).
    pub fn peak_memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() >> 10
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.program.wait()
    }
}

/// A folder of one test's own, with a CA, a certificate and its key.
pub struct Folder(pub PathBuf);

/// What signs a test's certificates.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        // With the name of its own certificates it would look self-signed.
        params.distinguished_name.push(rcgen::DnType::CommonName, "CA");
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: rcgen::Issuer::new(params, key), pem }
    }

    /// A certificate for localhost, and its key.
    pub fn issue(&self) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

impl Folder {
    pub fn new(authority: &Authority) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sidecar-injector-webhook-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("tls")).unwrap();
        fs::write(path.join("ca.pem"), &authority.pem).unwrap();
        let folder = Folder(path);
        let (certificate, key) = authority.issue();
        folder.mount("tls", &[("tls.crt", &certificate), ("tls.key", &key)]);
        folder
    }

    /// Files as a kubelet mounts them: all of them change at once, by the link `..data`.
    pub fn mount(&self, volume: &str, files: &[(&str, &str)]) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let volume = self.0.join(volume);
        let data = format!("..{}", NEXT.fetch_add(1, Ordering::Relaxed));
        fs::create_dir_all(volume.join(&data)).unwrap();
        let old = fs::read_link(volume.join("..data"));
        for (name, text) in files {
            fs::write(volume.join(&data).join(name), text).unwrap();
            if !volume.join(name).is_symlink() {
                symlink(Path::new("..data").join(name), volume.join(name)).unwrap();
            }
        }
        symlink(&data, volume.join("..new")).unwrap();
        fs::rename(volume.join("..new"), volume.join("..data")).unwrap();
        if let Ok(old) = old {
            fs::remove_dir_all(volume.join(old)).unwrap();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
