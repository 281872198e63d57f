"""The reference manifests through Kiln's component folders: golden files, a second cluster, export, diff."""
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import yaml

from suite import check, cluster, component, here, kiln, objects, read_bundle, run, shared, skip, src, tmp, tool


def normal(index):
    """The index for the golden file: digests and sizes of what the machine's paths do not touch stay."""
    return json.dumps(index, indent=1, sort_keys=False) + "\n"


def reference():
    if not os.path.isdir(shared + "/bundle"):
        skip(20, "no ../shared/bundle: the platform's components were not built")
        return
    data = tmp + "/data"
    subprocess.run([sys.executable, here + "/make-data.py", src, shared, data], check=True)
    root = tmp + "/home"
    os.makedirs(root)
    shutil.copy(src + "/examples/home/cluster.yaml", root)
    r = run("init", cwd=root, data=data)
    check("init", r.returncode == 0, r.stderr)
    r = run("plan", "--bundle", cwd=root, data=data)
    check("plan --bundle", r.returncode == 0 and "331 objects, 81 of them CRDs" in r.stdout, r.stdout[-800:] + r.stderr)
    check("three CRDs beyond the annotation limit", r.stdout.count("[crd-annotation-limit]") == 3, r.stdout[-2000:])
    plain = root + "/.kiln/bundle/plain.tar"
    names, index, texts = read_bundle(plain)
    check("every object has its digest", names[0] == "index.json" and all(
        hashlib.sha256(texts[n]).hexdigest() == n[8:72] for n in names[1:]), names[:3])
    with open(plain, "rb") as f:
        one = f.read()
    run("plan", "--bundle", cwd=root, data=data)
    with open(plain, "rb") as f:
        check("same inputs, same bytes", f.read() == one)
    check("the table is golden", same_golden("home.table", run("plan", "--bundle", cwd=root, data=data).stdout.split(" objects, 81")[0]))
    obj, index = objects(plain)
    index["cluster_id"] = "0" * 32
    check("the index is golden", same_golden("home.index.json", normal(index)))
    facts(obj, index)
    second(root, data, obj)
    export(root, data, index)
    bake_and_diff(root, data)


