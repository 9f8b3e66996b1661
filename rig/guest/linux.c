// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux.c - PID 1 of the Linux guest
 *
 * Says how many timer interrupts and IPIs each of its two CPUs got, and how
 * many MSIs of its virtio device, once there are enough of each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CPUS	2
#define ENOUGH	20
#define LIMIT	120	/* seconds */

struct counts {
	unsigned long	timer[CPUS];
	unsigned long	ipi[CPUS];
	unsigned long	msi;
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		perror("linux: sched_setaffinity");
}

static struct counts read_counts(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	struct counts c = {};
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		char *after = strchr(line, ':');
		unsigned long n[CPUS];
		int i;

		if (!after)
			continue;
		after++;
		for (i = 0; i < CPUS; i++)
			n[i] = strtoul(after, &after, 10);
		for (i = 0; i < CPUS; i++) {
			if (strstr(after, "arch_timer"))
				c.timer[i] += n[i];
			else if (strstr(line, "IPI"))
				c.ipi[i] += n[i];
			else if (strstr(after, "MSI") && strstr(after, "virtio"))
				c.msi += n[i];
		}
	}
	if (f)
		fclose(f);
	return c;
}

static bool are_enough(const struct counts *c)
{
	int i;

	for (i = 0; i < CPUS; i++)
		if (c->timer[i] < ENOUGH || c->ipi[i] < ENOUGH)
			return false;
	return c->msi >= ENOUGH;
}

/* The other end of the pipes, on the other CPU: each byte takes an IPI. */
static void echo(int from, int to)
{
	char c;

	pin(1);
	while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
		;
	_exit(0);
}

int main(void)
{
	int there[2], back[2], rng, i;
	struct counts c = {};
	time_t start;
	char buf[16];

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	rng = open("/dev/hwrng", O_RDONLY);
	if (rng < 0)
		perror("linux: /dev/hwrng");
	if (pipe(there) || pipe(back))
		perror("linux: pipe");
	if (!fork())
		echo(there[0], back[1]);
	pin(0);
	for (start = time(NULL); time(NULL) - start < LIMIT && !are_enough(&c);) {
		for (i = 0; i < 10; i++)
			if (write(there[1], "", 1) != 1 || read(back[0], buf, 1) != 1 ||
			    read(rng, buf, sizeof(buf)) < 1)
				break;
		usleep(10000);
		c = read_counts();
	}
	printf("linux: %s: timer %lu %lu, IPI %lu %lu, MSI %lu\n",
	       are_enough(&c) ? "alive" : "not all interrupts", c.timer[0], c.timer[1],
	       c.ipi[0], c.ipi[1], c.msi);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
