"""kiln-init in real machines. usage: run.py OUT SRC [--full] [NAME...]   (OUT: the build folder)"""
import random
import sys
import time
import traceback


from contents import FULL, TESTS, full_test, test
from machine import *


def board_of(arch):
    return "rpi5" if arch == "arm64" else "m910q"


# ---- boots ----
#
# A machine under TCG takes 5 to 15 s, so one boot proves as much as it can; what has a
# boot of its own in tests/qemu (NVMe on both boards) or only repeats is in the full suite.

FIRST_BOOT = ("TEST end", "TEST file /etc/hostname: cow", "TEST mode /etc/rancher/k3s/config.yaml: 600 0:0",
              "TEST file /home/user/.ssh/authorized_keys: ssh-ed25519 AAAA", "this is node 'cow' of cluster 'home'",
              "TEST flags /var/lib/rancher/k3s/server/db: nodatacow", "TEST flags /var/lib/rancher: cow",
              "TEST mode /var/lib/rancher/k3s/server/db: 700 0:0", "TEST mode /var/lib/rancher/k3s: 755 0:0", "imported=1",
              "TEST in /boot/firmware/kiln: base.json", "TEST init 1 words")


def check_first(b, disk):
    b.need(*FIRST_BOOT).lack("TEST in /boot/firmware/kiln: seed", "cannot")
    for mount, name in SUBVOLUMES:
        line = [l for l in b.lines if re.match(r"mount /dev/\S+ %s btrfs" % mount, l)]
        assert len(line) == 1 and "subvol=/%s" % name in line[0] and "compress=zstd:1" in line[0], (mount, b.lines)
        assert "rw" in line[0] and "noatime" in line[0], line
    # the initrd's memory is given back: nothing of it is left under the root's own /
    assert not [l for l in b.lines if l in ("in /: init", "in /: lib")], b.lines
    assert "seed-" not in fat_list(disk)
    assert b"token: secret" not in fat_bytes(disk), "the seed's secret is still on the FAT"


def put_seed(disk, data, name=None):
    with open(disk + ".seed", "wb") as f:
        f.write(data)
    name = name or "seed-%s.tar" % hashlib.sha256(data).hexdigest()
    run("mcopy", "-i", disk + "@@1M", disk + ".seed", "::kiln/" + name)


def extract_root(disk):
    path = disk + ".root"
    run("dd", "if=" + disk, "of=" + path, "bs=1M", "skip=66", "count=256", "conv=sparse", "status=none")
    return path


def clock_of(b):
    return int(re.search(r"TEST clock (\d+)", b.out).group(1))


@test
def amd64_first_boot_then_a_new_seed(lab):
    """SATA with a clock that is behind; then NVMe, a clock that is ahead and another seed."""
    disk = make_disk(lab, "amd64", "first.img", [seed(NODE_FILES, "m910q")])
    a = Boot(lab, "amd64", [("sata", disk, "D1")], clock="1980-01-01").need("boot=sda1", "the clock was behind")
    check_first(a, disk)
    assert 1800000000 <= clock_of(a) < 1800001000, clock_of(a)
    put_seed(disk, seed({"/etc/hostname": (0o644, "sheep\n")}, "m910q", name="sheep", baked_at=1900000000))
    b = Boot(lab, "amd64", [("nvme", disk, "D1")], clock="2060-01-01")
    b.need("TEST end", "boot=nvme0n1p1", "imported=1", "TEST file /etc/hostname: sheep",
           "TEST file /etc/rancher/k3s/config.yaml: No such file").lack("the clock was behind", "cannot")
    assert clock_of(b) > 2840000000, clock_of(b)    # a clock that is ahead is not for the initrd to judge
    run("btrfs", "check", "--readonly", extract_root(disk))
    return "%.1f s, %.1f s" % (a.seconds, b.seconds)


@test
def arm64_first_boot_then_a_damaged_seed(lab):
    """SD card; then the same disk on USB: seeded, with a damaged seed beside, it boots with what it has."""
    disk = make_disk(lab, "arm64", "first-arm.img", [seed(NODE_FILES, "rpi5", machine=False)])
    a = Boot(lab, "arm64", [("mmc", disk, "")]).need("boot=mmcblk0p1")
    check_first(a, disk)
    put_seed(disk, b"damaged", "seed-%064d.tar" % 1)
    b = Boot(lab, "arm64", [("usb", disk, "U1")])
    b.need("TEST end", "boot=sda1", "imported=0", "is refused and left alone", "TEST file /etc/hostname: cow")
    b.lack("imported seed")
    run("btrfs", "check", "--readonly", extract_root(disk))
    return "%.1f s, %.1f s" % (a.seconds, b.seconds)


