//! The part of the Container Runtime Interface, version 1, that is needed here: messages with the numbers of their
//! fields as in `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use prost::Message;
use serde_json::Value;
use tokio::runtime::Runtime;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, Message)]
struct Nothing {}

#[derive(Clone, PartialEq, Message)]
struct RunPodSandboxRequest {
    #[prost(message, optional, tag = "1")]
    config: Option<PodSandboxConfig>,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<PodSandboxMetadata>,
    #[prost(map = "string, string", tag = "7")]
    annotations: HashMap<String, String>,
    #[prost(message, optional, tag = "8")]
    linux: Option<Nothing>,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

/// All the requests and answers that have only an id.
#[derive(Clone, PartialEq, Message)]
struct SandboxId {
    #[prost(string, tag = "1")]
    id: String,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxStatusRequest {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(bool, tag = "2")]
    verbose: bool,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxStatusResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<PodSandboxStatus>,
    #[prost(map = "string, string", tag = "2")]
    info: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxStatus {
    #[prost(message, optional, tag = "5")]
    network: Option<PodSandboxNetworkStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxNetworkStatus {
    #[prost(string, tag = "1")]
    ip: String,
    #[prost(message, repeated, tag = "2")]
    additional_ips: Vec<PodIp>,
}

#[derive(Clone, PartialEq, Message)]
struct PodIp {
    #[prost(string, tag = "1")]
    ip: String,
}

#[derive(Clone, PartialEq, Message)]
struct ListPodSandboxResponse {
    #[prost(message, repeated, tag = "1")]
    items: Vec<SandboxId>,
}

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

    async fn list(&self) -> Result<Vec<SandboxId>, String> {
        let answer = self.call("/runtime.v1.RuntimeService/ListPodSandbox", Nothing {}).await;
        answer.map(|list: ListPodSandboxResponse| list.items)
    }

    /// Runs a sandbox, and returns its id.
    pub async fn run(&self, name: &str, annotations: HashMap<String, String>) -> Result<String, String> {
        let metadata =
            PodSandboxMetadata { name: name.to_owned(), uid: format!("uid-{name}"), namespace: "default".to_owned() };
        let config = PodSandboxConfig { metadata: Some(metadata), annotations, linux: Some(Nothing {}) };
        let request = RunPodSandboxRequest { config: Some(config) };
        let answer = self.call("/runtime.v1.RuntimeService/RunPodSandbox", request).await;
        answer.map(|sandbox: SandboxId| sandbox.id)
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
        let id = SandboxId { id: id.to_owned() };
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
