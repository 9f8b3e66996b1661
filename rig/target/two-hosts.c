// SPDX-License-Identifier: GPL-2.0-only
/*
 * two-hosts.c - move guests that run to another host kernel, and back
 *
 * Two machines run this at a time, with HOST and PEER in the environment. The one with FIRST
 * starts the rows of /guests.table at each revision, moves each guest to the other while it
 * runs, and takes it back. No destination is told the revision: it comes with the guest.
 * If the guest arrives, the source must have stopped. If the destination refuses, its QEMU
 * must end with status 1, and the guest must go on at the source.
 *
 * The two talk through the virtio port "talk", a line for each step:
 *
 *	start			the first starts a guest
 *	take REVISION GUEST	it is about to move it
 *	ready			the destination listens
 *	goes-on, refused-...	what the destination sees become of it
 *	give, drop		if it goes on there: the first wants it back, or not
 *	end
 *
 * The stream goes through the port "stream", both ways: a source finds out only from its
 * return path that it was refused. The hosts have no sockets, so QEMU has it from "exec:",
 * which starts /bin/sh. That is this program as well, see relay().
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outcomes.h"

#define STREAM		"exec:relay"
#define WAIT		120	/* seconds, for what takes 10 while two hosts run */
#define WAIT_FOR_QEMU	(2 * WAIT)	/* for the other to listen, */
#define WAIT_FOR_OTHER	(5 * WAIT)	/* to see what becomes of a guest, which it looks at twice, */
#define WAIT_FOR_GUEST	(8 * WAIT)	/* and to start the next */

/* A guest here: pid is 0 once its QEMU has ended */
struct guest {
	const struct row *row;
	const char	*rev;
	pid_t		pid;
	struct console	c;
};

static int talk;
static const char *peer;

static int port(const char *name)
{
	double end = now() + WAIT;
	FILE *f;

	/* One process has it at a time, and the one before may be about to end. */
	while (!(f = open_port(name)) && errno == EBUSY && now() < end)
		usleep(100000);
	if (!f)
		err(2, "virtio port \"%s\"", name);
	return fileno(f);
}

/*
 * What QEMU writes to the port, and what is in that to QEMU. A destination that refuses reads
 * no more, but what it says last has to reach the source: the end is where QEMU writes no
 * more.
 */
static int relay(void)
{
	int stream = port("stream");
	struct pollfd from[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN }, { .fd = stream, .events = POLLIN },
	};
	const int to[] = { stream, STDOUT_FILENO };
	char buf[1 << 15];
	ssize_t len, part, done;
	int i;

	signal(SIGPIPE, SIG_IGN);
	while (poll(from, 2, -1) > 0) {
		for (i = 0; i < 2; i++) {
			if (!from[i].revents)
				continue;
			len = read(from[i].fd, buf, sizeof(buf));
			if (len <= 0)
				return 0;
			for (done = 0; done < len; done += part) {
				part = write(to[i], buf + done, len - done);
				if (part <= 0)
					break;
			}
		}
	}
	return 1;
}

/* What a move that was refused has left in the port is not for the next. */
static void drain(void)
{
	struct pollfd pfd = { .fd = port("stream"), .events = POLLIN };
	char buf[1 << 15];

	while (poll(&pfd, 1, 300) > 0 && read(pfd.fd, buf, sizeof(buf)) > 0)
		;
	close(pfd.fd);
}

static void say(const char *line)
{
	struct pollfd pfd = { .fd = talk, .events = POLLOUT };

	/* A write waits for ever for a host that has gone. */
	if (poll(&pfd, 1, WAIT * 1000) != 1 || !(pfd.revents & POLLOUT))
		errx(2, "%s has gone", peer);
	if (dprintf(talk, "%s\n", line) < 0)
		err(2, "virtio port \"talk\"");
}