@test
def seeds_that_fail_a_check(lab):
    """A damaged one, one for another MAC address, one for another serial: three refusals in one boot."""
    good = seed(NODE_FILES, "m910q")
    damaged = ("seed-%s.tar" % hashlib.sha256(good).hexdigest(), good[:2000] + b"X" + good[2001:])
    others = [seed(NODE_FILES, "m910q", change_machine=m)
              for m in ({"mac": "02:00:00:00:00:99", "serial": SERIAL}, {"mac": MAC, "serial": "OTHER"})]
    disk = make_disk(lab, "amd64", "refused.img", [damaged] + others)
    before = fat_list(disk)
    b = Boot(lab, "amd64", [("nvme", disk, "D1")])
    b.need("is refused and left alone: it is damaged: its contents have digest",
           "it is for the machine with MAC address 02:00:00:00:00:99; this one has 02:00:00:00:00:01",
           "it is for the machine with serial 'OTHER'; this one has 'SER1'", "this node has no identity",
           "rebooting in 1 s").lack("TEST")
    assert fat_list(disk) == before


@test
def two_disks_the_selector_decides(lab):
    usb = make_disk(lab, "amd64", "two-a.img", [seed(NODE_FILES, "m910q", selector={"serial": "D2"})])
    nvme = make_disk(lab, "amd64", "two-b.img", [seed(NODE_FILES, "m910q", selector={"serial": "D2"})])
    b = Boot(lab, "amd64", [("usb", usb, "U1"), ("nvme", nvme, "D2")])
    b.need("TEST end", "2 disks have a boot partition of Kiln's: asking their seeds", "TEST file /run/kiln/init: disk=nvme0n1",
           "imported=1")
    assert "seed-" in fat_list(usb) and "seed-" not in fat_list(nvme)
    mounts = [l for l in b.lines if l.startswith("mount /dev/sd")]
    assert not mounts, mounts
    # imported on one, waiting on the other, which is not meant: as decided
    Boot(lab, "amd64", [("usb", usb, "U1"), ("nvme", nvme, "D2")]).need("TEST end", "disk=nvme0n1", "imported=0")


@test
def two_disks_that_cannot_be_told_apart_stop_the_boot(lab):
    a = make_disk(lab, "amd64", "same-a.img", [seed(NODE_FILES, "m910q")])
    b = make_disk(lab, "amd64", "same-b.img", [seed(NODE_FILES, "m910q")])
    before = [hashlib.sha256(open(p, "rb").read()).hexdigest() for p in (a, b)]
    boot = Boot(lab, "amd64", [("nvme", a, "D1"), ("sata", b, "D2")])
    boot.need("more than one disk could be the one to boot", "nvme0n1: nvme, 512 MiB, QEMU NVMe Ctrl, serial D1",
              "sda: sata, 512 MiB, QEMU HARDDISK, serial D2", "rebooting in 1 s").lack("TEST")
    after = [hashlib.sha256(open(p, "rb").read()).hexdigest() for p in (a, b)]
    assert before == after, "a disk was written to"


@test
def foreign_disks_stop_the_boot_with_a_list(lab):
    """One of another volume, one without its root."""
    foreign = make_disk(lab, "amd64", "foreign.img", boot_uuid="0BAD-0BAD")
    no_root = make_disk(lab, "amd64", "noroot.img", root=False)
    b = Boot(lab, "amd64", [("nvme", foreign, "D1"), ("sata", no_root, "D2")], "kiln.wait=3")
    b.need("found no boot partition and root within 3 s", "nvme0n1p1: vfat, 64.0 MiB, 0BAD-0BAD: not volume 1A2B-3C4D",
           "nvme0n1p2: btrfs, 256 MiB, " + ROOT_UUID,
           "sda1: vfat, 64.0 MiB, 1A2B-3C4D: its root %s is not on this disk" % ROOT_UUID, "rebooting in 1 s").lack("TEST")


@full_test
def arm64_nvme_first_and_second_boot(lab):
    disk = make_disk(lab, "arm64", "nvme-arm.img", [seed(NODE_FILES, "rpi5")])
    a = Boot(lab, "arm64", [("nvme", disk, "D1")])
    check_first(a, disk)
    b = Boot(lab, "arm64", [("nvme", disk, "D1")])
    b.need("TEST end", "TEST file /etc/hostname: cow", "imported=0").lack("imported seed", "cannot")
    return "%.1f s, again %.1f s" % (a.seconds, b.seconds)


