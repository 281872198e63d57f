package agent

import (
	"encoding/json"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func (k *kubelet) labels() object {
	l := object{
		"beta.kubernetes.io/arch":          runtime.GOARCH,
		"beta.kubernetes.io/instance-type": "k3s",
		"beta.kubernetes.io/os":            "linux",
		"kubernetes.io/arch":               runtime.GOARCH,
		"kubernetes.io/hostname":           k.cfg.Name,
		"kubernetes.io/os":                 "linux",
		"node.kubernetes.io/instance-type": "k3s",
	}
	for _, text := range k.cfg.Options.List("node-label") {
		key, value, _ := strings.Cut(text, "=")
		l[key] = value
	}
	return l
}

func (k *kubelet) annotations() object {
	var ips []string
	for _, ip := range k.cfg.NodeIPs {
		ips = append(ips, ip.String())
	}
	args := []string{k.cfg.Options.Role}
	hide := false
	for _, a := range k.cfg.Options.Args {
		name, _, has := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch {
		case hide:
			args, hide = append(args, "********"), false
		case strings.HasSuffix(name, "token") && has:
			args = append(args, "--"+name+"=********")
		default:
			args, hide = append(args, a), strings.HasSuffix(name, "token")
		}
	}
	text, _ := json.Marshal(args)
	return object{
		"k3s.io/hostname":    k.cfg.Name,
		"k3s.io/internal-ip": strings.Join(ips, ","),
		"k3s.io/node-args":   string(text),
	}
}

func (k *kubelet) taints() []object {
	ret := []object{}
	for _, text := range k.cfg.Options.List("node-taint") {
		ret = append(ret, splitTaint(text))
	}
	return ret
}

// addresses are the Node's. With the cloud controller K3s passes node-ip
// on whole; without it the kubelet hears nothing of a second family unless
// kubelet-arg says so (k3s issues 11488 and 12060).
func (k *kubelet) addresses() []object {
	ips := k.cfg.NodeIPs
	if k.conf.DisableCCM {
		ips = ips[:1]
	}
	if arg := k.cfg.Options.Arg("kubelet-arg", "node-ip"); arg != "" {
		ips = nil
		for _, text := range strings.Split(arg, ",") {
			if ip := net.ParseIP(strings.TrimSpace(text)); ip != nil {
				ips = append(ips, ip)
			}
		}
	}
	ret := []object{}
	for _, ip := range ips {
		ret = append(ret, object{"type": "InternalIP", "address": ip.String()})
	}
	if !k.conf.DisableCCM {
		for _, text := range k.cfg.Options.List("node-external-ip") {
			ret = append(ret, object{"type": "ExternalIP", "address": text})
		}
	}
	return append(ret, object{"type": "Hostname", "address": k.cfg.Name})
}

func (k *kubelet) status(ready bool) object {
	var sys syscall.Sysinfo_t
	_ = syscall.Sysinfo(&sys)
	memory := uint64(sys.Totalram) * uint64(sys.Unit)
	res := object{"cpu": strconv.Itoa(runtime.NumCPU()), "memory": strconv.FormatUint(memory/1024, 10) + "Ki",
		"pods": "110", "ephemeral-storage": "32Gi"}
	return object{
		"addresses":       k.addresses(),
		"capacity":        res,
		"allocatable":     res,
		"conditions":      conditions(ready),
		"daemonEndpoints": object{"kubeletEndpoint": object{"Port": 10250}},
		"images":          visible(k.images.Status(k.maxImages())),
		"nodeInfo": object{
			"architecture":            runtime.GOARCH,
			"bootID":                  readLine("/proc/sys/kernel/random/boot_id"),
			"containerRuntimeVersion": "containerd://testk3s",
			"kernelVersion":           readLine("/proc/sys/kernel/osrelease"),
			"kubeProxyVersion":        "",
			"kubeletVersion":          k.version,
			"machineID":               readLine("/etc/machine-id"),
			"operatingSystem":         "linux",
			"osImage":                 osImage(),
			"systemUUID":              readLine("/sys/class/dmi/id/product_uuid"),
		},
	}
}

// maxImages is the kubelet's nodeStatusMaxImages: 50 unless told otherwise,
// the largest first, which hides small images of a big bundle.
func (k *kubelet) maxImages() int {
	if arg := k.cfg.Options.Arg("kubelet-arg", "node-status-max-images"); arg != "" {
		if n, err := strconv.Atoi(arg); err == nil {
			return n
		}
	}
	return 50
}

func conditions(ready bool) []object {
	now := time.Now().UTC().Format(time.RFC3339)
	cond := func(kind, status, reason, message string) object {
		return object{"type": kind, "status": status, "reason": reason, "message": message,
			"lastHeartbeatTime": now, "lastTransitionTime": now}
	}
	ret := []object{
		cond("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		cond("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		cond("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
	}
	if ready {
		return append(ret, cond("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
	}
	return append(ret, cond("Ready", "False", "KubeletNotReady",
		"container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"))
}

func readLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func osImage() string {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "linux"
	}
	for _, line := range strings.Split(string(text), "\n") {
		if v, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return "linux"
}
