"""docker/kubernetes/injector: the chart and the plain manifests, against each other, against the schemas of Kubernetes,
against what the program needs, and against what its selectors are to do."""

import itertools
import json
import re
import tempfile
import unittest

import kubernetes_validate
import yaml

from injector import (CHART, FOLDER, INJECTOR, MANIFESTS, ROOT, VARIANTS, by_kind, container, helm, key, manifest, one, parsed, rendered, run, settings)

VERSIONS = [v for v in kubernetes_validate.utils.all_versions() if tuple(map(int, v.split(".")[:2])) >= (1, 27)]


class Chart(unittest.TestCase):
    def test_the_plain_manifests_are_what_the_chart_makes(self):
        for name, values in MANIFESTS.items():
            with self.subTest(name):
                namespace, *plain = manifest(name)
                # Helm wants the namespace before it reads the chart.
                self.assertEqual(namespace, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}})
                plain, made = ({key(thing): thing for thing in objects} for objects in (plain, rendered(values)))
                self.assertEqual(sorted(plain), sorted(made))
                for which, thing in made.items():
                    self.assertEqual(plain[which], thing, which)

    def test_every_plain_manifest_is_known_here(self):
        self.assertEqual(sorted(path.name for path in FOLDER.glob("*.yaml")), sorted(MANIFESTS))

    def test_helm_finds_nothing_wrong(self):
        for name, values in VARIANTS.items():
            with self.subTest(name):
                done = helm("lint", CHART, "--strict", "--namespace", "istio-system", *settings(values))
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_values_that_mean_nothing_are_refused(self):
        for values, message in [
            (["certificate.source=selfsigned"], "certificate"),
            (["failurePolicy=Ignore"], "failurePolicy"),
            (["webhook.timeoutSeconds=60"], "timeoutSeconds"),
            (["revision=Canary_1"], "revision"),
            (["webhook.path=/mutate"], "path"),
            (["configuration.source=own"], "set configuration.injection"),
            (["configuration.injection=policy: enabled"], "set configuration.source to own"),
        ]:
            with self.subTest(values), self.assertRaisesRegex(AssertionError, message):
                rendered(values)

    def test_the_versions_are_those_of_the_program(self):
        version = run(INJECTOR, "--version").stdout.split()[1]
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual((chart["version"], chart["appVersion"]), (version, version))
        self.assertEqual(container(manifest("sidecar-injector.yaml"))["image"], f"registry.example/sidecar-injector:{version}")
        self.assertIn(f"registry.example/istio-iptables:{version}", one(manifest("sidecar-injector.yaml"), "ConfigMap")["data"]["values"])

    def test_installations_share_nothing(self):
        # Of two revisions, and of two namespaces.
        installations = [rendered([]), rendered(["revision=canary"]), rendered([], "other")]
        for a, b in itertools.combinations(installations, 2):
            self.assertFalse({key(thing) for thing in a} & {key(thing) for thing in b})
            selectors = [one(objects, "Service")["spec"]["selector"] for objects in (a, b)]
            namespaces = [one(objects, "Service")["metadata"]["namespace"] for objects in (a, b)]
            self.assertTrue(selectors[0] != selectors[1] or namespaces[0] != namespaces[1])


