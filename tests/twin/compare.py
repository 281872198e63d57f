#!/usr/bin/env python3
"""Compare a twin root with an emulated one, path by path.

usage: compare.py TWIN.tar EMULATED.tar

Type, mode, owner, link target, device, extended attributes and contents of every path
must be equal, but for the list below. Prints each difference; exit 1 when there is one
that is not allowed, or an allowance that is no longer needed and says so.
"""
import fnmatch
import hashlib
import re
import sys
import tarfile


def same_stanzas(a, b):
    """dpkg's status: the same fields with the same values; white space and field order aside."""
    def norm(data):
        out = {}
        for stanza in data.decode().strip().split("\n\n"):
            fields = dict(re.findall(r"^([^\s:]+):(.*(?:\n[ \t].*)*)", stanza, re.M))
            # Conffiles' order is dpkg's hash order; dependencies are printed anew by dpkg
            fields = {k: sorted(v.split("\n")) if k == "Conffiles" else re.sub(r"\s+", "", v) for k, v in fields.items()}
            out[fields["Package"]] = fields
        return out
    return norm(a) == norm(b)


def same_lines(a, b):
    return sorted(a.splitlines()) == sorted(b.splitlines())


def same_triples(a, b):
    """dpkg's diversions: three lines an entry, in hash order."""
    def norm(data):
        lines = data.splitlines()
        return sorted(zip(lines[0::3], lines[1::3], lines[2::3]))
    return norm(a) == norm(b)


def same_blocks(a, b):
    """debconf's and apt's databases: paragraphs in hash order."""
    def norm(data):
        return sorted(data.strip().split(b"\n\n"))
    return norm(a) == norm(b)


def kernel_questions(a, b):
    """debconf: all of the twin's paragraphs; the emulated root has the payload's own too."""
    def norm(data):
        out = {}
        for block in data.decode().strip().split("\n\n"):
            lines = [line for line in block.strip().split("\n") if line]
            if lines:
                out[lines[0]] = sorted(lines)
        return out
    a, b = norm(a), norm(b)
    extra = [k for k in b if k not in a]
    return all(b.get(k) == v for k, v in a.items()) and all(
        k.startswith(("Name: linux-", "Name: shim/", "Name: grub")) for k in extra)


def anything(_a, _b):
    return True


ALLOWED = [
    # path, who may have it ("both", "twin", "emulated"), test of the contents, reason
    ("var/lib/dpkg/status", "both", same_stanzas, "dpkg writes fields anew: blanks and order"),
    ("var/lib/dpkg/diversions", "both", same_triples, "hash order"),
    ("var/lib/dpkg/triggers/File", "both", same_lines, "order in which packages came"),
    ("var/lib/dpkg/triggers/*", "both", same_lines, "order in which packages came"),
    ("var/lib/dpkg/statoverride", "both", same_lines, "order in which packages came"),
    ("var/lib/apt/extended_states", "both", same_blocks, "hash order"),
    ("var/cache/debconf/*.dat", "both", kernel_questions, "hash order; payload asks no questions"),
    ("vmlinuz*", "emulated", None, "links for boot loaders that Kiln does not use"),
    ("initrd.img*", "emulated", None, "links for boot loaders that Kiln does not use"),
    ("usr/lib/modules/*/modules.weakdep", "emulated", None, "depmod of the desk may be older than the root's"),
    ("usr/lib/modules/*/modules.*.bin", "both", anything, "indexes in the order of another depmod; their text "
     "forms beside them are equal"),
    ("usr/lib/python3*/__pycache__/_sysconfigdata__*.pyc", "emulated", None, "compiled form of a module that exists for "
     "the target alone; Python compiles it in memory when it is asked for"),
    ("boot/*", "emulated", None, "copies for boot loaders that Kiln does not use: the kernel is in /usr/lib/modules"),
]


def load(path):
    members, digests = {}, {}
    with tarfile.open(path) as t:
        for m in t:
            name = m.name.removeprefix("./").rstrip("/")
            members[name] = m
            if m.isreg():
                digests[name] = hashlib.sha256(t.extractfile(m).read()).hexdigest()
            elif m.islnk():
                digests[name] = digests[m.linkname.removeprefix("./")]
    return members, digests


def kind(m):
    return "file" if m.isreg() or m.islnk() else "link" if m.issym() else "dir" if m.isdir() else "other"


def describe(m, digest):
    xattrs = sorted((k, v) for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr."))
    return (kind(m), oct(m.mode) if not m.issym() else "", m.uid, m.gid, m.linkname if m.issym() else "", xattrs, digest)


def contents(path, name):
    with tarfile.open(path) as t:
        for m in t:
            if m.name.removeprefix("./").rstrip("/") == name:
                return t.extractfile(m).read()
    raise KeyError(name)


def allowed(name, where, paths, twin, emulated):
    for pattern, who, test, reason in ALLOWED:
        if not fnmatch.fnmatch(name, pattern) or who != where:
            continue
        if where != "both":
            return reason
        a, b = twin[0][name], emulated[0][name]
        if describe(a, "")[:-1] != describe(b, "")[:-1]:
            return None
        if test(contents(paths[0], name), contents(paths[1], name)):
            return reason
    return None


def main():
    paths = sys.argv[1], sys.argv[2]
    twin, emulated = load(paths[0]), load(paths[1])
    bad = ok = 0
    for name in sorted(twin[0].keys() | emulated[0].keys()):
        a, b = twin[0].get(name), emulated[0].get(name)
        da = describe(a, twin[1].get(name)) if a else None
        db = describe(b, emulated[1].get(name)) if b else None
        if da == db:
            continue
        where = "both" if a and b else "twin" if a else "emulated"
        reason = allowed(name, where, paths, twin, emulated)
        if reason:
            ok += 1
            print(f"allowed /{name} ({where}): {reason}")
        else:
            bad += 1
            print(f"DIFFERS /{name} ({where})\n  twin     {da}\n  emulated {db}")
    print(f"{len(twin[0])} paths in the twin, {len(emulated[0])} in the emulated root: "
          f"{ok} allowed differences, {bad} others")
    return 1 if bad else 0


sys.exit(main())
