"""The inside of scripts/soak: runs in namespaces of its own.

Each second, some pods are reviewed, each other than those before, and one pod's network is set up, checked and taken down.
Every ten seconds the webhook's configuration and certificate are replaced, each third time by broken ones, and another
program removes the plugin from the node's configuration.
"""

import argparse
import http.client
import json
import os
import pathlib
import signal
import ssl
import statistics
import subprocess
import tempfile
import time

RATE = 20
EVERY = 10

parser = argparse.ArgumentParser()
parser.add_argument("injector")
parser.add_argument("cni")
parser.add_argument("--minutes", type=float, default=60)
arguments = parser.parse_args()

folder = pathlib.Path(tempfile.mkdtemp(dir="/run"))
NODE = {"bin": folder / "bin", "conf": folder / "net.d"}
NETWORK = json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp"}]})
PLUGIN = json.dumps({
    "cniVersion": "1.0.0", "name": "pods", "type": "istio-cni",
    "runtimeConfig": {"io.kubernetes.cri.pod-annotations": {
        "sidecar.istio.io/status": '{"initContainers":["istio-validation"],"containers":["istio-proxy"]}'}},
    "prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.2/24"}], "dns": {}},
})


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def replace(path, text):
    """Replaces a file as a whole, as editors and kubelets do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def certificate(number):
    key, cert = folder / f"{number}.key", folder / f"{number}.crt"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", f"/CN=soak-{number}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert))
    return cert.read_text(), key.read_text()


def used(process):
    """Resident memory in KiB, and how many files are open."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
    return int(resident), len(os.listdir(f"/proc/{process.pid}/fd"))


def review(number):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{number}", "labels": {"app": "web"}},
           "spec": {"containers": [{"name": "web", "image": f"web:{number}", "ports": [{"containerPort": 8080}]}]}}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": "default", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "object": pod}})


