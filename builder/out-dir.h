/*
 * out-dir - out/ beside cluster.yaml: what was baked, the kubeconfig, known_hosts
 *
 * Images carry seeds with secrets and the kubeconfig is an administrator's, while cluster.yaml
 * beside it is in Git: the folder is made with a .gitignore that keeps all of it out.
 * One that a person removed or changed is made again or left alone.
 */
#pragma once

#include "cluster.h"

/* Makes the folder where it is missing; its path is owned by the caller, ret may be NULL. */
int out_dir_make(const struct cluster *c, char **ret, struct err *err) MUST_CHECK;
/* A .gitignore for all that is in @dir, where there is none. */
int out_dir_ignore(const char *dir, struct err *err) MUST_CHECK;
