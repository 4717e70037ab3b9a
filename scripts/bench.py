"""The inside of scripts/bench.

Each measurement runs in a network namespace that is made for it, before the clock starts. Ours and the bare
program take turns, so that what else the machine does falls on both; medians are shown.
"""

import argparse
import ctypes
import json
import os
import pickle
import re
import resource
import statistics
import subprocess
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("--json")
parser.add_argument("--rounds", type=int, default=30)
parser.add_argument("--only", default="")
options = parser.parse_args()

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
REDIRECT = ["-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*",
            "-d", "15090,15021,15020"]
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
# Lines of the log cost time that the bare programs do not spend; operators see them at `info`, as here.
FAMILIES = {"4": "ipv4", "46": "dual"}


def in_namespace(work):
    """Runs `work` in a process with a fresh network namespace, and gives what it returns."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        if LIBC.unshare(CLONE_NEWNET) != 0:
            os._exit(1)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with os.fdopen(write, "wb") as out:
            pickle.dump(work(), out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as result:
        value = pickle.load(result)
    os.waitpid(child, 0)
    return value


def timed(command, text=b""):
    """Seconds that a command takes, and the peak memory of it and its children in KiB."""
    begin = time.perf_counter()
    done = subprocess.run(command, input=text, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    took = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(f"{command[:4]} failed: {done.stderr.decode()[-400:]}")
    return took


def timed_pair(commands):
    """The time of commands that run at the same time: that of the slowest."""
    begin = time.perf_counter()
    running = []
    for command, text in commands:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=ENVIRONMENT)
        running.append((process, text))
    for process, text in running:
        process.stdin.write(text)
        process.stdin.close()
    for process, _ in running:
        process.wait()
    return time.perf_counter() - begin


def ours(*arguments):
    return [options.binary, *arguments]


def texts(arguments):
    """What the dry run prints, by section: the text for each bare program."""
    printed = subprocess.run(ours(*arguments, "--dry-run"), capture_output=True, text=True, check=True, env=ENVIRONMENT)
    found, current = {}, None
    for line in printed.stdout.splitlines(keepends=True):
        header = re.match(r"# (iptables-restore|ip6tables-restore|nft)\b", line)
        if header:
            current = header.group(1)
            found[current] = ""
        elif current and not line.startswith("#"):
            found[current] += line
    return {name: text.encode() for name, text in found.items()}


def restores(kind, arguments):
    return [([name.replace("tables-", f"tables-{kind}-"), "--noflush"], text) for name, text in texts(arguments).items()]


def children(command):
    """How many programs a command starts."""
    traced = subprocess.run(["strace", "-f", "-qq", "-e", "trace=execve", "-o", "/dev/stdout", *command],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
    return sum(1 for line in traced.stdout.splitlines() if "execve(" in line and "= 0" in line) - 1


def peak(command):
    """The peak memory in KiB of a command, its children included."""
    def measure():
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return measure()


rows = []


def row(name, our_time, bare_time, what, programs, memory=None):
    """Measures in turn, and prints a line of the table."""
    if options.only not in name:
        return
    mine, theirs = [], []
    for _ in range(options.rounds):
        mine.append(in_namespace(our_time))
        if bare_time:
            theirs.append(in_namespace(bare_time))
    result = {
        "name": name,
        "ours_ms": statistics.median(mine) * 1e3,
        "bare_ms": statistics.median(theirs) * 1e3 if theirs else None,
        "bare": what,
        "programs": in_namespace(programs) if programs else 0,
        "peak_kib": in_namespace(memory) if memory else None,
    }
    result["ratio"] = result["ours_ms"] / result["bare_ms"] if theirs else None
    rows.append(result)
    shown = [f"{result['ours_ms']:8.2f}", f"{result['bare_ms']:8.2f}" if theirs else " " * 8,
             f"{result['ratio']:6.2f}" if theirs else " " * 6, f"{result['programs']:4}",
             f"{result['peak_kib']:7}" if result["peak_kib"] else " " * 7]
    print(f"{name:<44}{''.join(shown)}  {what}", flush=True)


def after(first, measured):
    """A measurement in a namespace where `first` has run."""
    def work():
        timed(first)
        return measured()
    return work


print(f"{'':<44}{'ours ms':>8}{'bare ms':>8}{'ratio':>6}{'prog':>4}{'KiB':>7}  bare program")
dry = ours(*REDIRECT, "--dry-run")
row("dry run", lambda: timed(dry), lambda: timed(["true"]), "/bin/true", None, lambda: peak(dry))

for kind in ["nft", "legacy"]:
    for label, extra in [("IPv4", ["--ip-families=ipv4"]),
                         ("both families, DNS", ["--ip-families=dual", "--redirect-dns", "--capture-all-dns"])]:
        flags = [*REDIRECT, *extra, "--force-iptables-binary", kind]
        apply = ours(*flags)
        bare = restores(kind, flags)
        saves = [([name.replace("-restore", "-save")], b"") for (name, *_), _ in bare]
        row(f"first apply, {kind}, {label}", lambda: timed(apply), lambda: timed_pair(bare), "restore of the same text",
            lambda: children(apply), lambda: peak(apply))
        row(f"in place, {kind}, {label}", after(apply, lambda: timed(apply)), after(apply, lambda: timed_pair(saves)), "save",
            after(apply, lambda: children(apply)))
        other = ours(*flags, "-p", "16001", "-d", "15090,15021,15020,9999")
        row(f"change, {kind}, {label}", after(other, lambda: timed(apply)),
            after(other, lambda: timed_pair(saves) + timed_pair([(c, t.replace(b"-N ", b"-F ")) for c, t in bare])),
            "save, then restore", after(other, lambda: children(apply)))
        clean = ours("clean")
        row(f"clean, {kind}, {label}", after(apply, lambda: timed(clean)), after(apply, lambda: timed_pair(saves)), "save",
            after(apply, lambda: children(clean)))

for label, extra in [("IPv4", ["--ip-families=ipv4"]),
                     ("both families, DNS", ["--ip-families=dual", "--redirect-dns", "--capture-all-dns"])]:
    flags = [*REDIRECT, *extra, "--native-nftables"]
    apply = ours(*flags)
    script = (["nft", "-f", "-"], texts(flags)["nft"])
    again = lambda: timed_pair([script])
    row(f"first apply, native, {label}", lambda: timed(apply), again, "nft -f of the same script",
        lambda: children(apply), lambda: peak(apply))
    row(f"in place, native, {label}", after(apply, lambda: timed(apply)), after(apply, again), "nft -f again",
        after(apply, lambda: children(apply)))
    other = ours(*flags, "-p", "16001", "-d", "15090,15021,15020,9999")
    row(f"change, native, {label}", after(other, lambda: timed(apply)), after(other, again), "nft -f of the new script",
        after(other, lambda: children(apply)))
    row(f"clean, native, {label}", after(apply, lambda: timed(ours("clean"))),
        after(apply, lambda: timed(["nft", "delete", "table", "inet", "istio-proxy-nat"])), "nft delete table",
        after(apply, lambda: children(ours("clean"))))
    checked = ours(*flags, "--skip-rule-apply", "--run-validation")
    row(f"validation, native, {label}", after(apply, lambda: timed(checked)), None, "", after(apply, lambda: children(checked)))

for count in [100, 1000, 10000]:
    # Short addresses: one argument may have 128 KiB (execve(2)).
    ranges = ",".join(f"{1 + i // 1331}.{i // 121 % 11}.{i // 11 % 11}.{i % 11}/32" for i in range(count))
    for kind in ["nft", "legacy"]:
        flags = [*REDIRECT, "-x", ranges, "--ip-families=ipv4", "--force-iptables-binary", kind]
        apply = ours(*flags)
        bare = restores(kind, flags)
        row(f"first apply, {kind}, {count} excluded ranges", lambda: timed(apply), lambda: timed_pair(bare),
            "restore of the same text", None, lambda: peak(apply))
        save = [([bare[0][0][0].replace("-restore", "-save")], b"")]
        row(f"in place, {kind}, {count} excluded ranges", after(apply, lambda: timed(apply)),
            after(apply, lambda: timed_pair(save)), "save", None)

if options.json:
    with open(options.json, "w") as out:
        json.dump({"rounds": options.rounds, "rows": rows}, out, indent=1)
    print(f"\nwritten: {os.path.relpath(options.json)}", file=sys.stderr)
