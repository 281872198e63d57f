"""Helm: hooks, a chart rendered, chart repositories and archives on loopback."""
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading

from suite import CM, check, cluster, component, helm, here, kiln, objects, run, skip, tmp, tool, workload


def hooks():
    root = f"{tmp}/hooks"
    hook = lambda name, kind, more="": workload("Job", name).replace("namespace: default}", "namespace: default, annotations: {helm.sh/hook: \"%s\"%s}}" % (kind, more))
    component(root, "a", {"m.yaml": "---\n".join([
        workload(), hook("second", "pre-install", ", helm.sh/hook-weight: \"5\""), hook("first", "pre-install,pre-upgrade", ", helm.sh/hook-weight: \"-5\""),
        hook("test", "test"), hook("gone", "pre-delete"), hook("after", "post-install", ", helm.sh/hook-delete-policy: \"hook-succeeded,before-hook-creation\"")])},
        provides=["cni"])
    cluster(root, ["a"])
    r = run("plan", "--bundle", "--json", cwd=root)
    check("hooks", r.returncode == 0, r.stderr)
    got = [(o["name"], o["wave"], o["gate"], o["hook"]) for o in json.loads(r.stdout)["components"][0]["objects"]]
    check("hooks in order", got == [
        ("first", 70, "ready", {"phase": "pre", "weight": -5, "delete": ["before-creation"]}),
        ("second", 70, "ready", {"phase": "pre", "weight": 5, "delete": ["before-creation"]}),
        ("w", 80, "ready", None),
        ("after", 110, "gone-ok", {"phase": "post", "weight": 0, "delete": ["before-creation", "succeeded"]})], got)
    component(root, "a", {"m.yaml": hook("x", "pre-instal")}, provides=["cni"])
    r = run("plan", "--bundle", cwd=root)
    check("unknown hook", "unknown Helm hook 'pre-instal'" in r.stderr, r.stderr)


def rendered():
    if not helm:
        skip(4, "no helm (make helm, or KILN_HELM): charts were not rendered")
        return
    root = f"{tmp}/helm"
    shutil.rmtree(root, ignore_errors=True)
    component(root, "app", {}, namespace="app", provides=["cni"], sources=[
        {"chart": {"name": "small", "version": "1.2.3", "path": "chart"}, "values": "values.yaml"}])
    shutil.copytree(os.path.join(here, "chart"), f"{root}/app/chart")
    with open(f"{root}/app/values.yaml", "w") as f:
        f.write("replicas: ${nodes.count}\ndns: ${services.dns}\ntoken: ${secret:garage-admin-token}\n")
    cluster(root, ["app"])
    r = run("plan", "--bundle", "--json", cwd=root, KILN_HELM=helm)
    check("a chart by helm", r.returncode == 0, r.stderr)
    if r.returncode:
        return
    c = json.loads(r.stdout)["components"][0]
    got = [(o["wave"], o["kind"], o["namespace"], o["name"], o["secret"]) for o in c["objects"]]
    check("its objects", got == [
        (10, "CustomResourceDefinition", None, "things.example.org", False), (20, "Namespace", None, "app", False),
        (50, "Secret", "app", "small-secret", True), (50, "ConfigMap", "app", "small-config", False),
        (70, "Job", "app", "small-init", False), (80, "Deployment", "app", "small", False),
        (100, "Thing", "app", "small", False)], got)
    os.rename(f"{tmp}/cache/render", f"{tmp}/render-kept") if not os.path.isdir(f"{tmp}/cache/render") else None
    cached = os.listdir(f"{tmp}/cache/render")
    r2 = run("plan", "--bundle", "--json", cwd=root, KILN_HELM="/nonexistent/helm")
    check("cached by digest: no helm the second time", r2.returncode == 0 and r2.stdout == r.stdout and len(cached) == 1, r2.stderr)
    run("init", cwd=root)
    r = run("bundle", "export", "tree", cwd=root)
    obj, _ = objects(f"{root}/.kiln/bundle/plain.tar")
    check("values, facts, api-versions", obj[("app", "ConfigMap", "app", "small-config")]["data"] ==
          {"dns": "10.43.0.10,fd22:2025:6a6a:43::a", "release": "small/app", "kube": "v1.35.2"},
          obj[("app", "ConfigMap", "app", "small-config")])


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a):
        pass


