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
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outcomes.h"

#define UNMODIFIED_MACHINE "virt-10.0"

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

/*
 * Save a guest that is running, and let it go on; what it has said before is gone. Return:
 * is it in STATE?
 */
static bool save(struct console *c)
{
	if (!ask_monitor("migrate -d file:" STATE "\n", "info migrate\n", "completed", PATIENCE))
		return false;
	forget(c, 0.3);
	return ask_monitor("cont\n", NULL, NULL, 0);
}

static void save_row(const struct row *row, const char *rev)
{
	const char *guest = row->cell[NAME], *outcome = "not-saved";
	char word[128], noticed[160];
	static struct console c;
	bool said, saved = false;
	enum outcome seen;
	int status;
	pid_t pid;

	pid = begin(row, rev, &c, &seen);
	if (seen == SEEN && strcmp(rev, DEFAULT) && !qemu_selects(row) &&
	    !library_has_selected(c.text)) {
		outcome = "not-selected";
	} else if (seen == SEEN && save(&c)) {
		saved = true;
		send_state(host, rev, guest);
		seen = goes_on(&c, guest, PATIENCE, &said);
	}
	status = stop_qemu(pid, &c, seen == ENDED);
	if (saved) {
		outcome_of(c.text, rev, seen, status, word, sizeof(word));
		snprintf(noticed, sizeof(noticed), "saved-and-%s", word);
		outcome = !strcmp(word, "goes-on") ? "saved" :
			  strncmp(word, "notices-", 8) ? "stopped-by-save" : noticed;
	}
	if (seen == ENDED && refused_for(c.text, rev, status))
		outcome = refused_by;
	if (strcmp(outcome, "saved") && strcmp(outcome, refused_by))
		print_tail(c.text);
	result(guest, rev, host, strcmp(rev, DEFAULT) ? SELECTED : ALONE, outcome,
	       !strcmp(outcome, expected_of(guest, rev, "save", host, host)));
}

static void load_guest(const struct row *row, const char *hosts, const char *rev,
		       const char *how)
{
	const char *guest = row->cell[NAME], *want, *last = strrchr(hosts, ',');
	bool selected = !strcmp(how, SELECTED), said, saved = true;
	char more[512], outcome[128], path[128];
	struct row under = with_qemu(row, !strcmp(how, UNMODIFIED));
	enum outcome seen;
	static struct console c;
	int status;
	pid_t pid;

	snprintf(more, sizeof(more), "%s" WITH_MONITOR "-incoming file:/moves/%s/%s/%s", options,
		 hosts, rev, guest);
	pid = start_qemu(&under, selected ? rev : DEFAULT, more, &c);
	seen = goes_on(&c, guest, PATIENCE, &said);
	if (qemu_selects(&under))
		said = selected;
	free(under.cell[VMM]);
	/* From here it may go back. */
	outcome_of(c.text, rev, seen, 0, outcome, sizeof(outcome));
	if (!strcmp(outcome, "goes-on") && selected == said &&
	    selected == !!strcmp(rev, DEFAULT) && !last && strcmp(how, UNMODIFIED) &&
	    strcmp(hosts, host)) {
		snprintf(path, sizeof(path), "%s,%s", hosts, host);
		saved = save(&c);
		if (saved)
			send_state(path, rev, guest);
	}
	status = stop_qemu(pid, &c, seen == ENDED);
	outcome_of(c.text, rev, seen, status, outcome, sizeof(outcome));
	if (!strcmp(outcome, "goes-on") && (selected != said || !saved))
		strcpy(outcome, saved ? "not-selected" : "not-saved-again");

	want = expected_of(guest, rev, how, hosts, host);
	if (strcmp(outcome, want))
		printf("# expected %s; the console:\n", want);
	if (strcmp(outcome, want) || seen == ENDED)
		print_tail(c.text);
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

int main(int argc, char **argv)
{
	bool saves = strstr(argv[0], "save");
	char *revs[MAX_ROWS][16];
	int nr[MAX_ROWS] = {}, total = 0, i, j;

	(void)argc;
	set_up_moves();
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
