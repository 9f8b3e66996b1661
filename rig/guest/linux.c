// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux.c - PID 1 of the Linux guest
 *
 * Says how many timer interrupts and IPIs each of its two CPUs got, and how
 * many MSIs of its virtio device, once there are enough of each. Then it starts again,
 * and says whether that is still so, and whether the revision and the groups are as at boot,
 * which the kernel does not look at. Nothing here waits for an interrupt without a limit.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define CPUS	2
#define ENOUGH	20
#define LIMIT	120	/* seconds, of the first look */
#define AGAIN	40	/* of the others: shorter than the PATIENCE of moves.c */

struct counts {
	unsigned long	timer[CPUS];
	unsigned long	ipi[CPUS];
	unsigned long	msi;
};

/* In the frames of the GIC of QEMU's virt; a GICv2 has those of the distributor only. */
#define FRAME	0x10000
static const struct {
	const char	*name;
	off_t		frame, offset;
} regs[] = {
	{ "GICD_IIDR", 0x08000000, 0x008 },
	{ "GICD_IGROUPR1", 0x08000000, 0x084 },
	{ "GICR_IGROUPR0", 0x080b0000, 0x080 },
	{ "GICR_IGROUPR0", 0x080d0000, 0x080 },
};

#define REGS_OF_V2	2
#define REGS		(sizeof(regs) / sizeof(regs[0]))
static unsigned int nr_regs = REGS;

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
		if (strstr(after, "GIC-0"))
			nr_regs = REGS_OF_V2;
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

static void read_regs(unsigned int *vals)
{
	int fd = open("/dev/mem", O_RDONLY | O_SYNC | O_CLOEXEC);
	unsigned int i;

	for (i = 0; i < nr_regs; i++) {
		void *frame = mmap(NULL, FRAME, PROT_READ, MAP_SHARED, fd, regs[i].frame);

		if (frame == MAP_FAILED) {
			perror("linux: /dev/mem");
			vals[i] = 0;
			continue;
		}
		vals[i] = *(volatile unsigned int *)(frame + regs[i].offset);
		munmap(frame, FRAME);
	}
	close(fd);
}

static bool are_enough(const struct counts *c, const struct counts *before)
{
	int i;

	for (i = 0; i < CPUS; i++)
		if (c->timer[i] - before->timer[i] < ENOUGH ||
		    c->ipi[i] - before->ipi[i] < ENOUGH)
			return false;
	return c->msi - before->msi >= ENOUGH;
}

/* The counter itself: the kernel's clocks hide that it goes back. */
static unsigned long ticks(void)
{
	unsigned long val;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (val) :: "memory");
	return val;
}

static unsigned long per_second(void)
{
	unsigned long val;

	asm("mrs %0, cntfrq_el0" : "=r" (val));
	return val;
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

static int rng, there[2], back[2];

/* It ends each second what waits. */
static void on_alarm(int sig)
{
	(void)sig;
}

/* The driver has the bytes of one MSI at a time: is there some within 100 ms? */
static bool read_rng(void)
{
	char buf[16];
	int i;

	for (i = 0; i < 100; i++) {
		if (read(rng, buf, sizeof(buf)) > 0)
			return true;
		usleep(1000);
	}
	return false;
}

/* Keep all busy until there are enough: is it so before the time is up? */
static bool look(struct counts *c, unsigned int limit)
{
	const struct itimerval each_second = { { 1, 0 }, { 1, 0 } }, never = {};
	struct counts before = read_counts();
	static unsigned long last;
	unsigned long start = ticks(), now = start;
	bool backwards = false;
	char byte;
	int i;

	*c = before;
	setitimer(ITIMER_REAL, &each_second, NULL);
	while (now - start < limit * per_second() && !are_enough(c, &before)) {
		now = ticks();
		backwards |= now < last;
		last = now;
		for (i = 0; i < 10; i++)
			if (write(there[1], "", 1) != 1 || read(back[0], &byte, 1) != 1 ||
			    !read_rng())
				break;
		usleep(10000);
		*c = read_counts();
	}
	/* It would end what writes to the console as well. */
	setitimer(ITIMER_REAL, &never, NULL);
	if (backwards)
		printf("linux: no longer so: time\n");
	return are_enough(c, &before);
}

int main(void)
{
	unsigned int first[REGS], vals[REGS], i;
	struct counts c;
	bool alive;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	rng = open("/dev/hwrng", O_RDONLY | O_NONBLOCK);
	if (rng < 0)
		perror("linux: /dev/hwrng");
	if (pipe(there) || pipe(back))
		perror("linux: pipe");
	if (!fork())
		echo(there[0], back[1]);
	pin(0);
	setlinebuf(stdout);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	alive = look(&c, LIMIT);
	printf("linux: %s: timer %lu %lu, IPI %lu %lu, MSI %lu\n",
	       alive ? "alive" : "not all interrupts", c.timer[0], c.timer[1],
	       c.ipi[0], c.ipi[1], c.msi);
	read_regs(first);
	for (;;) {
		usleep(200000);
		read_regs(vals);
		for (i = 0; i < nr_regs; i++)
			if (vals[i] != first[i])
				printf("linux: no longer so: %s %08x, was %08x\n", regs[i].name,
				       vals[i], first[i]);
		printf("linux: %s alive\n",
		       look(&c, AGAIN) && alive ? "still" : "no longer so: now not");
	}
}
