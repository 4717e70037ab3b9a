//! Runs a pod as a kubelet does: sandbox, init containers one after another, sidecars among them, containers, probes, hooks,
//! and the end in the right order (<https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>).

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::Value;

use crate::cri::messages::{
    Capability, ContainerConfig, ContainerMetadata, CreateContainerRequest, ExecSyncResponse, ImageSpec, Int64Value,
    LinuxContainerConfig, LinuxContainerSecurityContext, Nothing, PodSandboxConfig, PodSandboxMetadata,
};
use crate::fields::{Facts, expanded};
use crate::spec::{Container, Exec, Handler, HttpGet, Pod, Probe, TcpSocket};
use crate::{Node, Sandbox, probe, volumes};

/// A pod that runs.
#[derive(Debug)]
pub struct RunningPod<'a> {
    node: &'a Node,
    pod: Pod,
    config: PodSandboxConfig,
    folder: PathBuf,
    /// Its sandbox.
    pub sandbox: Sandbox,
    started: Vec<Started>,
}

/// A container that was started.
#[derive(Debug)]
struct Started {
    container: Container,
    id: String,
}

impl Node {
    /// Runs a pod, or a pod of a workload, until its containers are started. `config_maps` are those of its namespace.
    ///
    /// # Errors
    /// What it has that is not supported here; what the container runtime refuses; an init container that fails, with its log.
    pub fn run_pod(&self, object: &Value, config_maps: &[Value]) -> Result<RunningPod<'_>, String> {
        let pod = Pod::of(object)?;
        let folder = self.folder.path().join("pods").join(&pod.metadata.name);
        fs::create_dir_all(folder.join("logs")).expect("a folder");
        let config = PodSandboxConfig {
            metadata: Some(PodSandboxMetadata {
                name: pod.metadata.name.clone(),
                uid: format!("uid-{}", pod.metadata.name),
                namespace: pod.metadata.namespace.clone(),
            }),
            hostname: pod.metadata.name.clone(),
            log_directory: folder.join("logs").display().to_string(),
            labels: pod.metadata.labels.clone().into_iter().collect(),
            annotations: pod.metadata.annotations.clone().into_iter().collect(),
            linux: Some(Nothing {}),
        };
        let id = self.runtime.block_on(self.client.run(config.clone()))?;
        self.wait_until_settled();
        let sandbox = self.sandbox(&id)?;
        let mut running = RunningPod { node: self, pod, config, folder, sandbox, started: Vec::new() };
        let outcome = running.start(config_maps);
        match outcome {
            Ok(()) => Ok(running),
            Err(why) => {
                running.delete()?;
                Err(why)
            }
        }
    }
}