class Schemas(unittest.TestCase):
    def test_against_the_schemas_of_kubernetes(self):
        # Custom resources have no schema here.
        custom = ("cert-manager.io/", "monitoring.coreos.com/")
        plain = [(thing, version) for thing in manifest("sidecar-injector.yaml") for version in VERSIONS]
        # What differs between variants is in all versions or in none.
        variants = {json.dumps(thing): thing for values in VARIANTS.values() for thing in rendered(values)}
        checks = [*plain, *((thing, VERSIONS[-1]) for thing in variants.values() if not thing["apiVersion"].startswith(custom))]
        for thing, version in checks:
            with self.subTest(kind=thing["kind"], name=thing["metadata"]["name"], version=version):
                kubernetes_validate.validate(thing, version, strict=True)
        print(f"{len(checks)} checks, Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}")
        self.assertGreater(len(plain), 0)

    def test_the_schemas_notice_what_is_wrong(self):
        deployment = one(manifest("sidecar-injector.yaml"), "Deployment")
        deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 1
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)

    def test_the_pods_keep_to_the_level_restricted(self):
        # kubernetes.io, "Pod Security Standards"
        for name, values in VARIANTS.items():
            with self.subTest(name):
                objects = rendered(values)
                pod = one(objects, "Deployment")["spec"]["template"]["spec"]
                only, = pod["containers"]
                self.assertNotIn("initContainers", pod)
                self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                # OpenShift chooses a user of the namespace's own.
                self.assertEqual(pod["securityContext"].get("runAsUser"), None if name == "OpenShift" else 65532)
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(pod))
                self.assertLessEqual({k for v in pod.get("volumes", []) for k in v} - {"name"}, {"configMap", "secret"})
                self.assertEqual(only["securityContext"], {"allowPrivilegeEscalation": False, "privileged": False,
                                                           "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})


def matches(selector, labels):
    """Whether labels match a label selector of Kubernetes."""
    def holds(expression):
        value = labels.get(expression["key"])
        return {
            "In": lambda: value in expression["values"],
            # What is absent is not among the values either.
            "NotIn": lambda: value not in expression["values"],
            "Exists": lambda: value is not None,
            "DoesNotExist": lambda: value is None,
        }[expression["operator"]]()
    return (all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items())
            and all(holds(expression) for expression in selector.get("matchExpressions", [])))


def called(objects, namespace, pod):
    """The first parts of the names of the webhooks that are asked about a pod."""
    suffix = ".sidecar-injector.istio.io"
    webhooks = one(objects, "MutatingWebhookConfiguration")["webhooks"]
    return [w["name"].removesuffix(suffix) for w in webhooks if matches(w["namespaceSelector"], namespace) and matches(w["objectSelector"], pod)]


def labels(**values):
    names = {"injection": "istio-injection", "rev": "istio.io/rev", "inject": "sidecar.istio.io/inject"}
    return {names[name]: value for name, value in values.items()}


class Selectors(unittest.TestCase):
    def setUp(self):
        self.default, self.canary = manifest("sidecar-injector.yaml"), manifest("canary.yaml")

    def test_they_are_istios(self):
        def is_in(name, *values):
            return {"key": name, "operator": "In", "values": list(values)}

        def absent(name):
            return {"key": name, "operator": "DoesNotExist"}

        rev, injection, inject = "istio.io/rev", "istio-injection", "sidecar.istio.io/inject"
        wanted = {"key": inject, "operator": "NotIn", "values": ["false"]}
        for revision, objects in (("default", self.default), ("canary", self.canary), ("default", manifest("with-istio.yaml"))):
            expected = {
                "rev.namespace": ([is_in(rev, revision), absent(injection)], [wanted]),
                "rev.object": ([absent(rev), absent(injection)], [wanted, is_in(rev, revision)]),
            }
            if revision == "default":
                expected["namespace"] = ([is_in(injection, "enabled")], [wanted])
                expected["object"] = ([absent(injection), absent(rev)], [is_in(inject, "true"), absent(rev)])
            webhooks = {w["name"]: w for w in one(objects, "MutatingWebhookConfiguration")["webhooks"]}
            self.assertEqual(list(webhooks), [f"{name}.sidecar-injector.istio.io" for name in expected])
            for name, (namespaces, pods) in expected.items():
                webhook = webhooks[f"{name}.sidecar-injector.istio.io"]
                self.assertEqual(webhook["namespaceSelector"], {"matchExpressions": namespaces}, name)
                self.assertEqual(webhook["objectSelector"], {"matchExpressions": pods}, name)

    def test_what_they_do(self):
        for namespace, pod, default, canary in [
            # namespace, pod, the webhook of the default revision, that of canary
            (labels(), labels(), None, None),
            (labels(), labels(inject="true"), "object", None),
            (labels(), labels(inject="false"), None, None),
            (labels(), labels(rev="default"), "rev.object", None),
            (labels(), labels(rev="canary"), None, "rev.object"),
            (labels(), labels(rev="canary", inject="true"), None, "rev.object"),
            (labels(), labels(rev="canary", inject="false"), None, None),
            (labels(injection="enabled"), labels(), "namespace", None),
            (labels(injection="enabled"), labels(inject="false"), None, None),
            (labels(injection="enabled"), labels(rev="canary"), "namespace", None),
            (labels(injection="disabled"), labels(), None, None),
            (labels(injection="disabled"), labels(inject="true"), None, None),
            (labels(injection="disabled", rev="default"), labels(), None, None),
            (labels(rev="default"), labels(), "rev.namespace", None),
            (labels(rev="default"), labels(inject="false"), None, None),
            (labels(rev="canary"), labels(), None, "rev.namespace"),
            (labels(rev="canary"), labels(rev="default"), None, "rev.namespace"),
            (labels(rev="canary"), labels(inject="false"), None, None),
            (labels(rev="canary", injection="enabled"), labels(), "namespace", None),
            (labels(rev="unknown"), labels(inject="true"), None, None),
        ]:
            with self.subTest(namespace=namespace, pod=pod):
                self.assertEqual(called(self.default, namespace, pod), [default] if default else [])
                self.assertEqual(called(self.canary, namespace, pod), [canary] if canary else [])

    def test_no_pod_is_asked_about_twice(self):
        injections, revs, injects = (None, "enabled", "disabled", ""), (None, "default", "canary", "other"), (None, "true", "false", "")
        count = 0
        for injection, rev, inject, pod_rev in itertools.product(injections, revs, injects, revs):
            present = lambda **values: labels(**{name: value for name, value in values.items() if value is not None})
            namespace, pod = present(injection=injection, rev=rev), present(inject=inject, rev=pod_rev)
            asked = [*called(self.default, namespace, pod), *called(self.canary, namespace, pod)]
            self.assertLessEqual(len(asked), 1, (namespace, pod))
            count += len(asked)
        self.assertGreater(count, 0)

    def test_the_injector_never_waits_for_itself(self):
        installations = [rendered(values) for values in VARIANTS.values()]
        for objects in installations:
            pod = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
            for injection, rev in itertools.product((None, "enabled", "disabled"), (None, "default", "canary", "1-29", "trial")):
                namespace = {k: v for k, v in {"istio-injection": injection, "istio.io/rev": rev}.items() if v}
                for others in installations:
                    self.assertEqual(called(others, namespace, pod), [], namespace)

    def test_a_namespace_without_labels_needs_no_webhook(self):
        # Such as kube-system: whatever the API server needs there can start while the injector is down.
        for pod in ({}, {"k8s-app": "kube-dns"}):
            self.assertEqual(called(self.default, {"kubernetes.io/metadata.name": "kube-system"}, pod), [])

    def test_what_the_api_server_is_told(self):
        for webhook in one(self.default, "MutatingWebhookConfiguration")["webhooks"]:
            self.assertEqual(webhook["rules"], [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "scope": "*"}])
            told = {k: webhook[k] for k in ("failurePolicy", "reinvocationPolicy", "sideEffects", "timeoutSeconds", "admissionReviewVersions")}
            self.assertEqual(told, {"failurePolicy": "Fail", "reinvocationPolicy": "Never", "sideEffects": "None", "timeoutSeconds": 10,
                                    "admissionReviewVersions": ["v1", "v1beta1"]})
            # It is the injector's, or cert-manager's: applying the manifest again must not take it away.
            self.assertNotIn("caBundle", webhook["clientConfig"])


