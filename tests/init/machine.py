"""Disks, seeds and virtual machines for the tests of kiln-init.

Everything is made by other people's tools (sfdisk, mkfs.vfat, mtools, mkfs.btrfs, Python's tarfile)
and booted with the real Debian kernels under TCG, one machine at a time.
"""
import glob
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tarfile
import time

BASE_ID = "b" + "0" * 63
CLUSTER_ID = "c" + "0" * 31
ROOT_UUID = "11111111-2222-4333-8444-555555555555"
BOOT_UUID = "1A2B-3C4D"
MAC = "02:00:00:00:00:01"
SERIAL = "SER1"
MIB = 1 << 20
SUBVOLUMES = [("/", "@"), ("/home", "@home"), ("/var/log", "@log"), ("/var/lib/rancher", "@rancher")]
DEADLINE_S = 180


def run(*argv, **kw):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if p.returncode != 0:
        raise AssertionError("%s: exit %d\n%s" % (" ".join(argv), p.returncode, p.stdout))
    return p.stdout


def base_json(arch, **change):
    d = {"schema": 1, "id": BASE_ID, "cluster_id": CLUSTER_ID, "board": "rpi5" if arch == "arm64" else "m910q",
         "arch": arch, "kernel": "any", "created_at": 1700000000, "root_uuid": ROOT_UUID, "boot_uuid": BOOT_UUID}
    d.update(change)
    return json.dumps(d) + "\n"


def seed(files, board, name="cow", baked_at=1800000000, machine=True, selector=None, change_machine=None, **change):
    """The bytes of a seed's tar; files: path -> (mode, contents), or ("link", target)."""
    meta = {"schema": 1, "cluster": "home", "cluster_id": CLUSTER_ID, "node": name, "board": board, "base": BASE_ID,
            "machine": {"mac": MAC, "serial": SERIAL} if machine else {"mac": None, "serial": None},
            "system_disk": selector or {}, "baked_at": baked_at, "wipe": []}
    meta["machine"].update(change_machine or {})
    meta.update(change)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(path, mode, data):
            info = tarfile.TarInfo(path)
            if mode == "link":
                info.type, info.linkname = tarfile.SYMTYPE, data
                tar.addfile(info)
                return
            data = data.encode()
            info.mode, info.size, info.mtime = mode, len(data), baked_at
            tar.addfile(info, io.BytesIO(data))
        add("seed.json", 0o600, json.dumps(meta))
        for path in sorted(files):
            add("root" + path, *files[path])
    return out.getvalue()


NODE_FILES = {
    "/etc/hostname": (0o644, "cow\n"),
    "/etc/rancher/k3s/config.yaml": (0o600, "token: secret\n"),
    "/home/user/.ssh/authorized_keys": (0o600, "ssh-ed25519 AAAA\n"),
    "/etc/localtime": ("link", "/usr/share/zoneinfo/Europe/Berlin"),
}


