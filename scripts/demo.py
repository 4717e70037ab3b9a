"""The inside of scripts/demo: runs in a network namespace of its own, which is the pod."""

import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

BINARY, ENVOY = sys.argv[1:]
COMMAND = ["-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*",
           "-d", "15090,15021,15020"]
POD, WORLD = "10.77.0.5", "10.77.0.1"
SO_ORIGINAL_DST = 80  # linux/netfilter_ipv4.h
CLONE_NEWNET = 0x40000000


def run(*command):
    subprocess.run(command, check=True)


def step(text):
    print(f"\n==> {text}", flush=True)


def row(connection, end):
    """A connection, and where it ended up."""
    print(f"  {connection:<32}{end}")


def in_namespace(pid, work):
    """Runs `work` in a thread that has entered the network namespace of another process."""
    result = []

    def inside():
        with open(f"/proc/{pid}/ns/net") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        result.append(work())

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    return result[0]


def envoy_configuration():
    """A sidecar's configuration: what comes to a listener goes on to where it was sent."""
    def typed(name, **values):
        return {"@type": f"type.googleapis.com/envoy.{name}", **values}

    def listener(name, port):
        log = {"text_format_source": {"inline_string": f"{name}: from %DOWNSTREAM_REMOTE_ADDRESS% to %DOWNSTREAM_LOCAL_ADDRESS%, "
                                                       "%BYTES_SENT% bytes\n"}}
        proxy = typed("extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix=name, cluster=name, access_log=[
            {"name": "log", "typed_config": typed("extensions.access_loggers.stream.v3.StdoutAccessLog", log_format=log)}])
        return {"name": name, "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
                "listener_filters": [{"name": "original_dst", "typed_config":
                                      typed("extensions.filters.listener.original_dst.v3.OriginalDst")}],
                "filter_chains": [{"filters": [{"name": "tcp", "typed_config": proxy}]}]}

    def cluster(name, **values):
        return {"name": name, "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "5s", **values}

    source = {"source_address": {"address": "127.0.0.6", "port_value": 0}}
    return {"static_resources": {"listeners": [listener("outbound", 15001), listener("inbound", 15006)],
                                 "clusters": [cluster("outbound"), cluster("inbound", upstream_bind_config=source)]}}


def listening(ports):
    """Whether something listens on these ports, according to the kernel: a connection to see it would count as one
    that was captured."""
    with open("/proc/self/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    return ports <= {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}


def start_envoy(log):
    """Envoy as the proxy's user, once both its listeners are there."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as configuration:
        json.dump(envoy_configuration(), configuration)
    os.chmod(configuration.name, 0o644)
    envoy = subprocess.Popen(["setpriv", "--reuid=1337", "--regid=1337", "--clear-groups", ENVOY, "-c", configuration.name,
                              "--base-id", str(os.getpid() % 30000), "--concurrency", "1", "-l", "error"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not listening({15001, 15006}):
            if envoy.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("Envoy did not start: " + open(log.name).read()[-2000:])
            time.sleep(0.05)
    finally:
        os.unlink(configuration.name)
    return envoy


def show_envoy(log):
    """What Envoy logs of a request each way, once it has written it."""
    before = os.path.getsize(log.name)
    row(f"application -> {WORLD}:443", ask_as(1000, WORLD, 443))
    row(f"world -> {POD}:8080", in_namespace(world.pid, lambda: ask(POD, 8080)))
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with open(log.name) as lines:
            lines.seek(before)
            text = lines.read()
        if "inbound:" in text and "outbound:" in text:
            break
        time.sleep(0.05)
    print("  Envoy's access log:\n    " + "\n    ".join(text.strip().splitlines()))
    return "inbound:" in text and "outbound:" in text


def listen(address, port, name):
    """A listener that answers with its name and the address that the client wanted."""
    listener = socket.create_server((address, port))

    def serve():
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            try:
                wanted = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
                port, packed = struct.unpack("!2xH4s8x", wanted)
                original = f"{socket.inet_ntoa(packed)}:{port}"
            except OSError:
                original = "unchanged"
            connection.sendall(f"{name}, from {peer[0]}, original destination {original}".encode())
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


def ask(address, port):
    """Where a connection to this address ends up."""
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            return connection.makefile().read()
    except OSError as error:
        return f"no connection: {error}"


def ask_as(uid, address, port):
    code = (f"import socket; c = socket.create_connection(({address!r}, {port}), timeout=5);"
            "print(c.makefile().read())")
    asked = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", sys.executable, "-c", code],
                           capture_output=True, text=True)
    return asked.stdout.strip() or asked.stderr.strip().splitlines()[-1]


world = subprocess.Popen(["unshare", "--net", "sleep", "600"])
try:
    here = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{world.pid}/ns/net") == here:
        pass
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(world.pid))
    run("ip", "addr", "add", f"{POD}/24", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    for command in (["link", "set", "lo", "up"], ["addr", "add", f"{WORLD}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
        run("nsenter", f"--net=/proc/{world.pid}/ns/net", "ip", *command)

    proxy = [listen("0.0.0.0", 15001, "the proxy's OUTBOUND listener (15001)"),
             listen("0.0.0.0", 15006, "the proxy's INBOUND listener (15006)")]
    listen("0.0.0.0", 8080, "the application itself (8080)")
    listen("0.0.0.0", 15021, "the health port itself (15021)")
    in_namespace(world.pid, lambda: listen("0.0.0.0", 443, "the real server in the world (443)"))

    def show():
        row(f"application -> {WORLD}:443", ask_as(1000, WORLD, 443))
        row(f"proxy (1337) -> {WORLD}:443", ask_as(1337, WORLD, 443))
        row(f"world -> {POD}:8080", in_namespace(world.pid, lambda: ask(POD, 8080)))
        row(f"world -> {POD}:15021", in_namespace(world.pid, lambda: ask(POD, 15021)))

    step("before: connections go where they were sent")
    show()

    step("istio-iptables " + " ".join(a if a.isalnum() or a[:1] == "-" else f"'{a}'" for a in COMMAND))
    sys.stdout.flush()
    run(BINARY, *COMMAND)

    step("after: the application's connections go to the proxy; the proxy's own and those to an excluded port do not")
    show()

    step("the same call again finds the rules in place and changes nothing")
    run(BINARY, *COMMAND, "--log_output_level", "default:info")

    step("the real Envoy replaces the test listeners: requests pass through it to where they were sent")
    for listener in proxy:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
        envoy = start_envoy(log)
        through_envoy = show_envoy(log)
        envoy.kill()
        envoy.wait()

    step("clean removes the rules")
    run(BINARY, "clean")
    show()

    captured = "OUTBOUND" in ask_as(1000, WORLD, 443)
    print("\nThe namespaces are gone when this ends; the machine's own was not touched.")
    print("Next: sidecar-injector puts this init container and the proxy into pods (docs/injector.md);")
    print("istio-cni makes the same rules from the container runtime, without an init container (docs/cni.md).")
    sys.exit(1 if captured or not through_envoy else 0)
finally:
    world.kill()
    world.wait()
