// SPDX-License-Identifier: GPL-2.0-only
/*
 * not-arm64.c - what is left of vgic-revision(1) elsewhere: comparing faces
 */
#include <err.h>
#include <stdlib.h>

#include "vgic-revision.h"

static int refuse(void)
{
	warnx("this host is not arm64: its KVM emulates no GIC");
	exit(UNKNOWN);
}

int query(const struct options *options)
{
	(void)options;
	return refuse();
}

int can(const struct options *options)
{
	(void)options;
	return refuse();
}

char *face_of_host(const struct options *options)
{
	(void)options;
	refuse();
	return NULL;
}
