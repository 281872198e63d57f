#!/usr/bin/env python3
"""Container images from a registry on loopback into archives that containerd imports.

usage: run.py BUILD_DIR; ONLY=case runs one. KILN_K3S_IMPORT: a program that imports as K3s does.
"""
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

from registry import Registry, digest, sha

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


@case
def update_locks_index_and_platforms(p):
    made, names = standard(p)
    p.update()
    locked = p.locked()
    assert sorted(locked) == list(locked) == sorted(names.values()), list(locked)
    for k, name in names.items():
        want = {"name": name, "sha256": sha(made[k]["top"]), "size": len(made[k]["top"]),
                "platforms": [expected(made[k], a, *made[k][a]) for a in ARCHS]}
        assert locked[name] == want, (locked[name], want)
        assert p.has_blob(made[k]["top"]) and p.has_blob(made[k]["arm64"][0])
        assert not p.has_blob(made[k]["arm64"][1][1])


@case
def images_that_lack_a_platform_are_all_named(p):
    p.r.index("quay.io/x/big", "1", ["amd64", "s390x"])
    p.r.single("quay.io/x/one", "1", "amd64", docker=True)
    p.pods("quay.io/x/big:1", "quay.io/x/one:1", images=["quay.io/x/big:1"])
    out = p.update(ok=False)
    has(out, "\napp/m.yaml:7:12: component 'app': image 'quay.io/x/big:1' has no linux/arm64, which board 'rpi5' needs; it has linux/amd64, linux/s390x", "app/m.yaml:15:12: component 'app': image 'quay.io/x/one:1' has no linux/arm64", "it has linux/amd64")
    assert not os.path.exists(p.path + "/kiln.lock")


@case
def a_selector_by_architecture_counts(p):
    made = p.r.single("quay.io/x/one", "1", "amd64")
    p.pods(POD.replace("spec:\n", "spec:\n  nodeSelector: {kubernetes.io/arch: amd64}\n") % ("a", "quay.io/x/one:1"))
    p.update()
    assert p.locked()["quay.io/x/one:1"]["platforms"] == [expected(made, "amd64", *made["amd64"])]
    out = p.fetch()
    assert "images for arm64" not in out
    names, texts = read_tar(p.archive("amd64", out))
    assert texts["blobs/sha256/" + sha(made["top"])] == made["top"]
    # no index around it: the name is the manifest's
    assert json.loads(texts["index.json"])["manifests"][0]["mediaType"].endswith("manifest.v1+json")


@case
def images_of_a_chart_are_found(p):
    helm = os.environ.get("KILN_HELM") or shutil.which("helm")
    if not helm:
        raise Skip("no helm (make helm, or KILN_HELM)")
    p.pods(namespace="app", sources=[{"chart": {"name": "small", "version": "1.2.3", "path": "chart"}}])
    shutil.copytree(SRC + "/tests/bundle/chart", p.path + "/app/chart")
    has(p.update(ok=False, KILN_HELM=helm), "chart small 1.2.3:", "component 'app': image 'registry.example.org/small:1.2.3'", "manifest unknown")
    made = p.r.index("registry.example.org/small", "1.2.3", ["amd64", "arm64"])
    p.update(KILN_HELM=helm)
    assert p.locked()["registry.example.org/small:1.2.3"]["sha256"] == sha(made["top"])
    # the pod of the chart's test is not of the bundle
    assert list(p.locked()) == ["registry.example.org/small:1.2.3"]


@case
def update_says_which_image_is_not_there(p):
    p.pods("quay.io/x/none:1")
    has(p.update(ok=False), "app/m.yaml:7:12: component 'app': image 'quay.io/x/none:1'", "manifest unknown")


@case
def a_digest_that_the_registry_does_not_have(p):
    p.r.index("quay.io/x/multi", "v1", ["amd64", "arm64"])
    p.pods("quay.io/x/multi:v1@sha256:" + "0" * 64)
    has(p.update(ok=False), "m.yaml:7:12", "manifest unknown")


