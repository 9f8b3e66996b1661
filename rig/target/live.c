// SPDX-License-Identifier: GPL-2.0-only
/*
 * live.c - move guests that run to another QEMU on the same host, over a socket
 *
 * Runs the rows of /guests.table that the QEMU with the series of vmm/qemu runs, at each
 * revision, and moves each to a QEMU that is as it is, to one that is to have another
 * revision, and to one without the series. A guest that moves goes on there, and its source
 * is stopped. Where the destination refuses, it says why and ends before its guest runs, and
 * that of the source goes on.
 *
 * The source has a return path. Without one no QEMU finds out that the other refuses what
 * was sent last, and that is when registers are.
 */
#define _GNU_SOURCE
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outcomes.h"

#define SOCKET		"/tmp/socket"
#define NEWEST		"virt-10.1"	/* machine type, which always sends the revision */
#define WAIT		180		/* seconds, for what takes a few */

enum { BY_ITSELF, OTHER, WITHOUT, DESTINATIONS };

static const char *const names[] = { ALONE, "other", UNMODIFIED };

/* Is it in the stream? Without -M it is the newest machine. */
static bool is_sent(const struct row *row, const char *rev)
{
	bool newest = !strstr(row->cell[VMM], "-M virt-") || strstr(row->cell[VMM], NEWEST);

	return newest || (strcmp(rev, DEFAULT) && strcmp(rev, LATEST));
}

/* The old machines only, and what is not in the stream is for the destination to choose. */
static bool can_try(const struct row *row, const char *rev, int to)
{
	if (to == OTHER)
		return is_sent(row, rev);
	return to == BY_ITSELF || strstr(row->cell[VMM], "-M virt-10.0");
}

static bool has_to_refuse(const struct row *row, const char *rev, int to)
{
	return to != BY_ITSELF && is_sent(row, rev);
}

/* The monitor of the source */
static bool answers(const char *say, const char *ask, const char *want)
{
	return ask_monitor(say, ask, want, WAIT);
}

static bool is_there(const char *path)
{
	double end = now() + WAIT;

	while (access(path, F_OK) && now() < end)
		usleep(20000);
	return !access(path, F_OK);
}

/* What a QEMU says that has to refuse */
static void refusal(char *text, size_t size, const char *rev, const char *other)
{
	if (other)
		snprintf(text, size, "vgic-revision is %s, and the guest has had revision %s "
			 "of the in-kernel GIC", other, strcmp(rev, DEFAULT) ? rev : LATEST);
	else
		snprintf(text, size, "error while loading state for instance 0x0 of device 'arm_gic");
}

/* Return: what is wrong, or NULL */
static const char *move(const struct row *row, const char *rev, int to, struct console *from,
			struct console *at)
{
	const char *guest = row->cell[NAME];
	char still[64], prefix[64], want[256], other[2] = { rev[0] ^ 1 };
	bool refuses = has_to_refuse(row, rev, to), said;
	struct console *c = refuses ? from : at;
	static char outcome[128];
	struct row there = with_qemu(row, to == WITHOUT);
	const char *wrong = NULL;
	int status;
	pid_t pid;

	if (!strcmp(rev, DEFAULT))
		other[0] = LATEST[0] ^ 1;
	snprintf(prefix, sizeof(prefix), "%.*s: ", (int)strcspn(guest, "-"), guest);
	still_text(still, sizeof(still), guest);
	refusal(want, sizeof(want), rev, to == OTHER ? other : NULL);

	unlink(SOCKET);
	pid = start_vmm(&there, to == OTHER ? other : DEFAULT,
			NO_REBOOT "-incoming unix:" SOCKET, at);
	if (!is_there(SOCKET))
		wrong = "the destination does not listen";
	else if (!answers("migrate_set_capability return-path on\n",
			  "info migrate_capabilities\n", "return-path: on"))
		wrong = "the source has no return path";
	else if (!answers("migrate -d unix:" SOCKET "\n", "info migrate\n", refuses ?
			  "Migration status: failed" : "Migration status: completed"))
		wrong = refuses ? "the move does not fail" : "the move is not completed";
	if (wrong)
		goto out;

