"""The inside of scripts/test-docs: runs in a network namespace of its own, which is like a pod's.

Runs the commands (`$ ...`) of ```console blocks, and compares what they print with what the document shows:
the lines have to come in that order, `...` stands for any, TIME for times. A block is passed over only where
the line before it says `<!-- not run: REASON -->`.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
if sys.argv[1:]:
    DOCUMENTS = [(ROOT / name).resolve() for name in sys.argv[1:]]
TIMES = [(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"), (r"\(\d+(\.\d+)?(s|ms|µs|ns)\)", "(TIME)")]

if os.readlink("/proc/self/ns/net") == os.environ["MACHINE_NAMESPACE"]:
    sys.exit("refused: this is the machine's own network namespace")


def blocks(text):
    """Each console block as (line number, reason not to run it, lines)."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if lines[at].strip() == "```console":
            end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
            before = next((l for l in reversed(lines[:at]) if l.strip()), "")
            reason = re.fullmatch(r"<!-- not run: (.+) -->", before.strip())
            yield at + 1, reason and reason[1], [l for l in lines[at + 1:end]]
            at = end
        at += 1


def commands(lines):
    """The commands of a block, each with the lines it is to print."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return found


def differs(shown, printed):
    """Whether what is printed is not what the document shows."""
    pattern = ""
    for line in shown:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, printed.rstrip("\n") + "\n") is None


def settled(text):
    for pattern, word in TIMES:
        text = re.sub(pattern, word, text)
    return text


def messages():
    """All of the program's source as one text without line ends within its texts."""
    text = "".join(p.read_text() for p in sorted((ROOT / "src").rglob("*.rs")))
    return re.sub(r"\s+", " ", re.sub(r"\\\n\s*", "", text))


passed = failed = skipped = 0
source = messages()
for document in DOCUMENTS:
    name = document.relative_to(ROOT)
    text = document.read_text()
    for line, reason, block in blocks(text):
        if reason:
            print(f"{name}:{line}: not run: {reason}")
            skipped += 1
            continue
        for command, shown in commands(block):
            done = subprocess.run(["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            printed = settled(done.stdout)
            wrong = differs(shown, printed) if shown else done.returncode != 0
            if wrong:
                failed += 1
                print(f"{name}:{line}: FAILED: $ {command}\nexit status {done.returncode}, it prints:\n{printed}\nin place of:\n" + "\n".join(shown))
            else:
                passed += 1
                print(f"{name}:{line}: ok: $ {command}")
    if name.name == "troubleshooting.md":
        for heading in re.findall(r"^### `(.+)`$", text, re.MULTILINE):
            missing = [part for part in heading.split("...") if part.strip(" ;:") and part.strip(" ;:") not in source]
            if missing:
                failed += 1
                print(f"{name}: FAILED: the program has no message with {missing}")
            else:
                passed += 1

print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