def same_golden(name, text):
    path = os.path.join(src, "tests/golden/bundle", name)
    if os.environ.get("KILN_BLESS"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    with open(path) as f:
        want = f.read()
    if want != text:
        a, b = want.splitlines(), text.splitlines()
        print(*[f"-{x}\n+{y}" for x, y in zip(a, b) if x != y][:5], sep="\n")
    return want == text


def facts(obj, index):
    pool = obj[("cilium", "CiliumLoadBalancerIPPool", None, "default-pool")]
    check("the pool is cluster.yaml's", pool["spec"]["blocks"] == [
        {"start": "192.168.14.50", "stop": "192.168.14.54"}, {"start": "fd12:3456:789a:14::50", "stop": "fd12:3456:789a:14::54"}], pool)
    l2 = obj[("cilium", "CiliumL2AnnouncementPolicy", None, "default")]
    check("interfaces of the boards", l2["spec"]["interfaces"] == ["^end0$", "^enp0s31f6$"], l2)
    check("names that users know", ("cert-manager", "ClusterIssuer", None, "le-clusterissuer") in obj)
    bare = [k for k, o in obj.items() if k[2] and o["metadata"].get("namespace") != k[2]]
    check("every namespaced object says its namespace", not bare, bare)
    ids = {k: o["metadata"].get("annotations", {}).get("argocd.argoproj.io/tracking-id") for k, o in obj.items()}
    check("tracking-ids, never on CRDs", all(v is None for k, v in ids.items() if k[1] == "CustomResourceDefinition") and
          ids[("coredns", "Service", "kube-system", "kube-dns")] == "coredns:/Service:kube-system/kube-dns" and
          ids[("cilium", "ClusterRole", None, "cilium")] == "cilium:rbac.authorization.k8s.io/ClusterRole:kube-system/cilium", "")
    secrets = [o for c in index["components"] for o in c["objects"] if o["secret"]]
    check("objects with secrets are marked, and no Application adopts them",
          len(secrets) == 5 and not any(o["handover"] for o in secrets), [o["name"] for o in secrets])
    check("no status is applied", not any("status" in o for o in obj.values()))
    jobs = [(o["name"], o["hook"]["delete"]) for c in index["components"] for o in c["objects"] if o["hook"]]
    check("the layout Job is a hook", jobs == [("garage-layout-init", ["before-creation"])], jobs)


def walk(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for k in sorted(set(a) | set(b)):
            yield from walk(a.get(k), b.get(k), f"{path}.{k}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from walk(x, y, f"{path}.{i}")
    elif a != b:
        yield f"{path}: {json.dumps(a)} -> {json.dumps(b)}"


def second(root, data, obj):
    """IPv4 alone, three control-planes, a VLAN: what may differ is a golden list"""
    other = tmp + "/lab"
    os.makedirs(other)
    with open(root + "/cluster.yaml") as f:
        c = yaml.safe_load(f)
    one = lambda l: [x for x in l if ":" not in str(x)]
    for k in ("pods", "services", "load_balancer"):
        c["cluster"][k] = one(c["cluster"][k])
    for k in ("subnets", "gateways", "dns"):
        c["network"][k] = one(c["network"][k])
    c["network"]["vlan"] = 300
    for n in c["nodes"].values():
        n["addresses"] = one(n["addresses"])
        n["role"] = "control-plane"
        n.pop("on_demand", None)
    c["storage"]["replicas"] = 3
    with open(other + "/cluster.yaml", "w") as f:
        yaml.safe_dump(c, f, sort_keys=False)
    r = run("plan", "--bundle", cwd=other, data=data)
    check("the second cluster", r.returncode == 0, r.stderr)
    if r.returncode:
        return
    b, _ = objects(other + "/.kiln/bundle/plain.tar")
    charts(root, other)
    lines = [f"{'/'.join(map(str, k))}{d}" for k in sorted(set(obj) | set(b), key=str) for d in walk(obj.get(k), b.get(k))]
    check("differs in exactly these fields", same_golden("second.diff", "\n".join(lines) + "\n"), "\n".join(lines[:20]))


def values(root):
    r = subprocess.run([tool, "--values", root + "/cluster.yaml"], capture_output=True, text=True,
                       env=dict(os.environ, KILN_DATADIR=os.path.dirname(kiln) + "/share/kiln", CLOUDFLARE_API_TOKEN="t"))
    check("values of every chart", r.returncode == 0 and r.stdout.count("\n") == 9, r.stderr)
    out = {}
    for line in r.stdout.splitlines():
        name, chart, text = line.split(" ", 2)
        out[f"{name}/{chart}"] = json.loads(text)
    return out


def charts(root, other):
    """What the charts are given: golden for the home, and a golden list of differences"""
    a, b = values(root), values(other)
    check("the values are golden", same_golden("home.values.json", json.dumps(a, indent=1, ensure_ascii=False) + "\n"))
    check("values differ in exactly these fields", same_golden("second.values.diff", "\n".join(
        f"{k}{d}" for k in a for d in walk(a[k], b.get(k))) + "\n"))


def export(root, data, index):
    r = run("bundle", "export", root + "/tree", cwd=root, data=data)
    check("export", r.returncode == 0, r.stderr)
    files = [f for _, _, fs in os.walk(root + "/tree") for f in fs]
    plain = sum(not o["secret"] for c in index["components"] for o in c["objects"])
    check("a file an object, none with secrets", len(files) == plain and not any(
        "${secret" in open(os.path.join(d, f)).read() for d, _, fs in os.walk(root + "/tree") for f in fs), (len(files), plain))
    with open(root + "/tree/coredns/kube-system.services.kube-dns.json") as f:
        check("readable and the same", json.load(f)["spec"]["clusterIPs"][0] == "10.43.0.10")


def bake_and_diff(root, data):
    r = run("bundle", "diff", cwd=root, data=data)
    check("nothing baked yet", r.returncode == 1 and "nothing was baked yet" in r.stderr, r.stderr)
    r = subprocess.run([tool, root + "/cluster.yaml"], capture_output=True, text=True,
                       env=dict(os.environ, KILN_DATADIR=data, CLOUDFLARE_API_TOKEN="token-of-the-tests", KILN_CACHE=tmp + "/cache"))
    check("built with secrets", r.returncode == 0, r.stderr)
    path = root + "/.kiln/bundle/bundle.tar"
    check("0600", os.stat(path).st_mode & 0o777 == 0o600)
    obj, _ = objects(path)
    secret = obj[("cert-manager", "Secret", "cert-manager", "cloudflare-api-token")]
    check("the secret of an option", secret["data"] == {"api-token": "dG9rZW4tb2YtdGhlLXRlc3Rz"} and "stringData" not in secret)
    with open(root + "/.kiln/secrets/component/garage-rpc-secret") as f:
        check("a secret of kiln init", base64.b64decode(obj[("garage", "Secret", "garage", "garage-rpc-secret")]["data"]["rpcSecret"]).decode() == f.read().strip())
    r = run("bundle", "diff", cwd=root, data=data)
    check("no difference", r.returncode == 0 and r.stdout == "0 new, 0 changed, 0 gone\n", r.stdout + r.stderr)
    with open(root + "/cluster.yaml") as f:
        text = f.read()
    with open(root + "/cluster.yaml", "w") as f:
        f.write(text.replace("192.168.14.50-192.168.14.54", "192.168.14.50-192.168.14.55"))
    r = run("bundle", "diff", cwd=root, data=data)
    check("one difference, named", r.returncode == 0 and "~ cilium: CiliumLoadBalancerIPPool default-pool" in r.stdout and
          '- spec.blocks.0.stop: "192.168.14.54"' in r.stdout and "0 new, 1 changed, 0 gone" in r.stdout, r.stdout + r.stderr)
    r = run("bundle", "diff", cwd=root, data=data, )
    with open(root + "/cluster.yaml", "w") as f:
        f.write(text)
    r2 = subprocess.run([kiln, "bundle", "diff"], cwd=root, capture_output=True, text=True,
                        env=dict(os.environ, KILN_DATADIR=data, CLOUDFLARE_API_TOKEN="another-token", KILN_CACHE=tmp + "/cache"))
    check("secrets are never shown", r2.returncode == 0 and "<hidden>" in r2.stdout and "YW5vdGhlci10b2tlbg" not in r2.stdout, r2.stdout)


def all_images():
    """All 28 of images.txt, raw manifests as they are, each folder a component"""
    if not os.path.isdir(shared + "/bundle"):
        skip(1)
        return
    root = tmp + "/images"
    names = sorted(d for d in os.listdir(shared + "/bundle") if d[:2].isdigit())
    before = []
    for d in names:
        files = [f"{shared}/bundle/{d}/{n}.yaml" for n in ("pre", "crds", "objects", "post") if os.path.exists(f"{shared}/bundle/{d}/{n}.yaml")]
        component(root, "ref-" + d, {}, sources=[{"manifests": files}], after=list(before), provides=["cni", "storage-class"],
                  namespace={"05": "argocd", "06": "rook-ceph", "07": "rook-ceph", "08": "rook-ceph", "09": "garage"}.get(d[:2], "default"))
        before.append("ref-" + d)
    cluster(root, before)
    r = run("plan", "--bundle", "--json", cwd=root)
    # IngressRoutes and Applications stand in components before their CRDs: those are findings
    if r.returncode:
        left = {m for m in re.findall(r"\[([a-z-]+)\]", r.stderr)}
        check("the raw reference has only findings of order", left <= {"cr-before-crd", "operator-replicas"}, r.stderr[:3000])
        return
    got = {i for c in json.loads(r.stdout)["components"] for i in c["images"]}
    with open(shared + "/bundle/images.txt") as f:
        want = {l.split("\t")[0] for l in f if l.strip() and not l.startswith("#")}
    check("all 28 images, wherever they stand", got == want and len(want) == 28, (got - want, want - got))
