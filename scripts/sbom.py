"""sbom.py TARGET EPOCH: prints what the program for TARGET is made of, as SPDX 2.3 (spdx.dev), from
`cargo metadata` and Cargo.lock. The same input gives the same bytes."""

import json
import subprocess
import sys
import time
import tomllib

target, epoch = sys.argv[1], int(sys.argv[2])
metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target],
                                     stdout=subprocess.PIPE, check=True).stdout)
with open("Cargo.lock", "rb") as file:
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(file)["package"]}
packages = {p["id"]: p for p in metadata["packages"]}
nodes = {n["id"]: n for n in metadata["resolve"]["nodes"]}
root = metadata["resolve"]["root"]


def wanted(node):
    """What a package needs to be built and run; not what only its tests need."""
    return sorted(d["pkg"] for d in node["deps"] if any(k["kind"] in (None, "build") for k in d["dep_kinds"]))


found, queue = [], [root]
while queue:
    package = queue.pop(0)
    if package not in found:
        found.append(package)
        queue += wanted(nodes[package])


def identifier(package):
    name = f"{packages[package]['name']}-{packages[package]['version']}"
    return "SPDXRef-" + "".join(c if c.isalnum() or c in "-." else "-" for c in name)


def described(package):
    p = packages[package]
    out = {"SPDXID": identifier(package), "name": p["name"], "versionInfo": p["version"],
           "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "copyrightText": "NOASSERTION",
           "licenseConcluded": "NOASSERTION", "licenseDeclared": (p["license"] or "NOASSERTION").replace("/", " OR "),
           "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                             "referenceLocator": f"pkg:cargo/{p['name']}@{p['version']}"}]}
    if checksum := checksums.get((p["name"], p["version"])):
        out["checksums"] = [{"algorithm": "SHA256", "checksumValue": checksum}]
    return out


name = f"{packages[root]['name']}-{packages[root]['version']}-{target}"
order = sorted(found, key=identifier)
document = {
    "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
    "documentNamespace": f"urn:{name}:{epoch}",
    "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)), "creators": ["Tool: scripts/sbom.py"]},
    "packages": [described(p) for p in order],
    "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": identifier(root)}]
    + [{"spdxElementId": identifier(p), "relationshipType": "DEPENDS_ON", "relatedSpdxElement": identifier(d)}
       for p in order for d in wanted(nodes[p])],
}
json.dump(document, sys.stdout, indent=1)
print()
