"""docker/kubernetes/cni: against the Kubernetes schemas, and its image, run as the DaemonSet runs it: root without
capabilities, on a read-only file system, with two directories of a node."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

import kubernetes_validate
import yaml

from pod import docker, must

IMAGE = os.environ.get("CNI_IMAGE", "istio-iptables-test:cni")
MANIFEST = pathlib.Path(__file__).resolve().parents[2] / "docker" / "kubernetes" / "cni" / "istio-cni.yaml"
VERSIONS = [v for v in kubernetes_validate.utils.all_versions() if tuple(map(int, v.split(".")[:2])) >= (1, 27)]
LIST = '{"cniVersion":"0.3.1","name":"k8s-pod-network","plugins":[{"type":"ptp"}]}'


def objects():
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def parts():
    config, daemon_set = objects()
    pod = daemon_set["spec"]["template"]["spec"]
    return config, daemon_set, pod, pod["containers"][0]


class Manifest(unittest.TestCase):
    def test_against_the_schemas_of_kubernetes(self):
        for thing in objects():
            for version in VERSIONS:
                with self.subTest(kind=thing["kind"], version=version):
                    kubernetes_validate.validate(thing, version, strict=True)

    def test_it_has_no_right_to_the_api_server_and_the_least_to_the_node(self):
        self.assertEqual([thing["kind"] for thing in objects()], ["ConfigMap", "DaemonSet"])
        _, _, pod, container = parts()
        self.assertIs(pod["automountServiceAccountToken"], False)
        self.assertNotIn("serviceAccountName", pod)
        context = container["securityContext"]
        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
        self.assertFalse(context["privileged"] or context["allowPrivilegeEscalation"])
        self.assertTrue(context["readOnlyRootFilesystem"])
        self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
        paths = [volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume]
        self.assertEqual(paths, ["/opt/cni/bin", "/etc/cni/net.d"])

    def test_every_node_has_it_and_an_update_stops_at_a_version_that_fails(self):
        _, daemon_set, pod, container = parts()
        self.assertEqual(pod["tolerations"], [{"operator": "Exists"}])
        self.assertEqual(pod["priorityClassName"], "system-node-critical")
        self.assertTrue(pod["hostNetwork"])
        self.assertEqual(daemon_set["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"], 0)
        self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/readyz")


class Node:
    """The directories of a node, and the installer on it."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("bin", "net.d", "config"):
            (self.folder / name).mkdir(mode=0o755)
        self.list = self.folder / "net.d" / "10-a.conflist"
        self.list.write_text(LIST)
        config, _, _, self.container = parts()
        (self.folder / "config" / "plugin.json").write_text(config["data"]["plugin.json"])
        self.name = f"istio-cni-{self.folder.name}"
        test.addCleanup(docker, "rm", "--force", self.name)

    def options(self, *, user="0:0"):
        mounts = {"programs": "bin", "configurations": "net.d", "plugin": "config"}
        options = ["--name", self.name, "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", user,
                   "--security-opt", "no-new-privileges", "--memory", self.container["resources"]["limits"]["memory"].replace("Mi", "m")]
        for mount in self.container["volumeMounts"]:
            read_only = ":ro" if mount.get("readOnly") else ""
            options += ["--volume", f"{self.folder / mounts[mount['name']]}:{mount['mountPath']}{read_only}"]
        return options

    def status(self, path):
        pid = must(docker("inspect", "--format", "{{.State.Pid}}", self.name)).out.strip()
        command = ["nsenter", f"--net=/proc/{pid}/ns/net", "curl", "--silent", "--output", "/dev/null", "--write-out",
                   "%{http_code}", "--max-time", "20", f"http://127.0.0.1:15023{path}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout

    def becomes_ready(self):
        end = time.monotonic() + 60
        while self.status("/readyz") != "200":
            if time.monotonic() > end:
                raise AssertionError(docker("logs", self.name).log)
            time.sleep(0.05)


class Image(unittest.TestCase):
    def test_it_installs_as_the_daemon_set_runs_it(self):
        node = Node(self)
        must(docker("run", "--detach", *node.options(), IMAGE, *node.container["args"]))
        node.becomes_ready()
        self.assertEqual(node.status("/healthz"), "200")
        wanted = {"type": "istio-cni", "exclude_namespaces": ["kube-system", "istio-system"],
                  "capabilities": {"io.kubernetes.cri.pod-annotations": True}}
        self.assertEqual(json.loads(node.list.read_text())["plugins"][-1], wanted)
        program = node.folder / "bin" / "istio-cni"
        self.assertEqual(program.stat().st_mode & 0o7777, 0o755)
        # As other programs write it.
        node.list.write_text(LIST)
        node.becomes_ready()
        status = must(docker("exec", node.name, "/usr/local/bin/istio-cni", "status", "--output=json"))
        self.assertTrue(json.loads(status.out)["installed"])
        # It stays when its pod ends: the next one finds all in place.
        must(docker("stop", node.name))
        self.assertIn('"istio-cni"', node.list.read_text())
        must(docker("rm", node.name))
        must(docker("run", "--rm", *node.options(), IMAGE, "uninstall"))
        self.assertEqual(node.list.read_text(), LIST)
        self.assertFalse(program.exists())

    def test_the_program_on_the_node_is_a_plugin(self):
        node = Node(self)
        must(docker("run", "--rm", *node.options(), IMAGE, "install", "--once"))
        done = subprocess.run([node.folder / "bin" / "istio-cni"], env={"CNI_COMMAND": "VERSION"}, capture_output=True, text=True,
                              input='{"cniVersion":"1.0.0"}', timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1.0.0", json.loads(done.stdout)["supportedVersions"])

    def test_without_root_it_tells_what_it_needs(self):
        node = Node(self)
        done = docker("run", "--rm", *node.options(user="65532:65532"), IMAGE, "install", "--once")
        self.assertEqual(done.status, 1)
        self.assertIn("run as root", done.log)
        self.assertEqual(node.list.read_text(), LIST)

    def test_the_image_holds_the_program_alone(self):
        name = must(docker("create", IMAGE)).out.strip()
        self.addCleanup(docker, "rm", name)
        listing = subprocess.run(f"docker export {name} | tar --list", shell=True, capture_output=True, text=True, timeout=60).stdout
        files = [f for f in listing.split() if not f.endswith("/") and f.split("/")[0] not in ("dev", "etc", "proc", "sys", ".dockerenv")]
        self.assertEqual(files, ["usr/local/bin/istio-cni"])


if __name__ == "__main__":
    unittest.main()
