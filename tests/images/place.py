"""What every case of the suite has: a cluster's folder, a cache of its own, images in the registry."""
import json
import os
import subprocess
import sys
import tarfile

from registry import digest, sha

BUILD = os.path.abspath(sys.argv[1])
SRC = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
ARCHS = ("amd64", "arm64")
cases = []


class Skip(Exception):
    pass


def case(fn):
    cases.append(fn)
    return fn


def has(text, *parts):
    for p in parts:
        assert p in text, f"{p!r} is not in: {text}"


CLUSTER = """kiln: 1
cluster:
  name: t
  domain: home.example.org
  k3s: {version: v1.35.2+k3s1, binary: /bin/true}
  pods: [10.42.0.0/16]
  services: [10.43.0.0/16]
  load_balancer: [192.168.14.50-192.168.14.54]
network:
  subnets: [192.168.14.0/26]
  gateways: [192.168.14.1]
  dns: [192.168.14.1]
  ntp: [192.168.14.1]
system:
  timezone: Europe/Zurich
  locale: en_US.UTF-8
  user: k3s
  ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJK1kc46TfnwfycF/mqHOdhCmC4ztqRu0lvcfVPpoyty me@laptop]
storage:
  root: {size: 64GiB, compress: "zstd:1"}
nodes:
  cow:
    board: rpi5
    role: control-plane
    addresses: [192.168.14.3]
    mac: d8:3a:dd:00:00:01
    disks: {system: {transport: nvme}}
  duck:
    board: m910q
    role: worker
    addresses: [192.168.14.4]
    mac: d8:3a:dd:00:00:02
    disks: {system: {transport: nvme}}
components:
  - app: {path: ./app}
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: default}
spec:
  containers:
  - name: c
    image: %s
"""


class Place:
    """A cluster folder, a cache and a registry with images."""

    def __init__(self, path, registry):
        self.path, self.r = path, registry
        self.cache = path + "/cache"
        self.r.front.seen.clear()
        self.r.front.faults.clear()
        # K3s' program is no matter here: any file will do for both machines
        with open(path + "/k3s", "w") as f:
            f.write("#!/bin/sh\n")
        with open(path + "/cluster.yaml", "w") as f:
            f.write(CLUSTER.replace("/bin/true", path + "/k3s"))
        self.names = []

    def pods(self, *images, **keys):
        """A component with a pod for each image."""
        os.makedirs(self.path + "/app", exist_ok=True)
        with open(self.path + "/app/m.yaml", "w") as f:
            f.write("---\n".join(i if "kind:" in i else POD % (f"p{n}", i) for n, i in enumerate(images)))
        with open(self.path + "/app/component.yaml", "w") as f:
            json.dump({"kiln": 1, "description": "x", "namespace": "default", "provides": ["cni"],
                       "sources": [{"manifests": ["m.yaml"]}], **keys}, f)

    def run(self, *argv, ok=True, **env):
        e = dict(os.environ, KILN_CACHE=self.cache, KILN_DATADIR=BUILD + "/share/kiln", CONTAINERS_REGISTRIES_CONF=self.r.conf)
        e.pop("https_proxy", None)
        e.update(env)
        p = subprocess.run(argv, cwd=self.path, env=e, capture_output=True, text=True, timeout=300)
        assert (p.returncode == 0) == ok, f"exit {p.returncode}: {p.stdout}{p.stderr}"
        return p.stdout + p.stderr

    def update(self, **how):
        """The part of `kiln update` that asks no Debian mirror."""
        return self.run(BUILD + "/tests/bundle/bundle-tool", "--images", "cluster.yaml", **how)

    def fetch(self, **how):
        return self.run(BUILD + "/kiln", "fetch", "-f", "cluster.yaml", **how)

    def install(self, board, root, *args, **how):
        os.makedirs(root, exist_ok=True)
        return self.run(BUILD + "/tests/twin/base-tool", "cluster.yaml", board, "k3s=" + root, *args, **how)

    def locked(self):
        with open(self.path + "/kiln.lock") as f:
            return {i["name"]: i for i in json.load(f)["images"]}

    def archive(self, arch, text=None):
        """The path that `kiln fetch` prints."""
        lines = [l for l in (text or self.fetch()).splitlines() if l.startswith(f"images for {arch}: ")]
        assert len(lines) == 1, text
        return lines[0].split(": ", 1)[1]

    def has_blob(self, data):
        path = f"{self.cache}/sha256/{sha(data)}"
        if not os.path.exists(path):
            return False
        with open(path, "rb") as f:
            assert f.read() == data
        return True


def expected(made, arch, manifest, blobs):
    """A platform of the lock."""
    return {"arch": arch, "sha256": sha(manifest), "size": len(manifest) + sum(map(len, blobs))}


def read_tar(path):
    with tarfile.open(path) as t:
        members = t.getmembers()
        assert all(m.isreg() and m.mtime == 0 and m.uid == 0 and m.gid == 0 and m.mode == 0o644 for m in members)
        return [m.name for m in members], {m.name: t.extractfile(m).read() for m in members}


def standard(p):
    """An OCI index by tag, Docker's list by tag and digest, an uncompressed one by digest alone; (made, names)"""
    made = {
        "multi": p.r.index("quay.io/x/multi", "v1", ["s390x", "amd64", "arm64"]),
        "docker": p.r.index("docker.io/library/list", "stable", ["amd64", "arm64"], docker=True),
        "plain": p.r.index("registry.k8s.io/a/b/plain", "1.0", ["amd64", "arm64"], plain=True),
    }
    names = {
        "multi": "quay.io/x/multi:v1",
        "docker": "docker.io/library/list:stable@" + digest(made["docker"]["top"]),
        "plain": "registry.k8s.io/a/b/plain@" + digest(made["plain"]["top"]),
    }
    p.pods(names["multi"], "list:stable@" + digest(made["docker"]["top"]), names["plain"])
    return made, names
