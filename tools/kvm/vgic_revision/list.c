// SPDX-License-Identifier: GPL-2.0-only
/*
 * list.c - the VMs on this host, and the revision of the GIC of each
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vgic-revision.h"

#define DEBUGFS		"/sys/kernel/debug/kvm"

struct row {
	int pid, fd;
	int revision;		/* -1: the kernel does not show it */
	char model[16];
	char command[32];
};

static FILE *open_in(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "r");
}

static void read_row(const char *name, struct row *row)
{
	char path[300], line[128], *c;
	FILE *f;

	snprintf(path, sizeof(path), DEBUGFS "/%s", name);
	f = open_in(path, "vgic-state");
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "enabled:", 8))
		if (sscanf(line, "vgic_model: %15s", row->model) != 1 &&
		    sscanf(line, "revision: %d", &row->revision) != 1)
			continue;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d", row->pid);
	f = open_in(path, "comm");
	if (f && fgets(row->command, sizeof(row->command), f))
		row->command[strcspn(row->command, "\n")] = '\0';
	if (f)
		fclose(f);
	/* Neither JSON nor a terminal has a place for these. */
	for (c = row->command; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '?';
}

int list(const struct options *options)
{
	DIR *dir = opendir(DEBUGFS);
	struct dirent *entry;
	int nr = 0;

	if (!dir && errno == EACCES)
		errx(UNKNOWN, "only root can read " DEBUGFS);
	if (!dir)
		err(UNKNOWN, "cannot read " DEBUGFS "%s",
		    errno == ENOENT ? ", is debugfs mounted?" : "");
	if (options->json)
		printf("[");
	while ((entry = readdir(dir))) {
		struct row row = { .revision = -1, .model = "none yet", .command = "?" };

		if (sscanf(entry->d_name, "%d-%d", &row.pid, &row.fd) != 2)
			continue;
		read_row(entry->d_name, &row);
		if (options->json) {
			printf("%s\n  { \"pid\": %d, \"fd\": %d", nr ? "," : "", row.pid, row.fd);
			printf(", \"command\": \"%s\", \"gic\": \"%s\"", row.command, row.model);
			printf(", \"revision\": ");
			printf(row.revision < 0 ? "null }" : "%d }", row.revision);
		} else {
			if (!nr)
				printf("%8s %4s  %-8s  %-8s  %s\n", "PID", "FD", "GIC", "REVISION",
				       "COMMAND");
			printf("%8d %4d  %-8s  ", row.pid, row.fd, row.model);
			printf(row.revision < 0 ? "unknown   " : "%-8d  ", row.revision);
			printf("%s\n", row.command);
		}
		nr++;
	}
	closedir(dir);
	if (options->json)
		printf("\n]\n");
	else if (!nr)
		printf("No VM runs on this host.\n");
	return YES;
}
