"""The images, run as Kubernetes runs them. scripts/test-image builds them and starts this."""

import json
import os
import subprocess
import time
import unittest

from pod import FLAGS, IMAGE, NATIVE_IMAGE, POD, POD6, TEST_IMAGE, WORLD, WORLD6, Pod, docker, must

# The rights that each kind needs, and no more.
KINDS = {"nft": ("NET_ADMIN",), "legacy": ("NET_ADMIN", "NET_RAW")}


def flags(kind, *more):
    return [*FLAGS, "--force-iptables-binary", kind, *more]


def files(image):
    """The paths in an image, without what docker itself puts into each container."""
    name = must(docker("create", image, "x")).out.strip()
    try:
        tar = subprocess.run(["docker", "export", name], stdout=subprocess.PIPE, check=True).stdout
        listed = subprocess.run(["tar", "--list", "--verbose"], input=tar, stdout=subprocess.PIPE, check=True).stdout
    finally:
        must(docker("rm", name))
    found = {}
    for line in listed.decode().splitlines():
        mode, _, size, _, _, path = line.split(None, 5)
        path, _, to = path.partition(" -> ")
        if not path.endswith("/") and path not in (".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"):
            found[path] = (mode, int(size), to)
    return found


class Contents(unittest.TestCase):
    OURS = {"etc/group", "etc/nsswitch.conf", "etc/passwd", "usr/local/bin/istio-clean-iptables", "usr/local/bin/istio-iptables"}

    def test_native_is_the_program_alone(self):
        self.assertEqual(set(files(NATIVE_IMAGE)), self.OURS)

    def test_no_shell_and_nothing_that_changes_rights(self):
        for image in (IMAGE, NATIVE_IMAGE):
            found = files(image)
            self.assertLess(self.OURS - set(found), set("x"))
            runnable = {p for p, (mode, _, to) in found.items() if "x" in mode and not to}
            self.assertLessEqual(runnable, {
                "usr/local/bin/istio-iptables", "usr/sbin/xtables-nft-multi", "usr/sbin/xtables-legacy-multi",
                "lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"})
            for path, (mode, _, _) in found.items():
                self.assertNotRegex(mode, "[sStT]", path)
                self.assertNotRegex(mode, "^-.......w.", path)

    def test_every_library_that_is_loaded_is_there(self):
        found = files(IMAGE)
        loader = "/" + next(p for p in found if "ld-linux" in p)
        loaded = set()
        objects = [p for p, (_, _, to) in found.items() if not to and ("/xtables/" in p or p.endswith("-multi"))]
        self.assertGreater(len(objects), 50)
        listed = docker("run", "--rm", "--network", "none", "--entrypoint", loader, IMAGE, "--verify", "/usr/sbin/xtables-nft-multi")
        self.assertIn(listed.status, (0, 2), listed)
        for path in objects:
            if "/xtables/" in path and not any(w in path for w in ("owner", "NAT", "TPROXY", "CT.", "conntrack", "multiport", "connlabel", "statistic", "tcp.")):
                continue
            listed = must(docker("run", "--rm", "--network", "none", "--entrypoint", loader, IMAGE, "--list", "/" + path))
            self.assertNotIn("not found", listed.out, path)
            loaded |= {line.split()[0] for line in listed.out.splitlines() if "=>" in line}
        libraries = {p.rsplit("/", 1)[1] for p in found if "/lib" in p and ".so." in p}
        self.assertLessEqual(libraries, loaded | {loader.rsplit("/", 1)[1], "libnetfilter_conntrack.so.3", "libnfnetlink.so.0"},
                             "a library that nothing loads")

    def test_whose_files_these_are(self):
        found = files(IMAGE)
        packages = {p.rsplit("/", 1)[1] for p in found if p.startswith("var/lib/dpkg/status.d/")}
        self.assertLessEqual({"iptables", "libc6", "libxtables12"}, packages)
        for package in packages:
            self.assertIn(f"usr/share/doc/{package}/copyright", found)

    def test_labels(self):
        for image in (IMAGE, NATIVE_IMAGE):
            labels = json.loads(must(docker("inspect", "--format", "{{json .Config.Labels}}", image)).out)
            for name in ("title", "description", "licenses", "version", "revision", "created"):
                self.assertTrue(labels[f"org.opencontainers.image.{name}"], name)
            self.assertNotIn("unknown", labels.values())

    def test_size(self):
        for image, most in ((IMAGE, 8_000_000), (NATIVE_IMAGE, 1_400_000)):
            size = int(must(docker("inspect", "--format", "{{.Size}}", image)).out)
            print(f"{image}: {size} bytes, {len(files(image))} files")
            self.assertLess(size, most)


