// SPDX-License-Identifier: GPL-2.0-only
/*
 * run.c - run a VMM at a revision of KVM's emulated GIC
 *
 * For VMMs that do not write GICD_IIDR. preload.c does it in the VMM; what is
 * here makes sure that the dynamic linker will load that.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linker.h"
#include "vgic-revision.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR	"/usr/libexec"
#endif

#define PRELOAD		"vgic-revision-preload.so"

/* As env(1) and nice(1) have it */
#define REFUSED		125
#define CANNOT_RUN	126
#define NOT_FOUND	127

static const char usage[] =
	"usage: vgic-revision run --revision N -- VMM [ARGUMENT]...\n"
	"\n"
	"Run a VMM with GICD_IIDR.Revision of its guest's GIC set to N.\n"
	"See vgic-revision(1).\n";

static void find_preload(char *path)
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof(PRELOAD));

	if (len > 0) {
		path[len] = '\0';
		memcpy(strrchr(path, '/') + 1, PRELOAD, sizeof(PRELOAD));
		if (!access(path, R_OK))
			return;
	}
	snprintf(path, PATH_MAX, "%s/%s", LIBEXECDIR, PRELOAD);
	if (access(path, R_OK))
		err(REFUSED, "%s", path);
}

/*
 * A linker that cannot load a library which it was told to preload runs the
 * program without. Ask it what it would load.
 */
static bool will_load(const char *linker, const char *program, const char *library)
{
	char line[2 * PATH_MAX];
	bool found = false;
	int fds[2], status;
	pid_t pid;
	FILE *f;

	if (pipe(fds))
		err(REFUSED, "pipe");
	pid = fork();
	if (pid < 0)
		err(REFUSED, "fork");
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(linker, linker, "--list", program, NULL);
		_exit(NOT_FOUND);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, library))
			found = true;
	if (f)
		fclose(f);
	return waitpid(pid, &status, 0) == pid && !status && found;
}

static void add_to_preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char *all;

	if (asprintf(&all, "%s%s%s", library, others ? ":" : "", others ?: "") < 0 ||
	    setenv("LD_PRELOAD", all, 1))
		err(REFUSED, "LD_PRELOAD");
	free(all);
}

int run(int argc, char **argv)
{
	char program[PATH_MAX], library[PATH_MAX], linker[PATH_MAX];
	unsigned long rev;
	const char *why;
	char *end;
	int fd;

	if (argc < 5 || strcmp(argv[1], "--revision") || strcmp(argv[3], "--")) {
		fputs(usage, stderr);
		return REFUSED;
	}
	rev = strtoul(argv[2], &end, 10);
	if (!*argv[2] || *end || rev >= NR_REVISIONS)
		errx(REFUSED, "refused: %s is not a revision: GICD_IIDR has room for 0 to 15",
		     argv[2]);

	if (!find_program(argv[4], program))
		errx(NOT_FOUND, "%s: not found", argv[4]);
	find_preload(library);
	fd = open(program, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(CANNOT_RUN, "%s", program);
	why = find_linker(fd, linker);
	if (why)
		errx(REFUSED, "refused: %s %s", program, why);
	close(fd);
	add_to_preload(library);
	setenv("VGIC_REVISION", argv[2], 1);
	if (!will_load(linker, program, library))
		errx(REFUSED, "refused: %s cannot load %s into %s", linker, library, program);

	execv(program, argv + 4);
	err(CANNOT_RUN, "%s", program);
}
