"""What `kiln update` finds out and writes down."""
import json
import os
import shutil

from place import ARCHS, POD, SRC, Skip, case, expected, has, read_tar, standard
from registry import digest, sha


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
