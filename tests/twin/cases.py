#!/usr/bin/env python3
"""Twin roots of packages made on the spot: what dpkg does natively, swapped, judged by dpkg.

usage: cases.py TWIN_TOOL

Each case builds its packages for amd64 and arm64 with dpkg-deb, installs the native ones
with dpkg into a root of their own (scripts run, chrootless), and has the twin made of it.
"""
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOOL = sys.argv[1]
NATIVE = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
TARGET = "arm64" if NATIVE == "amd64" else "amd64"
TRIPLET = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
cases = []


def case(fn):
    cases.append(fn)
    return fn


class Bench:
    """A folder with packages, a native root and its twin."""

    def __init__(self, path):
        self.path = path
        self.root = os.path.join(path, "root")
        self.n = 0
        self.debs = {NATIVE: [], TARGET: []}
        for d in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "usr/bin", "usr/lib",
                  "usr/sbin", "etc"):
            os.makedirs(os.path.join(self.root, d))
        for name in ("bin", "lib", "sbin"):
            os.symlink("usr/" + name, os.path.join(self.root, name))
        for f in ("status", "available", "diversions", "statoverride"):
            open(os.path.join(self.root, "var/lib/dpkg", f), "w").close()

    def deb(self, name, files, arch=None, scripts=None, version="1.0", links=None, hard=None, control="", conffiles=(),
            modes=None):
        """files: path -> contents, or a function of the architecture; arch None: both."""
        for a in [arch] if arch and arch != "all" else [NATIVE, TARGET]:
            self.n += 1
            d = os.path.join(self.path, f"src{self.n}")
            os.makedirs(d + "/DEBIAN")
            with open(d + "/DEBIAN/control", "w") as f:
                f.write(f"Package: {name}\nVersion: {version}\nArchitecture: {'all' if arch == 'all' else a}\n"
                        f"Maintainer: T <t@localhost>\n{control}Description: test\n of the twin\n")
            for path, data in files.items():
                path = path.replace("@TRIPLET@", TRIPLET[a])
                os.makedirs(os.path.dirname(d + path), exist_ok=True)
                with open(d + path, "w") as f:
                    f.write(data(a) if callable(data) else data)
                os.chmod(d + path, (modes or {}).get(path, 0o755 if "/bin/" in path else 0o644))
            for path, to in (links or {}).items():
                os.makedirs(os.path.dirname(d + path), exist_ok=True)
                os.symlink(to, d + path)
            for path, to in (hard or {}).items():
                os.link(d + to, d + path)
            for script, body in (scripts or {}).items():
                with open(d + "/DEBIAN/" + script, "w") as f:
                    f.write("#!/bin/sh\nset -e\n" + body)
                os.chmod(d + "/DEBIAN/" + script, 0o755)
            if conffiles:
                with open(d + "/DEBIAN/conffiles", "w") as f:
                    f.write("".join(c + "\n" for c in conffiles))
            sums = subprocess.run("find . -type f ! -path './DEBIAN/*' -printf '%P\\n' | sort | xargs -r md5sum",
                                  shell=True, cwd=d, check=True, capture_output=True, text=True).stdout
            lines = [s for s in sums.splitlines() if "/" + s[34:] not in conffiles]
            with open(d + "/DEBIAN/md5sums", "w") as f:
                f.write("".join(s + "\n" for s in lines))
            out = os.path.join(self.path, f"{name}_{a}_{self.n}.deb")
            subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", d, out], check=True, capture_output=True)
            self.debs[a].append(out)
            if arch == "all":
                self.debs[TARGET if a == NATIVE else NATIVE].append(out)
                break

    def install(self, only=None):
        debs = only or self.debs[NATIVE]
        subprocess.run(["dpkg", "--root=" + self.root, "--force-script-chrootless", "--force-not-root",
                        "--log=/dev/null", "-i"] + debs, check=True, capture_output=True)

    def twin(self, ok=True, debs=None):
        native, out = self.path + "/native.tar", self.path + "/twin.tar"
        with tarfile.open(native, "w", format=tarfile.PAX_FORMAT) as t:
            t.add(self.root, ".")
        r = subprocess.run([TOOL, NATIVE, TARGET, native, out] + (debs if debs is not None else self.debs[TARGET]),
                           capture_output=True, text=True)
        if not ok:
            assert r.returncode == 1, f"not refused: {r}"
            return r.stderr
        assert r.returncode == 0, r.stderr
        self.members = {m.name.removeprefix("./").rstrip("/"): m for m in tarfile.open(out)}
        self.out = self.path + "/twin"
        shutil.rmtree(self.out, ignore_errors=True)
        os.mkdir(self.out)
        subprocess.run(["tar", "-C", self.out, "-xpf", out], check=True)
        return None

    def read(self, path):
        with open(self.out + path) as f:
            return f.read()

    def dpkg(self, *args):
        with open(self.out + "/var/lib/dpkg/arch", "w") as f:  # this dpkg is native to the desk
            f.write(f"{NATIVE}\n{TARGET}\n")
        r = subprocess.run(["dpkg", "--root=" + self.out] + list(args), capture_output=True,
                           text=True)
        return r.stdout + r.stderr


