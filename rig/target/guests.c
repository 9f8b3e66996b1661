// SPDX-License-Identifier: GPL-2.0-only
/*
 * guests.c - run guests under a VMM, and wait for what has to be on their console
 *
 * Its name is that of the rows of /guests.table to run. A row is run once for each
 * of its revisions, below vgic-revision, and once without for "default". Results are
 * KTAP. As "console" it becomes the VMM of the first row instead, at REVISION.
 *
 * REFUSED is in the environment for a kernel that has not all revisions: where it
 * has one, vgic-revision, or a QEMU that selects itself, has to refuse because the kernel does
 * not have it, and to end the VMM.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest-rows.h"

static bool run_guest(int num, const struct row *row, const char *rev)
{
	const char *refused = getenv("REFUSED");
	bool is_default = !strcmp(rev, DEFAULT), passed;
	bool refuse = !is_default && refused && strchr(refused, rev[0]);
	bool own = qemu_selects(row);
	int seconds = atoi(row->cell[SECONDS]), status;
	static struct console c;
	char want[256], selected[64];
	enum outcome outcome;
	double start = now();
	pid_t pid;

	expand(want, sizeof(want), row->cell[CONSOLE], rev);
	snprintf(selected, sizeof(selected), "vgic-revision: selected revision %s,", rev);
	if (refuse && own)
		snprintf(want, sizeof(want), "the host kernel refuses revision %s of the in-kernel GIC",
			 rev);
	else if (refuse)
		snprintf(want, sizeof(want), LIBRARY_REFUSES);

	pid = start_vmm(row, rev, "", &c);
	outcome = watch(&c, want, start + seconds);
	passed = outcome == SEEN;
	if (passed && refuse)
		passed = watch(&c, NULL, start + seconds) == ENDED;
	else if (passed && !is_default && !own)
		passed = strstr(c.text, selected);
	if (outcome != ENDED && !(passed && refuse))
		kill(pid, SIGKILL);
	status = reap(pid);
	close(c.fd);
	if (refuse && !refused_for(c.text, rev, status))
		passed = false;

	if (!passed) {
		if (outcome == SEEN && refuse)
			printf("# expected status %d, as the kernel has no revision %s\n",
			       own ? 1 : REFUSED, rev);
		else if (outcome == SEEN)
			printf("# expected \"%s\" before \"%s\"\n", selected, want);
		else
			printf("# expected \"%s\", %s after %.0f s; the console:\n", want,
			       outcome == LATE ? "not there" : "the VMM ended", now() - start);
		print_tail(c.text);
	} else {
		const char *line = strstr(c.text, want);

		printf("# %.0f s: %.*s\n", now() - start, (int)strcspn(line, "\n"), line);
	}
	printf("%sok %d %s.%s.%s.console\n", passed ? "" : "not ", num, gic, rev,
	       refuse ? "refused" : row->cell[EXPECTED]);
	fflush(stdout);
	return passed;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char *revs[ARRAY_SIZE(rows)][16];
	int nr[ARRAY_SIZE(rows)], total = 0, num = 0, failed = 0, i, j;

	(void)argc;
	if (!strcmp(name, "console")) {
		read_rows(NULL);
		exec_vmm(&rows[0], getenv("REVISION") ?: DEFAULT, "");
	}

	read_rows(name);
	for (i = 0; i < nr_rows; i++) {
		nr[i] = split(rows[i].cell[REVISIONS], revs[i], ARRAY_SIZE(revs[i]));
		total += nr[i];
	}
	printf("TAP version 13\n1..%d\n", total);
	if (!total)
		return KSFT_SKIP;
	for (i = 0; i < nr_rows; i++)
		for (j = 0; j < nr[i]; j++)
			failed += !run_guest(++num, &rows[i], revs[i][j]);
	return !!failed;
}
