// SPDX-License-Identifier: GPL-2.0-only
/*
 * moves.c - move guests from one host kernel to another, with QEMU's own migration
 *
 * As "save" it runs the rows of /guests.table that QEMU runs, at each revision, and saves
 * each guest once it has said what it wants to say. It has to go on after that. As "load" it
 * takes the guests that are in /moves, each at the revision it had and under QEMU alone, and
 * sees what becomes of them. A guest that goes on is saved again. Where VMM is in the
 * environment, QEMU itself selects, and those that an unmodified one has a machine for are
 * taken by that as well.
 *
 * States go out by the virtio port "states", as an archive that an initramfs can have
 * behind it: moves/HOST,HOST/REVISION/ROW, the hosts in the order in which the guest was
 * there. HOST in the environment is this one; BACK is there for a host that is to take
 * only those that began here and have been elsewhere.
 *
 * Names of the subtests end with what became of the guest, and /moves.table has what
 * should: a row is guest | revision | how | from | to | outcome, patterns but for the last.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <linux/random.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-rows.h"

#define TABLE		"/moves.table"
/* A CPU that all hosts can have: what QEMU lets be chosen of it that is new in v4.18 or later */
#define CPU		"-cpu host,kvm-psci-version=1.0,kvm-steal-time=off "
#define CPU_OF_10_0	"-cpu host,kvm-steal-time=off "
#define STATE		"/tmp/state"
#define SELECTED	"selected"	/* how: by vgic-revision, */
#define ALONE		"alone"		/* or QEMU as it is, UNMODIFIED if it is another */
#define PATIENCE	60		/* seconds, for what takes one */
#define MAX_EXPECTED	64

/* Who refuses a revision, as in moves.table */
#define OF_QEMU		"refused-for-its-revision"
#define UNMODIFIED_MACHINE "virt-10.0"

static const char *host, *cpu = CPU, *refused_by = "refused-by-vgic-revision";
static char *expected[MAX_EXPECTED][6];
static int nr_expected, num;

static void read_expected(void)
{
	FILE *f = fopen(TABLE, "re");

	if (!f)
		err(2, TABLE);
	while (next_row(f, TABLE, expected[nr_expected], 6))
		if (++nr_expected == MAX_EXPECTED)
			errx(2, TABLE ": too many rows");
	fclose(f);
}

