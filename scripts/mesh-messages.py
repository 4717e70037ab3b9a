#!/usr/bin/env python3
"""Writes injector/src/mesh/table.rs: the messages of mesh config and proxy config, as Istio's API declares them.

    scripts/mesh-messages.py MESH-MESSAGES.JSON > injector/src/mesh/table.rs

The JSON has the messages and enums of istio.io/api mesh/v1alpha1 (Apache-2.0), fields in declaration order. The few
messages that those use from networking/v1alpha3 and v1beta1 are below.
"""
import json
import sys

DURATION, BOOL = "google.protobuf.Duration", "google.protobuf.BoolValue"

# Of istio.io/api networking/v1alpha3 and v1beta1: what mesh config and proxy config use, in declaration order.
# A field is "name type", a member of a oneof has a third word.
NETWORKING = {
    "ClientTLSSettings": ["mode TLSmode", "client_certificate string", "private_key string", "ca_certificates string", "credential_name string",
                          "subject_alt_names string[]", "sni string", f"insecure_skip_verify {BOOL}", "ca_crl string"],
    "ClientTLSSettings.TLSmode": {"DISABLE": 0, "SIMPLE": 1, "MUTUAL": 2, "ISTIO_MUTUAL": 3},
    "ReadinessProbe": ["initial_delay_seconds int32", "timeout_seconds int32", "period_seconds int32", "success_threshold int32",
                       "failure_threshold int32", "http_get HTTPHealthCheckConfig health_check_method", "tcp_socket TCPHealthCheckConfig health_check_method",
                       "exec ExecHealthCheckConfig health_check_method", "grpc GrpcHealthCheckConfig health_check_method"],
    "HTTPHealthCheckConfig": ["path string", "port uint32", "host string", "scheme string", "http_headers HTTPHeader[]"],
    "HTTPHeader": ["name string", "value string"],
    "TCPHealthCheckConfig": ["host string", "port uint32"],
    "ExecHealthCheckConfig": ["command string[]"],
    "GrpcHealthCheckConfig": ["port uint32", "service string"],
    "ConnectionPoolSettings": ["tcp TCPSettings", "http HTTPSettings"],
    "ConnectionPoolSettings.TCPSettings": ["max_connections int32", f"connect_timeout {DURATION}", "tcp_keepalive TcpKeepalive",
                                           f"max_connection_duration {DURATION}", f"idle_timeout {DURATION}"],
    "ConnectionPoolSettings.TCPSettings.TcpKeepalive": ["probes uint32", f"time {DURATION}", f"interval {DURATION}"],
    "ConnectionPoolSettings.HTTPSettings": ["http1_max_pending_requests int32", "http2_max_requests int32", "max_requests_per_connection int32",
                                            "max_retries int32", f"idle_timeout {DURATION}", "h2_upgrade_policy H2UpgradePolicy",
                                            "use_client_protocol bool", "max_concurrent_streams int32", "http2_keep_alive ConnectionKeepalive"],
    "ConnectionPoolSettings.HTTPSettings.H2UpgradePolicy": {"DEFAULT": 0, "DO_NOT_UPGRADE": 1, "UPGRADE": 2},
    "ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive": [f"interval {DURATION}", f"timeout {DURATION}"],
    "OutlierDetection": ["consecutive_errors int32", "split_external_local_origin_errors bool",
                         "consecutive_local_origin_failures google.protobuf.UInt32Value", "consecutive_gateway_errors google.protobuf.UInt32Value",
                         "consecutive_5xx_errors google.protobuf.UInt32Value", f"interval {DURATION}", f"base_ejection_time {DURATION}",
                         "max_ejection_percent int32", "min_health_percent int32", "outlier_detection_http_error_codes uint32[]"],
    "LocalityLoadBalancerSetting": ["distribute Distribute[]", "failover Failover[]", "failover_priority string[]", f"enabled {BOOL}"],
    "LocalityLoadBalancerSetting.Distribute": ["from string", "to uint32{}"],
    "LocalityLoadBalancerSetting.Failover": ["from string", "to string"],
    "ZoneAwareLoadBalancerSetting": [f"enabled {BOOL}", "failover Failover[]", "failover_priority string[]",
                                     "min_cluster_size google.protobuf.UInt64Value"],
    "ZoneAwareLoadBalancerSetting.Failover": ["from string", "to string"],
    "HTTPRetry": ["attempts int32", f"per_try_timeout {DURATION}", "retry_on string", f"retry_remote_localities {BOOL}",
                  f"retry_ignore_previous_hosts {BOOL}", f"backoff {DURATION}"],
}
IMAGE = {"ProxyImage": ["image_type string"]}

SCALARS = {"bool": "Bool", "int32": "Int32", "uint32": "Uint32", "int64": "Int64", "uint64": "Uint64", "double": "Double", "string": "String"}
WRAPPERS = {"Bool": "Bool", "Int32": "Int32", "UInt32": "Uint32", "Int64": "Int64", "UInt64": "Uint64", "Double": "Double", "String": "String"}


def json_name(name):
    """lowerCamelCase, as protoc makes it."""
    head, *tail = name.split("_")
    return head + "".join(p[:1].upper() + p[1:] for p in tail)