@case
def an_index_that_was_changed_is_refused(p):
    made, names = standard(p)
    p.r.front.faults.append([f"/manifests/{digest(made['plain']['top'])}", "change", 99])
    out = p.update(ok=False)
    has(out, f"image '{names['plain']}'")
    assert not p.has_blob(made["plain"]["top"])


@case
def fetch_writes_an_archive_for_each_architecture(p):
    made, names = standard(p)
    p.update()
    out = p.fetch()
    for arch in ARCHS:
        members, texts = read_tar(p.archive(arch, out))
        assert members[:2] == ["oci-layout", "index.json"] and members[2:] == sorted(members[2:])
        assert json.loads(texts["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
        want = set()
        for k in made:
            want |= {sha(b) for b in [made[k]["top"], made[k][arch][0], *made[k][arch][1]]}
        assert {m.removeprefix("blobs/sha256/") for m in members[2:]} == want
        for m in members[2:]:
            assert sha(texts[m]) == m.removeprefix("blobs/sha256/")
        got = {m["annotations"]["io.containerd.image.name"]: m for m in json.loads(texts["index.json"])["manifests"]}
        assert set(got) == {"quay.io/x/multi:v1", "quay.io/x/multi@" + digest(made["multi"]["top"]), names["docker"],
                            "docker.io/library/list@" + digest(made["docker"]["top"]), names["plain"]}, list(got)
        for m in got.values():
            top = texts["blobs/" + m["digest"].replace(":", "/")]
            assert m["size"] == len(top)
            assert m["mediaType"] == json.loads(top).get("mediaType", "application/vnd.oci.image.index.v1+json")
            assert m["annotations"]["org.opencontainers.image.ref.name"] == m["annotations"]["io.containerd.image.name"]


@case
def skopeo_reads_the_archive(p):
    made, names = standard(p)
    p.update()
    out = p.fetch()
    for arch in ARCHS:
        path = p.archive(arch, out)
        os.mkdir(f"{p.path}/{arch}")
        with tarfile.open(path) as t:
            # Python 3.11.2, Debian 12's, has no filters; the archive is our own
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            t.extractall(f"{p.path}/{arch}", **safe)
        # by the name with a tag alone: skopeo takes no '@' in a name of a layout
        got = json.loads(p.run("skopeo", "--override-arch", arch, "inspect", f"oci:{p.path}/{arch}:{names['multi']}"))
        assert got["Architecture"] == arch and got["Digest"] == digest(made["multi"]["top"]), got
        p.run("skopeo", "--override-arch", arch, "copy", "-q", f"oci:{p.path}/{arch}:{names['multi']}", f"dir:{p.path}/{arch}-out")
        assert os.path.getsize(f"{p.path}/{arch}-out/{sha(made['multi'][arch][1][1])}") == len(made["multi"][arch][1][1])


@case
def equal_locks_give_equal_archives(p):
    standard(p)
    p.update()
    one = {a: p.archive(a) for a in ARCHS}
    # the digest is the name
    for path in one.values():
        with open(path, "rb") as f:
            assert sha(f.read()) == os.path.basename(path)
    p.cache = p.path + "/other"
    time.sleep(1)
    two = {a: p.archive(a) for a in ARCHS}
    assert {a: os.path.basename(x) for a, x in one.items()} == {a: os.path.basename(x) for a, x in two.items()}


@case
def plan_tells_what_is_to_be_fetched(p):
    made, _ = standard(p)
    p.update()
    size = sum(len(made[k]["arm64"][0]) + sum(map(len, made[k]["arm64"][1])) for k in made)
    inputs = lambda: {i["name"]: (i["state"], i["size_bytes"]) for i in json.loads(p.run(BUILD + "/kiln", "plan", "--json"))["inputs"]}
    assert inputs()["container images (arm64)"] == ("3 locked, to be fetched", size), inputs()
    p.fetch()
    assert inputs()["container images (arm64)"] == ("3 locked, cached", size), inputs()


@case
def a_second_fetch_asks_nothing(p):
    standard(p)
    p.update()
    p.fetch()
    p.r.front.seen.clear()
    p.fetch()
    assert p.r.front.seen == [], p.r.front.seen
    # an archive more or less is made of what is there
    shutil.rmtree(p.cache + "/oci")
    p.fetch()
    assert p.r.front.seen == [], p.r.front.seen


@case
def a_killed_fetch_leaves_nothing_and_two_do_not_meet(p):
    made, _ = standard(p)
    p.update()
    os.makedirs(p.cache + "/oci/fetch-dead01")
    for n in ("oci/fetch-dead01/oci-put-blob1", "oci/.new.dead01"):
        with open(f"{p.cache}/{n}", "w") as f:
            f.write("half")
    e = dict(os.environ, KILN_CACHE=p.cache, KILN_DATADIR=BUILD + "/share/kiln", CONTAINERS_REGISTRIES_CONF=p.r.conf)
    both = [subprocess.Popen([BUILD + "/kiln", "fetch", "-f", "cluster.yaml"], cwd=p.path, env=e, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [b.communicate(timeout=300) for b in both]
    assert [b.returncode for b in both] == [0, 0], said
    assert said[0][0] == said[1][0], said
    names = sorted(os.listdir(p.cache + "/oci"))
    assert len(names) == 3 and "lock" in names and all(len(n) == 64 for n in names if n != "lock"), names
    # each layer was asked for once
    asked = [s.rsplit("/", 1)[1] for s in p.r.front.seen if "/blobs/" in s]
    assert all(asked.count(digest(made[k][a][1][1])) == 1 for k in made for a in ARCHS), asked


@case
def another_desk_fetches_by_the_lock_alone(p):
    """A tag that has moved since: the lock says what was meant."""
    made, _ = standard(p)
    p.update()
    p.r.index("quay.io/x/multi", "v1", ["amd64", "arm64"], extra=b"moved")
    shutil.rmtree(p.cache)
    _, texts = read_tar(p.archive("arm64"))
    assert texts["blobs/sha256/" + sha(made["multi"]["top"])] == made["multi"]["top"]


@case
def what_came_before_a_failure_is_kept(p):
    made, _ = standard(p)
    p.update()
    config, layer = made["multi"]["amd64"][1]
    # cut for as long as it is tried: a truncated layer reaches no cache
    p.r.front.faults.append([f"/blobs/{digest(layer)}", "cut", 99])
    has(p.fetch(ok=False), "image 'quay.io/x/multi:v1' for amd64")
    assert not p.has_blob(layer)
    came = [b for k in made for a in ARCHS for b in made[k][a][1] if p.has_blob(b)]
    assert config in came
    p.r.front.faults.clear()
    p.r.front.seen.clear()
    p.fetch()
    asked = {s.rsplit("/", 1)[1] for s in p.r.front.seen if "/blobs/" in s}
    # configurations are read again, to know the layers
    layers = {digest(made[k][a][1][1]) for k in made for a in ARCHS}
    assert digest(layer) in asked and not asked & layers & {digest(b) for b in came}, asked
    assert layers & {digest(b) for b in came}


@case
def a_cut_transfer_is_tried_again(p):
    made, _ = standard(p)
    p.update()
    layer = made["multi"]["arm64"][1][1]
    p.r.front.faults.append([f"/blobs/{digest(layer)}", "cut", 1])
    p.r.front.faults.append([f"/blobs/{digest(made['plain']['arm64'][1][1])}", "refuse", 1])
    p.fetch()
    assert p.has_blob(layer)
    assert sum(s.endswith(digest(layer)) for s in p.r.front.seen) >= 2


@case
def a_layer_with_another_digest_is_refused(p):
    made, _ = standard(p)
    p.update()
    layer = made["docker"]["amd64"][1][1]
    p.r.front.faults.append([f"/blobs/{digest(layer)}", "change", 99])
    has(p.fetch(ok=False), "image 'docker.io/library/list:stable@", digest(layer))
    assert not p.has_blob(layer)
    assert os.listdir(p.cache + "/oci") == ["lock"]


@case
def a_damaged_cache_is_noticed(p):
    made, _ = standard(p)
    p.update()
    p.fetch()
    layer = made["multi"]["amd64"][1][1]
    path = f"{p.cache}/sha256/{sha(layer)}"
    shutil.rmtree(p.cache + "/oci")
    with open(path, "r+b") as f:
        f.truncate(1000)
    p.fetch()
    assert p.has_blob(layer)
    # the same size: found when it is read, and removed
    shutil.rmtree(p.cache + "/oci")
    with open(path, "r+b") as f:
        f.write(b"\0\0")
    has(p.fetch(ok=False), path, "was damaged and is removed", "kiln fetch")
    p.fetch()
    assert p.has_blob(layer)


@case
def bake_puts_the_archive_where_k3s_imports_it(p):
    standard(p)
    p.update()
    out = p.fetch()
    p.r.front.seen.clear()
    for board, arch in (("m910q", "amd64"), ("rpi5", "arm64")):
        root = f"{p.path}/root-{arch}"
        p.install(board, root, "offline")
        images = root + "/var/lib/rancher/k3s/agent/images"
        assert sorted(os.listdir(images)) == [".cache.json", f"kiln-images-{arch}.tar"]
        assert os.path.getsize(images + "/.cache.json") == 0
        with open(f"{images}/kiln-images-{arch}.tar", "rb") as f, open(p.archive(arch, out), "rb") as g:
            assert f.read() == g.read()
    assert p.r.front.seen == [], p.r.front.seen


@case
def offline_asks_no_registry(p):
    made, _ = standard(p)
    p.update()
    p.r.front.seen.clear()
    has(p.install("rpi5", p.path + "/root", "offline", ok=False), "for arm64 is not in the cache; 'kiln fetch' brings it")
    assert p.r.front.seen == []
    # without the option it is brought
    p.install("rpi5", p.path + "/root2")
    assert p.has_blob(made["multi"]["arm64"][1][1]) and not p.has_blob(made["multi"]["amd64"][1][1])


@case
def a_bake_without_locked_images_says_so(p):
    p.r.index("quay.io/x/multi", "v1", ["amd64", "arm64"])
    p.pods("quay.io/x/multi:v1")
    p.run(BUILD + "/kiln", "init")
    has(p.run(BUILD + "/kiln", "bake", "--offline", ok=False), "app/m.yaml:7:12: component 'app': image 'quay.io/x/multi:v1' is not in kiln.lock",
        "'kiln update' resolves images")
    p.update()
    with open(p.path + "/kiln.lock") as f:
        lock = json.load(f)
    lock["images"][0]["platforms"].pop()
    with open(p.path + "/kiln.lock", "w") as f:
        json.dump(lock, f)
    has(p.run(BUILD + "/kiln", "bake", "--offline", ok=False), "is in kiln.lock without linux/arm64, which board 'rpi5' needs")


@case
def a_registry_with_a_ca_of_its_own(p):
    r = Registry(p.path + "/tls", tls=True)
    try:
        p.r = r
        r.index("quay.io/x/multi", "v1", ["amd64", "arm64"])
        p.pods("quay.io/x/multi:v1")
        has(p.update(ok=False, SSL_CERT_FILE="/dev/null"), "certificate")
        p.update(SSL_CERT_FILE=r.path + "/ca.crt")
        p.fetch(SSL_CERT_FILE=r.path + "/ca.crt")
    finally:
        r.close()


class Containerd:
    """A containerd of our own: nothing of the machine's is touched."""

    def __init__(self, path):
        self.sock = path + "/sock"
        os.makedirs(path, exist_ok=True)
        with open(path + "/config.toml", "w") as f:
            f.write(f"version = 2\nroot = \"{path}/root\"\nstate = \"{path}/state\"\n"
                    "disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n"
                    f"[grpc]\naddress = \"{self.sock}\"\n[ttrpc]\naddress = \"{self.sock}.ttrpc\"\n")
        self.log = open(path + "/log", "w")
        self.process = subprocess.Popen(["containerd", "-c", path + "/config.toml"], stdout=self.log, stderr=self.log)
        for _ in range(1200):
            if subprocess.run(["ctr", "-a", self.sock, "version"], capture_output=True).returncode == 0:
                return
            assert self.process.poll() is None, open(path + "/log").read()
            time.sleep(0.1)
        raise AssertionError("containerd does not answer")

    def ctr(self, *args):
        p = subprocess.run(["ctr", "-a", self.sock, "-n", "k8s.io", *args], capture_output=True, timeout=120)
        assert p.returncode == 0, (args, p.stderr)
        return p.stdout

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def need_containerd():
    if not shutil.which("containerd") or not shutil.which("ctr"):
        raise Skip("no containerd: apt-get install containerd")
    if os.geteuid() != 0:
        raise Skip("containerd needs root")


@case
def containerd_imports_with_the_very_names(p):
    need_containerd()
    made, names = standard(p)
    p.update()
    arch = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    d = Containerd(p.path + "/containerd")
    try:
        d.ctr("images", "import", "--no-unpack", p.archive(arch))
        rows = {l.split()[0]: l.split() for l in d.ctr("images", "check").decode().splitlines()[1:]}
        for k, name in names.items():
            for n in (name, name.split("@")[0].removesuffix(":v1").removesuffix(":stable") + "@" + digest(made[k]["top"])):
                assert n in rows, (n, list(rows))
                # the index's own digest, and all of this machine's platform there
                assert rows[n][2] == digest(made[k]["top"]) and rows[n][3] == "complete", rows[n]
            for blob in [made[k]["top"], made[k][arch][0], *made[k][arch][1]]:
                assert d.ctr("content", "get", digest(blob)) == blob
        assert len(rows) == 5, list(rows)
    finally:
        d.close()


# of the suite images-k3s
def k3s_imports_both_architectures(p):
    """The very call of K3s, all platforms and missing ones skipped, then each name as a kubelet asks for it."""
    need_containerd()
    program = os.environ["KILN_K3S_IMPORT"]
    made, names = standard(p)
    p.update()
    out = p.fetch()
    for arch in ARCHS:
        d = Containerd(f"{p.path}/containerd-{arch}")
        try:
            rows = p.run(program, d.sock, p.archive(arch, out), "linux/" + arch).splitlines()
        finally:
            d.close()
        got = {r.split()[0]: r.split()[1:] for r in rows}
        for k, name in names.items():
            assert got[name] == [digest(made[k]["top"]), digest(made[k][arch][1][0])], (name, got)


def main():
    passed = failed = skipped = 0
    only = os.environ.get("ONLY")
    if "KILN_K3S_IMPORT" in os.environ:
        cases.append(k3s_imports_both_architectures)
    with tempfile.TemporaryDirectory(prefix="kiln-images-") as top:
        registry = Registry(top + "/registry")
        for fn in cases:
            if only and fn.__name__ != only:
                continue
            with tempfile.TemporaryDirectory(prefix="kiln-images-") as d:
                start = time.monotonic()
                try:
                    fn(Place(d, registry))
                except Skip as e:
                    skipped += 1
                    print(f"SKIPPED: {fn.__name__}: {e}")
                except (AssertionError, subprocess.SubprocessError, OSError, KeyError) as e:
                    failed += 1
                    print(f"not ok {fn.__name__}: {e}")
                else:
                    passed += 1
                    print(f"ok {fn.__name__} ({time.monotonic() - start:.1f} s)")
        registry.close()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
