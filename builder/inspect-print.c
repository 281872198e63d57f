/* An inspection as text and as JSON. */
#include "inspect.h"
#include "parse.h"

#include <string.h>
#include <time.h>

static const char *type_name(const char *guid)
{
	static const struct {
		const char *guid, *name;
	} types[] = {
		{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system" },
		{ "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "basic data" },
		{ "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "root x86-64" },
		{ "b921b045-1df0-41c3-af44-4c6f280d3fae", "root arm64" },
		{ "0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux data" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].guid, guid) == 0)
			return types[i].name;
	return guid;
}

static const char *when(uint64_t s, char dst[32])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(dst, 32, "%Y-%m-%d %H:%M:%SZ", &tm) == 0)
		(void)snprintf(dst, 32, "%llu", (unsigned long long)s);
	return dst;
}

static void print_boot(const struct inspection *i, FILE *out)
{
	char size[SIZE_TEXT_MAX];

	fprintf(out, "\nboot files (FAT%u, volume %04X-%04X)\n", i->fat.bits,
		i->fat.volume_id >> 16, i->fat.volume_id & 0xffff);
	for (size_t k = 0; k < i->fat.len; k++)
		if (!i->fat.entries[k].is_dir)
			fprintf(out, "  %10s  %.12s  %s\n",
				size_human(i->fat.entries[k].size_bytes, size), i->digests[k],
				i->fat.entries[k].path);
	if (!i->has_start)
		return;
	fprintf(out, "\nstarts\n  kernel   %s\n  initrd   %s\n", i->start.kernel, i->start.initrd);
	if (i->start.device_tree)
		fprintf(out, "  tree     %s\n", i->start.device_tree);
	fprintf(out, "  cmdline  %s\n", i->start.cmdline);
}

static void print_kiln(const struct inspection *i, FILE *out)
{
	char size[SIZE_TEXT_MAX], time[32];

	if (i->has_base)
		fprintf(out, "\nbase %.16s: board %s, kernel %s, made %s\n", i->base.id,
			i->base.board, i->base.kernel, when(i->base.created_at, time));
	if (i->seed.file && i->seed.json.node)
		fprintf(out, "seed %.16s: cluster %s, node %s, %s, baked %s, digest %s\n",
			i->seed.file + 10, i->seed.json.cluster, i->seed.json.node,
			size_human(i->seed.size_bytes, size), when(i->seed.json.baked_at, time),
			i->seed.digest_right ? "right" : "WRONG");
	else if (!i->seed.file)
		fprintf(out, "no seed\n");
	if (i->has_description)
		fprintf(out, "image.json: %zu inputs, %zu ranges\n", i->description.inputs.len,
			i->description.extents.len);
}

void inspection_print(const struct inspection *i, FILE *out)
{
	char size[SIZE_TEXT_MAX], start[SIZE_TEXT_MAX], stored[SIZE_TEXT_MAX];

	fprintf(out, "%s: %s, %s stored\n\npartitions (disk %s)\n", i->path,
		size_human(i->size_bytes, size), size_human(i->data_bytes, stored),
		i->gpt.disk_uuid);
	for (size_t k = 0; k < i->gpt.len; k++) {
		const struct gpt_part *p = &i->gpt.parts[k];

		fprintf(out, "  %u  %-10s %-12s at %-9s %-9s %-6s %s\n", p->number, p->label,
			type_name(p->type), size_human(p->start_bytes, start),
			size_human(p->size_bytes, size),
			i->probes[k].type[0] ? i->probes[k].type : "-", i->probes[k].uuid);
	}
	if (i->has_fat)
		print_boot(i, out);
	print_kiln(i, out);
	for (size_t k = 0; k < i->problems_len; k++)
		fprintf(out, "problem: %s\n", i->problems[k]);
}

static json_t *parts_json(const struct inspection *i)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < i->gpt.len; k++) {
		const struct gpt_part *p = &i->gpt.parts[k];

		json_array_append_new(
			list, json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "number",
					p->number, "label", p->label, "type", p->type, "uuid",
					p->uuid, "start_bytes", (json_int_t)p->start_bytes,
					"size_bytes", (json_int_t)p->size_bytes, "filesystem",
					i->probes[k].type, "fs_uuid", i->probes[k].uuid));
	}
	return list;
}

static json_t *files_json(const struct inspection *i)
{
	json_t *list = json_array();

	for (size_t k = 0; list && i->has_fat && k < i->fat.len; k++)
		if (!i->fat.entries[k].is_dir)
			json_array_append_new(list,
					      json_pack("{s:s, s:I, s:s}", "path",
							i->fat.entries[k].path, "size_bytes",
							(json_int_t)i->fat.entries[k].size_bytes,
							"sha256", i->digests[k]));
	return list;
}

static json_t *seed_json(const struct inspection *i)
{
	const struct inspect_seed *s = &i->seed;

	if (!s->file)
		return json_null();
	return json_pack("{s:s, s:I, s:b, s:s?, s:s?, s:s?, s:I}", "file", s->file, "size_bytes",
			 (json_int_t)s->size_bytes, "digest_right", s->digest_right, "cluster",
			 s->json.cluster, "node", s->json.node, "base", s->json.base, "baked_at",
			 (json_int_t)s->json.baked_at);
}

static json_t *start_json(const struct inspection *i)
{
	if (!i->has_start)
		return json_null();
	return json_pack("{s:s, s:s, s:s?, s:s}", "kernel", i->start.kernel, "initrd",
			 i->start.initrd, "device_tree", i->start.device_tree, "cmdline",
			 i->start.cmdline);
}

static json_t *base_json(const struct inspection *i)
{
	if (!i->has_base)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "id", i->base.id, "cluster_id",
			 i->base.cluster_id, "board", i->base.board, "arch", i->base.arch, "kernel",
			 i->base.kernel, "created_at", (json_int_t)i->base.created_at, "root_uuid",
			 i->base.root_uuid, "boot_uuid", i->base.boot_uuid);
}

int inspection_json(const struct inspection *i, json_t **ret, struct err *err)
{
	json_t *problems = json_array();
	json_t *j;

	for (size_t k = 0; k < i->problems_len; k++)
		json_array_append_new(problems, json_string(i->problems[k]));
	j = json_pack("{s:s, s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "image", i->path,
		      "size_bytes", (json_int_t)i->size_bytes, "stored_bytes",
		      (json_int_t)i->data_bytes, "disk_uuid", i->gpt.disk_uuid, "partitions",
		      parts_json(i), "boot_files", files_json(i), "starts", start_json(i), "base",
		      base_json(i), "seed", seed_json(i), "problems", problems);
	if (!j)
		return err_nomem(err);
	*ret = j;
	return 0;
}
