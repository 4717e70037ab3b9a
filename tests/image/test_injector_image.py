"""The injector's image, run as its Deployment runs it: as the image's own user, without rights, on a read-only file
system, in a network of its own."""

import base64
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import yaml

from injector import container, manifest, one
from pod import Pod, docker, must

IMAGE = os.environ.get("INJECTOR_IMAGE", "istio-iptables-test:injector")
REVIEW = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
    "uid": "1", "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "namespace": "default",
    "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}}}


class Running:
    """The container of the Deployment, without the flags that need a cluster."""

    def __init__(self, test):
        self.pod = Pod(test)
        objects = manifest("sidecar-injector.yaml")
        only = container(objects)
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        for name, text in one(objects, "ConfigMap")["data"].items():
            pathlib.Path(folder.name, name).write_text(text)
        in_a_cluster = ("--cluster", "--tls-secret=")
        arguments = [a for a in only["args"] if not a.startswith(in_a_cluster)]
        self.name = f"{self.pod.name}-injector"
        self.pod.start_container(self.name, "--network", f"container:{self.pod.name}", "--read-only", "--cap-drop", "ALL",
                        "--security-opt", "no-new-privileges", "--memory", only["resources"]["limits"]["memory"].replace("Mi", "m"),
                        "--volume", f"{folder.name}:{only['volumeMounts'][0]['mountPath']}:ro", IMAGE, *arguments)
        self.pid = must(docker("inspect", "--format", "{{.State.Pid}}", self.name)).out.strip()

    def curl(self, path, *options):
        command = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "curl", "--silent", "--show-error", "--insecure", "--max-time", "20",
                   "--retry", "50", "--retry-connrefused", "--retry-delay", "1", *options, path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}\n{done.stderr}{docker('logs', self.name).log}")
        return done.stdout


class Image(unittest.TestCase):
    def test_it_serves_as_the_deployment_runs_it(self):
        running = Running(self)
        for address in ("https://127.0.0.1:15017", "https://[::1]:15017", "http://127.0.0.1:15014"):
            self.assertIn("[+] configuration", running.curl(f"{address}/readyz", "--fail"))
            self.assertIn("ok", running.curl(f"{address}/healthz", "--fail"))
        self.assertIn("sidecar_injector_build_info", running.curl("http://127.0.0.1:15014/metrics", "--fail"))

        answer = json.loads(running.curl("https://127.0.0.1:15017/inject", "--fail", "--header", "content-type: application/json",
                                         "--data", json.dumps(REVIEW)))["response"]
        self.assertTrue(answer["allowed"])
        patch = base64.b64decode(answer["patch"]).decode()
        self.assertIn("istio-proxy", patch)
        self.assertIn(yaml.safe_load(one(manifest("sidecar-injector.yaml"), "ConfigMap")["data"]["values"])["global"]["proxy_init"]["image"], patch)

        status = pathlib.Path(f"/proc/{running.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        self.assertEqual(fields["Uid"].split(), ["65532"] * 4)
        self.assertEqual(fields["Gid"].split(), ["65532"] * 4)
        self.assertEqual(int(fields["CapEff"], 16), 0)
        print(f"memory at rest: {fields['VmRSS'].strip()}")

    def test_it_ends_with_status_0(self):
        running = Running(self)
        running.curl("http://127.0.0.1:15014/readyz", "--fail")
        must(docker("kill", "--signal", "TERM", running.name))
        self.assertEqual(must(docker("wait", running.name)).out.strip(), "0", docker("logs", running.name).log)

    def test_it_has_the_program_and_its_user_and_nothing_else(self):
        size = int(must(docker("image", "inspect", "--format", "{{.Size}}", IMAGE)).out)
        print(f"{IMAGE}: {size} bytes")
        name = must(docker("create", IMAGE, "webhook")).out.strip()
        self.addCleanup(docker, "rm", name)
        exported = subprocess.Popen(["docker", "export", name], stdout=subprocess.PIPE)
        listed = subprocess.run(["tar", "--list"], stdin=exported.stdout, capture_output=True, text=True, check=True).stdout.split()
        exported.stdout.close()
        self.assertEqual(exported.wait(), 0)
        # What docker itself puts there is empty.
        engine = {".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab"}
        files = {f for f in listed if not f.endswith("/") and not f.startswith(("dev/", "proc", "sys"))} - engine
        self.assertEqual(files, {"usr/local/bin/sidecar-injector", "etc/passwd", "etc/group"})
        configuration = json.loads(must(docker("image", "inspect", "--format", "{{json .Config}}", IMAGE)).out)
        self.assertEqual(configuration["User"], "65532:65532")
        self.assertEqual(configuration["Entrypoint"], ["/usr/local/bin/sidecar-injector"])


if __name__ == "__main__":
    unittest.main()
