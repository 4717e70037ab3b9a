//! What is found in manifests that many people have deployed.

use super::*;
use expect_test::expect;

const BOOKINFO: &str = include_str!("data/bookinfo.yaml");
const HTTPBIN: &str = include_str!("data/httpbin.yaml");

#[test]
fn istios_own_samples_are_as_a_mesh_wants_them() {
    expect!["objects: 14, errors: 0, warnings: 0, info: 0\n"].assert_eq(&found(BOOKINFO).to_text(false));
    expect!["objects: 3, errors: 0, warnings: 0, info: 0\n"].assert_eq(&found(HTTPBIN).to_text(false));
}

#[test]
fn what_users_change_in_the_samples_is_found() {
    let strict = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {pod-security.kubernetes.io/enforce: restricted}}\n";
    let changed = format!("{BOOKINFO}{strict}")
        .replacen("name: http}\n  selector: {app: ratings}", "name: web}\n  selector: {app: rating}", 1)
        .replace("9080\"\n", "15090\"\n")
        .replacen(
            "        ports: [{containerPort: 9080}]\n",
            "        ports: [{containerPort: 9080}]\n        readinessProbe: {httpGet: {port: http}}\n",
            1,
        );
    expect![[r#"
        x.yaml:29: error[net-admin-forbidden]: Deployment details-v1: its Namespace enforces the Pod Security level "restricted", which forbids capabilities that the injected container "istio-init" needs: NET_ADMIN, NET_RAW; use the CNI plugin (docs/cni.md; values pilot.cni.enabled: true), which requires no capabilities in the pod
        x.yaml:36: error[probe-unknown-port]: Deployment details-v1: readinessProbe of container "details" will fail: the container has no port named "http"; give the container a port with this name, or use the port number, without quotes
        x.yaml:45: warning[port-protocol-unknown]: Service ratings: port "web": its name does not begin with a protocol, so the proxy guesses it; name the port <protocol> or <protocol>-<suffix>, such as http-main, or set appProtocol; valid protocols are http, http2, https, grpc, grpc-web, mongo, mysql, redis, tcp, tls and udp
        x.yaml:46: warning[service-without-workload]: Service ratings: no workload in the files has pods with the labels app=rating; correct the selector, or also pass the file with the workload (-f)
        x.yaml:64: info[no-service]: Deployment ratings-v1: no Service in the files selects its pods; add a Service, or correct the selector of an existing one; without a Service, the mesh has no name for the pods and no routes to them
        x.yaml:65: error[net-admin-forbidden]: Deployment ratings-v1: its Namespace enforces the Pod Security level "restricted", which forbids capabilities that the injected container "istio-init" needs: NET_ADMIN, NET_RAW
        x.yaml:100: error[net-admin-forbidden]: Deployment reviews-v1: its Namespace enforces the Pod Security level "restricted", which forbids capabilities that the injected container "istio-init" needs: NET_ADMIN, NET_RAW
        x.yaml:126: error[net-admin-forbidden]: Deployment reviews-v2: its Namespace enforces the Pod Security level "restricted", which forbids capabilities that the injected container "istio-init" needs: NET_ADMIN, NET_RAW
        x.yaml:152: error[net-admin-forbidden]: Deployment reviews-v3: its Namespace enforces the Pod Security level "restricted", which forbids capabilities that the injected container "istio-init" needs: NET_ADMIN, NET_RAW
        x.yaml:193: error[scrape-port]: Deployment productpage-v1: invalid prometheus scrape configuration: port 15090 is reserved for Istio (Envoy Prometheus (already merged)) and cannot be scraped; point prometheus.io/port at a port of the application, or set prometheus.istio.io/merge-metrics: "false"
        x.yaml:211: warning[namespace-not-injected]: Namespace default: no label enables injection, so the webhook is not called for Deployment details-v1, Deployment ratings-v1, Deployment reviews-v1, Deployment reviews-v2, Deployment reviews-v3, Deployment productpage-v1; label the Namespace with istio-injection: enabled (or istio.io/rev), or the pods with sidecar.istio.io/inject: "true"
        objects: 15, errors: 7, warnings: 3, info: 1
    "#]].assert_eq(&found(&changed).to_text(false));
}

#[test]
fn json_and_sarif_have_what_the_text_has() {
    let changed = HTTPBIN.replace("name: http, port: 8000", "name: web, port: 8000");
    let report = found(&changed);
    expect![[r#"
        {
          "findings": [
            {
              "advice": "name the port <protocol> or <protocol>-<suffix>, such as http-main, or set appProtocol; valid protocols are http, http2, https, grpc, grpc-web, mongo, mysql, redis, tcp, tls and udp",
              "column": 6,
              "docs": "docs/lint.md#port-protocol-unknown",
              "file": "x.yaml",
              "level": "warning",
              "line": 14,
              "message": "port \"web\": its name does not begin with a protocol, so the proxy guesses it",
              "name": "port-protocol-unknown",
              "object": {
                "kind": "Service",
                "name": "httpbin",
                "namespace": ""
              },
              "path": "spec.ports[0].name"
            }
          ],
          "summary": {
            "errors": 0,
            "infos": 0,
            "objects": 3,
            "warnings": 1
          },
          "version": 1
        }
    "#]].assert_eq(&report.to_json());
    let sarif: serde_json::Value = serde_json::from_str(&report.to_sarif()).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    expect![[r#"
        [
          {
            "level": "warning",
            "locations": [
              {
                "logicalLocations": [
                  {
                    "fullyQualifiedName": "Service httpbin: spec.ports[0].name",
                    "kind": "object"
                  }
                ],
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "x.yaml"
                  },
                  "region": {
                    "startColumn": 6,
                    "startLine": 14
                  }
                }
              }
            ],
            "message": {
              "text": "Service httpbin: port \"web\": its name does not begin with a protocol, so the proxy guesses it. Name the port <protocol> or <protocol>-<suffix>, such as http-main, or set appProtocol; valid protocols are http, http2, https, grpc, grpc-web, mongo, mysql, redis, tcp, tls and udp."
            },
            "ruleId": "port-protocol-unknown",
            "ruleIndex": 5
          }
        ]
    "#]].assert_eq(&format!("{:#}\n", run["results"]));
}
