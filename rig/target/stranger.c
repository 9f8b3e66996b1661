// SPDX-License-Identifier: GPL-2.0-only
/*
 * stranger.c - run stranger.sh, for our kernels run no scripts
 *
 * With arguments: run a command as a user that nobody knows. That is for the script.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *script[] = { "sh", "/stranger.sh", NULL };

	if (argc == 1)
		execv("/bin/busybox", script);
	else if (!setgroups(0, NULL) && !setgid(1000) && !setuid(1000))
		execvp(argv[1], argv + 1);
	perror("stranger");
	return 127;
}