	if (refuses) {
		if (watch(at, NULL, now() + WAIT) != ENDED)
			wrong = "the destination does not end";
		else if (!strstr(at->text, want))
			wrong = want;
		else if (strstr(at->text, prefix))
			wrong = "the guest has run at the destination";
		else if (!answers("", "info status\n", "VM status: running"))
			wrong = "the source does not run";
	} else if (!answers("", "info status\n", "VM status: paused (postmigrate)")) {
		wrong = "the source is not stopped";
	}
	if (wrong)
		goto out;

	forget(from, 1);
	outcome_of(c->text, rev, goes_on(c, guest, WAIT, &said), 0, outcome, sizeof(outcome));
	if (strcmp(outcome, "goes-on"))
		wrong = outcome;
	else if (!refuses && watch(from, still, now() + 3) == SEEN)
		wrong = "the guest goes on at the source as well";
out:
	if (wrong == want) {
		printf("# the destination does not say: %s\n", want);
		wrong = "";
	}
	if (!refuses || wrong)
		kill(pid, SIGKILL);
	status = reap(pid);
	if (!wrong && refuses && status != 1)
		wrong = "the destination does not end with 1";
	free(there.cell[VMM]);
	return wrong;
}

static bool run_row(int num, const struct row *row, const char *rev, int to)
{
	bool refuses = has_to_refuse(row, rev, to);
	static struct console from, at;
	const char *wrong = "the guest does not start";
	double start = now();
	char want[256];
	pid_t pid;

	at.len = 0;
	at.text[0] = '\0';
	at.fd = -1;
	expand(want, sizeof(want), row->cell[CONSOLE], rev);
	pid = start_vmm(row, rev, NO_REBOOT WITH_MONITOR, &from);
	if (watch(&from, want, now() + atoi(row->cell[SECONDS])) == SEEN)
		wrong = move(row, rev, to, &from, &at);
	if (wrong) {
		printf("# %s; the source:\n", wrong);
		print_tail(from.text);
		printf("# the destination:\n");
		print_tail(at.text);
	} else {
		printf("# %.0f s\n", now() - start);
		if (refuses)
			print_tail(at.text);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(from.fd);
	close(at.fd);
	printf("%sok %d %s.%s.%s.%s.%s.live\n", wrong ? "not " : "", num, gic, rev, row->cell[NAME],
	       names[to], refuses ? "refused" : "goes-on");
	fflush(stdout);
	return !wrong;
}

int main(void)
{
	char *revs[ARRAY_SIZE(rows)][16];
	int nr[ARRAY_SIZE(rows)] = {}, total = 0, num = 0, failed = 0, i, j, to;

	signal(SIGPIPE, SIG_IGN);	/* as in moves.c */
	read_rows(NULL);
	if (mkfifo(MONITOR ".in", 0600) || mkfifo(MONITOR ".out", 0600))
		err(2, MONITOR);
	for (i = 0; i < nr_rows; i++) {
		if (qemu_selects(&rows[i]))
			nr[i] = split(rows[i].cell[REVISIONS], revs[i], ARRAY_SIZE(revs[i]));
		for (j = 0; j < nr[i]; j++)
			for (to = 0; to < DESTINATIONS; to++)
				total += can_try(&rows[i], revs[i][j], to);
	}
	printf("TAP version 13\n1..%d\n", total);
	if (!total)
		return KSFT_SKIP;
	for (i = 0; i < nr_rows; i++)
		for (j = 0; j < nr[i]; j++)
			for (to = 0; to < DESTINATIONS; to++)
				if (can_try(&rows[i], revs[i][j], to))
					failed += !run_row(++num, &rows[i], revs[i][j], to);
	return !!failed;
}
