//! What the webhook answers: reviews over HTTP/2 and TLS, sent by h2load(1) on one processor to a server on another.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Result;
use crate::namespace::{self, FILES};

const ADDRESS: &str = "127.0.0.1:15017";
/// How many connections the API servers have open if their pods are equal. On each, h2load begins with the first path:
/// only one connection makes pods that differ from all that came just before.
const CONNECTIONS: usize = 4;
/// How many paths make reviews of equal pods differ. The server keeps fewer answers.
const PATHS: usize = 64;
/// How long the server may take to accept connections.
const START: Duration = Duration::from_secs(10);

/// A kind of review that is sent again and again.
struct Reviews {
    name: &'static str,
    containers: usize,
    variables: usize,
    /// Whether each differs from those before it.
    different: bool,
    count: usize,
}

const REVIEWS: [Reviews; 5] = [
    Reviews { name: "equal pods", containers: 1, variables: 0, different: false, count: 10_000 },
    Reviews { name: "different pods", containers: 1, variables: 0, different: true, count: 10_000 },
    Reviews { name: "10 containers", containers: 10, variables: 0, different: true, count: 5_000 },
    Reviews { name: "100 environment variables", containers: 1, variables: 100, different: true, count: 5_000 },
    Reviews { name: "2,000 environment variables", containers: 1, variables: 2_000, different: true, count: 1_000 },
];

/// What a server did under load.
#[derive(Clone, Debug, Serialize)]
pub struct Load {
    pub name: String,
    /// Answers per second, with the server on one processor.
    pub per_second: f64,
    /// Latencies as the client sees them, in milliseconds.
    pub median: f64,
    pub percentile_99: f64,
    pub percentile_999: f64,
    /// Of the server's processor time, the part of one answer, in microseconds.
    pub processor: f64,
    /// The server's memory afterwards, in KiB.
    pub resident_kib: usize,
    /// The least number of answers per second.
    pub target: Option<f64>,
}

/// Istio's injector takes 3.5 ms for one small pod.
const LEAST: f64 = 10.0 / 3.5e-3;

/// Starts a server, and measures it under each kind of load.
pub fn loads(injector: &Path) -> Result<Vec<Load>> {
    namespace::fresh()?;
    let server = Server::start(injector)?;
    REVIEWS.iter().map(|reviews| server.under(reviews)).collect()
}

/// A server, which ends with this value.
struct Server(Child);

impl Server {
    fn start(injector: &Path) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(injector).args(["webhook", "--self-signed", "--listen", ADDRESS]);
        // Such as Istio's; by default the built-in configuration.
        if let Some(folder) = std::env::var_os("INJECTION_CONFIG").map(PathBuf::from) {
            for (flag, file) in [("injectConfigFile", "config"), ("valuesFile", "values"), ("meshConfigFile", "mesh")] {
                command.arg(format!("--{flag}={}", folder.join(file).with_extension("yaml").display()));
            }
        }
        let server = Server(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        let start = Instant::now();
        while TcpStream::connect(ADDRESS).is_err() {
            if start.elapsed() > START {
                return Err("the webhook accepts no connections".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    fn under(&self, reviews: &Reviews) -> Result<Load> {
        let files = Path::new(FILES);
        let (body, addresses, log) = (files.join("review.json"), files.join("addresses"), files.join("latencies"));
        fs::write(&body, review(reviews))?;
        let path = |number| format!("https://{ADDRESS}/inject/cluster/c{number}\n");
        fs::write(&addresses, (0..if reviews.different { PATHS } else { 1 }).map(path).collect::<String>())?;
        let _ = fs::remove_file(&log);
        let connections = if reviews.different { 1 } else { CONNECTIONS };
        let before = self.processor()?;
        let start = Instant::now();
        let output = Command::new("taskset")
            .args(["-c", "1", "h2load", "-n", &reviews.count.to_string(), "-c", &connections.to_string(), "-m", "1"])
            .args(["-H", "content-type: application/json"])
            .arg(format!("--log-file={}", log.display()))
            .arg(format!("--data={}", body.display()))
            .arg(format!("--input-file={}", addresses.display()))
            .output()?;
        let elapsed = start.elapsed().as_secs_f64();
        let processor = self.processor()? - before;
        let all = format!("{} succeeded", reviews.count);
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !text.contains(&all) {
            return Err(format!("h2load failed: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let mut latencies = latencies(&fs::read_to_string(&log)?);
        latencies.sort_unstable_by(f64::total_cmp);
        let count = latencies.len() as f64;
        let at = |part: f64| latencies.get((count * part) as usize).copied().unwrap_or(f64::NAN) / 1e3;
        let small = reviews.containers == 1 && reviews.variables == 0;
        Ok(Load {
            name: reviews.name.to_owned(),
            per_second: count / elapsed,
            median: at(0.5),
            percentile_99: at(0.99),
            percentile_999: at(0.999),
            processor: processor.as_secs_f64() * 1e6 / count,
            resident_kib: self.resident()?,
            target: small.then_some(LEAST),
        })
    }

    /// Its time on processors so far, proc_pid_stat(5).
    fn processor(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let fields = stat.rsplit_once(") ").ok_or("no stat")?.1;
        let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        // USER_HZ is 100 on all architectures that matter.
        Ok(Duration::from_millis(ticks * 10))
    }

    fn resident(&self) -> Result<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim_end_matches("kB").trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The third column of h2load's log, in microseconds.
fn latencies(log: &str) -> Vec<f64> {
    log.lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok()).collect()
}

fn review(Reviews { containers, variables, .. }: &Reviews) -> String {
    let variables: Vec<_> = (0..*variables).map(|i| format!(r#"{{"name":"VARIABLE_{i}","value":"{i}"}}"#)).collect();
    let environment = match variables.is_empty() {
        true => String::new(),
        false => format!(r#","env":[{}]"#, variables.join(",")),
    };
    let container = |number: usize| {
        let port = 8080 + number;
        format!(
            r#"{{"name":"web-{number}","image":"registry.example/web:1.0","ports":[{{"containerPort":{port}}}]{environment}}}"#
        )
    };
    let containers: Vec<_> = (0..*containers).map(container).collect();
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE",
        "namespace":"default","kind":{{"group":"","version":"v1","kind":"Pod"}},
        "object":{{"apiVersion":"v1","kind":"Pod","metadata":{{"generateName":"web-","labels":{{"app":"web"}}}},
        "spec":{{"containers":[{}]}}}}}}}}"#,
        containers.join(",")
    )
}
