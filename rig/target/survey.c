// SPDX-License-Identifier: GPL-2.0-only
/*
 * survey.c - what vgic-revision says of the GIC of this host, as KTAP
 *
 * GIC=3 or GIC=2 is in the environment. There is a face of what a new VM has, and one for
 * each revision that this kernel can select. Each line that the tool prints becomes a
 * diagnostic line above its result.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define TOOL	"/tests/vgic-revision"

static const char *gic;

/* Return: the exit status of the tool, -1 if a signal has ended it */
static int run_tool(const char **argv)
{
	int fds[2], status;
	char line[1024];
	pid_t pid;
	FILE *f;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execv(TOOL, (char **)argv);
		_exit(127);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (fgets(line, sizeof(line), f))
		printf("# %s", line);
	fclose(f);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool can_select(const char *rev)
{
	const char *can[] = { TOOL, "can", rev, "--gic", gic, "--quiet", NULL };

	return !run_tool(can);
}

static bool report(int num, const char *rev, const char *what)
{
	const char *query[] = { TOOL, "--gic", gic, "--json", NULL };
	const char *face[] = { TOOL, "face", "--gic", gic, "--from", what,
			       rev ? "--revision" : NULL, rev, NULL };
	bool json = !strcmp(what, "json");
	int status = run_tool(json ? query : face);
	/* A query ends with 1 where the kernel ignores a revision. */
	bool passed = !status || (json && status == 1);

	printf("%sok %d gicv%s.%s.%s\n", passed ? "" : "not ", num, gic, rev ?: "default", what);
	fflush(stdout);
	return passed;
}

int main(void)
{
	const char *revisions[] = { "0", "1", "2", "3" };
	int num = 0, passed, nr = 0, i;

	gic = getenv("GIC") ?: "3";
	printf("KTAP version 1\n");
	for (i = 0; i < 4; i++)
		if (can_select(revisions[i]))
			revisions[nr++] = revisions[i];
	printf("1..%d\n", 3 + 2 * nr);
	passed = report(++num, NULL, "json");
	passed += report(++num, NULL, "guest");
	passed += report(++num, NULL, "user");
	for (i = 0; i < nr; i++) {
		passed += report(++num, revisions[i], "guest");
		passed += report(++num, revisions[i], "user");
	}
	return passed != num;
}
