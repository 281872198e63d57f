"""What lib/initrd writes, judged by cpio, lsinitramfs and modprobe on the real kernels."""
import os
import re
import struct

from machine import *

TESTS = []


def test(f):
    TESTS.append(f)
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
