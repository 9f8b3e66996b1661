// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest-rows.c - the rows of /guests.table, and a VMM that runs one of them
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-rows.h"

#define TABLE		"/guests.table"
#define QEMU		"%s -M virt,gic-version=%c%s%s -accel kvm -cpu host " \
			"-nic none -display none -monitor none -serial stdio"
#define TAIL		6	/* lines of a console to show */

struct row rows[MAX_ROWS];
int nr_rows;
const char *gic;

static const char *host_gic(void)
{
	struct kvm_create_device dev = {
		.type = KVM_DEV_TYPE_ARM_VGIC_V3, .flags = KVM_CREATE_DEVICE_TEST,
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	if (vm < 0)
		err(2, "/dev/kvm");
	return ioctl(vm, KVM_CREATE_DEVICE, &dev) ? "gicv2" : "gicv3";
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && strchr(" \t\n", end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

bool next_row(FILE *table, const char *path, char **cells, int columns)
{
	char *line = NULL, *rest;
	size_t size = 0;
	int i;

	/* The cells of a row are in its line, which stays. */
	while (getline(&line, &size, table) > 0) {
		if (*line == '#' || !*trim(line))
			continue;
		rest = line;
		for (i = 0; i < columns; i++) {
			cells[i] = strsep(&rest, "|");
			if (!cells[i])
				errx(2, "%s: needs %d columns: %s", path, columns, line);
			cells[i] = trim(cells[i]);
		}
		return true;
	}
	free(line);
	return false;
}

void read_rows(const char *name)
{
	FILE *f = fopen(TABLE, "re");

	if (!f)
		err(2, TABLE);
	gic = host_gic();
	while (next_row(f, TABLE, rows[nr_rows].cell, COLUMNS)) {
		const struct row *row = &rows[nr_rows];

		if (name && strcmp(row->cell[NAME], name))
			continue;
		if (strstr(row->cell[GIC], gic) && ++nr_rows == ARRAY_SIZE(rows))
			errx(2, TABLE ": too many rows");
	}
	fclose(f);
}

int split(char *text, char **argv, int max)
{
	int n = 0;

	for (;;) {
		text += strspn(text, " ");
		if (!*text || n == max - 1)
			break;
		if (*text == '"') {
			argv[n++] = ++text;
			text = strchrnul(text, '"');
		} else {
			argv[n++] = text;
			text = strchrnul(text, ' ');
		}
		if (*text)
			*text++ = '\0';
	}
	argv[n] = NULL;
	return n;
}

/* Return: what is behind the name of a QEMU, of which a table has no command line */
static const char *behind(const char *vmm, const char *name)
{
	size_t len = strlen(name);

	return strncmp(vmm, name, len) || vmm[len] != ' ' ? NULL : vmm + len;
}

bool qemu_selects(const struct row *row)
{
	return getenv("VMM") && behind(row->cell[VMM], "qemu");
}

void exec_vmm(const struct row *row, const char *rev, const char *more)
{
	bool select = strcmp(rev, DEFAULT), own = qemu_selects(row);
	const char *vmm = row->cell[VMM];
	char qemu[256] = "", *command, *argv[64];
	int n = 0;

	setenv("PATH", "/usr/bin", 1);
	if (behind(vmm, "qemu") || behind(vmm, UNMODIFIED)) {
		snprintf(qemu, sizeof(qemu), QEMU, own ? "qemu-series" : "qemu-system-aarch64",
			 gic[4], own && select ? ",vgic-revision=" : "",
			 own && select ? rev : "");
		vmm = strchr(vmm, ' ');
	}
	if (asprintf(&command, "%s%s %s", qemu, vmm, more) < 0)
		err(2, "asprintf");
	if (select && !own) {
		argv[n++] = "vgic-revision";
		argv[n++] = "run";
		argv[n++] = "--revision";
		argv[n++] = (char *)rev;
		argv[n++] = "--";
	}
	split(command, argv + n, ARRAY_SIZE(argv) - n);
	execvp(argv[0], argv);
	err(2, "%s", argv[0]);
}

void expand(char *to, size_t size, const char *text, const char *rev)
{
	size_t len = 0;

	for (; *text && len < size - 2; text++)
		to[len++] = *text == '%' ? (strcmp(rev, DEFAULT) ? rev : LATEST)[0] : *text;
	to[len] = '\0';
}

static void append(struct console *c, const char *text, size_t len)
{
	size_t i;

	/* What is too old to be looked for makes room. */
	if (c->len + len >= sizeof(c->text)) {
		c->len -= sizeof(c->text) / 2;
		memmove(c->text, c->text + sizeof(c->text) / 2, c->len);
	}
	for (i = 0; i < len; i++)
		if (text[i] && text[i] != '\r')
			c->text[c->len++] = text[i];
	c->text[c->len] = '\0';
}

enum outcome watch(struct console *c, const char *text, double deadline)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	enum outcome outcome = LATE;
	char buf[4096], *line;
	ssize_t len;

	while (now() < deadline) {
		if (poll(&pfd, 1, 100) <= 0)
			continue;
		len = read(c->fd, buf, sizeof(buf));
		if (len <= 0)
			return outcome == SEEN ? SEEN : ENDED;
		append(c, buf, len);
		line = text ? strstr(c->text, text) : NULL;
		if (line && strchr(line, '\n'))
			return SEEN;
		/* The rest of the line is wanted too, but a prompt has none. */
		if (line && outcome != SEEN) {
			outcome = SEEN;
			deadline = now() + 2 < deadline ? now() + 2 : deadline;
		}
	}
	return outcome;
}

void forget(struct console *c, double seconds)
{
	watch(c, NULL, now() + seconds);
	c->len = 0;
	c->text[0] = '\0';
}

void print_tail(const char *text)
{
	const char *start = text + strlen(text);
	int lines = 0;

	while (start > text && (start[-1] != '\n' || lines++ < TAIL))
		start--;
	while (*start) {
		size_t len = strcspn(start, "\n");

		if (len)
			printf("# %.*s\n", (int)len, start);
		start += len + !!start[len];
	}
}

bool ask_monitor(const char *say, const char *ask, const char *want, int seconds)
{
	/* Nothing here may wait for a QEMU that has gone. */
	int in = open(MONITOR ".in", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	double end = now() + seconds;
	enum outcome seen = LATE;
	static struct console c;

	c = (struct console){ .fd = open(MONITOR ".out", O_RDONLY | O_NONBLOCK | O_CLOEXEC) };
	if (in < 0 || c.fd < 0 || write(in, say, strlen(say)) < 0)
		seen = ENDED;
	while (ask && seen == LATE && now() < end && write(in, ask, strlen(ask)) > 0)
		seen = watch(&c, want, now() + 0.5);
	close(in);
	close(c.fd);
	if (ask && seen != SEEN)
		print_tail(c.text);
	return ask ? seen == SEEN : seen != ENDED;
}

int reap(pid_t pid)
{
	int status;

	if (!has_ended(pid, &status, 5)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool refused_for(const char *text, const char *rev, int status)
{
	static const struct {
		const char *says, *reason;
		int status;
	} refusals[] = {
		{ LIBRARY_REFUSES "this kernel has no revision % to select,", "", REFUSED },
		{ LIBRARY_REFUSES "this kernel ignores a write of revision %,", "", REFUSED },
		{ "kernel refuses revision % of the in-kernel GIC", "Invalid argument", 1 },
		{ "kernel ignores revision % of the in-kernel GIC", "no error", 1 },
	};
	const char *line, *reason;
	char says[128];
	size_t i;

	/* The reason of that, and not of something else that QEMU says before it ends */
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		expand(says, sizeof(says), refusals[i].says, rev);
		line = strstr(text, says);
		reason = line ? strstr(line, refusals[i].reason) : NULL;
		if (status == refusals[i].status && reason &&
		    reason <= line + strcspn(line, "\n"))
			return true;
	}
	return false;
}

pid_t start_vmm(const struct row *row, const char *rev, const char *more, struct console *c)
{
	int fds[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (null < 0 || pipe2(fds, O_CLOEXEC))
		err(2, "pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		exec_vmm(row, rev, more);
	}
	close(null);
	close(fds[1]);
	c->fd = fds[0];
	c->len = 0;
	c->text[0] = '\0';
	return pid;
}