class Lab:
    """Kernels, initrds and root file systems, made once for a run."""

    def __init__(self, out, src):
        self.out, self.src = out, src
        self.dir = os.path.join(out, "tests/init/work")
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.kernel, self.release, self.roots, self.vmlinuz = {}, {}, {}, {}
        for arch in ("amd64", "arm64"):
            root = run(os.path.join(src, "tests/init/kernels.sh"), arch).strip().splitlines()[-1]
            release = os.path.basename(glob.glob(root + "/usr/lib/modules/*")[0])
            image = [p for p in (root + "/boot/vmlinuz-" + release, root + "/usr/lib/modules/" + release + "/vmlinuz")
                     if os.path.exists(p)][0]
            self.roots[arch], self.release[arch], self.vmlinuz[arch] = root, release, image

    def init(self, arch):
        return os.path.join(self.out, "share/kiln/agent", arch, "kiln-init")

    def board(self, arch):
        import yaml
        name = "rpi5" if arch == "arm64" else "m910q"
        with open(os.path.join(self.src, "boards", name, "board.yaml")) as f:
            return yaml.safe_load(f)

    def mkinitrd(self, arch, name, modules=None, microcode=None, level=0, limit=0, init=None, root=None):
        """(path, the tool's lines); raises with its error."""
        board = self.board(arch)
        path = os.path.join(self.dir, name)
        out = run(os.path.join(self.out, "tests/init/mkinitrd"), root or self.roots[arch], self.release[arch],
                  init or self.init(arch), path, str(level), str(limit),
                  " ".join(modules if modules is not None else board["initrd_modules"]),
                  " ".join(microcode if microcode is not None else board.get("microcode", [])))
        return path, out.splitlines()

    def initrd(self, arch):
        for name in ("c-" + arch, "initrd-" + arch):    # the first is left by the test of its contents
            if os.path.exists(os.path.join(self.dir, name)):
                return os.path.join(self.dir, name)
        return self.mkinitrd(arch, "initrd-" + arch, level=3)[0]

    def root_image(self, arch, base=None, sbin_init=True):
        """A Btrfs with the subvolumes of a node, by mkfs.btrfs; cached per contents."""
        key = hashlib.sha256(repr((arch, base, sbin_init)).encode()).hexdigest()[:12]
        path = os.path.join(self.dir, "root-" + key)
        if os.path.exists(path):
            return path
        tree = path + ".tree"
        for d in ("@/etc", "@/usr/lib/kiln", "@/usr/lib/modules", "@/sbin", "@/boot/firmware", "@/home", "@/var/log",
                  "@/var/lib/rancher", "@/var/lib/systemd/timesync", "@home", "@log", "@rancher", "@/bin"):
            os.makedirs(os.path.join(tree, d))
        fstab = "# test\n"
        for mount, name in SUBVOLUMES:
            fstab += "UUID=%s %s btrfs subvol=%s,noatime,compress=zstd:1 0 0\n" % (ROOT_UUID, mount, name)
        fstab += "UUID=%s /boot/firmware vfat umask=0077,nofail 0 0\n" % BOOT_UUID
        for name, text in (("etc/fstab", fstab), ("usr/lib/kiln/base.json", base or base_json(arch)),
                           ("usr/lib/kiln/nodatacow", "/var/lib/rancher/k3s/server/db\n")):
            with open(os.path.join(tree, "@", name), "w") as f:
                f.write(text)
        if sbin_init:
            shutil.copy(os.path.join(self.out, "tests/init/testinit-" + arch), tree + "/@/sbin/init")
        argv = ["mkfs.btrfs", "-q", "-U", ROOT_UUID, "-s", "4096", "--rootdir", tree]
        for _, name in SUBVOLUMES:
            argv += ["--subvol", name]
        with open(path, "wb") as f:
            f.truncate(256 * MIB)
        run(*argv, path)
        shutil.rmtree(tree)
        return path


