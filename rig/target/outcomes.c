// SPDX-License-Identifier: GPL-2.0-only
/*
 * outcomes.c - a guest that moves: its QEMU, the outcome of the move, and the expected one
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/random.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outcomes.h"

#define TABLE		"/moves.table"
#define NOTICED		"no longer so: "
#define ENDS		": no longer so, and ends"
#define MAX_EXPECTED	64

const char *host;
const char *refused_by = "refused-by-vgic-revision";
/* Of the CPU, what QEMU lets be chosen that is new in v4.18 or later */
const char *options = NO_REBOOT "-cpu host,kvm-psci-version=1.0,kvm-steal-time=off ";

static char *expected[MAX_EXPECTED][6];
static int nr_expected, num;

/* Before v5.6, getrandom() of QEMU waits until somebody credits entropy. */
static void credit_entropy(void)
{
	struct {
		struct rand_pool_info info;
		char bytes[64];
	} pool = { .info = { .entropy_count = 512, .buf_size = 64 } };
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool))
		err(2, "/dev/urandom");
	close(fd);
}

void set_up_moves(void)
{
	FILE *f = fopen(TABLE, "re");

	if (!f)
		err(2, TABLE);
	while (next_row(f, TABLE, expected[nr_expected], 6))
		if (++nr_expected == MAX_EXPECTED)
			errx(2, TABLE ": too many rows");
	fclose(f);
	if (getenv("VMM")) {
		refused_by = "refused-for-its-revision";
		/* That is QEMU 10.0, which has one of the two. */
		options = NO_REBOOT "-cpu host,kvm-steal-time=off ";
	}
	read_rows(NULL);
	host = getenv("HOST") ?: "unnamed";
	signal(SIGPIPE, SIG_IGN);	/* a QEMU that has gone has no monitor */
	credit_entropy();
}

const char *expected_of(const char *guest, const char *rev, const char *how, const char *from,
			const char *to)
{
	const char *is[] = { guest, rev, how, from, to };
	int i, j;

	for (i = 0; i < nr_expected; i++) {
		for (j = 0; j < 5; j++)
			if (fnmatch(expected[i][j], is[j], 0))
				break;
		if (j == 5)
			return expected[i][5];
	}
	return "a row of moves.table";
}

struct row with_qemu(const struct row *row, bool unmodified)
{
	struct row with = *row;

	if (asprintf(&with.cell[VMM], "%s%s", unmodified ? UNMODIFIED : "qemu",
		     strchr(row->cell[VMM], ' ')) < 0)
		err(2, "asprintf");
	return with;
}

pid_t start_qemu(const struct row *row, const char *rev, const char *more, struct console *c)
{
	if (mkfifo(MONITOR ".in", 0600) || mkfifo(MONITOR ".out", 0600))
		err(2, MONITOR);
	return start_vmm(row, rev, more, c);
}

pid_t begin(const struct row *row, const char *rev, struct console *c, enum outcome *seen)
{
	char want[256], more[256];
	pid_t pid;

	expand(want, sizeof(want), row->cell[CONSOLE], rev);
	/* What the default is, is for each host to say. */
	if (!strcmp(rev, DEFAULT))
		want[strcspn(row->cell[CONSOLE], "%")] = '\0';
	snprintf(more, sizeof(more), "%s" WITH_MONITOR, options);
	pid = start_qemu(row, rev, more, c);
	*seen = watch(c, want, now() + atoi(row->cell[SECONDS]));
	return pid;
}

int stop_qemu(pid_t pid, struct console *c, bool ended)
{
	int status;

	if (!ended)
		kill(pid, SIGKILL);
	status = reap(pid);
	close(c->fd);
	unlink(STATE);
	unlink(MONITOR ".in");
	unlink(MONITOR ".out");
	return status;
}

void still_text(char *still, size_t size, const char *guest)
{
	snprintf(still, size, "%.*s: still", (int)strcspn(guest, "-"), guest);
}

bool library_has_selected(const char *text)
{
	return strstr(text, "vgic-revision: selected revision");
}

enum outcome goes_on(struct console *c, const char *guest, int seconds, bool *said)
{
	enum outcome seen;
	char still[64], *at;

	still_text(still, sizeof(still), guest);
	seen = watch(c, still, now() + seconds);
	*said = library_has_selected(c->text);
	if (seen == SEEN) {
		/* What it has noticed by then counts, and that it went on does not. */
		while ((at = strstr(c->text, still)))
			at[strlen(still) - strlen("still")] = 'S';
		seen = watch(c, still, now() + seconds);
	}
	return seen;
}

/* What a guest has noticed, as one word. Return: has it? */
static bool noticed(const char *text, char *words, size_t size)
{
	size_t none = snprintf(words, size, "notices"), len = none;
	char word[64];

	while ((text = strstr(text, NOTICED))) {
		text += strlen(NOTICED);
		/* The rest of it may not be there yet. */
		if (!text[strcspn(text, " \n")])
			break;
		snprintf(word, sizeof(word), "-%.*s", (int)strcspn(text, " \n"), text);
		if (!strcmp(word, "-now")) {
			snprintf(words, size, "dead");
			return true;
		}
		if (!strstr(words, word) && len + strlen(word) < size)
			len += snprintf(words + len, size - len, "%s", word);
	}
	return len > none;
}

/* What it is that a QEMU has ended for */
static const char *why_ended(const char *text, const char *rev, int status)
{
	/* What QEMU 10.0 and 11.1 say of registers of a vCPU, and end with 1 */
	static const char * const of_vcpu[] = {
		"of device 'cpu'",
		"Failed to put registers after init",
		"Putting registers after init",
	};
	size_t i;

	if (refused_for(text, rev, status))
		return refused_by;
	if (strstr(text, LIBRARY_REFUSES))
		return "refused-otherwise";
	if (status != 1)
		return status < 0 ? "QEMU-crashed" : "QEMU-ended";
	if (strstr(text, "of device 'arm_gic"))
		return "refused-for-the-GIC";
	for (i = 0; i < ARRAY_SIZE(of_vcpu); i++)
		if (strstr(text, of_vcpu[i]))
			return "refused-by-QEMU";
	return strstr(text, "load of migration failed") ? "load-failed" : "QEMU-ended";
}

void outcome_of(const char *text, const char *rev, enum outcome seen, int status, char *word,
		size_t size)
{
	/* Some guests end when they have noticed something, and say so. */
	bool as_it_said = seen == ENDED && !status && strstr(text, ENDS);
	size_t len;

	if (!noticed(text, word, size)) {
		snprintf(word, size, "%s", seen == SEEN ? "goes-on" :
			 seen == ENDED ? why_ended(text, rev, status) : "dead");
		return;
	}
	len = strlen(word);
	if (seen != SEEN && strcmp(word, "dead") && !as_it_said)
		snprintf(word + len, size - len, "-and-%s", seen == ENDED ? "ends" : "stops");
}

void result(const char *guest, const char *rev, const char *hosts, const char *how,
	    const char *outcome, bool ok)
{
	char name[256];
	size_t i;

	snprintf(name, sizeof(name), "%s.%s.%s.%s.%s", gic, rev, hosts, guest, how);
	/* Names of hosts have dots as well. */
	for (i = 0; hosts[i]; i++)
		if (hosts[i] == '.')
			name[strlen(gic) + strlen(rev) + 2 + i] = '_';
	printf("%sok %d %s.%s\n", ok ? "" : "not ", ++num, name, outcome);
	fflush(stdout);
}
