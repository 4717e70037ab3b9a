"""The rules alone, the first part of scripts/demo: runs in a network namespace of its own, which is the pod."""

import ctypes
import os
import socket
import struct
import subprocess
import sys
import threading

BINARY, = sys.argv[1:]
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

    listen("0.0.0.0", 15001, "the proxy's OUTBOUND listener (15001)")
    listen("0.0.0.0", 15006, "the proxy's INBOUND listener (15006)")
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

    step("clean removes the rules")
    run(BINARY, "clean")
    show()

    if "OUTBOUND" in ask_as(1000, WORLD, 443):
        sys.exit("the rules are still there")
finally:
    world.kill()
    world.wait()