def repository():
    """kiln update's half: a chart repository and a manifest on loopback; kiln fetch; the bundle from the cache"""
    root, web = f"{tmp}/repo", f"{tmp}/web"
    os.makedirs(web)
    with tarfile.open(f"{web}/small-1.2.3.tgz", "w:gz") as t:
        t.add(os.path.join(here, "chart"), "small")
    with open(f"{web}/small-1.2.3.tgz", "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    with open(f"{web}/index.yaml", "w") as f:
        f.write(f"apiVersion: v1\nentries:\n  small:\n  - {{version: 1.2.2, urls: [old.tgz], digest: x}}\n"
                f"  - {{version: 1.2.3, urls: [small-1.2.3.tgz], digest: {digest}}}\n")
    with open(f"{web}/m.yaml", "w") as f:
        f.write(CM)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=web))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    chart = {"name": "small", "version": "v1.2.3", "repository": url}
    component(root, "app", {}, namespace="app", provides=["cni"], sources=[{"chart": chart}, {"manifests": [url + "/m.yaml"]}])
    cluster(root, ["app"])
    lock = lambda: subprocess.run([tool, "--lock", "cluster.yaml"], cwd=root, capture_output=True, text=True,
                                  env=dict(os.environ, KILN_DATADIR=os.path.dirname(kiln) + "/share/kiln", KILN_CACHE=tmp + "/cache"))
    r = run("plan", "--bundle", cwd=root)
    check("before update: says so", r.returncode == 1 and "kiln update" in r.stderr, r.stderr)
    r = lock()
    check("locked", r.returncode == 0, r.stderr)
    with open(root + "/kiln.lock") as f:
        files = json.load(f)["files"]
    check("with URL and digest", [(f["name"], f["sha256"], f["url"]) for f in files] == [
        (f"chart/{url}/small", digest, url + "/small-1.2.3.tgz"), (url + "/m.yaml", hashlib.sha256(CM.encode()).hexdigest(), url + "/m.yaml")], files)
    shutil.rmtree(tmp + "/cache/sha256")  # another desk
    r = run("plan", "--bundle", cwd=root)
    check("before fetch: says so", r.returncode == 1 and "kiln fetch" in r.stderr, r.stderr)
    r = run("fetch", "-f", "cluster.yaml", cwd=root)
    check("fetched", r.returncode == 0, r.stderr)
    if helm:
        r = run("plan", "--bundle", cwd=root, KILN_HELM=helm)
        check("the bundle from the cache", r.returncode == 0 and "Deployment small" in r.stdout and "ConfigMap x" in r.stdout.replace("2 ConfigMap", "ConfigMap x"), r.stdout + r.stderr)
    for change, want in [({"version": "9.9.9"}, "has no chart 'small' 9.9.9"), ({"sha256": "0" * 64}, "component.yaml says " + "0" * 64)]:
        component(root, "app", {}, namespace="app", provides=["cni"], sources=[{"chart": {**chart, **change}}])
        r = lock()
        check(f"refused: {want}", r.returncode == 1 and want in r.stderr, r.stderr)
    archives(root, web, url, lock)
    server.shutdown()


def make_archive(path, top, members=(), version=None):
    """As Git servers hand out a repository: one folder around all"""
    def rename(i):
        i.mtime = 0
        return i
    with tarfile.open(path, "w:gz") as t:
        for name, text in (("README.md", "x"), ("other/Chart.yaml", "version: 7.7.7"), *members):
            i = tarfile.TarInfo(f"{top}{name}")
            i.size = len(text)
            t.addfile(i, io.BytesIO(text.encode()))
        for d, _, names in sorted(os.walk(here + "/chart")):
            for n in sorted(names):
                full = os.path.join(d, n)
                with open(full) as f:
                    text = f.read()
                if n == "Chart.yaml" and version:
                    text = re.sub(r"(?m)^version: .*", f"version: {version}", text)
                i = tarfile.TarInfo(f"{top}deploy/helm/small/{os.path.relpath(full, here + '/chart')}")
                i.size = len(text.encode())
                t.addfile(i, io.BytesIO(text.encode()))
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def archives(root, web, url, lock):
    """A chart that is a folder of a repository's archive: no chart repository, as Garage has none"""
    chart = {"name": "small", "version": "1.2.3", "archive": url + "/repo.tar.gz", "folder": "deploy/helm/small"}

    def use(**changes):
        c = {k: v for k, v in {**chart, **changes}.items() if v is not None}
        component(root, "app", {}, namespace="app", provides=["cni"], sources=[{"chart": c}])
    digest = make_archive(web + "/repo.tar.gz", "small-0123abc/")
    use()
    r = lock()
    check("an archive is locked", r.returncode == 0, r.stderr)
    with open(root + "/kiln.lock") as f:
        got = [(f["name"], f["version"], f["sha256"], f["url"]) for f in json.load(f)["files"]]
    check("by URL, version and digest", got == [(f"chart/{url}/repo.tar.gz/small", "1.2.3", digest, url + "/repo.tar.gz")], got)
    check("nothing half-made is left", not [n for n in os.listdir(tmp + "/cache/tmp") if n.startswith("archive-")])
    r = run("fetch", "-f", "cluster.yaml", cwd=root)
    check("an archive is fetched", r.returncode == 0, r.stderr)
    bad = [({"folder": "deploy/none"}, "there is no chart in its folder 'deploy/none'"),
           ({"version": "1.2.4"}, "kiln.lock has version 1.2.3; run 'kiln update'"),
           ({"version": "1.2.4", "sha256": digest}, "its chart has version 1.2.3, not 1.2.4")]
    if helm:
        r = run("plan", "--bundle", cwd=root, KILN_HELM=helm)
        check("rendered from the folder", r.returncode == 0 and "Deployment small" in r.stdout, r.stdout + r.stderr)
        for change, want in bad:
            use(**change)
            r = run("plan", "--bundle", cwd=root, KILN_HELM=helm)
            check(f"refused: {want}", r.returncode == 1 and want in r.stderr, r.stderr)
        # without the folder around, and one file that wants out
        make_archive(web + "/repo.tar.gz", "./", [("deploy/helm/small/../../../../etc/x", "y")])
        use()
        r = lock()
        check("locked anew", r.returncode == 0, r.stderr)
        r = run("plan", "--bundle", cwd=root, KILN_HELM=helm)
        check("no file leaves the chart", r.returncode == 1 and "leads out of its folder" in r.stderr, r.stderr)
        make_archive(web + "/repo.tar.gz", "./")
        lock()
        r = run("plan", "--bundle", cwd=root, KILN_HELM=helm)
        check("an archive with nothing around", r.returncode == 0 and "Deployment small" in r.stdout, r.stderr)
    use(sha256="0" * 64)
    r = lock()
    check("another digest than component.yaml's", r.returncode == 1 and "0" * 64 in r.stderr, r.stderr)
    for change, want in [({"folder": None}, "'archive' and 'folder' belong together"), ({"repository": url}, "either 'repository', 'path' or 'archive'")]:
        use(**change)
        r = lock()
        check(f"refused: {want}", r.returncode == 1 and want in r.stderr and "component.yaml:" in r.stderr, r.stderr)
