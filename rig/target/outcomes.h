/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * outcomes.h - a guest that moves: its QEMU, the outcome of the move, and the expected
 * outcome from /moves.table
 *
 * A row of that is guest | revision | how | from | to | outcome, patterns but for the last.
 */
#ifndef RIG_OUTCOMES_H
#define RIG_OUTCOMES_H

#include "guest-rows.h"

#define STATE		"/tmp/state"
#define SELECTED	"selected"	/* how: by vgic-revision, */
#define ALONE		"alone"		/* or QEMU as it is, UNMODIFIED if it is another */
#define PATIENCE	60		/* seconds, for what takes one */

/* This host, as HOST in the environment has it */
extern const char *host;
/* Who refuses a revision: the library, or QEMU */
extern const char *refused_by;
/* On the command line of QEMU: it ends when a guest panics, which would boot anew. */
#define NO_REBOOT	"-no-reboot "
/* That, and for a CPU that all hosts can have */
extern const char *options;

/* Read the tables of guests and moves, and the environment; make QEMU able to start. */
void set_up_moves(void);

/* Return: what becomes of a guest that goes from these hosts to that one */
const char *expected_of(const char *guest, const char *rev, const char *how, const char *from,
			const char *to);

/* The row with QEMU as it is built here, or as it is without the series. Free its cell[VMM]. */
struct row with_qemu(const struct row *row, bool unmodified);

/* Start a QEMU with a monitor, as start_vmm() does. Return: its process */
pid_t start_qemu(const struct row *row, const char *rev, const char *more, struct console *c);

/* Start the QEMU of a row: has its guest said what it has to? Return: its process */
pid_t begin(const struct row *row, const char *rev, struct console *c, enum outcome *seen);

/* End it. Return: the exit status of a QEMU that has ended by itself, or -1 */
int stop_qemu(pid_t pid, struct console *c, bool ended);

/* What the guest of a row says as long as all is as it was */
void still_text(char *still, size_t size, const char *guest);

/* Has vgic-revision said on this console that it has selected a revision? */
bool library_has_selected(const char *text);

/*
 * Does the guest go on as it was? Looks for @seconds, and twice, as what it says first may
 * be from before it moved. Sets @said to what the library had said by then.
 *
 * Return: SEEN also if it has noticed something, which outcome_of() tells. What that needs
 * stays on the console.
 */
enum outcome goes_on(struct console *c, const char *guest, int seconds, bool *said);

/* The word for it: @status is what a QEMU has ended with, of a guest that was @seen so. */
void outcome_of(const char *text, const char *rev, enum outcome seen, int status, char *word,
		size_t size);

/* A line of KTAP: what became of a guest of these hosts, and was it expected? */
void result(const char *guest, const char *rev, const char *hosts, const char *how,
	    const char *outcome, bool ok);

#endif /* RIG_OUTCOMES_H */