def make_disk(lab, arch, name, seeds=(), base=None, root=True, fat_base=None, boot_uuid=BOOT_UUID, sbin_init=True):
    """A GPT disk: FAT 1, Btrfs 2. seeds: tar bytes, or (name, bytes)."""
    path = os.path.join(lab.dir, name)
    fat = path + ".fat"
    with open(fat, "wb") as f:
        f.truncate(64 * MIB)
    run("mkfs.vfat", "-n", "BOOT", "-i", boot_uuid.replace("-", ""), fat)
    run("mmd", "-i", fat, "::kiln")
    with open(path + ".json", "w") as f:
        f.write(fat_base or base or base_json(arch))
    run("mcopy", "-i", fat, path + ".json", "::kiln/base.json")
    for s in seeds:
        data = s if isinstance(s, bytes) else s[1]
        seed_name = "seed-%s.tar" % hashlib.sha256(data).hexdigest() if isinstance(s, bytes) else s[0]
        with open(path + ".seed", "wb") as f:
            f.write(data)
        run("mcopy", "-i", fat, path + ".seed", "::kiln/" + seed_name)
    with open(path, "wb") as f:
        f.truncate(512 * MIB)    # QEMU's SD card wants a power of two
    run("sfdisk", "-q", path, input="label: gpt\nstart=1MiB, size=64MiB, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7\n"
        "start=66MiB, size=256MiB, type=linux\n")
    run("dd", "if=" + fat, "of=" + path, "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none")
    if root:
        run("dd", "if=" + lab.root_image(arch, base, sbin_init), "of=" + path, "bs=1M", "seek=66",
            "conv=notrunc,sparse", "status=none")
    for suffix in (".fat", ".json", ".seed"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    return path


def fat_list(disk):
    return run("mdir", "-b", "-/", "-i", disk + "@@1M", "::kiln")


def fat_bytes(disk):
    with open(disk, "rb") as f:
        f.seek(MIB)
        return f.read(64 * MIB)


BUSES = {
    "virtio": ["-device", "virtio-blk-pci,drive=%(d)s,serial=%(s)s"],
    "nvme": ["-device", "nvme,drive=%(d)s,serial=%(s)s"],
    "usb": ["-device", "qemu-xhci,id=x%(d)s", "-device", "usb-storage,bus=x%(d)s.0,drive=%(d)s,serial=%(s)s"],
    "sata": ["-device", "ide-hd,drive=%(d)s,serial=%(s)s"],
    "mmc": ["-device", "sdhci-pci", "-device", "sd-card,drive=%(d)s"],
}


class Boot:
    """One run of a machine: .out is the console, .lines the lines of testinit."""

    def __init__(self, lab, arch, disks, append="", kill_after=None, until=None, mac=MAC, serial=SERIAL, clock=None,
                 initrd=None):
        # one thread: with more QEMU 7.2 has run a breakpoint of the kernel's patching after it was gone (once in
        # some thousand boots): a panic before kiln-init
        argv = {"amd64": ["qemu-system-x86_64", "-M", "q35", "-cpu", "max"],
                "arm64": ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a76"]}[arch]
        argv += ["-accel", "tcg,thread=single", "-m", "512", "-smp", "2", "-nographic", "-nodefaults", "-serial", "stdio",
                 "-no-reboot", "-kernel", lab.vmlinuz[arch], "-initrd", initrd or lab.initrd(arch)]
        if arch == "amd64":
            argv += ["-smbios", "type=1,serial=" + serial]
        nic = "e1000e" if arch == "amd64" else "virtio-net-pci"
        argv += ["-netdev", "user,id=n", "-device", "%s,netdev=n,mac=%s,romfile=" % (nic, mac)]
        if clock:
            argv += ["-rtc", "base=" + clock]
        for i, (bus, path, disk_serial) in enumerate(disks):
            argv += ["-drive", "if=none,id=d%d,format=raw,cache=writeback,file=%s" % (i, path)]
            argv += [a % {"d": "d%d" % i, "s": disk_serial} for a in BUSES[bus]]
        console = "ttyS0" if arch == "amd64" else "ttyAMA0"
        argv += ["-append", "console=%s panic=-1 kiln.boot=%s rootflags=subvol=@ rw kiln.reboot=1 kiln.settle=1 %s" %
                 (console, BOOT_UUID, append)]
        if arch == "amd64":     # a busy host makes the kernel believe that its timer is broken
            argv[-1] += " no_timer_check"
        self.out, self.killed = "", False
        start = time.monotonic()
        p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        os.set_blocking(p.stdout.fileno(), False)
        seen_at = None
        try:
            while True:
                data = p.stdout.read()
                if data:
                    self.out += data.decode("utf-8", "replace").replace("\r", "")
                now = time.monotonic()
                if until and seen_at is None and until in self.out:
                    seen_at = now
                cut = kill_after is not None and (now - seen_at > kill_after if until and seen_at else
                                                  not until and now - start > kill_after)
                if cut:
                    p.send_signal(signal.SIGKILL)
                    self.killed = True
                    break
                if p.poll() is not None:
                    rest = p.stdout.read()
                    self.out += (rest or b"").decode("utf-8", "replace").replace("\r", "")
                    break
                if now - start > DEADLINE_S:
                    raise AssertionError("no end within %d s:\n%s" % (DEADLINE_S, self.out[-3000:]))
                time.sleep(0.02)
        finally:
            if p.poll() is None:
                p.kill()
            p.wait()
        self.seconds = time.monotonic() - start
        self.lines = re.findall(r"^TEST (.*)$", self.out, re.M)

    def need(self, *texts):
        for t in texts:
            assert t in self.out, "the console lacks %r:\n%s" % (t, "\n".join(self.interesting()))
        return self

    def lack(self, *texts):
        for t in texts:
            assert t not in self.out, "the console has %r:\n%s" % (t, "\n".join(self.interesting()))
        return self

    def interesting(self):
        lines = [l for l in self.out.splitlines() if "kiln-init" in l or l.startswith("TEST")]
        return lines or self.out.splitlines()[-40:]