@case
def swaps_files_and_database(b):
    b.deb("tool", {"/usr/bin/tool": lambda a: f"program of {a}", "/usr/lib/@TRIPLET@/libx.so": lambda a: a,
                   "/etc/tool.conf": "x=1\n"}, conffiles=["/etc/tool.conf"], control="Multi-Arch: same\nSection: misc\n")
    b.deb("docs", {"/usr/share/docs/a": "text"}, arch="all")
    b.install()
    b.twin()
    assert b.read("/usr/bin/tool") == f"program of {TARGET}"
    assert b.read(f"/usr/lib/{TRIPLET[TARGET]}/libx.so") == TARGET
    assert f"usr/lib/{TRIPLET[NATIVE]}/libx.so" not in b.members
    assert f"usr/lib/{TRIPLET[NATIVE]}" not in b.members
    assert b.read("/usr/share/docs/a") == "text"
    assert f"var/lib/dpkg/info/tool:{TARGET}.list" in b.members
    assert f"var/lib/dpkg/info/tool:{NATIVE}.list" not in b.members
    assert b.dpkg("--audit") == "", b.dpkg("--audit")
    assert b.dpkg("-V") == "", b.dpkg("-V")
    got = subprocess.check_output(["dpkg-query", "--admindir=" + b.out + "/var/lib/dpkg", "-W", "-f",
                                   "${Package} ${Architecture} ${db:Status-Status}\n"], text=True)
    assert got == f"docs all installed\ntool {TARGET} installed\n", got


@case
def keeps_what_scripts_generated(b):
    b.deb("gen", {"/usr/bin/gen": lambda a: a}, scripts={
        "postinst": 'mkdir -p "$DPKG_ROOT/var/lib/gen"; echo made >"$DPKG_ROOT/var/lib/gen/state"; '
                    'chmod 0640 "$DPKG_ROOT/var/lib/gen/state"; ln -s gen "$DPKG_ROOT/usr/bin/g"\n'})
    b.install()
    b.twin()
    assert b.read("/var/lib/gen/state") == "made\n"
    assert b.members["var/lib/gen/state"].mode == 0o640
    assert b.members["usr/bin/g"].linkname == "gen"


@case
def keeps_modes_and_owners_of_scripts(b):
    b.deb("helper", {"/usr/lib/@TRIPLET@/helper": lambda a: a, "/usr/bin/su": lambda a: a}, scripts={
        "postinst": f'chown 7:9 "$DPKG_ROOT/usr/lib/"*/helper; chmod 4754 "$DPKG_ROOT/usr/lib/"*/helper; '
                    'chmod 2755 "$DPKG_ROOT/usr/bin/su"\n'})
    b.install()
    b.twin()
    m = b.members[f"usr/lib/{TRIPLET[TARGET]}/helper"]
    assert (m.mode, m.uid, m.gid) == (0o4754, 7, 9), (oct(m.mode), m.uid, m.gid)
    assert b.members["usr/bin/su"].mode == 0o2755


@case
def keeps_hard_links(b):
    b.deb("two", {"/usr/bin/one": lambda a: a}, hard={"/usr/bin/other": "/usr/bin/one"})
    b.install()
    b.twin()
    a, c = os.stat(b.out + "/usr/bin/one"), os.stat(b.out + "/usr/bin/other")
    assert a.st_ino == c.st_ino and a.st_nlink == 2
    assert b.read("/usr/bin/other") == TARGET


