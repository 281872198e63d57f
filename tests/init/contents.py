"""What lib/initrd writes, judged by cpio, lsinitramfs and modprobe on the real kernels."""
import os
import re
import struct

from machine import *

TESTS = []
FULL = []       # the long ones, of the suite init-full


def test(f):
    TESTS.append(f)
    return f


def full_test(f):
    FULL.append(f)
    return f


def unpacked(path, early):
    """The main cpio's bytes."""
    with open(path, "rb") as f:
        f.seek(early)
        return subprocess.run(["zstd", "-dc"], stdin=f, stdout=subprocess.PIPE, check=True).stdout


def cpio_list(data):
    p = subprocess.run(["cpio", "-tv", "--quiet", "--numeric-uid-gid"], input=data, stdout=subprocess.PIPE, check=True)
    return p.stdout.decode().splitlines()


def cpio_extract(data, folder):
    os.makedirs(folder)
    subprocess.run(["cpio", "-id", "--quiet"], input=data, cwd=folder, check=True)


def name_of(path):
    return re.sub(r"\.ko.*", "", os.path.basename(path)).replace("-", "_")


def modprobe_order(lab, arch, module):
    """What modprobe would insert for a module, in order."""
    out = run("/sbin/modprobe", "-d", lab.roots[arch], "-S", lab.release[arch], "--show-depends", module)
    return [name_of(l.split()[1]) for l in out.splitlines() if l.startswith("insmod")]


def check_contents(lab, arch):
    path, lines = lab.mkinitrd(arch, "c-" + arch)
    size, early, unpacked_size = [int(n) for n in re.findall(r"\d+", lines[0])]
    assert size == os.path.getsize(path) and size <= 12 * MIB, size
    data = unpacked(path, early)
    names = [l.split()[-1] for l in cpio_list(data)]
    release = lab.release[arch]
    top = "lib/modules/" + release
    for need in ("init", "dev", "dev/console", "proc", "sys", "run", "root", top + "/kiln.order"):
        assert need in names, need
    folder = os.path.join(lab.dir, "c-%s.unpacked" % arch)
    cpio_extract(data, folder)
    order = open(os.path.join(folder, top, "kiln.order")).read().splitlines()
    position = {name_of(m): i for i, m in enumerate(order)}
    assert len(position) == len(order)
    assert order == [re.sub(r"\.ko.*", ".ko", l) for l in lines[1:] if not l.startswith("no ")]
    for m in order:     # a plain ELF file each, and nothing else is there
        with open(os.path.join(folder, top, m), "rb") as f:
            assert f.read(4) == b"\x7fELF", m
    assert sorted(top + "/" + m for m in order) == sorted(n for n in names if n.endswith(".ko"))
    for m in lab.board(arch)["initrd_modules"]:         # modprobe is the judge of what comes before what
        want = modprobe_order(lab, arch, m)
        places = [position[w] for w in want]
        assert places == sorted(places) or all(position[w] < position[want[-1]] for w in want[:-1]), (m, want)
        for w in want:
            deps = run("/sbin/modinfo", "-F", "depends", os.path.join(folder, top, order[position[w]])).strip()
            for d in filter(None, deps.split(",")):
                d = d.replace("-", "_")
                assert d in position and position[d] < position[w], "%s needs %s before it" % (w, d)
    with open(os.path.join(folder, "init"), "rb") as f, open(lab.init(arch), "rb") as g:
        assert f.read() == g.read()
    return "%d bytes, %d modules, %d unpacked" % (size, len(order), unpacked_size)


@test
def initrd_of_m910q(lab):
    return check_contents(lab, "amd64")


@test
def initrd_of_rpi5(lab):
    return check_contents(lab, "arm64")


@test
def same_input_same_bytes(lab):
    a, _ = lab.mkinitrd("amd64", "same-1", level=3)
    b, _ = lab.mkinitrd("amd64", "same-2", level=3)
    with open(a, "rb") as f, open(b, "rb") as g:
        assert f.read() == g.read()