def go_name(name):
    """The Go field's name, as protoc-gen-go makes it."""
    out, i = "", 0
    while i < len(name):
        c = name[i]
        if c == "_" and i == 0:
            out += "X"
        elif c == "_" and i + 1 < len(name) and name[i + 1].islower():
            pass
        elif c.isdigit() or c == "_":
            out += c
        else:
            out += c.upper()
            while i + 1 < len(name) and name[i + 1].islower():
                i += 1
                out += name[i]
        i += 1
    return out


def compact(package, version, messages):
    """The messages above in the form of the JSON file."""
    for name, fields in messages.items():
        if isinstance(fields, dict):
            yield f"{package}.{name}", version, {"enum": fields}
            continue
        out = []
        for field in fields:
            field, kind, *oneof = field.split()
            repeated, mapped = kind.endswith("[]"), kind.endswith("{}")
            kind = kind.removesuffix("[]").removesuffix("{}")
            out.append({"name": field, "json": json_name(field), "type": {"map": ["string", kind]} if mapped else kind,
                        "repeated": repeated, **({"oneof": oneof[0]} if oneof else {})})
        yield f"{package}.{name}", version, {"fields": out}


def main():
    source = json.load(open(sys.argv[1]))
    mesh = "istio.mesh.v1alpha1"
    everything = [(f"{mesh}.{n}", "v1alpha1", m) for n, m in source["messages"].items()]
    everything += compact("istio.networking.v1alpha3", "v1alpha3", NETWORKING)
    everything += compact("istio.networking.v1beta1", "v1beta1", IMAGE)
    known = {name: m for name, _, m in everything}

    def resolve(scope, kind):
        """A type's full name: the innermost scope that knows it, as protoc looks for it."""
        if kind in known:
            return kind
        while True:
            if f"{scope}.{kind}" in known:
                return f"{scope}.{kind}"
            if "." not in scope:
                sys.exit(f"unknown type {kind}")
            scope = scope.rpartition(".")[0]

    def static(full):
        short = full.removeprefix(mesh + ".").removeprefix("istio.networking.v1alpha3.").removeprefix("istio.networking.v1beta1.")
        out = ""
        for i, c in enumerate(short.replace(".", "__")):
            if c.isupper() and i and out[-1] != "_" and (not out[-1].isupper() or short.replace(".", "__")[i + 1:i + 2].islower()):
                out += "_"
            out += c.upper()
        return out.replace("__", "_")

    def kind_of(scope, kind):
        if kind in SCALARS:
            return f"Scalar({SCALARS[kind]})"
        if kind == DURATION:
            return "Duration"
        if kind == "google.protobuf.Struct":
            return "Struct"
        if kind.startswith("google.protobuf.") and kind.endswith("Value"):
            return f"Wrapper({WRAPPERS[kind.removeprefix('google.protobuf.').removesuffix('Value')]})"
        full = resolve(scope, kind)
        return f"Enum(&{static(full)})" if "enum" in known[full] else f"Message(&{static(full)})"

    print("//! Generated by scripts/mesh-messages.py; do not edit.")
    print("//!")
    print(f"//! From {source['source']},")
    print("//! and what they use of networking/v1alpha3 and v1beta1.")
    print()
    print("use super::descriptor::Kind::{Duration, Enum, Message, Scalar, Struct, Wrapper};")
    print("use super::descriptor::ScalarKind::{Bool, Double, Int32, Int64, String, Uint32, Uint64};")
    print("use super::descriptor::{EnumType, Field, MessageType};")
    reachable, open_ends = set(), [f"{mesh}.MeshConfig"]
    while open_ends:
        full = open_ends.pop()
        if full in reachable:
            continue
        reachable.add(full)
        kinds = [f["type"]["map"][1] if isinstance(f["type"], dict) else f["type"] for f in known[full].get("fields", [])]
        open_ends += [resolve(full, k) for k in kinds if k not in SCALARS and not k.startswith("google.protobuf.")]
    names = set()
    for full, version, message in everything:
        if full not in reachable:
            continue
        name = static(full)
        if name in names:
            sys.exit(f"two types are called {name}")
        names.add(name)
        package = full.removeprefix(mesh + ".").removeprefix(f"istio.networking.{version}.")
        go = f"{version}.{package.replace('.', '_')}"
        print()
        if "enum" in message:
            values = ", ".join(f'("{n}", {v})' for n, v in message["enum"].items())
            print(f"pub(super) static {name}: EnumType = EnumType {{ go: \"{go}\", values: &[{values}] }};")
            continue
        print(f"pub(super) static {name}: MessageType = MessageType {{ go: \"{go}\", fields: &[")
        for f in message["fields"]:
            kind = f["type"]
            mapped = isinstance(kind, dict)
            if mapped:
                key, kind = kind["map"]
                if key != "string":
                    sys.exit(f"{full}.{f['name']}: only string keys are supported")
            text = f'Field::new("{f["name"]}", "{f["json"]}", "{go_name(f["name"])}", {kind_of(full, kind)})'
            if mapped:
                text += ".map()"
            if f.get("repeated"):
                text += ".list()"
            if "oneof" in f:
                text += f'.one_of("{f["oneof"]}")'
            print(f"    {text},")
        print("] };")


main()
