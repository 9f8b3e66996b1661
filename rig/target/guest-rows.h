/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest-rows.h - the rows of /guests.table, and a VMM that runs one of them
 */
#ifndef RIG_GUEST_ROWS_H
#define RIG_GUEST_ROWS_H

#include "host.h"

#define DEFAULT		"default"
#define LATEST		"3"	/* what the default is */
#define UNMODIFIED	"unmodified"	/* Debian's QEMU beside qemu-series */
#define REFUSED		125	/* exit status of vgic-revision */
#define LIBRARY_REFUSES	"vgic-revision: refused: "
#define MAX_ROWS	64

/* FIFOs to a QEMU: the host may have no sockets */
#define MONITOR		"/tmp/monitor"
#define WITH_MONITOR	"-chardev pipe,id=monitor,path=" MONITOR " -mon monitor "

enum { NAME, GIC, REVISIONS, EXPECTED, SECONDS, CONSOLE, VMM, COLUMNS };

struct row {
	char	*cell[COLUMNS];
};

extern struct row rows[MAX_ROWS];
extern int nr_rows;
extern const char *gic;		/* of this host, "gicv2" or "gicv3" */

/*
 * The next row of a table: its cells, without the blanks around them. Ends the program
 * if it has too few. Return: is there one?
 */
bool next_row(FILE *table, const char *path, char **cells, int columns);

/* The rows of this name for the GIC of this host, all of them for NULL */
void read_rows(const char *name);

/* Words between blanks; what is between quotes is one. Return: how many */
int split(char *text, char **argv, int max);

/* Is it a QEMU that selects the revision itself? Where VMM is in the environment. */
bool qemu_selects(const struct row *row);

/*
 * Become the VMM of a row, below vgic-revision unless @rev is "default" or QEMU selects it,
 * with @more on its command line.
 */
void exec_vmm(const struct row *row, const char *rev, const char *more);

/* Where a VMM prints to, and what it has printed: the last 32 KiB of it at least */
struct console {
	int	fd;
	char	text[1 << 16];
	size_t	len;
};

/* Start a VMM, as exec_vmm() is one, with this console. Return: its process */
pid_t start_vmm(const struct row *row, const char *rev, const char *more, struct console *c);

/* Return: whether the VMM has printed @text, has ended, or has done neither in time */
enum outcome { SEEN, ENDED, LATE };
enum outcome watch(struct console *c, const char *text, double deadline);

/* Read what a VMM prints for so many seconds, and forget that and all before it. */
void forget(struct console *c, double seconds);

/*
 * Say this to the monitor of a QEMU, and go on to ask: does it answer with @want within
 * @seconds? Without @ask: could it be said? SIGPIPE has to be ignored, as the QEMU may end.
 */
bool ask_monitor(const char *say, const char *ask, const char *want, int seconds);

/* Wait for a VMM, for 5 s at most: then it is killed. Return: its exit status, or -1 */
int reap(pid_t pid);

/*
 * Has a VMM that has printed @text and ended with @status been refused this revision by the
 * library or by a QEMU that selects, because the host kernel does not have it? Not so if they
 * have refused for another reason.
 */
bool refused_for(const char *text, const char *rev, int status);

/* The text that a row wants on the console: each % is the revision */
void expand(char *to, size_t size, const char *text, const char *rev);

/* The last lines of a console, as KTAP diagnostics */
void print_tail(const char *text);

#endif /* RIG_GUEST_ROWS_H */