@case
def follows_the_usr_merge(b):
    b.deb("old", {"/lib/old/x": lambda a: a, "/bin/o": lambda a: a})
    b.install()
    b.twin()
    assert "lib/old/x" not in b.members and b.members["lib"].issym(), sorted(b.members)
    assert b.read("/usr/lib/old/x") == TARGET and b.read("/usr/bin/o") == TARGET
    assert "/lib/old/x\n" in b.read("/var/lib/dpkg/info/old.list")
    assert b.dpkg("-V") == "", b.dpkg("-V")


@case
def follows_diversions(b):
    b.deb("first", {"/usr/bin/cmd": lambda a: "first " + a})
    b.install()
    subprocess.run(["dpkg-divert", "--root", b.root, "--package", "second", "--divert", "/usr/bin/cmd.real", "--rename",
                    "--add", "/usr/bin/cmd"], check=True, capture_output=True)
    b.deb("second", {"/usr/bin/cmd": lambda a: "second " + a})
    b.install([b.debs[NATIVE][-1]])
    b.twin()
    assert b.read("/usr/bin/cmd") == "second " + TARGET
    assert b.read("/usr/bin/cmd.real") == "first " + TARGET
    assert b.dpkg("-V") == "", b.dpkg("-V")


@case
def keeps_conffiles_that_scripts_changed(b):
    b.deb("conf", {"/etc/c.conf": "a=1\n", "/usr/bin/c": lambda a: a}, conffiles=["/etc/c.conf"],
          scripts={"postinst": 'echo b=2 >>"$DPKG_ROOT/etc/c.conf"\n'})
    b.install()
    b.twin()
    assert b.read("/etc/c.conf") == "a=1\nb=2\n"


@case
def leaves_out_what_scripts_removed(b):
    b.deb("less", {"/usr/share/less/gone": lambda a: a, "/usr/share/less/kept": "x"},
          scripts={"postinst": 'rm "$DPKG_ROOT/usr/share/less/gone"\n'})
    b.install()
    b.twin()
    assert "usr/share/less/gone" not in b.members and "usr/share/less/kept" in b.members


@case
def payload_is_recorded(b):
    b.deb("native", {"/usr/bin/n": lambda a: a})
    b.deb("linux-image-1", {"/boot/vmlinuz-1": "kernel"}, arch=TARGET, scripts={"postinst": "false\n"})
    b.deb("fw", {"/usr/lib/firmware/f": "blob"}, arch=TARGET)
    b.install()
    b.twin()
    assert b.read("/boot/vmlinuz-1") == "kernel"
    assert "linux-image-1" in b.read("/var/lib/dpkg/status")
    assert b.dpkg("--audit") == "", b.dpkg("--audit")
    assert b.dpkg("-V") == "", b.dpkg("-V")


@case
def keeps_capabilities(b):
    b.deb("ping", {"/usr/bin/ping": lambda a: a})
    b.install()
    if subprocess.run(["setcap", "cap_net_raw=ep", b.root + "/usr/bin/ping"], capture_output=True).returncode:
        return "setcap does not work here"
    # Python's tarfile has no attributes: let GNU tar make the archive
    native, out = b.path + "/native.tar", b.path + "/twin.tar"
    subprocess.run(["tar", "-C", b.root, "--format=pax", "--xattrs", "--xattrs-include=*", "-cf", native, "."],
                   check=True)
    subprocess.run([TOOL, NATIVE, TARGET, native, out] + b.debs[TARGET], check=True)
    os.mkdir(b.path + "/o")
    subprocess.run(["tar", "-C", b.path + "/o", "--xattrs", "--xattrs-include=*", "-xpf", out], check=True)
    got = subprocess.check_output(["getcap", b.path + "/o/usr/bin/ping"], text=True)
    assert "cap_net_raw=ep" in got, got
    with open(b.path + "/o/usr/bin/ping") as f:
        assert f.read() == TARGET
    return None


def refuses(b, *texts):
    got = b.twin(ok=False)
    for t in texts:
        assert t in got, f"{t!r} is not in: {got}"


