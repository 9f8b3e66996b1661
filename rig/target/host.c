// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.c - what the programs here share that has nothing to do with VMs
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

/* pack-initramfs puts it there. */
#define COMPLAINTS	"/kernel-complaints"
#define MAX_COMPLAINTS	32

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define MAX_LEAK_LINES	200

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

int err_of(int ret)
{
	return ret < 0 ? errno : 0;
}

/* splitmix64 */
u64 next(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

u32 below(u64 *state, u32 limit)
{
	return (next(state) >> 32) % limit;
}

u64 number_from(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = err_of(write(fd, text, strlen(text)));
	close(fd);
	return err;
}

static void on_alarm(int sig)
{
	(void)sig;
}

bool has_ended(pid_t pid, int *status, unsigned int seconds)
{
	pid_t ended;

	if (pid <= 0)
		return false;
	/* Without SA_RESTART it interrupts waitpid(). The next child has the default again. */
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	alarm(seconds);
	ended = waitpid(pid, status, 0);
	alarm(0);
	signal(SIGALRM, SIG_DFL);
	return ended == pid;
}

static char complaints[MAX_COMPLAINTS][64];
static int nr_complaints;

static void read_complaints(void)
{
	FILE *f = fopen(COMPLAINTS, "re");
	char line[sizeof(complaints[0])];

	while (f && nr_complaints < MAX_COMPLAINTS && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			strcpy(complaints[nr_complaints++], line);
	}
	if (!nr_complaints || nr_complaints == MAX_COMPLAINTS) {
		fprintf(stderr, COMPLAINTS ": %s\n", f ? "has too few or too many lines" :
			strerror(errno));
		exit(2);
	}
	fclose(f);
}

static bool is_complaint(const char *text)
{
	int i;

	for (i = 0; i < nr_complaints; i++)
		if (strstr(text, complaints[i]))
			return true;
	return false;
}

const char *kernel_complaint(void)
{
	static char found[256];
	static int kmsg = -1;
	char record[8192], *text;
	ssize_t len;

	if (kmsg < 0) {
		read_complaints();
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	found[0] = '\0';
	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		record[len] = '\0';
		text = strchr(record, ';');
		if (text && !found[0] && is_complaint(text))
			snprintf(found, sizeof(found), "the kernel says: %.*s",
				 (int)strcspn(text + 1, "\n"), text + 1);
	}
	return found[0] ? found : NULL;
}

int scan_for_leaks(FILE *to)
{
	int i, err, lines = 0, leaks = 0;
	char line[256];
	FILE *f;

	/* It wants to see an object in two scans, and not a young one. */
	for (i = 0; i < 2; i++) {
		if (access(KMEMLEAK, W_OK))
			return -errno;
		sleep(6);
		err = put_file(KMEMLEAK, "scan");
		if (err)
			return -err;
	}
	f = fopen(KMEMLEAK, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		leaks += !strncmp(line, "unreferenced", 12);
		if (lines++ < MAX_LEAK_LINES)
			fputs(line, to);
	}
	fclose(f);
	return leaks;
}

/* Ports get their names some time after the device was probed. */
FILE *open_port(const char *name)
{
	static const char dir[] = "/sys/class/virtio-ports";
	int tries;

	for (tries = 0; tries < 500; tries++, usleep(20000)) {
		struct dirent *e;
		DIR *d = opendir(dir);

		while (d && (e = readdir(d))) {
			char path[512], line[64] = "";
			FILE *f;

			snprintf(path, sizeof(path), "%s/%s/name", dir, e->d_name);
			f = fopen(path, "r");
			if (!f)
				continue;
			if (fgets(line, sizeof(line), f))
				line[strcspn(line, "\n")] = '\0';
			fclose(f);
			if (strcmp(line, name))
				continue;
			closedir(d);
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			return fopen(path, "r+");
		}
		if (d)
			closedir(d);
	}
	return NULL;
}