def rights(objects):
    """The rights of all roles, as the rows of the table in injector/src/cluster/mod.rs: group, resource, whether a name
    restricts them, verbs, kind."""
    found = set()
    for role in [*by_kind(objects, "Role"), *by_kind(objects, "ClusterRole")]:
        for rule in role["rules"]:
            for group, resource in itertools.product(rule["apiGroups"], rule["resources"]):
                found.add((group, resource, bool(rule.get("resourceNames")), tuple(rule["verbs"]), role["kind"]))
    return found


def table():
    """The rows of the table, by what they are for."""
    rows = {}
    for line in (ROOT / "injector" / "src" / "cluster" / "mod.rs").read_text().splitlines():
        cells = [cell.strip() for cell in line.removeprefix("//!").strip().strip("|").split("|")]
        if line.startswith("//! |") and len(cells) == 6 and cells[0] != "for" and not cells[0].startswith("---"):
            purpose, group, resource, names, verbs, kind = cells
            rows.setdefault(purpose, set()).add((group, resource, bool(names), tuple(verbs.split(", ")), kind))
    return rows


class Rights(unittest.TestCase):
    def purposes(self, *without):
        return set().union(*(rows for purpose, rows in table().items() if purpose.split(" (")[0] not in without))

    def test_the_table_is_read(self):
        self.assertEqual({purpose.split(" (")[0] for purpose in table()},
                         {"configuration", "native sidecars", "OpenShift", "ProxyConfig resources", "Lease", "caBundle", "shared certificate"})

    def test_they_are_those_that_are_needed(self):
        for name, without in [
            ("sidecar-injector.yaml", ["configuration", "OpenShift"]),
            ("canary.yaml", ["configuration", "OpenShift"]),
            ("with-istio.yaml", ["OpenShift"]),
            ("OpenShift", []),
            ("Istio's, mounted", ["configuration", "OpenShift"]),
            ("native sidecars", ["configuration", "OpenShift", "native sidecars"]),
            ("secret", ["configuration", "OpenShift", "shared certificate"]),
            ("secret with a CA bundle", ["configuration", "OpenShift", "shared certificate", "Lease", "caBundle"]),
            ("cert-manager", ["configuration", "OpenShift", "shared certificate", "Lease", "caBundle"]),
        ]:
            with self.subTest(name):
                self.assertEqual(rights(rendered(VARIANTS[name])), self.purposes(*without))

    def test_they_name_what_the_program_is_told_to_use(self):
        for values in VARIANTS.values():
            objects = rendered(values)
            arguments = dict(a.removeprefix("--").split("=", 1) for a in container(objects)["args"] if "=" in a)
            named = {resource: rule["resourceNames"] for role in [*by_kind(objects, "Role"), *by_kind(objects, "ClusterRole")]
                     for rule in role["rules"] if "resourceNames" in rule for resource in rule["resources"]}
            expected = {}
            if "tls-secret" in arguments:
                expected["secrets"] = [arguments["tls-secret"]]
            if "tls-secret" in arguments or "tls-ca" in arguments:
                # The names that the program gives to its Lease.
                revision = arguments.get("revision", "default")
                expected["leases"] = ["sidecar-injector" + ("" if revision == "default" else f"-{revision}")]
                expected["mutatingwebhookconfigurations"] = [one(objects, "MutatingWebhookConfiguration")["metadata"]["name"]]
            if "injectConfigMapName" in arguments:
                expected["configmaps"] = [arguments["injectConfigMapName"], arguments["meshConfigMapName"]]
            self.assertEqual(named, expected)

    def test_they_are_bound_to_the_account_of_the_pods(self):
        for name, values in VARIANTS.items():
            objects = rendered(values)
            account = one(objects, "ServiceAccount")["metadata"]
            self.assertEqual(one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"], account["name"])
            for kind in ("Role", "ClusterRole"):
                roles = [role["metadata"]["name"] for role in by_kind(objects, kind)]
                bindings = by_kind(objects, f"{kind}Binding")
                self.assertEqual([b["roleRef"] for b in bindings], [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": n} for n in roles], name)
                for binding in bindings:
                    self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}])


