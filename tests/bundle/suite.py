"""What every part of the suite has: results, kiln, components and clusters made on the spot.

usage of all parts: PROGRAM KILN SRCDIR
"""
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

kiln, src = sys.argv[1:3]
here = os.path.join(src, "tests/bundle")
shared = os.path.abspath(os.environ.get("KILN_SHARED") or os.path.join(src, "../shared"))
tool = os.path.join(os.path.dirname(kiln), "tests/bundle/bundle-tool")
helm = os.environ.get("KILN_HELM") or shutil.which("helm")
tmp = tempfile.mkdtemp(prefix="kiln-bundle-")
passed = failed = skipped = 0


def check(name, ok, more=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {name}\n{str(more)[:3000]}")


def skip(count, why=None):
    global skipped
    skipped += count
    if why:
        print(f"SKIPPED: {why}")


def run(*args, cwd=None, data=None, **env):
    e = dict(os.environ, CLOUDFLARE_API_TOKEN="token-of-the-tests", KILN_CACHE=tmp + "/cache", **env)
    e.pop("KILN_HELM", None) if "KILN_HELM" not in env else None
    if data:
        e["KILN_DATADIR"] = data
    return subprocess.run([kiln, *args], cwd=cwd, env=e, capture_output=True, text=True, timeout=120)


CLUSTER = """kiln: 1
cluster:
  name: t
  domain: home.example.org
  k3s: {version: v1.35.2+k3s1}
  pods: [10.42.0.0/16, "fd22:2025:6a6a:42::/104"]
  services: [10.43.0.0/16, "fd22:2025:6a6a:43::/112"]
  load_balancer: [192.168.14.50-192.168.14.54, "fd12:3456:789a:14::50-fd12:3456:789a:14::54"]
network:
  subnets: [192.168.14.0/26, "fd12:3456:789a:14::/64"]
  gateways: [192.168.14.1, "fd12:3456:789a:14::1"]
  dns: [192.168.14.1, "fd12:3456:789a:14::1"]
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
    addresses: [192.168.14.3, "fd12:3456:789a:14::3"]
    mac: d8:3a:dd:00:00:01
    disks: {system: {transport: nvme}}
components:
"""


def component(root, name, files, **keys):
    d = os.path.join(root, name)
    os.makedirs(d, exist_ok=True)
    c = {"kiln": 1, "description": name, "namespace": "default", **keys}
    names = [n for n in files if n.endswith(".yaml")]
    if "sources" not in keys:
        c["sources"] = [{"manifests": names}]
    with open(os.path.join(d, "component.yaml"), "w") as f:
        json.dump(c, f)
    for n, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(d, n)), exist_ok=True)
        with open(os.path.join(d, n), "w") as f:
            f.write(text)


def cluster(root, components):
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, "cluster.yaml"), "w") as f:
        f.write(CLUSTER + "".join(f"  - {n}: {{path: ./{n}}}\n" for n in components))


CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n"


def workload(kind="Deployment", name="w", pod="", more="", containers="[{name: c, image: example.org/i:1}]"):
    api = "batch/v1" if kind == "Job" else "apps/v1"
    return (f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: default}}\nspec:\n{more}"
            f"  selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n"
            f"      containers: {containers}\n{pod}")


def read_bundle(path):
    with tarfile.open(path) as t:
        names = t.getnames()
        texts = {n: t.extractfile(n).read() for n in names}
    return names, json.loads(texts["index.json"]), texts


def objects(path):
    """(component, kind, namespace, name) -> object"""
    _, index, texts = read_bundle(path)
    return {(c["name"], o["kind"], o["namespace"], o["name"]): json.loads(texts[f"objects/{o['sha256']}.json"])
            for c in index["components"] for o in c["objects"]}, index