@full_test
def no_disk_at_all(lab):
    Boot(lab, "amd64", [], "kiln.wait=2 quiet").need("no disk at all; is its driver in the board's list of modules?")


@full_test
def root_without_init_and_rescue(lab):
    disk = make_disk(lab, "amd64", "noinit.img", [seed(NODE_FILES, "m910q")], sbin_init=False)
    b = Boot(lab, "amd64", [("nvme", disk, "D1")], "kiln.rescue")
    b.need("the root has no '/sbin/init'", "kiln.rescue: a shell of the root", "the root has no /bin/sh that runs")


@full_test
def initrd_of_another_kernel(lab):
    path, _ = lab.mkinitrd("amd64", "other-initrd", modules=["nvme"], microcode=[], level=1)
    with open(path, "rb") as f:
        cpio = subprocess.run(["zstd", "-dc"], stdin=f, stdout=subprocess.PIPE, check=True).stdout
    release = lab.release["amd64"].encode()
    with open(path, "wb") as f:
        f.write(cpio.replace(release, release[:-1] + b"X"))
    b = Boot(lab, "amd64", [], initrd=path)
    b.need("this initrd has no modules for the running kernel " + lab.release["amd64"], "rebooting in 1 s")


# ---- power cuts ----

def guest_time(out, text):
    """The kernel's time of the line with a text."""
    return float(re.search(r"\[ *(\d+\.\d+)\] kiln-init: [^\n]*" + re.escape(text), out).group(1))


def cut_disk(lab, arch):
    """A disk whose seed takes its time."""
    files = dict(NODE_FILES)
    for i in range(120):
        files["/var/lib/rancher/k3s/server/tls/f%03d" % i] = (0o600, "x" * (20000 + i))
    return make_disk(lab, arch, "cut-start.img", [seed(files, board_of(arch), name="cow")])


def after_a_cut(lab, arch, disk):
    again = Boot(lab, arch, [("nvme", disk, "D1")])
    again.need("TEST end", "TEST file /etc/hostname: cow", "TEST mode /etc/rancher/k3s/config.yaml: 600 0:0")
    again.lack("is damaged", "is refused")
    assert "seed-" not in fat_list(disk)
    run("btrfs", "check", "--readonly", extract_root(disk))


def power_cuts(lab, arch, cuts):
    """QEMU is killed during the import, which has enough to do for that; then the boot completes."""
    rng = random.Random(20261122)
    start = cut_disk(lab, arch)
    disk = start + ".run"
    shutil.copy(start, disk)
    whole = Boot(lab, arch, [("nvme", disk, "D1")]).need("TEST end", "imported=1")
    took = guest_time(whole.out, "imported seed") - guest_time(whole.out, "boot partition nvme0n1p1")
    points, interrupted = [], 0
    for n in range(cuts):
        shutil.copy(start, disk)
        after = took * (n + rng.random()) / cuts        # one in each part of the import
        points.append("%.2f" % after)
        b = Boot(lab, arch, [("nvme", disk, "D1")], kill_after=after, until="boot partition nvme0n1p1")
        interrupted += b.killed and "imported seed" not in b.out
        after_a_cut(lab, arch, disk)
    assert interrupted >= 1, "none of %d cuts met the import, which takes %.2f s" % (cuts, took)
    return "the import took %.2f s; cut %s s after it began, %d before its end" % (took, " ".join(points), interrupted)


@test
def power_cut_during_the_import(lab):
    """One, as soon as the import has begun; tests/unit/init cuts at every system call of it."""
    start = cut_disk(lab, "arm64")
    b = Boot(lab, "arm64", [("nvme", start, "D1")], kill_after=0.1, until="boot partition nvme0n1p1")
    assert b.killed, b.out
    after_a_cut(lab, "arm64", start)
    return "cut %s the import's end" % ("after" if "imported seed" in b.out else "before")


@full_test
def ten_power_cuts_amd64(lab):
    return power_cuts(lab, "amd64", 10)


@full_test
def ten_power_cuts_arm64(lab):
    return power_cuts(lab, "arm64", 10)


def main():
    out, src, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    tests = FULL if "--full" in names else TESTS
    names = [n for n in names if n != "--full"]
    lab = Lab(out, src)
    passed = failed = 0
    for t in tests:
        if names and not any(n in t.__name__ for n in names):
            continue
        start = time.monotonic()
        try:
            said = t(lab)
            passed += 1
            print("ok %s (%.1f s)%s" % (t.__name__, time.monotonic() - start, ": " + said if said else ""), flush=True)
        except Exception:
            failed += 1
            print("not ok %s\n%s" % (t.__name__, traceback.format_exc()), flush=True)
    shutil.rmtree(lab.dir, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
