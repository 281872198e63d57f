/* kiln-node probe: the verdict on a disk, from the same code that the ceph-disk step uses. */
#include "commands.h"
#include "probe.h"

#include "guid.h"

#include <getopt.h>

static int print_json(const struct probe_result *p, const char *path, struct err *err)
{
	json_t *j = probe_to_json(p, path);

	if (!j)
		return err_nomem(err);
	(void)json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
	return 0;
}

int cmd_probe(int argc, char **argv, struct err *err)
{
	static const struct option options[] = {
		{ "fsid", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	const char *fsid = NULL;
	struct probe_result res;
	bool json = false;
	struct guid guid;
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'f')
			fsid = optarg;
		else if (c == 'j')
			json = true;
		else
			return err_setf(err, CMD_USAGE,
					"'%s' is no option of probe, or lacks its value",
					argv[optind - 1]);
	}
	if (argc - optind != 1)
		return err_setf(err, CMD_USAGE, "one device or file is to be named");
	if (fsid && guid_parse(fsid, &guid) < 0)
		return err_setf(err, CMD_USAGE, "'%s' is no fsid: 8-4-4-4-12 hex digits are", fsid);
	r = probe_path(argv[optind], fsid, &res, err);
	if (r < 0)
		return r;
	if (json)
		return print_json(&res, argv[optind], err);
	probe_print(&res, argv[optind], stdout);
	return 0;
}