class InitContainer(unittest.TestCase):
    """istio-init with the image of both kinds."""

    def test_every_form_in_which_an_injector_calls_it(self):
        pod = Pod(self)
        wanted = None
        forms = [
            (None, ["istio-iptables"]),
            (None, []),
            ("istio-iptables", []),
            ("/usr/local/bin/istio-iptables", []),
            ("/usr/local/bin/istio-iptables", ["istio-iptables"]),
        ]
        cleaning = [
            ("istio-clean-iptables", []),
            ("/usr/local/bin/istio-clean-iptables", []),
            (None, ["istio-clean-iptables"]),
            (None, ["clean"]),
            (None, ["istio-iptables", "--cleanup-only"]),
        ]
        for (command, words), (clean_command, clean_words) in zip(forms, cleaning):
            with self.subTest(command=command, words=words):
                result = must(pod.run(*words, *FLAGS, command=command))
                self.assertIn("using iptables-nft", result.log)
                # The pod has an IPv6 address; nothing else is to be warned of.
                self.assertEqual(result.log.count("\twarn\t"), result.log.count("IPv6 traffic bypasses the proxy"), result)
                rules = pod.rules()
                self.assertIn("-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001", rules)
                wanted = wanted or rules
                self.assertEqual(rules, wanted)
            with self.subTest(command=clean_command, words=clean_words):
                must(pod.run(*clean_words, command=clean_command))
                self.assertNotIn("ISTIO", pod.rules())

    def test_settings_in_the_environment(self):
        pod = Pod(self)
        result = must(pod.run(environment=["ENVOY_PORT=16001", "ISTIO_INBOUND_PORTS=*", "ISTIO_SERVICE_CIDR=*"]))
        self.assertIn("--to-ports 16001", result.log)

    def test_connections_are_captured_in_both_kinds_and_families(self):
        for kind, capabilities in KINDS.items():
            with self.subTest(kind=kind):
                pod = Pod(self)
                must(pod.run(*flags(kind, "--ip-families=dual"), capabilities=capabilities))
                pod.listen(15001, "outbound", user=1337)
                pod.listen(15006, "inbound", user=1337)
                pod.listen(8080, "application", user=1000)
                pod.listen(15021, "health", user=1337)
                pod.listen(443, "world", user=0, where=pod.world)
                for pod_address, world_address in ((POD, WORLD), (POD6, WORLD6)):
                    shown = lambda a: f"[{a}]" if ":" in a else a
                    self.assertEqual(pod.ask(world_address, 443, user=1000), f"outbound, for {shown(world_address)}:443")
                    self.assertRegex(pod.ask(world_address, 443, user=1337), "^world, for ")
                    self.assertEqual(pod.ask(pod_address, 8080, user=1000, where=pod.world), f"inbound, for {shown(pod_address)}:8080")
                    self.assertRegex(pod.ask(pod_address, 15021, user=1000, where=pod.world), "^health, for ")

    def test_a_second_start_finds_its_rules_in_place(self):
        for kind, capabilities in KINDS.items():
            with self.subTest(kind=kind):
                pod = Pod(self)
                must(pod.run(*flags(kind), capabilities=capabilities))
                first = pod.rules()
                # Without the flag, the existing rules decide.
                again = must(pod.run("istio-iptables", *FLAGS, capabilities=capabilities))
                self.assertIn("in place: the rules already exist", again.log)
                self.assertIn(f"using iptables-{kind}", again.log)
                self.assertEqual(pod.rules(), first)
                must(pod.run("clean", capabilities=capabilities))
                self.assertNotIn("ISTIO", pod.rules())

    def test_tproxy_and_dns(self):
        for kind, capabilities in KINDS.items():
            with self.subTest(kind=kind):
                pod = Pod(self)
                before = pod.rules()
                tproxy = flags(kind, "-m", "TPROXY", "--redirect-dns", "--capture-all-dns", "--drop-invalid", "--ip-families=dual", "-c", "eth9")
                must(pod.run(*tproxy, capabilities=capabilities))
                rules = pod.rules()
                for part in ("-j TPROXY", "-j CT --zone 1", "--ctstate INVALID", "fwmark 0x539", "::6/128"):
                    self.assertIn(part, rules)
                must(pod.run("clean", capabilities=capabilities))
                after = pod.rules()
                self.assertNotIn("ISTIO", after)
                self.assertNotIn("fwmark", after)
                self.assertEqual("::6/128" in after, "::6/128" in before)

    def test_rules_of_others_are_read_and_stay(self):
        theirs = ("-t nat -A OUTPUT -p tcp -m tcp --dport 9 -m comment --comment theirs -m statistic --mode random --probability 0.5 "
                  "-m addrtype --dst-type LOCAL -j REDIRECT --to-ports 10")
        for kind, capabilities in KINDS.items():
            with self.subTest(kind=kind):
                pod = Pod(self)
                pod.do(f"iptables-{kind} {theirs}; iptables-{kind} -A INPUT -m limit --limit 1/s -j ACCEPT")
                before = pod.rules()
                must(pod.run(*FLAGS, capabilities=capabilities))
                rules = pod.rules()
                self.assertIn("--comment theirs -m statistic --mode random", rules)
                self.assertIn("-j ISTIO_OUTPUT", rules)
                must(pod.run("clean", capabilities=capabilities))
                self.assertEqual([l for l in pod.rules().splitlines() if "-A" in l], [l for l in before.splitlines() if "-A" in l])

    def test_rights_that_are_missing_are_named_and_nothing_is_changed(self):
        pod = Pod(self)
        before = pod.rules()
        for kind, capabilities, says in (("nft", (), "CAP_NET_ADMIN"), ("legacy", ("NET_ADMIN",), "NET_RAW"), ("legacy", (), "NET_ADMIN")):
            with self.subTest(kind=kind, capabilities=capabilities):
                result = pod.run(*flags(kind), capabilities=capabilities)
                self.assertEqual(result.status, 1, result)
                self.assertIn("\terror\t", result.log)
                self.assertIn(says, result.log)
                self.assertEqual(pod.rules(), before)

    def test_a_dry_run_needs_no_rights_at_all(self):
        pod = Pod(self)
        before = pod.rules()
        for image in (IMAGE, NATIVE_IMAGE):
            result = must(pod.run("--native-nftables=false", "--dry-run", *FLAGS, image=image, user=12345, capabilities=()))
            self.assertTrue(result.out.startswith("# iptables-restore --noflush\n* nat\n"), result)
        self.assertEqual(pod.rules(), before)

    def test_a_live_pod_is_checked_and_explained_by_an_ephemeral_container(self):
        """As docs/live-pod.md has it: kubectl's profile netadmin adds the two capabilities to the runtime's own."""
        pod = Pod(self)
        must(pod.run(*flags("nft")))
        pod.listen(15006, "inbound listener", user=1337)
        debug = lambda *words: docker("run", "--rm", "--network", f"container:{pod.name}", "--cap-add", "NET_ADMIN",
                                      "--cap-add", "NET_RAW", "--entrypoint", "istio-iptables", IMAGE, *words)
        before = pod.rules()
        traced = must(debug("explain", "--live", "in", "tcp", "to=:8080"))
        self.assertIn("Captured by the inbound listener 15006", traced.out.splitlines()[-1])
        self.assertEqual(must(debug("check", *flags("nft"))).out, "")
        self.assertEqual(pod.rules(), before)
        pod.do("iptables-nft -t nat -D ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN")
        checked = debug("check", *flags("nft"))
        self.assertEqual(checked.status, 3, checked)
        self.assertEqual(checked.out, "+ iptables-nft -t nat -A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN\n")
        self.assertEqual(pod.ask(POD, 8080, user=0, where=pod.world), f"inbound listener, for {POD}:8080")

    def test_wrong_usage(self):
        pod = Pod(self)
        result = pod.run("istio-iptables", "-p", "0", "-x", "-b", "*")
        self.assertEqual(result.status, 2, result)
        self.assertIn("--envoy-port (-p)", result.log)
        self.assertNotIn("ISTIO", pod.rules())

    def test_stopped_or_killed_at_any_moment_the_next_start_puts_it_right(self):
        # Many ranges, so that there is something to be interrupted.
        ranges = ",".join(f"10.{i // 256}.{i % 256}.0/24" for i in range(3000))
        for kind, capabilities in KINDS.items():
            pod = Pod(self)
            arguments = flags(kind, "-x", ranges, "--log_output_level=default:warn")
            begin = time.monotonic()
            must(pod.run(*arguments, capabilities=capabilities))
            took = time.monotonic() - begin
            wanted = pod.rules()
            ended = set()
            for signal in ("TERM", "KILL"):
                for part in (0.0, 0.1, 0.2, 0.4):
                    with self.subTest(kind=kind, signal=signal, part=part):
                        must(pod.run("clean", capabilities=capabilities))
                        name = pod.start(*arguments, capabilities=capabilities)
                        # What is hit differs from run to run; that every outcome is put right is what is tested.
                        time.sleep(took * part)
                        docker("kill", "--signal", signal, name)
                        ended.add(must(docker("wait", name)).out.strip())
                        must(pod.run(*arguments, capabilities=capabilities))
                        self.assertEqual(pod.rules(), wanted)
            print(f"{kind}: exit statuses of the interrupted starts: {', '.join(sorted(ended))}")
            self.assertLessEqual(ended, {"0", "1", "137", "143"})

    def test_several_starts_at_once(self):
        pod = Pod(self)
        names = [pod.start(*FLAGS) for _ in range(4)]
        self.assertEqual([must(docker("wait", name)).out.strip() for name in names], ["0"] * 4)
        rules = pod.rules()
        self.assertEqual(rules.count("-A OUTPUT -j ISTIO_OUTPUT"), 1)


