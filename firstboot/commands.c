#include "commands.h"

const struct command commands[] = {
	{ "boot-update", cmd_boot_update, "[--remove] RELEASE | --good",
	  "put an installed kernel onto the boot partition, the old one kept",
	  "  --remove    take that kernel's files away (never the running one's)\n"
	  "  --good      the running kernel came up: stop counting its boots (UEFI)\n"
	  "  --boot DIR  the boot partition is mounted there (default: the one this boot came "
	  "from)\n"
	  "  --root DIR  the root with the kernel (default: /)\n"
	  "\n"
	  "Called by apt through /etc/kernel/postinst.d/zz-kiln-node and postrm.d. On UEFI a new "
	  "kernel\n"
	  "is tried three times before systemd-boot goes back to the old one by itself. On the Pi "
	  "the\n"
	  "old config.txt stays as config-<old release>.txt: copy it over config.txt to go "
	  "back.\n" },
	{ "run", cmd_run, "", "bring this node up and keep watch (the service)", "" },
	{ "sequence", cmd_sequence, "--plan", "show what of the bundle is left, and why",
	  "  --plan   look only: one line an object or gate that is not there yet\n"
	  "\n"
	  "Reads the bundle, the agent's record and the API server, and writes nothing. The work\n"
	  "itself is a step of 'kiln-node run'. Exit status 0 also when something is left.\n" },
	{ "status", cmd_status, "[--watch] [--json]", "show how far this node has come",
	  "  --watch   again every two seconds\n"
	  "  --json    status.json as it is\n" },
	{ "probe", cmd_probe, "[--fsid FSID] [--json] PATH",
	  "tell whether a disk is blank, ours or foreign",
	  "  --fsid FSID   the Ceph cluster that is ours (default: none is)\n"
	  "  --json        the verdict as JSON\n"
	  "\n"
	  "Reads only. PATH is a block device or a file. 'blank': nothing was found; 'ours': an "
	  "OSD\n"
	  "of the cluster FSID; 'foreign': all else. Exit status 0 whatever the verdict.\n" },
	{ 0 },
};
