#include "layout.h"
#include "board.h"

#include <string.h>

uint64_t layout_align(uint64_t bytes)
{
	return (bytes + LAYOUT_ALIGN_BYTES - 1) / LAYOUT_ALIGN_BYTES * LAYOUT_ALIGN_BYTES;
}

const char *layout_root_type(const char *arch)
{
	/* Discoverable Partitions Specification: root of one architecture */
	static const struct {
		const char *arch, *type;
	} types[] = {
		{ "amd64", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709" },
		{ "arm64", "b921b045-1df0-41c3-af44-4c6f280d3fae" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].arch, arch) == 0)
			return types[i].type;
	return NULL;
}

static int set_type(const char *text, struct layout_part *p, struct err *err)
{
	struct guid g;

	if (!text || guid_parse(text, &g) < 0)
		return err_setf(err, -EINVAL, "partition '%s': '%s' is no GUID", p->label,
				text ? text : "");
	(void)guid_format(&g, p->type);
	return 0;
}

int layout_plan(const struct board *board, uint64_t root_bytes, struct layout *ret, struct err *err)
{
	struct layout l = {
		.parts[LAYOUT_BOOT] = { .label = "kiln-boot", .start_bytes = LAYOUT_ALIGN_BYTES },
		.parts[LAYOUT_ROOT] = { .label = "kiln-root" },
	};
	struct layout_part *boot = &l.parts[LAYOUT_BOOT], *root = &l.parts[LAYOUT_ROOT];
	int r;

	r = set_type(board->boot_partition_type, boot, err);
	if (r == 0)
		r = set_type(layout_root_type(board->arch), root, err);
	if (r < 0)
		return err_wrapf(err, r, "board '%s'", board->name);
	/* FAT32 needs 65525 clusters of at least a sector each; beyond 2 TiB MBR types end */
	if (board->boot_partition_bytes < (UINT64_C(64) << 20) ||
	    board->boot_partition_bytes > (UINT64_C(64) << 30))
		return err_setf(err, -ERANGE,
				"board '%s': a boot partition has 64MiB to 64GiB, not %llu bytes",
				board->name, (unsigned long long)board->boot_partition_bytes);
	if (root_bytes == 0 || root_bytes > (UINT64_C(1) << 44))
		return err_setf(err, -ERANGE, "board '%s': root of %llu bytes", board->name,
				(unsigned long long)root_bytes);
	boot->size_bytes = layout_align(board->boot_partition_bytes);
	root->start_bytes = boot->start_bytes + boot->size_bytes;
	root->size_bytes = layout_align(root_bytes);
	l.disk_bytes = root->start_bytes + root->size_bytes + LAYOUT_TAIL_BYTES;
	*ret = l;
	return 0;
}

static void derive(const char *cluster_id, const char *node, const char *what,
		   char dst[GUID_TEXT_MAX])
{
	char name[256];
	struct guid g;

	(void)snprintf(name, sizeof(name), "gpt/%s/%s", node, what);
	guid_derive(cluster_id, strlen(cluster_id), name, &g);
	(void)guid_format(&g, dst);
}

int layout_name(struct layout *l, const char *cluster_id, const char *node, struct err *err)
{
	if (strlen(cluster_id) != 32)
		return err_setf(err, -EINVAL, "cluster id '%s' is not 32 hex digits", cluster_id);
	derive(cluster_id, node, "disk", l->disk_uuid);
	for (size_t i = 0; i < LAYOUT_PARTS; i++)
		derive(cluster_id, node, l->parts[i].label, l->parts[i].uuid);
	return 0;
}