class Validation(unittest.TestCase):
    """istio-validation: the same image, as the proxy's user, without any rights."""

    def validate(self, pod, *more):
        return pod.run("istio-iptables", *FLAGS, *more, "--run-validation", "--skip-rule-apply", user=1337, capabilities=())

    def test_proves_that_redirection_works(self):
        for kind, capabilities in KINDS.items():
            with self.subTest(kind=kind):
                pod = Pod(self)
                must(pod.run(*flags(kind), capabilities=capabilities))
                must(self.validate(pod))

    def test_ends_with_126_where_it_does_not(self):
        pod = Pod(self)
        result = self.validate(pod)
        self.assertEqual(result.status, 126, result)


class Native(unittest.TestCase):
    """istio-init with the program alone, over netlink."""

    def test_connections_are_captured(self):
        pod = Pod(self)
        must(pod.run("istio-iptables", *FLAGS, "--ip-families=dual", image=NATIVE_IMAGE))
        self.assertIn("table inet istio-proxy-nat", pod.rules())
        pod.listen(15001, "outbound", user=1337)
        pod.listen(15006, "inbound", user=1337)
        pod.listen(8080, "application", user=1000)
        pod.listen(443, "world", user=0, where=pod.world)
        for pod_address, world_address in ((POD, WORLD), (POD6, WORLD6)):
            self.assertRegex(pod.ask(world_address, 443, user=1000), "^outbound, for ")
            self.assertRegex(pod.ask(world_address, 443, user=1337), "^world, for ")
            self.assertRegex(pod.ask(pod_address, 8080, user=1000, where=pod.world), "^inbound, for ")

    def test_every_form_and_a_second_start(self):
        pod = Pod(self)
        must(pod.run("istio-iptables", *FLAGS, image=NATIVE_IMAGE))
        for command, words in ((None, []), ("istio-iptables", []), ("/usr/local/bin/istio-iptables", [])):
            self.assertIn("in place", must(pod.run(*words, *FLAGS, image=NATIVE_IMAGE, command=command)).log)
        must(pod.run(image=NATIVE_IMAGE, command="istio-clean-iptables"))
        self.assertNotIn("istio-proxy", pod.rules())

    def test_missing_rights(self):
        pod = Pod(self)
        result = pod.run(*FLAGS, image=NATIVE_IMAGE, capabilities=())
        self.assertEqual(result.status, 1, result)
        self.assertIn("NET_ADMIN", result.log)