static const char *expected_of(const char *guest, const char *rev, const char *how,
			       const char *from)
{
	const char *is[] = { guest, rev, how, from, host };
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

/* An entry of cpio -H newc: head and name, then the file, each padded to 4 bytes */
static void send_entry(FILE *to, const char *name, mode_t mode, unsigned int size, FILE *file)
{
	static const char zeros[4];
	static int ino;
	char buf[1 << 16];
	size_t len;

	len = fprintf(to, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s",
		      ++ino, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, (unsigned int)strlen(name) + 1,
		      0, name) + 1;
	fwrite(zeros, 1, 1 + (-len & 3), to);
	if (!file)
		return;
	while ((len = fread(buf, 1, sizeof(buf), file)))
		fwrite(buf, 1, len, to);
	fwrite(zeros, 1, -size & 3, to);
}

/* What a save leaves in STATE, as the guest that has been on these hosts */
static void send_state(const char *hosts, const char *rev, const char *guest)
{
	FILE *port = open_port("states"), *file = fopen(STATE, "re");
	char path[128];
	struct stat st;

	if (!port || !file || fstat(fileno(file), &st))
		err(2, "virtio port \"states\" or " STATE);
	send_entry(port, "moves", S_IFDIR | 0755, 0, NULL);
	snprintf(path, sizeof(path), "moves/%s", hosts);
	send_entry(port, path, S_IFDIR | 0755, 0, NULL);
	snprintf(path, sizeof(path), "moves/%s/%s", hosts, rev);
	send_entry(port, path, S_IFDIR | 0755, 0, NULL);
	snprintf(path, sizeof(path), "moves/%s/%s/%s", hosts, rev, guest);
	send_entry(port, path, S_IFREG | 0644, st.st_size, file);
	send_entry(port, "TRAILER!!!", 0, 0, NULL);
	if (fflush(port) || ferror(port) || ferror(file))
		err(2, "virtio port \"states\" or " STATE);
	fclose(port);
	fclose(file);
}

/* Save a guest that is running, and let it go on. Return: is it in STATE? */
static bool save(void)
{
	return ask_monitor("migrate -d file:" STATE "\n", "info migrate\n", "completed",
			   PATIENCE) &&
	       ask_monitor("cont\n", NULL, NULL, 0);
}

static pid_t start(const struct row *row, const char *rev, const char *more,
		   struct console *c)
{
	if (mkfifo(MONITOR ".in", 0600) || mkfifo(MONITOR ".out", 0600))
		err(2, MONITOR);
	return start_vmm(row, rev, more, c);
}

/* Return: the exit status of a QEMU that has ended by itself, or -1 */
static int stop(pid_t pid, struct console *c, bool ended)
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

static void result(const char *guest, const char *rev, const char *hosts, const char *how,
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

/* What the guest of a row says as long as all is as it was */
static void still_text(char *still, size_t size, const char *guest)
{
	snprintf(still, size, "%.*s: still", (int)strcspn(guest, "-"), guest);
}

/* What it is that a QEMU has ended for */
static const char *why_ended(const char *text, const char *rev, int status)
{
	/* What QEMU 10.0 and 11.1 say of a stream that they cannot load, and end with 1 */
	static const char * const cannot[] = {
		"load of migration failed",
		"Failed to put registers after init",
		"Putting registers after init",
	};
	size_t i;

	if (refused_for(text, rev, status))
		return refused_by;
	if (strstr(text, LIBRARY_REFUSES))
		return "refused-otherwise";
	for (i = 0; i < ARRAY_SIZE(cannot); i++)
		if (status == 1 && strstr(text, cannot[i]))
			return "refused-by-QEMU";
	return status < 0 ? "QEMU-crashed" : "QEMU-ended";
}

static void save_row(const struct row *row, const char *rev)
{
	const char *guest = row->cell[NAME], *outcome = "not-saved";
	char want[256], still[64], more[256];
	static struct console c;
	enum outcome seen;
	int status;
	pid_t pid;

	expand(want, sizeof(want), row->cell[CONSOLE], rev);
	/* What the default is, is for each host to say. */
	if (!strcmp(rev, DEFAULT))
		want[strcspn(row->cell[CONSOLE], "%")] = '\0';
	snprintf(more, sizeof(more), "%s" WITH_MONITOR, cpu);
	pid = start(row, rev, more, &c);
	seen = watch(&c, want, now() + atoi(row->cell[SECONDS]));
	if (seen == SEEN && save()) {
		send_state(host, rev, guest);
		still_text(still, sizeof(still), guest);
		c.len = 0;
		outcome = watch(&c, still, now() + PATIENCE) == SEEN ? "saved" : "stopped-by-save";
	}
	status = stop(pid, &c, seen == ENDED);
	if (seen == ENDED && refused_for(c.text, rev, status))
		outcome = refused_by;
	if (!strcmp(outcome, "not-saved"))
		print_tail(c.text);
	result(guest, rev, host, strcmp(rev, DEFAULT) ? SELECTED : ALONE, outcome,
	       !strcmp(outcome, expected_of(guest, rev, "save", host)));
}

/* What a guest has noticed, as one word */
static void noticed(const char *text, char *words, size_t size)
{
	static const char said[] = "no longer so: ";
	size_t len = snprintf(words, size, "notices");
	char word[64];

	while ((text = strstr(text, said))) {
		text += strlen(said);
		snprintf(word, sizeof(word), "-%.*s", (int)strcspn(text, " \n"), text);
		if (!strcmp(word, "-now")) {
			snprintf(words, size, "dead");
			return;
		}
		if (!strstr(words, word) && len + strlen(word) < size)
			len += snprintf(words + len, size - len, "%s", word);
	}
}

static void load_guest(const struct row *row, const char *hosts, const char *rev,
		       const char *how)
{
	char more[512], still[64], outcome[128], path[128];
	const char *guest = row->cell[NAME], *want, *last = strrchr(hosts, ',');
	bool selected = !strcmp(how, SELECTED), said = false, saved = true;
	struct row under = *row;
	enum outcome seen;
	static struct console c;
	int status;
	pid_t pid;

	snprintf(more, sizeof(more), "%s" WITH_MONITOR "-incoming file:/moves/%s/%s/%s", cpu,
		 hosts, rev, guest);
	still_text(still, sizeof(still), guest);
	if (asprintf(&under.cell[VMM], "%s%s", strcmp(how, UNMODIFIED) ? "qemu" : UNMODIFIED,
		     strchr(row->cell[VMM], ' ')) < 0)
		err(2, "asprintf");
	pid = start(&under, selected ? rev : DEFAULT, more, &c);
	/* The first may be what it has found before it moved. */
	seen = watch(&c, still, now() + PATIENCE);
	if (seen == SEEN && !strstr(c.text, "no longer so: ")) {
		said = strstr(c.text, "vgic-revision: selected revision");
		c.len = 0;
		seen = watch(&c, still, now() + PATIENCE);
	}
	if (qemu_selects(&under))
		said = selected;
	free(under.cell[VMM]);
	/* From here it may go back. */
	if (seen == SEEN && !strstr(c.text, "no longer so: ") && selected == said &&
	    selected == !!strcmp(rev, DEFAULT) && !last && strcmp(how, UNMODIFIED) &&
	    strcmp(hosts, host)) {
		snprintf(path, sizeof(path), "%s,%s", hosts, host);
		saved = save();
		if (saved)
			send_state(path, rev, guest);
	}
	status = stop(pid, &c, seen == ENDED);
	if (strstr(c.text, "no longer so: "))
		noticed(c.text, outcome, sizeof(outcome));
	else
		snprintf(outcome, sizeof(outcome), "%s", seen == SEEN && selected != said ?
			 "not-selected" : !saved ? "not-saved-again" :
			 seen == SEEN ? "goes-on" :
			 seen == ENDED ? why_ended(c.text, rev, status) : "dead");

	want = expected_of(guest, rev, how, hosts);
	if (strcmp(outcome, want)) {
		printf("# expected %s; the console:\n", want);
		print_tail(c.text);
	}
	result(guest, rev, hosts, how, outcome, !strcmp(outcome, want));
}

static void load_all(bool count, int *total)
{
	const char *back = getenv("BACK");
	char *hosts, *rev, *guest;
	bool unmodified;
	glob_t found;
	size_t i;
	int j;

	if (glob("/moves/*/*/*", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s", found.gl_pathv[i] + strlen("/moves/"));
		guest = path;
		hosts = strsep(&guest, "/");
		rev = strsep(&guest, "/");
		if (back && (strncmp(hosts, host, strlen(host)) || hosts[strlen(host)] != ','))
			continue;
		for (j = 0; j < nr_rows; j++)
			if (!strcmp(rows[j].cell[NAME], guest) && strstr(rows[j].cell[REVISIONS], rev))
				break;
		if (j == nr_rows)
			continue;
		unmodified = getenv("VMM") && !back &&
			     strstr(rows[j].cell[VMM], UNMODIFIED_MACHINE);
		*total += 1 + (strcmp(rev, DEFAULT) && !back) + unmodified;
		if (count)
			continue;
		if (strcmp(rev, DEFAULT))
			load_guest(&rows[j], hosts, rev, SELECTED);
		if (!strcmp(rev, DEFAULT) || !back)
			load_guest(&rows[j], hosts, rev, ALONE);
		if (unmodified)
			load_guest(&rows[j], hosts, rev, UNMODIFIED);
	}
	globfree(&found);
}

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

int main(int argc, char **argv)
{
	bool saves = strstr(argv[0], "save");
	char *revs[MAX_ROWS][16];
	int nr[MAX_ROWS] = {}, total = 0, i, j;

	(void)argc;
	credit_entropy();
	signal(SIGPIPE, SIG_IGN);	/* a QEMU that has gone has no monitor */
	host = getenv("HOST") ?: "unnamed";
	if (getenv("VMM")) {
		refused_by = OF_QEMU;
		cpu = CPU_OF_10_0;
	}
	read_rows(NULL);
	read_expected();
	if (!saves)
		load_all(true, &total);
	for (i = 0; saves && i < nr_rows; i++) {
		if (strncmp(rows[i].cell[VMM], "qemu ", 5) &&
		    strncmp(rows[i].cell[VMM], UNMODIFIED, strlen(UNMODIFIED)))
			continue;
		nr[i] = split(rows[i].cell[REVISIONS], revs[i], ARRAY_SIZE(revs[i]));
		total += nr[i];
	}
	if (!total && getenv("BACK")) {
		/* All that began here was refused elsewhere. */
		printf("TAP version 13\n1..1\nok 1 nothing-comes-back\n");
		return 0;
	}
	printf("TAP version 13\n1..%d\n", total);
	if (!total)
		return KSFT_SKIP;
	total = 0;
	if (!saves)
		load_all(false, &total);
	for (i = 0; i < nr_rows; i++)
		for (j = 0; j < nr[i]; j++)
			save_row(&rows[i], revs[i][j]);
	return 0;
}