static void hear(char *line, size_t size, int seconds)
{
	struct pollfd pfd = { .fd = talk, .events = POLLIN };
	double end = now() + seconds;
	size_t len = 0;

	while (len < size - 1) {
		if (now() > end)
			errx(2, "%s has said nothing for %d s", peer, seconds);
		if (poll(&pfd, 1, 1000) <= 0)
			continue;
		if (read(talk, line + len, 1) != 1)
			errx(2, "%s has gone", peer);
		if (line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';
}

static bool is_refusal(const char *outcome)
{
	return !strncmp(outcome, "refused-", strlen("refused-")) ||
		!strcmp(outcome, "load-failed");
}

/* Does its QEMU wait for a stream? Before it has a monitor there is nobody to ask. */
static bool listens(struct guest *g)
{
	double end = now() + WAIT;

	while (now() < end && watch(&g->c, NULL, now() + 0.5) != ENDED)
		if (ask_monitor("", "info status\n", "inmigrate", 1))
			return true;
	return false;
}

static void stop(struct guest *g)
{
	if (g->pid)
		stop_qemu(g->pid, &g->c, false);
	g->pid = 0;
}

/* Take what the other sends, and tell it what has become of that. */
static void take(struct guest *g, char *outcome, size_t size)
{
	enum outcome seen = ENDED;
	bool said, ready;
	char more[256];

	drain();
	snprintf(more, sizeof(more), "%s" WITH_MONITOR "-incoming " STREAM, options);
	g->pid = start_qemu(g->row, DEFAULT, more, &g->c);
	ready = listens(g);
	if (ready) {
		say("ready");
		seen = goes_on(&g->c, g->row->cell[NAME], WAIT, &said);
	}
	outcome_of(g->c.text, g->rev, seen, seen == ENDED ?
		   stop_qemu(g->pid, &g->c, true) : 0, outcome, size);
	if (seen == ENDED)
		g->pid = 0;
	/* Whoever refuses has listened, and has not let the guest run. */
	snprintf(more, sizeof(more), "%.*s: ", (int)strcspn(g->row->cell[NAME], "-"),
		 g->row->cell[NAME]);
	if (!ready)
		snprintf(outcome, size, "does-not-listen");
	else if (seen == ENDED && strstr(g->c.text, more))
		snprintf(outcome, size, "ended-after-it-ran");
	if (strcmp(outcome, "goes-on")) {
		printf("# %s of revision %s: %s\n", g->row->cell[NAME], g->rev, outcome);
		print_tail(g->c.text);
		stop(g);
	}
	say(outcome);
}

/* Send it to the other. @outcome is what has become of it there, or what is wrong here. */
static void give(struct guest *g, char *outcome, size_t size)
{
	const char *guest = g->row->cell[NAME], *wrong = NULL;
	char still[64], here[128];
	bool refused, said;

	hear(outcome, size, WAIT_FOR_QEMU);
	if (strcmp(outcome, "ready"))
		return;
	ask_monitor("migrate_set_capability return-path on\nmigrate -d " STREAM "\n", NULL, NULL,
		    0);
	hear(outcome, size, WAIT_FOR_OTHER);
	refused = is_refusal(outcome);
	/* The word for what is wrong there is better than what follows from it here. */
	if (!refused && strcmp(outcome, "goes-on") && strncmp(outcome, "notices-", 8))
		return;
	still_text(still, sizeof(still), guest);
	if (!ask_monitor("", "info migrate\n", refused ? "failed" : "completed", WAIT)) {
		wrong = "the-source-knows-otherwise";
	} else if (!ask_monitor("", "info status\n", refused ? "VM status: running" :
				"VM status: paused (postmigrate)", WAIT)) {
		wrong = refused ? "the-source-does-not-run" : "the-source-runs-as-well";
	} else if (refused) {
		forget(&g->c, 1);
		outcome_of(g->c.text, g->rev, goes_on(&g->c, guest, WAIT, &said), 0, here,
			   sizeof(here));
		if (strcmp(here, "goes-on"))
			wrong = "the-source-does-not-go-on";
	} else {
		forget(&g->c, 1);
		if (watch(&g->c, still, now() + 3) == SEEN)
			wrong = "the-source-goes-on-as-well";
	}
	if (!wrong)
		return;
	print_tail(g->c.text);
	snprintf(outcome, size, "%s", wrong);
}

static void tell(const struct guest *g, const char *path, const char *outcome, const char *want)
{
	if (strcmp(outcome, want))
		printf("# expected %s\n", want);
	result(g->row->cell[NAME], g->rev, path, ALONE, outcome, !strcmp(outcome, want));
}

/* What has to come out: whether it starts here, there, and back */
struct expected {
	const char *start, *there, *back;
};

/* Return: how many of these there are */
static int expect(const char *guest, const char *rev, struct expected *e)
{
	char path[128];

	snprintf(path, sizeof(path), "%s,%s", host, peer);
	e->start = expected_of(guest, rev, "save", host, host);
	e->there = expected_of(guest, rev, ALONE, host, peer);
	e->back = expected_of(guest, rev, ALONE, path, host);
	/* What QEMU has written to a file is not looked at here. */
	if (is_refusal(e->start))
		return 1;
	e->start = "starts";
	return strcmp(e->there, "goes-on") ? 2 : 3;
}

static void move(const struct row *row, const char *rev)
{
	static struct guest g;
	const char *guest = row->cell[NAME];
	char outcome[128], answer[128], path[256];
	struct expected want;
	enum outcome seen;

	expect(guest, rev, &want);
	g.row = row;
	g.rev = rev;
	say("start");
	g.pid = begin(row, rev, &g.c, &seen);
	if (seen != SEEN) {
		outcome_of(g.c.text, rev, seen, stop_qemu(g.pid, &g.c, seen == ENDED), outcome,
			   sizeof(outcome));
		tell(&g, host, outcome, want.start);
		return;
	}
	tell(&g, host, "starts", want.start);

	snprintf(answer, sizeof(answer), "take %s %s", rev, guest);
	say(answer);
	give(&g, outcome, sizeof(outcome));
	stop(&g);
	snprintf(path, sizeof(path), "%s,%s", host, peer);
	tell(&g, path, outcome, want.there);
	if (strcmp(outcome, "goes-on")) {
		say("drop");
		return;
	}

	say("give");
	take(&g, outcome, sizeof(outcome));
	hear(answer, sizeof(answer), WAIT_FOR_OTHER);
	snprintf(path, sizeof(path), "%s,%s,%s", host, peer, host);
	/* The same word, or what is wrong with the source */
	tell(&g, path, answer, want.back);
	stop(&g);
}

/* The other host: take each guest, and give it back. */
static void follow(void)
{
	static struct guest g;
	char line[128], outcome[128], rev[16], guest[64];
	int i;

	printf("TAP version 13\n1..1\n");
	for (;;) {
		hear(line, sizeof(line), WAIT_FOR_GUEST);
		if (!strcmp(line, "end"))
			break;
		if (!strcmp(line, "start"))
			continue;
		if (!strcmp(line, "drop")) {
			stop(&g);
			continue;
		}
		if (!strcmp(line, "give")) {
			give(&g, outcome, sizeof(outcome));
			stop(&g);
			say(outcome);
			continue;
		}
		if (sscanf(line, "take %15s %63s", rev, guest) != 2)
			errx(2, "%s says \"%s\"", peer, line);
		for (i = 0; i < nr_rows && strcmp(rows[i].cell[NAME], guest); i++)
			;
		if (i == nr_rows)
			errx(2, "there is no guest %s", guest);
		g.row = &rows[i];
		g.rev = rev;
		take(&g, outcome, sizeof(outcome));
		printf("# took %s of revision %s: %s\n", guest, rev, outcome);
		fflush(stdout);
	}
	printf("ok 1 to-the-end\n");
}

int main(int argc, char **argv)
{
	char *revs[ARRAY_SIZE(rows)][16];
	int nr[ARRAY_SIZE(rows)] = {}, total = 0, i, j;
	struct expected e;

	if (argc == 3 && !strcmp(argv[1], "-c") && strstr(STREAM, argv[2]))
		return relay();
	set_up_moves();
	peer = getenv("PEER") ?: "unnamed";
	talk = port("talk");
	if (!getenv("FIRST")) {
		follow();
		return 0;
	}
	for (i = 0; i < nr_rows; i++) {
		if (qemu_selects(&rows[i]) || !getenv("VMM"))
			nr[i] = split(rows[i].cell[REVISIONS], revs[i], ARRAY_SIZE(revs[i]));
		for (j = 0; j < nr[i]; j++)
			total += expect(rows[i].cell[NAME], revs[i][j], &e);
	}
	printf("TAP version 13\n1..%d\n", total);
	fflush(stdout);
	for (i = 0; i < nr_rows; i++)
		for (j = 0; j < nr[i]; j++)
			move(&rows[i], revs[i][j]);
	say("end");
	return total ? 0 : KSFT_SKIP;
}
