// SPDX-License-Identifier: GPL-2.0-only
/*
 * outcome.c - the outcome of a move, of a guest that is none
 *
 *	outcome GUEST STATUS TEXT...
 *
 * It says each text half a second after the one before, as a line unless it ends in "...".
 * After the last its QEMU ends with STATUS, or goes on in silence if that is "-".
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../target/outcomes.h"

int main(int argc, char **argv)
{
	bool ends = argc > 2 && strcmp(argv[2], "-"), said;
	static struct console c;
	enum outcome seen;
	char word[128];
	int fds[2], i;
	pid_t pid;

	if (argc < 4 || pipe(fds))
		return 2;
	pid = fork();
	if (!pid) {
		for (i = 3; i < argc; i++) {
			char *more = strstr(argv[i], "...");

			dprintf(fds[1], "%.*s%s", more ? (int)(more - argv[i]) : -1, argv[i],
				more ? "" : "\n");
			usleep(500000);
		}
		return ends ? 0 : pause();
	}
	close(fds[1]);
	c.fd = fds[0];
	seen = goes_on(&c, argv[1], 2, &said);
	outcome_of(c.text, "1", seen, ends ? atoi(argv[2]) : 0, word, sizeof(word));
	printf("%s%s\n", word, said ? " selected" : "");
	kill(pid, SIGKILL);
	return 0;
}
