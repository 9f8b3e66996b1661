// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.c - run QEMU's functional test of the series
 *
 * Its plan comes last, and goes first here.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_python(int to)
{
	setenv("PATH", "/usr/bin", 1);
	setenv("PYTHONPATH", "/qemu/python:/qemu/tests/functional:/usr/lib/python3/dist-packages",
	       1);
	setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
	/* Not the C library of the other QEMU */
	setenv("LD_LIBRARY_PATH", "/usr/lib/aarch64-linux-gnu", 1);
	setenv("QEMU_BUILD_ROOT", "/tmp", 1);
	setenv("QEMU_TEST_QEMU_BINARY", "/qemu/qemu-system-aarch64", 1);
	dup2(to, STDOUT_FILENO);
	dup2(to, STDERR_FILENO);
	execl("/usr/bin/python3", "python3", "/qemu/tests/functional/test_aarch64_virt_vgic.py",
	      NULL);
	err(2, "/usr/bin/python3");
}

int main(void)
{
	char line[1024], *rest = NULL;
	int fds[2], status;
	size_t size;
	FILE *from, *keep = open_memstream(&rest, &size);
	pid_t pid;

	if (!keep || pipe(fds))
		err(2, "pipe");
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (!pid)
		run_python(fds[1]);
	close(fds[1]);
	from = fdopen(fds[0], "r");
	printf("TAP version 13\n");
	while (from && fgets(line, sizeof(line), from)) {
		if (!strncmp(line, "1..", 3))
			printf("%s", line);
		else if (strncmp(line, "TAP version", 11))
			fputs(line, keep);
	}
	fclose(keep);
	printf("%s", rest);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
