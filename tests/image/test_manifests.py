"""docker/kubernetes: against the Kubernetes schemas, against each other, and run in real containers."""

import pathlib
import unittest

import kubernetes_validate
import yaml

from pod import IMAGE, NATIVE_IMAGE, Pod, docker, must

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docker" / "kubernetes"
IMAGES = {"registry.example/istio-iptables:0.1.0": IMAGE, "registry.example/istio-iptables:0.1.0-native": NATIVE_IMAGE}
# From the oldest version still in use to the newest one.
VERSIONS = [v for v in kubernetes_validate.utils.all_versions() if tuple(map(int, v.split(".")[:2])) >= (1, 27)]


def documents(name):
    return [d for d in yaml.safe_load_all((FOLDER / name).read_text()) if d]


def pods():
    for path in sorted(FOLDER.glob("pod-*.yaml")):
        for document in documents(path.name):
            if document["kind"] == "Pod":
                yield path.name, document


class Schemas(unittest.TestCase):
    def test_against_the_schemas_of_kubernetes(self):
        checked = 0
        for path in sorted(FOLDER.glob("pod-*.yaml")):
            for document in documents(path.name):
                for version in VERSIONS:
                    with self.subTest(path=path.name, kind=document["kind"], version=version):
                        kubernetes_validate.validate(document, version, strict=True)
                        checked += 1
        print(f"{checked} checks, Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}")
        self.assertGreater(checked, 0)

    def test_the_schemas_notice_what_is_wrong(self):
        _, pod = next(pods())
        pod["spec"]["initContainers"][0]["securityContext"]["readonlyRootFilesystem"] = True
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)

    def test_the_values_for_a_mesh_name_the_image_and_nothing_else(self):
        values, = documents("istio-values-mesh.yaml")
        self.assertEqual(list(values), ["global"])
        self.assertEqual(list(values["global"]), ["proxy_init"])
        self.assertIn("/", values["global"]["proxy_init"]["image"])

    def test_the_values_for_a_canary_change_no_pod_by_themselves(self):
        values, = documents("istio-values-canary.yaml")
        self.assertEqual(list(values), ["sidecarInjectorWebhook"])
        self.assertEqual(list(values["sidecarInjectorWebhook"]), ["templates"])
        # A template with the name of Istio's own would be merged into every pod.
        templates = values["sidecarInjectorWebhook"]["templates"]
        self.assertEqual(list(templates), ["captured-by-rust"])
        # The pod template that asks for it, as the comment shows it.
        comment = [l for l in (FOLDER / "istio-values-canary.yaml").read_text().splitlines() if l.startswith("#   ")]
        asking = yaml.safe_load("\n".join(l[4:] for l in comment))
        names = asking["spec"]["template"]["metadata"]["annotations"]["inject.istio.io/templates"].split(",")
        self.assertEqual(names, ["sidecar", *templates])
        for template in templates.values():
            spec = yaml.safe_load(template)["spec"]
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "x"}], **spec}}
            kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)

    def test_only_what_captures_goes_beyond_the_level_restricted(self):
        # The rules of the level, as far as containers without volumes and host settings can break them
        # (kubernetes.io, "Pod Security Standards").
        for name, pod in pods():
            self.assertEqual(pod["spec"]["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
            for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
                with self.subTest(file=name, container=container["name"]):
                    context = container["securityContext"]
                    self.assertFalse(context["allowPrivilegeEscalation"])
                    self.assertFalse(context.get("privileged", False))
                    self.assertTrue(context["readOnlyRootFilesystem"])
                    self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                    if container["name"] == "istio-init":
                        self.assertLessEqual(set(context["capabilities"]["add"]), {"NET_ADMIN", "NET_RAW"})
                    else:
                        self.assertTrue(context["runAsNonRoot"])
                        self.assertNotIn("add", context["capabilities"])

    def test_the_version_is_that_of_the_program(self):
        cargo = (FOLDER.parents[1] / "Cargo.toml").read_text()
        version = next(line.split('"')[1] for line in cargo.splitlines() if line.startswith("version = "))
        for path in FOLDER.glob("*.yaml"):
            for line in path.read_text().splitlines():
                if "registry.example/istio-iptables:" in line:
                    self.assertIn(f":{version}", line, path.name)


def run(pod, container):
    """Runs a container of a manifest, with all that its securityContext and limits say."""
    context = container["securityContext"]
    options = ["--user", f"{context['runAsUser']}:{context['runAsGroup']}", "--security-opt", "no-new-privileges", "--read-only",
               "--memory", container["resources"]["limits"]["memory"].replace("Mi", "m")]
    for capability in context["capabilities"]["drop"]:
        options += ["--cap-drop", capability]
    for capability in context["capabilities"].get("add", []):
        options += ["--cap-add", capability]
    assert not context["allowPrivilegeEscalation"] and context["readOnlyRootFilesystem"]
    return docker("run", "--rm", "--network", f"container:{pod.name}", *options, IMAGES[container["image"]], *container["args"])


def init_container(name):
    pod, = (pod for file, pod in pods() if file == name)
    container, = pod["spec"]["initContainers"]
    return container


class Run(unittest.TestCase):
    def test_iptables(self):
        pod, container = Pod(self), init_container("pod-iptables.yaml")
        must(run(pod, container))
        self.assertIn("in place", must(run(pod, container)).log)

    def test_iptables_with_legacy(self):
        pod, container = Pod(self), init_container("pod-iptables.yaml")
        container["args"].append("--force-iptables-binary=legacy")
        must(run(pod, container))

    def test_native(self):
        pod, container = Pod(self), init_container("pod-native.yaml")
        must(run(pod, container))
        self.assertIn("table inet istio-proxy-nat", pod.rules())

    def test_validation(self):
        pod = Pod(self)
        self.assertEqual(run(pod, init_container("pod-validation.yaml")).status, 126)
        must(run(pod, init_container("pod-iptables.yaml")))
        must(run(pod, init_container("pod-validation.yaml")))


if __name__ == "__main__":
    unittest.main()
