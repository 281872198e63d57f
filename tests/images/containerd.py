"""A containerd of our own, and whether this machine can have one."""
import os
import shutil
import subprocess
import time

from place import Skip


class Containerd:
    """A containerd of our own: nothing of the machine's is touched."""

    def __init__(self, path):
        self.sock = path + "/sock"
        os.makedirs(path, exist_ok=True)
        with open(path + "/config.toml", "w") as f:
            f.write(f"version = 2\nroot = \"{path}/root\"\nstate = \"{path}/state\"\n"
                    "disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n"
                    f"[grpc]\naddress = \"{self.sock}\"\n[ttrpc]\naddress = \"{self.sock}.ttrpc\"\n")
        self.log = open(path + "/log", "w")
        self.process = subprocess.Popen(["containerd", "-c", path + "/config.toml"], stdout=self.log, stderr=self.log)
        for _ in range(1200):
            if subprocess.run(["ctr", "-a", self.sock, "version"], capture_output=True).returncode == 0:
                return
            assert self.process.poll() is None, open(path + "/log").read()
            time.sleep(0.1)
        raise AssertionError("containerd does not answer")

    def ctr(self, *args):
        p = subprocess.run(["ctr", "-a", self.sock, "-n", "k8s.io", *args], capture_output=True, timeout=120)
        assert p.returncode == 0, (args, p.stderr)
        return p.stdout

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def need_containerd():
    if not shutil.which("containerd") or not shutil.which("ctr"):
        raise Skip("no containerd: apt-get install containerd")
    if os.geteuid() != 0:
        raise Skip("containerd needs root")