@test
def initramfs_tools_read_it_too(lab):
    path, _ = lab.mkinitrd("amd64", "ls", level=3)
    names = run("lsinitramfs", path).splitlines()
    assert "init" in names and "kernel/x86/microcode/GenuineIntel.bin" in names
    assert any(n.endswith("/btrfs.ko") for n in names)


@test
def microcode_is_of_the_board_only(lab):
    path, lines = lab.mkinitrd("amd64", "ucode", modules=["nvme"], level=3)
    early = int(re.findall(r"\d+", lines[0])[1])
    with open(path, "rb") as f:
        cpio = f.read(early)
    assert early % 512 == 0
    folder = os.path.join(lab.dir, "ucode.unpacked")
    cpio_extract(cpio, folder)
    with open(folder + "/kernel/x86/microcode/GenuineIntel.bin", "rb") as f:
        got = f.read()
    want, at = b"", lab.roots["amd64"] + "/usr/lib/firmware/intel-ucode/"
    for name in sorted(os.listdir(at)):
        if re.match(r"06-(5e|9e)-", name):
            with open(at + name, "rb") as f:
                want += f.read()
    assert got == want and len(got) > 100000
    assert cpio.find(want) % 16 == 0, "the CPU wants 16-byte alignment"
    sigs, pos = set(), 0
    while pos < len(got):
        sig, = struct.unpack_from("<I", got, pos + 12)
        total, = struct.unpack_from("<I", got, pos + 32)
        sigs.add(sig & 0xffff0)
        pos += total
    assert sigs == {0x506e0, 0x906e0}, sigs
    return "%d bytes" % len(got)


def refused(lab, text, arch="amd64", **kw):
    try:
        lab.mkinitrd(arch, "refused", level=1, **kw)
    except AssertionError as e:
        assert text in str(e), "%s\nlacks: %s" % (e, text)
        return
    raise AssertionError("not refused: " + text)


@test
def what_is_missing_is_named(lab):
    refused(lab, "kernel %s has no module 'no-such-disk': not as a file, not built in, no alias" % lab.release["amd64"],
            modules=["nvme", "no-such-disk"])
    refused(lab, "is for another architecture", init=lab.init("arm64"))
    refused(lab, "no microcode for CPU model '06-ff'", microcode=["06-ff"])
    refused(lab, "the initrd is above 1 MiB; are all its modules needed?", limit=MIB)
    refused(lab, "cannot open '/nonexistent'", init="/nonexistent")
    refused(lab, "is no program", init="/etc/hostname")


def copied_root(lab, name):
    """Links to the real kernel's files, so that one can be taken away or damaged."""
    root = os.path.join(lab.dir, name)
    run("cp", "-al", lab.roots["amd64"], root)
    return root