ENVOY = os.environ.get("ENVOY", "")


def envoy_listener(name, port, source):
    """Takes each connection on to where it was for, from `source`, and logs it."""
    kind = "type.googleapis.com/envoy.extensions"
    log = {"name": "log", "typed_config": {
        "@type": f"{kind}.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {"text_format_source": {"inline_string": f"{name} to %DOWNSTREAM_LOCAL_ADDRESS% via %UPSTREAM_LOCAL_ADDRESS%\n"}}}}
    proxy = {"name": "proxy", "typed_config": {
        "@type": f"{kind}.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": name, "cluster": name, "access_log": [log]}}
    address = lambda host, port: {"socket_address": {"address": host, "port_value": port}}
    cluster = {"name": name, "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "5s"}
    if source:
        cluster["upstream_bind_config"] = {"source_address": address(source, 0)["socket_address"]}
    return {"name": name, "address": address("0.0.0.0", port), "filter_chains": [{"filters": [proxy]}], "listener_filters": [
        {"name": "original_dst", "typed_config": {"@type": f"{kind}.filters.listener.original_dst.v3.OriginalDst"}}]}, cluster


class WithEnvoy(unittest.TestCase):
    """The init container, then the application and the real Envoy, all of one pod."""

    def through(self, init):
        pod = Pod(self)
        init(pod)
        sides = [envoy_listener("outbound", 15001, None), envoy_listener("inbound", 15006, "127.0.0.6")]
        envoy = pod.envoy(ENVOY, {"static_resources": {"listeners": [l for l, _ in sides], "clusters": [c for _, c in sides]}})
        pod.listen(8080, "application", user=1000)
        pod.listen(443, "world", user=0, where=pod.world)
        self.assertRegex(pod.ask(WORLD, 443, user=1000), "^world, ")
        self.assertRegex(pod.ask(POD, 8080, user=1000, where=pod.world), "^application, ")
        # Envoy writes its log some time after the connection.
        until = time.monotonic() + 20
        while (log := docker("logs", envoy).out).count("\n") < 2 and time.monotonic() < until:
            time.sleep(0.1)
        self.assertRegex(log, rf"outbound to {WORLD}:443 via {POD}:")
        self.assertRegex(log, rf"inbound to {POD}:8080 via 127.0.0.6:")

    def test_iptables_of_kind_nft(self):
        self.through(lambda pod: must(pod.run(*flags("nft"), capabilities=KINDS["nft"])))

    def test_legacy_iptables(self):
        self.through(lambda pod: must(pod.run(*flags("legacy"), capabilities=KINDS["legacy"])))

    def test_native(self):
        self.through(lambda pod: must(pod.run(*FLAGS, image=NATIVE_IMAGE)))


if __name__ == "__main__":
    unittest.main()
