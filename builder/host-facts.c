#include "host-facts.h"

#include "derive.h"

const struct host_sysctl host_sysctls[] = {
	{ "net.ipv4.ip_forward", "1", 0, "pods" },
	{ "net.ipv4.conf.all.forwarding", "1", 0, "pods" },
	{ "net.ipv6.conf.all.forwarding", "1", HOST_IPV6, "pods" },
	{ "net.ipv6.conf.default.forwarding", "1", HOST_IPV6, "interfaces that come later" },
	{ "net.ipv6.conf.all.accept_ra", "0", HOST_IPV6, "addresses and routes are static" },
	{ "net.ipv6.conf.default.accept_ra", "0", HOST_IPV6, "addresses and routes are static" },
	{ "net.ipv4.conf.lxc*.rp_filter", "0", HOST_PATTERN, "Cilium routes asymmetrically" },
	{ "net.ipv4.conf.cilium_*.rp_filter", "0", HOST_PATTERN, "Cilium routes asymmetrically" },
	{ "fs.inotify.max_user_instances", "8192", 0, "kubelet and log followers" },
	{ "fs.inotify.max_user_watches", "1048576", 0, "kubelet and log followers" },
	{ "fs.aio-max-nr", "1048576", HOST_CEPH, "OSDs use native AIO" },
	{ "kernel.keys.root_maxkeys", "1000000", 0, "a keyring for each container" },
	{ "kernel.keys.root_maxbytes", "25000000", 0, "a keyring for each container" },
	{ "kernel.panic", "10", 0, "what the kubelet sets: reboot after a panic" },
	{ "kernel.panic_on_oops", "1", 0, "what the kubelet sets" },
	{ "vm.overcommit_memory", "1", 0, "what the kubelet sets" },
	{ "vm.panic_on_oom", "0", 0, "what the kubelet sets" },
	{ 0 },
};

const struct host_module host_modules[] = {
	{ "overlay", 0, "containers" },
	{ "br_netfilter", 0, "K3s" },
	{ "nf_conntrack", 0, "Cilium, K3s" },
	{ "vxlan", 0, "Cilium's tunnel" },
	{ "rbd", HOST_CEPH, "volumes of Ceph" },
	{ "ceph", HOST_CEPH, "CephFS" },
	{ 0 },
};

const char *const host_cgroups[] = { "cpu", "cpuset", "memory", "pids", NULL };

bool host_fact_wanted(const struct cluster *c, unsigned int flags)
{
	if ((flags & HOST_IPV6) && !cluster_dual_stack(c))
		return false;
	if ((flags & HOST_CEPH) && !cluster_has_ceph(c))
		return false;
	return true;
}