@test
def damaged_kernel_is_refused(lab):
    root = copied_root(lab, "damaged-root")
    top = "%s/usr/lib/modules/%s/" % (root, lab.release["amd64"])
    path = top + "kernel/drivers/nvme/host/nvme.ko.xz"
    with open(path, "rb") as f:
        whole = f.read()
    os.unlink(path)
    refused(lab, "nvme.ko.xz': No such file or directory", root=root, modules=["nvme"], microcode=[])
    for damaged in (whole[:len(whole) // 2], whole[:1000] + b"\xff" * 64 + whole[1064:], b"", b"text"):
        with open(path, "wb") as f:
            f.write(damaged)
        refused(lab, "nvme.ko.xz", root=root, modules=["nvme"], microcode=[])
    ucode = root + "/usr/lib/firmware/intel-ucode/06-5e-03.initramfs"
    with open(ucode, "rb") as f:
        whole = f.read()
    for damaged, text in ((whole[:5000], "no update header at byte 0"), (whole[:30], "is cut short"), (b"", "is empty"),
                          (whole[:4000] + b"\x00\x01" + whole[4002:], "wrong checksum")):
        os.unlink(ucode)
        with open(ucode, "wb") as f:
            f.write(damaged)
        refused(lab, text, root=root, modules=["ext4"], microcode=["06-5e"])
    os.unlink(top + "modules.dep")
    refused(lab, "no 'modules.dep': depmod has not run", root=root)
    shutil.rmtree(root)


# ---- the device tree of the Pi ----

def lint_dt(lab, dtb, modules):
    return run(os.path.join(lab.out, "tests/init/lintdt"), lab.roots["arm64"], lab.release["arm64"], dtb,
               " ".join(modules))


@test
def every_supplier_of_the_pi_is_in_the_initrd(lab):
    modules = lab.board("arm64")["initrd_modules"]
    top = "%s/usr/lib/modules/%s/dtb/broadcom/" % (lab.roots["arm64"], lab.release["arm64"])
    for name in ("bcm2712-rpi-5-b.dtb", "bcm2712-d-rpi-5-b.dtb"):
        out = lint_dt(lab, top + name, modules)
        assert re.fullmatch(r"checked \d+\n", out) and int(out.split()[1]) >= 20, out
    for gone, node in (("irq-bcm2712-mip", "/axi/pcie@"), ("pinctrl-brcmstb-bcm2712", "/mmc@fff000"),
                       ("gpio-brcmstb", "/mmc@fff000"), ("fixed", "/mmc@fff000"), ("gpio-regulator", "/mmc@fff000"),
                       ("sdhci-brcmstb", "/mmc@fff000"), ("rp1_pci", "/ethernet@"), ("clk-rp1", "/ethernet@"),
                       ("pinctrl-rp1", "/usb@"), ("macb", "/ethernet@"), ("dwc3", "/usb@")):
        out = lint_dt(lab, top + "bcm2712-rpi-5-b.dtb", [m for m in modules if m != gone])
        lines = [l for l in out.splitlines() if "needs module '%s'" % gone in l]
        assert lines and any(node in l for l in lines), "without %s:\n%s" % (gone, out)
    return out.splitlines()[-1]


@test
def damaged_device_tree_is_refused(lab):
    top = "%s/usr/lib/modules/%s/dtb/broadcom/" % (lab.roots["arm64"], lab.release["arm64"])
    with open(top + "bcm2712-rpi-5-b.dtb", "rb") as f:
        whole = f.read()
    path = os.path.join(lab.dir, "damaged.dtb")
    for cut in (0, 39, 100, len(whole) // 2, len(whole) - 1):
        with open(path, "wb") as f:
            f.write(whole[:cut])
        try:
            lint_dt(lab, path, ["fixed"])
        except AssertionError as e:
            assert "the device tree is damaged" in str(e), e
            continue
        raise AssertionError("cut at %d is taken" % cut)


# ---- kiln-node boot-update: the same code on a node ----

def node_root(lab, arch, name):
    """The real kernel's tree with what the desk puts into a root for it."""
    root = os.path.join(lab.dir, name)
    run("cp", "-al", lab.roots[arch], root)
    board = lab.board(arch)
    os.makedirs(root + "/usr/lib/kiln")
    shutil.copy(lab.init(arch), root + "/usr/lib/kiln/kiln-init")
    with open(root + "/usr/lib/kiln/board.json", "w") as f:
        json.dump({"schema": 1, "boot": board["boot"], "modules": board["initrd_modules"],
                   "microcode": board.get("microcode", [])}, f)
    return root


def boot_update(lab, root, boot, *args, inject=None):
    argv = [os.path.join(lab.out, "kiln-node"), "boot-update", "--root", root, "--boot", boot] + list(args)
    if inject:
        argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + inject[0],
                "-e", "inject=%s:signal=KILL:when=%d" % inject] + argv
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.returncode, p.stdout


OLD = "7.0.0-old"
CONFIG = """# mine
kernel=vmlinuz-%s
initramfs initrd-%s followkernel
enable_uart=1
dtparam=mine
"""


def pi_boot(lab, name):
    boot = os.path.join(lab.dir, name)
    os.makedirs(boot)
    for f, text in (("config.txt", CONFIG % (OLD, OLD)), ("vmlinuz-" + OLD, "old kernel"), ("initrd-" + OLD, "old initrd"),
                    ("bcm2712-rpi-5-b.dtb", "old tree"), ("cmdline.txt", "root=x"), ("vmlinuz-6.0-older", "x"),
                    ("initrd-6.0-older", "x"), ("initrd-7.0.0-cut.kiln-new", "x"),
                    (".vmlinuz-7.0.0-cut.812-3.tmp", "x")):
        with open(os.path.join(boot, f), "w") as g:
            g.write(text)
    return boot


def pi_boots(boot, new, whole):
    """What the firmware would load: the old kernel or the new one, whole."""
    config = open(boot + "/config.txt").read()
    for release in (OLD, new):
        if config == CONFIG % (release, release):
            break
    else:
        raise AssertionError("config.txt is neither old nor new:\n" + config)
    for f in ("vmlinuz-", "initrd-"):
        with open(os.path.join(boot, f + release), "rb") as g:
            data = g.read()
        assert data == (whole[f] if release == new else {"vmlinuz-": b"old kernel", "initrd-": b"old initrd"}[f]), f
    return release


@test
def boot_update_on_a_pi(lab):
    root, new = node_root(lab, "arm64", "pi-root"), lab.release["arm64"]
    boot = pi_boot(lab, "pi-boot")
    code, out = boot_update(lab, root, boot, new)
    assert code == 0, out
    assert "to go back: copy config-%s.txt over config.txt" % OLD in out, out
    names = sorted(os.listdir(boot))
    assert names == sorted(["bcm2712-d-rpi-5-b.dtb", "bcm2712-rpi-5-b.dtb", "bcm2712-rpi-5-b.dtb.old", "cmdline.txt",
                            "config-%s.txt" % OLD, "config.txt", "initrd-" + OLD, "initrd-" + new, "vmlinuz-" + OLD,
                            "vmlinuz-" + new]), names
    assert open(boot + "/config-%s.txt" % OLD).read() == CONFIG % (OLD, OLD)
    with open(lab.vmlinuz["arm64"], "rb") as f:
        assert subprocess.run(["gzip", "-dc", boot + "/vmlinuz-" + new], stdout=subprocess.PIPE, check=True).stdout == f.read()
    assert any(n.endswith("/kiln.order") for n in [l.split()[-1] for l in cpio_list(unpacked(boot + "/initrd-" + new, 0))])
    whole = {f: open(os.path.join(boot, f + new), "rb").read() for f in ("vmlinuz-", "initrd-")}
    assert pi_boots(boot, new, whole) == new
    code, out = boot_update(lab, root, boot, "--remove", new)
    assert code == 1 and "kernel %s is the one that boots next" % new in out, out
    code, out = boot_update(lab, root, boot, "--remove", OLD)
    assert code == 0 and not [n for n in os.listdir(boot) if OLD in n], out
    # killed at every call that names or removes something
    with open(root + "/usr/lib/kiln/board.json", "w") as f:
        json.dump({"schema": 1, "boot": "rpi", "modules": ["fixed"], "microcode": []}, f)
    image = "%s/usr/lib/modules/%s/vmlinuz" % (root, new)
    with open(image, "rb") as f:
        start = f.read(1 << 20)         # enough for the header; gzip of the whole takes its time
    os.unlink(image)
    with open(image, "wb") as f:
        f.write(start)
    seen, n, whole = set(), 1, {}
    while True:
        shutil.rmtree(boot)
        pi_boot(lab, "pi-boot")
        code, out = boot_update(lab, root, boot, new, inject=("renameat,renameat2,rename,unlinkat,unlink,fsync", n))
        if code == 0:
            break
        if not whole:   # what a whole run writes, once
            other = pi_boot(lab, "pi-boot-whole")
            assert boot_update(lab, root, other, new)[0] == 0
            whole = {f: open(os.path.join(other, f + new), "rb").read() for f in ("vmlinuz-", "initrd-")}
        seen.add(pi_boots(boot, new, whole))
        n += 1
        code, out = boot_update(lab, root, boot, new)
        assert code == 0 and pi_boots(boot, new, whole) == new, out
        assert not [x for x in os.listdir(boot) if x.endswith(".kiln-new") or x.endswith(".tmp")], os.listdir(boot)
    assert n > 10 and seen == {OLD, new}, (n, seen)
    return "killed at %d calls" % (n - 1)


@test
def boot_update_on_uefi(lab):
    root, new = node_root(lab, "amd64", "pc-root"), lab.release["amd64"]
    boot = os.path.join(lab.dir, "pc-boot")
    os.makedirs(boot + "/loader/entries")
    entry = "title Kiln (%s)\nlinux /vmlinuz-%s\ninitrd /initrd-%s\noptions root=UUID=1 kiln.boot=A panic=30\n" % (OLD, OLD, OLD)
    for f, text in (("loader/entries/kiln-%s.conf" % OLD, entry), ("vmlinuz-" + OLD, "old"), ("initrd-" + OLD, "old")):
        with open(os.path.join(boot, f), "w") as g:
            g.write(text)
    code, out = boot_update(lab, root, boot, new)
    assert code == 0, out
    with open(boot + "/loader/entries/kiln-%s+3.conf" % new) as f:
        text = f.read()
    assert "\noptions root=UUID=1 kiln.boot=A panic=30\n" in text and "\nlinux /vmlinuz-%s\n" % new in text, text
    assert open(boot + "/loader/entries/kiln-%s.conf" % OLD).read() == entry
    with open(lab.vmlinuz["amd64"], "rb") as f, open(boot + "/vmlinuz-" + new, "rb") as g:
        assert f.read() == g.read()
    assert "kernel/x86/microcode/GenuineIntel.bin" in run("lsinitramfs", boot + "/initrd-" + new)
    code, out = boot_update(lab, root, boot, new)       # installed again: nothing new to count
    assert code == 0 and sorted(os.listdir(boot + "/loader/entries")) == \
        sorted(["kiln-%s.conf" % OLD, "kiln-%s+3.conf" % new]), out
    code, out = boot_update(lab, root, boot, "--remove", new)
    assert code == 0 and os.listdir(boot + "/loader/entries") == ["kiln-%s.conf" % OLD], out
    # the running kernel's counter goes once it is good
    running = os.uname().release
    os.rename(boot + "/loader/entries/kiln-%s.conf" % OLD, boot + "/loader/entries/kiln-%s+2-1.conf" % running)
    code, out = boot_update(lab, root, boot, "--good")
    assert code == 0 and os.listdir(boot + "/loader/entries") == ["kiln-%s.conf" % running], out
    # the third kernel pushes the oldest out, never the running one
    for release in (running, "1.0"):
        for f in ("vmlinuz-", "initrd-"):
            with open(os.path.join(boot, f + release), "w") as g:
                g.write("x")
    with open(boot + "/loader/entries/kiln-1.0.conf", "w") as g:
        g.write(entry)
    code, out = boot_update(lab, root, boot, new)
    assert code == 0, out
    kernels = sorted(n for n in os.listdir(boot) if n.startswith("vmlinuz-"))
    assert kernels == sorted(["vmlinuz-" + running, "vmlinuz-" + new]), kernels
    assert sorted(os.listdir(boot + "/loader/entries")) == sorted(["kiln-%s.conf" % running, "kiln-%s+3.conf" % new])


@test
def boot_update_refuses(lab):
    root, boot = node_root(lab, "amd64", "bad-root"), os.path.join(lab.dir, "bad-boot")
    os.makedirs(boot + "/loader/entries")
    for args, text in ((["../x"], "'../x' is no kernel release"), (["9.9"], "kernel 9.9: no 'modules.dep'"),
                       ([lab.release["amd64"]], "no entry of Kiln's in 'loader/entries'")):
        code, out = boot_update(lab, root, boot, *args)
        assert code == 1 and text in out, out
    for args, text in (([], "which kernel? give its release"), (["a", "b"], "one kernel release at a time"),
                       (["--good", "a"], "--good takes no kernel release"), (["--x"], "unknown option '--x'")):
        code, out = boot_update(lab, root, boot, *args)
        assert code == 2 and text in out, out
    assert not [n for n in os.listdir(boot) if n.endswith(".kiln-new")]
