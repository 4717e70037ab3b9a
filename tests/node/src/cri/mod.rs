//! A client of the Container Runtime Interface, version 1.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use prost::Message;
use serde_json::Value;
use tokio::runtime::Runtime;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

pub mod messages;

use messages::{
    ContainerStatus, ContainerStatusResponse, CreateContainerRequest, ExecSyncRequest, ExecSyncResponse, Id,
    ListPodSandboxResponse, Nothing, PodSandboxConfig, PodSandboxStatusRequest, PodSandboxStatusResponse,
    RunPodSandboxRequest, StopContainerRequest,
};

/// A client of one containerd.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// A client that connects when it is first used.
    pub fn new(runtime: &Runtime, socket: &Path) -> Self {
        let _inside = runtime.enter();
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).expect("an address");
        Self { channel: endpoint.connect_lazy() }
    }

    async fn call<Q, A>(&self, method: &'static str, request: Q) -> Result<A, String>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.map_err(|e| e.to_string())?;
        let codec = ProstCodec::<Q, A>::default();
        let answer = client.unary(tonic::Request::new(request), PathAndQuery::from_static(method), codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| status.message().to_owned())
    }

    /// Whether it answers.
    pub async fn is_ready(&self) -> bool {
        self.list().await.is_ok()
    }

    async fn list(&self) -> Result<Vec<Id>, String> {
        let answer = self.call("/runtime.v1.RuntimeService/ListPodSandbox", Nothing {}).await;
        answer.map(|list: ListPodSandboxResponse| list.items)
    }

    /// Runs a sandbox, and returns its id.
    pub async fn run(&self, config: PodSandboxConfig) -> Result<String, String> {
        let request = RunPodSandboxRequest { config: Some(config) };
        let answer = self.call("/runtime.v1.RuntimeService/RunPodSandbox", request).await;
        answer.map(|sandbox: Id| sandbox.id)
    }

    /// Creates a container and starts it, and returns its id.
    pub async fn start(&self, request: CreateContainerRequest) -> Result<String, String> {
        let created: Id = self.call("/runtime.v1.RuntimeService/CreateContainer", request).await?;
        let _: Nothing = self.call("/runtime.v1.RuntimeService/StartContainer", created.clone()).await?;
        Ok(created.id)
    }

    /// What became of a container.
    pub async fn container(&self, id: &str) -> Result<ContainerStatus, String> {
        let request = Id { id: id.to_owned() };
        let answer: ContainerStatusResponse = self.call("/runtime.v1.RuntimeService/ContainerStatus", request).await?;
        answer.status.ok_or_else(|| format!("containerd has no status of container {id}"))
    }

    /// Asks a container to end, and kills it if it has not ended after this number of seconds.
    pub async fn stop(&self, id: &str, seconds: i64) -> Result<(), String> {
        let request = StopContainerRequest { container_id: id.to_owned(), timeout: seconds };
        let _: Nothing = self.call("/runtime.v1.RuntimeService/StopContainer", request).await?;
        Ok(())
    }

    /// Runs a command in a container until it ends.
    pub async fn execute(&self, id: &str, command: &[&str]) -> Result<ExecSyncResponse, String> {
        let cmd = command.iter().map(|&word| word.to_owned()).collect();
        let request = ExecSyncRequest { container_id: id.to_owned(), cmd, timeout: 60 };
        self.call("/runtime.v1.RuntimeService/ExecSync", request).await
    }

    /// The network namespace of a sandbox, and its addresses.
    pub async fn status(&self, id: &str) -> Result<(PathBuf, Vec<IpAddr>), String> {
        let request = PodSandboxStatusRequest { id: id.to_owned(), verbose: true };
        let answer: PodSandboxStatusResponse =
            self.call("/runtime.v1.RuntimeService/PodSandboxStatus", request).await?;
        let network = answer.status.and_then(|status| status.network).unwrap_or_default();
        let addresses = std::iter::once(network.ip).chain(network.additional_ips.into_iter().map(|ip| ip.ip));
        let info: Value = serde_json::from_str(answer.info.get("info").map_or("null", |text| text)).unwrap_or_default();
        let namespaces =
            info.pointer("/runtimeSpec/linux/namespaces").and_then(Value::as_array).cloned().unwrap_or_default();
        let network = namespaces.iter().find(|namespace| namespace["type"] == "network");
        let path = network.and_then(|namespace| namespace["path"].as_str()).ok_or("no network namespace is named")?;
        Ok((path.into(), addresses.filter_map(|ip| ip.parse().ok()).collect()))
    }

    /// Stops and removes a sandbox.
    pub async fn remove(&self, id: &str) -> Result<(), String> {
        let id = Id { id: id.to_owned() };
        let _: Nothing = self.call("/runtime.v1.RuntimeService/StopPodSandbox", id.clone()).await?;
        let _: Nothing = self.call("/runtime.v1.RuntimeService/RemovePodSandbox", id).await?;
        Ok(())
    }

    /// Removes all that there are, as far as it can.
    pub async fn remove_all(&self) {
        for sandbox in self.list().await.unwrap_or_default() {
            let _ = self.remove(&sandbox.id).await;
        }
    }
}