class Webhook:
    """A client that stays connected, and connects again once a minute."""

    def __init__(self):
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.connection = None

    def connect(self):
        if self.connection:
            self.connection.close()
        self.connection = http.client.HTTPSConnection("127.0.0.1", 15017, context=self.context)
        self.connection.connect()

    def took(self, number):
        """Milliseconds of a review."""
        body = review(number)
        start = time.monotonic()
        self.connection.request("POST", "/inject", body, {"content-type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        took = (time.monotonic() - start) * 1e3
        assert answer["response"]["allowed"] and answer["response"]["patch"], answer
        return took


def plugin(command):
    """Milliseconds of a call of the plugin."""
    variables = {"CNI_COMMAND": command, "CNI_CONTAINERID": "pod", "CNI_NETNS": "/run/netns/pod", "CNI_IFNAME": "eth0",
                 "CNI_PATH": "/opt/cni/bin", "PATH": os.environ["PATH"]}
    start = time.monotonic()
    run(arguments.cni, input=PLUGIN, env=variables)
    return (time.monotonic() - start) * 1e3


def pod():
    run("ip", "netns", "add", "pod")
    try:
        run("ip", "-n", "pod", "link", "set", "lo", "up")
        took = plugin("ADD")
        plugin("CHECK")
        plugin("DEL")
        return took
    finally:
        run("ip", "netns", "delete", "pod")


def start():
    printed = run(arguments.injector, "kube-inject", "--print-config")
    texts = dict(zip(("injection", "values", "mesh"), printed.split("---\n")))
    for name, text in texts.items():
        (folder / name).write_text(text)
    for path, text in zip((folder / "tls.crt", folder / "tls.key"), certificate(0)):
        path.write_text(text)
    for path in NODE.values():
        path.mkdir()
    (NODE["conf"] / "10-pods.conflist").write_text(NETWORK)
    log = open(folder / "log", "w")
    webhook = subprocess.Popen(
        [arguments.injector, "webhook", "--listen", "127.0.0.1:15017", "--tls-cert", folder / "tls.crt", "--tls-key",
         folder / "tls.key", "--injectConfigFile", folder / "injection", "--valuesFile", folder / "values",
         "--meshConfigFile", folder / "mesh"], stdout=log, stderr=log)
    installer = subprocess.Popen(
        [arguments.cni, "install", "--bin-dir", NODE["bin"], "--conf-dir", NODE["conf"]], stdout=log, stderr=log)
    return texts, webhook, installer


def change(number, texts):
    """What changes every few seconds."""
    broken = number % 3 == 2
    replace(folder / "values", "global: [\n" if broken else texts["values"] + f"\n# {number}\n")
    cert, key = certificate(number)
    replace(folder / "tls.key", "no key" if broken else key)
    replace(folder / "tls.crt", cert)
    for path in folder.glob("[0-9]*.*"):
        path.unlink()
    replace(NODE["conf"] / "10-pods.conflist", NETWORK)


def soak(texts, webhook, installer):
    client, samples, number = Webhook(), [], 0
    for _ in range(100):
        try:
            client.connect()
            break
        except ConnectionError:
            time.sleep(0.1)
    begun = time.monotonic()
    reviews, adds = [], []
    second = 0
    while second < arguments.minutes * 60:
        time.sleep(max(0.0, begun + second - time.monotonic()))
        second += 1
        for _ in range(RATE):
            reviews.append(client.took(number))
            number += 1
        adds.append(pod())
        if second % EVERY == 0:
            change(second // EVERY, texts)
        if second % 60 == 0:
            client.connect()
            reviews.sort()
            sample = {"minute": second // 60, "reviews": len(reviews), "median": statistics.median(reviews),
                      "p99": reviews[int(len(reviews) * 0.99)], "add": statistics.median(adds)}
            sample["webhook_kib"], sample["webhook_files"] = used(webhook)
            sample["installer_kib"], sample["installer_files"] = used(installer)
            samples.append(sample)
            reviews, adds = [], []
            print(f"minute {sample['minute']}: webhook {sample['webhook_kib']} KiB, {sample['webhook_files']} files, median "
                  f"{sample['median']:.2f} ms, 99 % {sample['p99']:.2f} ms; installer {sample['installer_kib']} KiB, "
                  f"{sample['installer_files']} files; ADD {sample['add']:.2f} ms", flush=True)
    return samples


def chart(samples, top, title, unit, lines):
    """One chart of the picture: a title, and a line for each key, from zero upwards."""
    width, height, left = 640, 110, 70
    most = max(sample[key] for sample in samples for key, _, _ in lines) * 1.15
    x = lambda sample: left + width * (sample["minute"] - 1) / max(1, len(samples) - 1)
    y = lambda value: top + 24 + height * (1 - value / most)
    out = [f'<text x="{left}" y="{top + 14}" font-weight="bold">{title}</text>',
           f'<path d="M{left} {top + 24}v{height}h{width}" stroke="#868e96" fill="none"/>',
           f'<text x="{left - 6}" y="{top + 28 + height}" text-anchor="end">0</text>',
           f'<text x="{left - 6}" y="{top + 34}" text-anchor="end">{most:.3g} {unit}</text>']
    for place, (key, name, colour) in enumerate(lines):
        points = " ".join(f"{x(sample):.1f},{y(sample[key]):.1f}" for sample in samples)
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{left + width}" y="{top + 14 - 0 * place}" dx="{-150 * (len(lines) - 1 - place)}" '
                   f'text-anchor="end" fill="{colour}">{name}</text>')
    return out


def picture(samples):
    for sample in samples:
        sample["webhook_mib"], sample["installer_mib"] = sample["webhook_kib"] / 1024, sample["installer_kib"] / 1024
    blue, orange = "#1971c2", "#d9480f"
    charts = [
        ("Memory", "MiB", [("webhook_mib", "webhook", blue), ("installer_mib", "istio-cni install", orange)]),
        ("Open files", "", [("webhook_files", "webhook", blue), ("installer_files", "istio-cni install", orange)]),
        ("Latency of a review", "ms", [("median", "median", blue), ("p99", "99 %", orange)]),
        ("Time of an ADD", "ms", [("add", "median", blue)]),
    ]
    body = [line for place, (title, unit, lines) in enumerate(charts)
            for line in chart(samples, place * 160, title, unit, lines)]
    foot = 160 * len(charts)
    body.append(f'<text x="70" y="{foot}">0</text><text x="710" y="{foot}" text-anchor="end">{len(samples)} minutes</text>')
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 730 ' + str(foot + 12) + '" font-family="sans-serif" font-size="12">\n'
            '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")


texts, webhook, installer = start()
try:
    samples = soak(texts, webhook, installer)
finally:
    for process in (webhook, installer):
        process.send_signal(signal.SIGTERM)
statuses = [process.wait(60) for process in (webhook, installer)]
pathlib.Path("target/soak.json").write_text(json.dumps(samples, indent=1) + "\n")
pathlib.Path("docs/soak.svg").write_text(picture(samples))
print(f"exit statuses {statuses}; written: target/soak.json, docs/soak.svg")
