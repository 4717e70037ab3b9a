"""Pods as Kubernetes makes them, of plain containers: what the tests of the images run in.

A pod is a container with a network namespace of its own that only sleeps; the others join it. No container
here ever has the machine's own network.
"""

import itertools
import json
import os
import subprocess
import time

IMAGE = os.environ.get("IMAGE", "istio-iptables-test:init")
NATIVE_IMAGE = os.environ.get("NATIVE_IMAGE", "istio-iptables-test:native")
TEST_IMAGE = os.environ.get("TEST_IMAGE", "istio-iptables-test:test")

# What Istio's injector gives to istio-init.
FLAGS = ["-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*",
         "-d", "15090,15021,15020", "--log_output_level=default:info"]

POD, WORLD = "10.77.0.5", "10.77.0.1"
POD6, WORLD6 = "fd77::5", "fd77::1"

_numbers = itertools.count(1)


class Result:
    """What a container that ended has left."""

    def __init__(self, command, done):
        self.command, self.status, self.out, self.log = command, done.returncode, done.stdout, done.stderr

    def __str__(self):
        return f"{' '.join(self.command)}\nexit status {self.status}\n{self.out}{self.log}"


def docker(*arguments, timeout=120):
    command = ["docker", *arguments]
    return Result(command, subprocess.run(command, capture_output=True, text=True, timeout=timeout))


def must(result):
    if result.status != 0:
        raise AssertionError(str(result))
    return result


def restricted(*, user, capabilities):
    """The securityContext of a container, as options of docker: what is not given is taken away."""
    options = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--user", str(user)]
    for capability in capabilities:
        options += ["--cap-add", capability]
    return options


class Pod:
    """A pod with an address, and a world beyond it. Gone when the test ends."""

    def __init__(self, test):
        number = next(_numbers)
        self.name, self.world = f"pod-{number}", f"world-{number}"
        self.containers = []
        test.addCleanup(self.remove)
        for name in (self.name, self.world):
            self.start_container(name, "--network", "none", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0",
                        "--sysctl", "net.ipv6.conf.default.accept_dad=0", TEST_IMAGE, "sleep", "infinity")
        pod, world = (must(docker("inspect", "--format", "{{.State.Pid}}", n)).out.strip() for n in (self.name, self.world))
        # Made in the pod's namespace with its other end in the world's: never in the machine's own.
        self._ip(pod, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", world)
        for pid, *addresses in ((world, WORLD + "/24", WORLD6 + "/64"), (pod, POD + "/24", POD6 + "/64")):
            for address in addresses:
                self._ip(pid, "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
            self._ip(pid, "link", "set", "eth0", "up")
            self._ip(pid, "link", "set", "lo", "up")
        self._wait_until_up(pod)

    def start_container(self, name, *arguments):
        self.containers.append(name)
        must(docker("run", "--detach", "--name", name, *arguments))

    @staticmethod
    def _ip(pid, *arguments):
        done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"ip {arguments}: {done.stderr}")
        return done.stdout

    def _wait_until_up(self, pid):
        until = time.monotonic() + 60
        while "state UP" not in self._ip(pid, "link", "show", "eth0"):
            if time.monotonic() > until:
                raise AssertionError("eth0 does not come up")
            time.sleep(0.02)

    def remove(self):
        docker("rm", "--force", "--volumes", *reversed(self.containers))

    def run(self, *arguments, image=IMAGE, command=None, user=0, capabilities=("NET_ADMIN",), environment=()):
        """Runs an init container to its end. `command` takes the place of the image's entrypoint."""
        options = restricted(user=user, capabilities=capabilities)
        for variable in environment:
            options += ["--env", variable]
        if command:
            options += ["--entrypoint", command]
        return docker("run", "--rm", "--network", f"container:{self.name}", *options, image, *arguments)

    def start(self, *arguments, image=IMAGE, capabilities=("NET_ADMIN",)):
        """Starts an init container, and gives its name."""
        name = f"{self.name}-init-{next(_numbers)}"
        self.start_container(name, "--network", f"container:{self.name}", *restricted(user=0, capabilities=capabilities),
                    image, *arguments)
        return name

    def rules(self):
        """All that the kernel has of netfilter in the pod, without counters; read by Debian's own programs."""
        reader = ("for kind in nft legacy; do for family in iptables ip6tables; do echo \"== $family-$kind\"; "
                  "$family-$kind-save 2>/dev/null | sed -e '/^#/d' -e 's/\\[[0-9]*:[0-9]*\\]//'; done; done; "
                  "nft list tables; ip rule; ip route show table all; ip address show dev lo")
        options = restricted(user=0, capabilities=["NET_ADMIN", "NET_RAW"])
        options.remove("--read-only")  # legacy iptables wants its lock file
        return must(docker("run", "--rm", "--network", f"container:{self.name}", *options, TEST_IMAGE, "sh", "-c", reader)).out

    def do(self, script, user=0):
        """Runs a shell script as somebody else's init container: it makes rules that are not ours."""
        options = restricted(user=user, capabilities=["NET_ADMIN", "NET_RAW"])
        options.remove("--read-only")
        return must(docker("run", "--rm", "--network", f"container:{self.name}", *options, TEST_IMAGE, "sh", "-ec", script))

    def listen(self, port, name, *, user, where=None):
        """A container of the pod, without any rights, that answers connections with its name and the address
        that they were for."""
        container = f"{self.name}-{port}-{next(_numbers)}"
        self.start_container(container, "--network", f"container:{where or self.name}", *restricted(user=user, capabilities=()),
                    TEST_IMAGE, "python3", "-c", LISTENER, str(port), name)
        until = time.monotonic() + 60
        while "ready" not in docker("logs", container).out:
            if time.monotonic() > until:
                raise AssertionError(str(docker("logs", container)))
            time.sleep(0.05)

    def envoy(self, binary, configuration):
        """The proxy's container, as its user and without any rights. Gives its name."""
        name = f"{self.name}-envoy"
        self.start_container(name, "--network", f"container:{self.name}", *restricted(user=1337, capabilities=()),
                    "--volume", f"{binary}:/usr/local/bin/envoy:ro", TEST_IMAGE, "envoy", "--disable-hot-restart",
                    "--concurrency", "1", "--config-yaml", json.dumps(configuration))
        until = time.monotonic() + 60
        while "starting main dispatch loop" not in docker("logs", name).log:
            if time.monotonic() > until:
                raise AssertionError(str(docker("logs", name)))
            time.sleep(0.1)
        return name

    def ask(self, address, port, *, user, where=None):
        """Who answers a connection of this user to this address."""
        done = docker("run", "--rm", "--network", f"container:{where or self.name}", *restricted(user=user, capabilities=()),
                      TEST_IMAGE, "python3", "-c", CLIENT, address, str(port))
        return done.out.strip() or done.log.strip() or "nothing"


LISTENER = """
import socket, struct, sys
listener = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    connection, peer = listener.accept()
    try:  # SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST, linux/netfilter_ipv4.h
        if peer[0].startswith("::ffff:"):
            port, address = struct.unpack("!2xH4s8x", connection.getsockopt(socket.SOL_IP, 80, 16))
            wanted = f"{socket.inet_ntoa(address)}:{port}"
        else:
            port, address = struct.unpack("!2xH4x16s4x", connection.getsockopt(socket.IPPROTO_IPV6, 80, 28))
            wanted = f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"
    except OSError:
        wanted = "unchanged"
    try:
        connection.sendall(f"{sys.argv[2]}, for {wanted}".encode())
        connection.close()
    except OSError:
        pass
"""

CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
print(connection.makefile().read())
"""
