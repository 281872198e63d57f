/*
 * plan - what a bake would make of cluster.yaml, gathered and shown
 *
 * Reads the file, boards, overlays, secrets, lock and what the cache has; runs nothing,
 * asks no network. Sizes are bytes.
 */
#pragma once

#include "board.h"
#include "fileset.h"
#include "secret-source.h"

#include <jansson.h>
#include <stdio.h>

struct plan_node {
	const struct node *node;   /* borrowed of the cluster */
	const struct board *board; /* borrowed of the plan */
	struct fileset files;
	uint64_t seed_bytes; /* of the tar, without a bundle */
};
struct plan_input {
	char *name, *version; /* owned; version NULL: none */
	char *state;	      /* owned; "there", "cached", "to be fetched", "to be built" … */
	uint64_t size_bytes;  /* 0: not known */
};
struct plan {
	const struct cluster *cluster; /* borrowed */
	const struct secret_source *secrets;
	bool has_secrets;      /* kiln init has been run */
	struct board **boards; /* owned; one of each name */
	size_t boards_len;
	struct plan_input *inputs; /* owned */
	size_t inputs_len;
	struct plan_node *nodes; /* owned; in the order of the file */
	size_t nodes_len;
};

/* @only: NULL, or the one node to render. */
int plan_make(const struct cluster *c, const struct node *only, struct plan *ret,
	      struct err *err) MUST_CHECK;
void plan_done(struct plan *p);
#define cleanup_plan CLEANUP(plan_done)

/* Steps of plan_make(). */
int plan_secrets(struct plan *p, struct err *err) MUST_CHECK;
int plan_inputs(struct plan *p, struct err *err) MUST_CHECK;

/* For people; contents of secrets are never shown. */
void plan_print(const struct plan *p, FILE *out);
void plan_print_files(const struct plan_node *n, FILE *out);
/* -ENOENT: no such file. A secret is one line saying that it is hidden. */
int plan_print_file(const struct plan_node *n, const char *path, FILE *out,
		    struct err *err) MUST_CHECK;
/* The whole plan, or one node's files, as JSON; a new reference. */
int plan_json(const struct plan *p, json_t **ret, struct err *err) MUST_CHECK;
int plan_files_json(const struct plan_node *n, json_t **ret, struct err *err) MUST_CHECK;