class Program(unittest.TestCase):
    """What the manifests hand to the program, and what they take for granted about it."""

    def help(self):
        return run(INJECTOR, "webhook", "--help").stdout

    def test_it_knows_every_flag(self):
        for name, values in VARIANTS.items():
            with self.subTest(name):
                command, *arguments = container(rendered(values))["args"]
                # What comes before --help is parsed.
                done = run(INJECTOR, command, *arguments, "--help")
                self.assertEqual(done.returncode, 0, done.stderr)
        done = run(INJECTOR, "webhook", "--no-such-flag", "--help")
        self.assertNotEqual(done.returncode, 0, "an unknown flag would not be noticed")

    def test_it_takes_the_configuration(self):
        for name in ("sidecar-injector.yaml", "canary.yaml"):
            config_map = one(manifest(name), "ConfigMap")
            with tempfile.TemporaryDirectory() as folder:
                values, pod = f"{folder}/values", f"{folder}/pod"
                for path, text in ((values, config_map["data"]["values"]), (pod, "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}")):
                    with open(path, "w") as file:
                        file.write(text)
                done = run(INJECTOR, "kube-inject", "--valuesFile", values, "-f", pod)
            self.assertEqual(done.returncode, 0, done.stderr)
            init, = parsed(done.stdout)[0]["spec"]["initContainers"]
            self.assertEqual(init["image"], "registry.example/istio-iptables:0.1.0")

    def test_files_that_it_is_told_to_read_are_mounted(self):
        for name, values in VARIANTS.items():
            objects = rendered(values)
            mounts = {mount["mountPath"]: mount["name"] for mount in container(objects).get("volumeMounts", [])}
            volumes = {volume["name"]: volume for volume in one(objects, "Deployment")["spec"]["template"]["spec"].get("volumes", [])}
            config_maps = {c["metadata"]["name"]: c["data"] for c in by_kind(objects, "ConfigMap")}
            files = [a.split("=", 1)[1] for a in container(objects)["args"] if "=/" in a]
            used = set()
            for file in files:
                folder, _, base = file.rpartition("/")
                volume = volumes[mounts[folder]]
                used.add(volume["name"])
                if "configMap" in volume and volume["configMap"]["name"] in config_maps:
                    self.assertIn(base, config_maps[volume["configMap"]["name"]], name)
            self.assertEqual(used, set(volumes), name)
            self.assertEqual(set(mounts.values()), set(volumes), name)

    def test_it_has_the_time_to_end(self):
        defaults = {flag: int(re.search(rf"--{flag} .*?\[default: (\d+)\]", self.help(), re.DOTALL)[1]) for flag in ("shutdown-delay", "shutdown-timeout")}
        pod = one(manifest("sidecar-injector.yaml"), "Deployment")["spec"]["template"]["spec"]
        self.assertFalse([a for a in container(manifest("sidecar-injector.yaml"))["args"] if "shutdown" in a])
        self.assertGreater(pod["terminationGracePeriodSeconds"], sum(defaults.values()))

    def test_it_is_reached_where_it_listens(self):
        self.assertIn("[default: :15017]", self.help())
        for name, values in VARIANTS.items():
            objects = rendered(values)
            only, service = container(objects), one(objects, "Service")
            ports = {p["name"]: p["containerPort"] for p in only["ports"]}
            self.assertEqual(ports, {"https-webhook": 15017, "http-monitoring": 15014})
            self.assertIn("--monitoring=:15014", only["args"])
            self.assertEqual({p["name"]: (p["port"], p["targetPort"]) for p in service["spec"]["ports"]},
                             {"https-webhook": (443, 15017), "http-monitoring": (15014, 15014)})
            self.assertEqual(only["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "https-webhook", "scheme": "HTTPS"})
            self.assertEqual(only["livenessProbe"]["httpGet"], {"path": "/healthz", "port": "http-monitoring"})
            template = one(objects, "Deployment")["spec"]["template"]["metadata"]
            self.assertEqual(template["annotations"]["prometheus.io/port"], "15014")
            selector = one(objects, "Deployment")["spec"]["selector"]["matchLabels"]
            for other in (service["spec"]["selector"], one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]):
                self.assertEqual(other, selector)
            self.assertLessEqual(selector.items(), template["labels"].items())
            for webhook in one(objects, "MutatingWebhookConfiguration")["webhooks"]:
                reached = webhook["clientConfig"]["service"]
                self.assertEqual((reached["name"], reached["namespace"], reached["port"]),
                                 (service["metadata"]["name"], service["metadata"]["namespace"], 443), name)
                self.assertTrue(reached["path"].startswith("/inject"))

    def test_its_configurations_are_found_by_the_label_of_its_revision(self):
        for values in VARIANTS.values():
            objects = rendered(values)
            revision = next((a.split("=")[1] for a in container(objects)["args"] if a.startswith("--revision=")), "default")
            self.assertEqual(one(objects, "MutatingWebhookConfiguration")["metadata"]["labels"]["istio.io/rev"], revision)

    def test_nothing_is_lost_in_a_rollout_or_when_a_node_is_drained(self):
        deployment = one(manifest("sidecar-injector.yaml"), "Deployment")["spec"]
        self.assertEqual(deployment["replicas"], 2)
        self.assertEqual(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0)
        terms = deployment["template"]["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual([t["podAffinityTerm"]["topologyKey"] for t in terms], ["kubernetes.io/hostname", "topology.kubernetes.io/zone"])
        self.assertEqual(one(manifest("sidecar-injector.yaml"), "PodDisruptionBudget")["spec"]["maxUnavailable"], 1)

    def test_cert_manager_makes_the_certificate_that_is_served(self):
        for name in ("cert-manager", "cert-manager with an issuer"):
            objects = rendered(VARIANTS[name])
            certificate = next(c for c in by_kind(objects, "Certificate") if c["metadata"]["name"] == "sidecar-injector")
            self.assertEqual(certificate["spec"]["dnsNames"], ["sidecar-injector.istio-system.svc"])
            volume, = [v for v in one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"] if "secret" in v]
            self.assertEqual(certificate["spec"]["secretName"], volume["secret"]["secretName"])
            annotations = one(objects, "MutatingWebhookConfiguration")["metadata"]["annotations"]
            self.assertEqual(annotations, {"cert-manager.io/inject-ca-from": "istio-system/sidecar-injector"})
            issuers = {i["metadata"]["name"] for i in by_kind(objects, "Issuer")}
            self.assertIn(certificate["spec"]["issuerRef"]["name"], issuers or {"company"})


if __name__ == "__main__":
    unittest.main()
