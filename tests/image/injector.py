"""The injector's program, manifests and chart, for the tests of these."""

import functools
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker" / "kubernetes" / "injector"
CHART = FOLDER / "chart"
INJECTOR = os.environ.get("INJECTOR", str(ROOT / "target" / f"{os.uname().machine}-unknown-linux-musl" / "release" / "sidecar-injector"))

# What the plain manifests are made from.
MANIFESTS = {
    "sidecar-injector.yaml": [],
    "canary.yaml": ["revision=canary"],
    "with-istio.yaml": ["configuration.source=istio"],
}
# What else the chart can do: each value that makes other objects.
VARIANTS = {
    **MANIFESTS,
    "cert-manager": ["certificate.source=certManager"],
    "cert-manager with an issuer": ["certificate.source=certManager", "certificate.issuerRef.name=company", "certificate.issuerRef.kind=ClusterIssuer"],
    "secret": ["certificate.source=secret", "certificate.secretName=mine"],
    "secret with a CA bundle": ["certificate.source=secret", "certificate.caBundle=PEM"],
    "own configuration": ["configuration.source=own", "configuration.injection=policy: enabled", "configuration.mesh.rootNamespace=x"],
    "Istio's, mounted": ["configuration.source=istio", "configuration.istio.mounted=true", "revision=trial",
                         "configuration.istio.injectConfigMapName=istio-sidecar-injector", "configuration.istio.meshConfigMapName=istio"],
    "a revision of Istio": ["configuration.source=istio", "revision=1-29"],
    "the revision default": ["revision=default"],
    "OpenShift": ["openshift=true", "configuration.source=istio"],
    "native sidecars": ["nativeSidecars=true"],
    "all the rest": ["monitoring.serviceMonitor.enabled=true", "monitoring.serviceMonitor.labels.release=prometheus", "log.level=debug", "log.json=true",
                     "imagePullSecrets[0].name=pull", "tolerations[0].key=x", "extraArgs[0]=--max-connections=100", "podAnnotations.a=b",
                     "extraEnv[0].name=A", "extraEnv[0].value=b", "webhook.failurePolicy=Ignore", "replicas=1",
                     "webhook.path=/inject/cluster/c1/net/n1", "priorityClassName=", "image.tag=1.2.3"],
}


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)


def helm(*arguments):
    return run(ROOT / "scripts" / "helm", *arguments)


def settings(values):
    # All but lists and booleans are texts, as a file of values would have them.
    options = []
    for value in values:
        is_text = not value.endswith(("=true", "=false")) and not value.startswith("replicas=")
        options += ["--set-string" if is_text else "--set", value]
    return options


def rendered(values, namespace="istio-system"):
    return parsed(template(tuple(values), namespace))


@functools.cache
def template(values, namespace):
    done = helm("template", "sidecar-injector", CHART, "--namespace", namespace, *settings(values))
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def parsed(text):
    return [d for d in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if d]


def manifest(name):
    return parsed((FOLDER / name).read_text())


def by_kind(objects, kind):
    return [o for o in objects if o["kind"] == kind]


def one(objects, kind):
    found, = by_kind(objects, kind)
    return found


def container(objects):
    only, = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return only


def key(thing):
    return thing["apiVersion"], thing["kind"], thing["metadata"].get("namespace"), thing["metadata"]["name"]