@case
def refuses_generated_elf(b):
    b.deb("maker", {"/usr/bin/m": lambda a: a},
          scripts={"postinst": 'mkdir -p "$DPKG_ROOT/var/lib/maker"; cp /bin/true "$DPKG_ROOT/var/lib/maker/helper"\n'})
    b.install()
    refuses(b, "package 'maker'", "'/var/lib/maker/helper'", "is a program or library", "--emulate")


@case
def refuses_the_triplet_in_contents(b):
    b.deb("cfg", {"/usr/bin/m": lambda a: a},
          scripts={"postinst": f'echo path=/usr/lib/{TRIPLET[NATIVE]}/x >"$DPKG_ROOT/etc/cfg.cache"\n'})
    b.install()
    refuses(b, "package 'cfg'", "'/etc/cfg.cache'", "names")


@case
def refuses_the_triplet_in_a_link(b):
    b.deb("lnk", {"/usr/bin/m": lambda a: a},
          scripts={"postinst": f'ln -s /usr/lib/{TRIPLET[NATIVE]}/x "$DPKG_ROOT/etc/alt"\n'})
    b.install()
    refuses(b, "package 'lnk'", "'/etc/alt'", "is a link that names")


@case
def refuses_the_triplet_in_a_path(b):
    b.deb("pth", {"/usr/bin/m": lambda a: a},
          scripts={"postinst": f'mkdir -p "$DPKG_ROOT/usr/lib/{TRIPLET[NATIVE]}"; '
                               f'echo x >"$DPKG_ROOT/usr/lib/{TRIPLET[NATIVE]}/mod.cache"\n'})
    b.install()
    refuses(b, "package 'pth'", f"'/usr/lib/{TRIPLET[NATIVE]}/mod.cache'")


@case
def refuses_changed_files_that_differ(b):
    b.deb("edit", {"/usr/bin/e": lambda a: a}, scripts={"postinst": 'echo more >>"$DPKG_ROOT/usr/bin/e"\n'})
    b.install()
    refuses(b, "package 'edit'", "'/usr/bin/e'", "a script changed")


@case
def refuses_scripts_of_the_target_alone(b):
    b.deb("both", {"/usr/bin/b": lambda a: a})
    b.install()
    b.deb("alone", {"/usr/bin/a": "x"}, arch=TARGET, scripts={"postinst": "true\n"})
    refuses(b, "package 'alone'", "postinst would have to run")


@case
def refuses_scripts_of_the_native_side_alone(b):
    b.deb("both", {"/usr/bin/b": lambda a: a})
    b.deb("left", {"/usr/bin/l": "x"}, arch=NATIVE, scripts={"postinst": "true\n"})
    b.install()
    refuses(b, "package 'left'", "exists only for " + NATIVE)


@case
def refuses_another_version(b):
    b.deb("ver", {"/usr/bin/v": "1"}, arch=NATIVE)
    b.deb("ver", {"/usr/bin/v": "2"}, arch=TARGET, version="2.0")
    b.install()
    refuses(b, "package 'ver' is 1.0", "2.0")


@case
def accepts_a_rebuild_of_one_side(b):
    b.deb("ver", {"/usr/bin/v": "1"}, arch=NATIVE)
    b.deb("ver", {"/usr/bin/v": "2"}, arch=TARGET, version="1.0+b3")
    b.install()
    b.twin()
    assert b.read("/usr/bin/v") == "2"


@case
def refuses_a_cut_package(b):
    b.deb("cut", {"/usr/bin/c": lambda a: a * 10000})
    b.install()
    with open(b.debs[TARGET][0], "r+b") as f:
        f.truncate(os.path.getsize(b.debs[TARGET][0]) // 2)
    got = b.twin(ok=False)
    assert os.path.basename(b.debs[TARGET][0]) in got, got


def main():
    passed = failed = skipped = 0
    for fn in cases:
        with tempfile.TemporaryDirectory(prefix="kiln-twin-") as d:
            try:
                why = fn(Bench(d))
            except (AssertionError, subprocess.CalledProcessError, KeyError, OSError) as e:
                failed += 1
                print(f"not ok {fn.__name__}: {e!r} {getattr(e, 'stderr', '') or ''}")
            else:
                skipped += bool(why)
                passed += not why
                print(f"ok {fn.__name__}" + (f" # SKIP {why}" if why else ""))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
