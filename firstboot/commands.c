#include "commands.h"

const struct command commands[] = {
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
