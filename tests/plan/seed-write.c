/* Writes the seed of one node as kiln bake does: seed-write CLUSTER.YAML NODE BASE-ID SECONDS FOLDER */
#include "cluster-open.h"
#include "file.h"
#include "parse.h"
#include "seed.h"

#include <fcntl.h>
#include <string.h>

int main(int argc, char **argv)
{
	cleanup_cluster struct cluster *c = NULL;
	cleanup_board struct board *b = NULL;
	cleanup_seed struct seed s = { 0 };
	cleanup_free char *path = NULL;
	const struct node *n = NULL;
	struct seed_inputs in = { 0 };
	struct err err = { 0 };
	char name[SEED_NAME_MAX];
	int r = argc == 6 ? cluster_open(argv[1], &c, &err) : -EINVAL;

	if (r >= 0)
		r = cluster_open_node(c, argv[2], &n, &err);
	if (r >= 0)
		r = board_load(n->board, &b, &err);
	if (r >= 0)
		r = u64_parse(argv[4], &in.baked_at);
	in.board = b;
	in.base_id = argv[3];
	if (r >= 0)
		r = seed_build(c, n, &in, &s, &err);
	if (r >= 0 && asprintf(&path, "%s/%s", argv[5], seed_file_name(&s, name)) < 0)
		r = -ENOMEM;
	if (r >= 0)
		r = file_replace_at(AT_FDCWD, path, s.data, s.len, 0600, &err);
	if (r < 0)
		fprintf(stderr, "seed-write: %s\n", err.msg);
	else
		printf("%zu\n", s.len);
	return r < 0;
}