impl RunningPod<'_> {
    fn start(&mut self, config_maps: &[Value]) -> Result<(), String> {
        volumes::make(&self.facts(), config_maps, &self.folder.join("volumes"))?;
        for container in self.pod.spec.init_containers.clone() {
            let at = self.start_container(&container)?;
            if container.is_sidecar() {
                self.wait_until_started(at)?;
            } else {
                self.wait_until_done(at)?;
            }
        }
        for container in self.pod.spec.containers.clone() {
            let at = self.start_container(&container)?;
            if let Some(hook) = &container.lifecycle.post_start {
                self.run_hook(at, hook)?;
            }
        }
        Ok(())
    }

    fn facts(&self) -> Facts<'_> {
        let uid = self.config.metadata.as_ref().map_or("", |metadata| &metadata.uid);
        Facts { pod: &self.pod, uid, addresses: &self.sandbox.addresses, host: self.node.gateway }
    }

    fn start_container(&mut self, container: &Container) -> Result<usize, String> {
        let request = CreateContainerRequest {
            pod_sandbox_id: self.sandbox.id.clone(),
            config: Some(self.config_of(container)?),
            sandbox_config: Some(self.config.clone()),
        };
        let id = self.node.runtime.block_on(self.node.client.start(request));
        let id = id.map_err(|why| format!("container {}: {why}", container.name))?;
        self.started.push(Started { container: container.clone(), id });
        Ok(self.started.len() - 1)
    }

    fn config_of(&self, container: &Container) -> Result<ContainerConfig, String> {
        let envs = self.facts().environment(container)?;
        let of_pod = &self.pod.spec.security_context;
        let own = &container.security_context;
        let user = own.run_as_user.or(of_pod.run_as_user);
        if own.run_as_non_root.or(of_pod.run_as_non_root) == Some(true) && user == Some(0) {
            return Err(format!("container {} has runAsNonRoot and runAsUser: 0", container.name));
        }
        let security_context = LinuxContainerSecurityContext {
            capabilities: Some(Capability {
                add_capabilities: own.capabilities.add.clone(),
                drop_capabilities: own.capabilities.drop.clone(),
            }),
            privileged: own.privileged,
            run_as_user: user.map(|value| Int64Value { value }),
            run_as_group: own.run_as_group.or(of_pod.run_as_group).map(|value| Int64Value { value }),
            readonly_rootfs: own.read_only_root_filesystem,
            supplemental_groups: of_pod.fs_group.into_iter().collect(),
            no_new_privs: own.allow_privilege_escalation == Some(false),
        };
        Ok(ContainerConfig {
            metadata: Some(ContainerMetadata { name: container.name.clone(), attempt: 0 }),
            image: Some(ImageSpec { image: container.image.clone() }),
            command: container.command.iter().map(|word| expanded(word, &envs)).collect(),
            args: container.args.iter().map(|word| expanded(word, &envs)).collect(),
            working_dir: container.working_dir.clone(),
            envs,
            mounts: volumes::mounts(container, &self.folder.join("volumes")),
            log_path: format!("{}.log", container.name),
            linux: Some(LinuxContainerConfig { security_context: Some(security_context) }),
        })
    }

    /// The exit status of a container, if it has ended.
    fn ended(&self, at: usize) -> Result<Option<i32>, String> {
        const EXITED: i32 = 2;
        let status = self.node.runtime.block_on(self.node.client.container(&self.started[at].id))?;
        Ok((status.state == EXITED).then_some(status.exit_code))
    }

    fn wait_until_done(&self, at: usize) -> Result<(), String> {
        let name = &self.started[at].container.name;
        let mut outcome = Ok(None);
        harness::wait_until(&format!("init container {name} has ended"), || {
            outcome = self.ended(at);
            !matches!(outcome, Ok(None))
        });
        match outcome? {
            Some(0) => Ok(()),
            status => Err(format!("init container {name} ended with {status:?}:\n{}", self.log(name))),
        }
    }

    /// A sidecar is started when its startup probe succeeds, or at once if it has none.
    fn wait_until_started(&self, at: usize) -> Result<(), String> {
        let container = &self.started[at].container;
        let Some(probe) = &container.startup_probe else { return Ok(()) };
        let mut outcome = Ok(false);
        harness::wait_until(&format!("sidecar {} is started", container.name), || {
            outcome = self.passes(at, probe);
            !matches!(outcome, Ok(false))
        });
        outcome.map(drop)
    }

    /// Whether a probe succeeds; an error if its container has ended.
    fn passes(&self, at: usize, probe: &Probe) -> Result<bool, String> {
        let name = &self.started[at].container.name;
        if let Some(status) = self.ended(at)? {
            return Err(format!("container {name} ended with {status}:\n{}", self.log(name)));
        }
        self.ask(at, probe.exec.as_ref(), probe.http_get.as_ref(), probe.tcp_socket.as_ref())
    }

    fn run_hook(&self, at: usize, hook: &Handler) -> Result<bool, String> {
        self.ask(at, hook.exec.as_ref(), hook.http_get.as_ref(), hook.tcp_socket.as_ref())
    }

    fn ask(
        &self,
        at: usize,
        exec: Option<&Exec>,
        http: Option<&HttpGet>,
        tcp: Option<&TcpSocket>,
    ) -> Result<bool, String> {
        let Started { container, id } = &self.started[at];
        let address = self.address();
        match (exec, http, tcp) {
            (Some(exec), None, None) => {
                let command: Vec<_> = exec.command.iter().map(|word| &**word).collect();
                self.node.runtime.block_on(self.node.client.execute(id, &command)).map(|output| output.exit_code == 0)
            }
            (None, Some(http), None) => probe::succeeds(container, http, address),
            (None, None, Some(tcp)) => Ok(probe::connects((address, container.port(&tcp.port)?).into())),
            _ => Err(format!("container {}: a probe asks in one way", container.name)),
        }
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        *self.sandbox.addresses.first().expect("a pod has an address")
    }

    /// How many of its containers are ready, and how many it has: the column READY of `kubectl get pods`.
    ///
    /// # Errors
    /// A container that has ended, with its log.
    pub fn ready(&self) -> Result<(usize, usize), String> {
        let counted = |at: &usize| {
            let container = &self.started[*at].container;
            container.is_sidecar() || self.pod.spec.containers.iter().any(|c| c.name == container.name)
        };
        let all: Vec<_> = (0..self.started.len()).filter(counted).collect();
        let mut ready = 0;
        for &at in &all {
            let container = &self.started[at].container;
            let probes = container.startup_probe.iter().chain(&container.readiness_probe);
            let passed = probes.map(|probe| self.passes(at, probe)).collect::<Result<Vec<_>, _>>()?;
            ready += usize::from(passed.into_iter().all(|passed| passed));
        }
        Ok((ready, all.len()))
    }

    /// Its containers in the order in which they were started, each with its exit status if it has ended.
    ///
    /// # Errors
    /// The errors of the container runtime.
    pub fn containers(&self) -> Result<Vec<(&str, Option<i32>)>, String> {
        (0..self.started.len()).map(|at| Ok((&*self.started[at].container.name, self.ended(at)?))).collect()
    }

    /// Waits until all of its containers are ready, and returns how many there are.
    ///
    /// # Errors
    /// A container that has ended, with its log.
    pub fn wait_until_ready(&self) -> Result<usize, String> {
        let mut outcome = self.ready();
        harness::wait_until("the pod is ready", || {
            outcome = self.ready();
            !matches!(outcome, Ok((ready, all)) if ready < all)
        });
        outcome.map(|(_, all)| all)
    }

    /// Waits until its containers have ended, then ends its sidecars, the last first: the pod of a job. Returns the exit
    /// statuses of its containers.
    ///
    /// # Errors
    /// The errors of the container runtime.
    pub fn wait_until_finished(&self) -> Result<Vec<i32>, String> {
        let regular: Vec<_> = (0..self.started.len())
            .filter(|&at| self.pod.spec.containers.iter().any(|c| c.name == self.started[at].container.name))
            .collect();
        let mut outcome = Ok(Vec::new());
        harness::wait_until("the pod's containers have ended", || {
            outcome = regular.iter().filter_map(|&at| self.ended(at).transpose()).collect::<Result<Vec<_>, _>>();
            !matches!(&outcome, Ok(ended) if ended.len() < regular.len())
        });
        self.stop_sidecars()?;
        outcome
    }

    /// What a container has written to standard output and standard error.
    pub fn log(&self, container: &str) -> String {
        let file = self.folder.join("logs").join(format!("{container}.log"));
        let text = fs::read_to_string(file).unwrap_or_default();
        // A line is: time, stream, F for whole or P for a part, text (`pkg/kubelet/kuberuntime/logs`).
        let part = |line: &str| {
            let mut parts = line.splitn(4, ' ').skip(2);
            let whole = parts.next() == Some("F");
            let text = parts.next().unwrap_or_default();
            if whole { format!("{text}\n") } else { text.to_owned() }
        };
        text.lines().map(part).collect()
    }

    /// Runs a command in a container, and returns what it has written.
    ///
    /// # Errors
    /// What it has written, if it fails.
    pub fn execute(&self, container: &str, command: &[&str]) -> Result<String, String> {
        let started = self.started.iter().find(|started| started.container.name == container).expect("a container");
        let output = self.node.runtime.block_on(self.node.client.execute(&started.id, command))?;
        let ExecSyncResponse { stdout, stderr, exit_code } = output;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match exit_code {
            0 => Ok(text(&stdout)),
            code => Err(format!("{command:?} ended with {code}: {}{}", text(&stdout), text(&stderr))),
        }
    }

    fn stop_sidecars(&self) -> Result<(), String> {
        for at in (0..self.started.len()).rev() {
            if self.started[at].container.is_sidecar() {
                self.stop_container(at)?;
            }
        }
        Ok(())
    }

    fn stop_container(&self, at: usize) -> Result<(), String> {
        let Started { container, id } = &self.started[at];
        if self.ended(at)?.is_some() {
            return Ok(());
        }
        if let Some(hook) = &container.lifecycle.pre_stop {
            self.run_hook(at, hook)?;
        }
        let seconds = self.pod.spec.termination_grace_period_seconds.unwrap_or(30);
        self.node.runtime.block_on(self.node.client.stop(id, seconds))
    }

    /// Ends its containers, then its sidecars, the last first, and removes it.
    ///
    /// # Errors
    /// The errors of the container runtime.
    pub fn delete(self) -> Result<(), String> {
        for at in 0..self.started.len() {
            if !self.started[at].container.is_sidecar() {
                self.stop_container(at)?;
            }
        }
        self.stop_sidecars()?;
        self.node.remove(&self.sandbox)?;
        // Another pod of its name begins with empty logs and volumes.
        fs::remove_dir_all(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))
    }
}
