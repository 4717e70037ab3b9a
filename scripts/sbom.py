"""sbom.py PACKAGE TARGET EPOCH [IMAGE]: prints what the program of a package for TARGET is made of, as SPDX 2.3 (spdx.dev), from
`cargo metadata` and Cargo.lock; with an image of it as an OCI archive, also the Debian packages that the image lists.
The same input gives the same bytes."""

import json
import pathlib
import subprocess
import sys
import tarfile
import time
import tomllib

program, target, epoch = sys.argv[1], sys.argv[2], int(sys.argv[3])
metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target],
                                     stdout=subprocess.PIPE, check=True).stdout)
with open("Cargo.lock", "rb") as file:
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(file)["package"]}
packages = {p["id"]: p for p in metadata["packages"]}
nodes = {n["id"]: n for n in metadata["resolve"]["nodes"]}
root, = (i for i in metadata["workspace_members"] if packages[i]["name"] == program)


def wanted(node):
    """What a package needs to be built and run; not what only its tests need."""
    return sorted(d["pkg"] for d in node["deps"] if any(k["kind"] in (None, "build") for k in d["dep_kinds"]))


found, queue = [], [root]
while queue:
    package = queue.pop(0)
    if package not in found:
        found.append(package)
        queue += wanted(nodes[package])


def identifier(*parts):
    return "SPDXRef-" + "".join(c if c.isalnum() or c in "-." else "-" for c in "-".join(parts))


def of_crate(package):
    return identifier(packages[package]["name"], packages[package]["version"])


def described(reference, name, version, licence, purl):
    return {"SPDXID": reference, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "copyrightText": "NOASSERTION", "licenseConcluded": "NOASSERTION", "licenseDeclared": licence,
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]}


def crate(package):
    p = packages[package]
    licence = (p["license"] or "NOASSERTION").replace("/", " OR ")
    out = described(of_crate(package), p["name"], p["version"], licence, f"pkg:cargo/{p['name']}@{p['version']}")
    if checksum := checksums.get((p["name"], p["version"])):
        out["checksums"] = [{"algorithm": "SHA256", "checksumValue": checksum}]
    return out


def debian(archive):
    """The Debian packages that an image lists."""
    with tarfile.open(archive) as image:
        def blob(descriptor):
            return image.extractfile("./blobs/" + descriptor["digest"].replace(":", "/"))
        index = json.load(image.extractfile("./index.json"))
        manifest = json.load(blob(index["manifests"][0]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer)) as files:
                for member in files:
                    if member.isfile() and "var/lib/dpkg/status.d/" in member.name:
                        text = files.extractfile(member).read().decode()
                        fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and line[0] != " ")
                        name, version, arch = (fields[f] for f in ("Package", "Version", "Architecture"))
                        purl = f"pkg:deb/debian/{name}@{version.replace(':', '%3A').replace('+', '%2B')}?arch={arch}"
                        # Their licences are in the image, in /usr/share/doc.
                        yield described(identifier("deb", name, version), name, version, "NOASSERTION", purl)


order = sorted(found, key=of_crate)
name, of_debian = f"{program}-{packages[root]['version']}-{target}", []
if len(sys.argv) > 4:
    name = pathlib.Path(sys.argv[4]).name.removesuffix(".oci.tar")
    of_debian = sorted(debian(sys.argv[4]), key=lambda p: p["SPDXID"])
document = {
    "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
    "documentNamespace": f"urn:{name}:{epoch}",
    "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)), "creators": ["Tool: scripts/sbom.py"]},
    "packages": [crate(p) for p in order] + of_debian,
    "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": reference}
                      for reference in (of_crate(root), *(p["SPDXID"] for p in of_debian))]
    + [{"spdxElementId": of_crate(p), "relationshipType": "DEPENDS_ON", "relatedSpdxElement": of_crate(d)}
       for p in order for d in wanted(nodes[p])],
}
json.dump(document, sys.stdout, indent=1)
print()
