/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vgic-revision.h - the subcommands of vgic-revision(1)
 */
#ifndef VGIC_REVISION_H
#define VGIC_REVISION_H

#include <stdbool.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NR_REVISIONS	16		/* that GICD_IIDR has room for */
#define LATEST_REVISION	3		/* that has a meaning */

/* Exit statuses. "run" has its own. */
enum { YES, NO, UNKNOWN };

struct options {
	const char *compare;		/* file, or NULL */
	const char *with;		/* file, or NULL for this host */
	int revision;			/* -1: the default */
	int gic;			/* 2, 3, or 0 for what there is */
	bool from_user;
	bool json;
	bool quiet;
};

int query(const struct options *options);
int can(const struct options *options);
int list(const struct options *options);
int face(const struct options *options);
int run(int argc, char **argv);

/* Says so, and returns UNKNOWN. */
int refuse_gic(const struct options *options);

char *face_of_host(const struct options *options);

#endif /* VGIC_REVISION_H */
