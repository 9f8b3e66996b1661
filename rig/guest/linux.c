// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux.c - PID 1 of the Linux guest
 *
 * Says how many timer interrupts and IPIs each of its two CPUs got, and how many MSIs of
 * its disk, once there are enough of each. Then it starts again, and says whether that is
 * still so, and whether the revision and the groups are as at boot, which the kernel does
 * not look at.
 *
 * The disk has one request at a time, and answers it with one MSI: one that comes twice is
 * one more than there were requests. The kernel waits for each MSI, and membarrier() for its
 * IPI. It does that for ever; the other CPU says so when it takes too long.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CPUS	2
#define ENOUGH	20
#define LIMIT	120	/* seconds, of the first look */
#define AGAIN	40	/* of the others, and of one interrupt: shorter than PATIENCE */
#define SECTOR	512

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

/* Time that goes back: since a CPU looked, or since the other handed over its turn */
static void look_at_time(unsigned long *last)
{
	unsigned long now = ticks();

	if (now < *last)
		printf("linux: no longer so: time\n");
	*last = now;
}

static int turn;	/* the CPU that sends */
static unsigned long handed_over;

static void hand_over(int cpu)
{
	handed_over = ticks();
	__atomic_store_n(&turn, cpu, __ATOMIC_RELEASE);
}

static bool has_turn(int cpu)
{
	if (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != cpu)
		return false;
	look_at_time(&handed_over);
	return true;
}

/* What a CPU waits for, and since when */
static const char *waits[CPUS];
static unsigned long since[CPUS];

static void begin_wait(int cpu, const char *what)
{
	since[cpu] = ticks();
	__atomic_store_n(&waits[cpu], what, __ATOMIC_RELEASE);
}

static void end_wait(int cpu)
{
	__atomic_store_n(&waits[cpu], NULL, __ATOMIC_RELAXED);
}

/* Say it if the other CPU waits for too long. */
static void look_at(int cpu)
{
	const char *what = __atomic_load_n(&waits[cpu], __ATOMIC_ACQUIRE);

	if (what && (long)(ticks() - since[cpu]) > (long)(AGAIN * per_second())) {
		printf("linux: no longer so: now waits for %s\n", what);
		end_wait(cpu);
	}
}

/* To the other CPU, if that runs this program now */
static void send_ipi(int from)
{
	begin_wait(from, "an IPI");
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		perror("linux: membarrier");
	end_wait(from);
}

static void *cpu_1(void *arg)
{
	unsigned long last = 0;

	pin(1);
	for (;;) {
		look_at_time(&last);
		look_at(0);
		if (has_turn(1)) {
			send_ipi(1);
			hand_over(0);
		}
	}
	return arg;
}

static int disk;
static unsigned long requests;

static void read_disk(void)
{
	static char sector[SECTOR] __attribute__((aligned(SECTOR)));

	begin_wait(0, "an MSI");
	if (pread(disk, sector, SECTOR, requests % 1024 * SECTOR) != SECTOR)
		printf("linux: no longer so: disk\n");
	end_wait(0);
	requests++;
}

/* Keep all busy until there are enough: is it so before the time is up? */
static bool look(struct counts *c, unsigned int limit)
{
	struct counts before = read_counts();
	unsigned long start = ticks();
	static unsigned long last;
	int i;

	*c = before;
	while ((long)(ticks() - start) < (long)(limit * per_second()) &&
	       !are_enough(c, &before)) {
		for (i = 0; i < 10; i++) {
			look_at_time(&last);
			send_ipi(0);
			hand_over(1);
			while (!has_turn(0))
				look_at(1);
			read_disk();
		}
		usleep(1000);
		*c = read_counts();
	}
	return are_enough(c, &before);
}

int main(void)
{
	unsigned int first[REGS], vals[REGS], i;
	unsigned long others;
	pthread_t thread;
	struct counts c;
	bool alive;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	disk = open("/dev/vda", O_RDONLY | O_DIRECT);
	if (disk < 0) {
		perror("linux: /dev/vda");
		return 1;
	}
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		perror("linux: membarrier");
	if (pthread_create(&thread, NULL, cpu_1, NULL))
		perror("linux: pthread_create");
	pin(0);
	setlinebuf(stdout);
	others = read_counts().msi;
	alive = look(&c, LIMIT);
	printf("linux: %s: timer %lu %lu, IPI %lu %lu, MSI %lu\n",
	       alive ? "alive" : "not all interrupts", c.timer[0], c.timer[1],
	       c.ipi[0], c.ipi[1], c.msi);
	read_regs(first);
	for (;;) {
		read_regs(vals);
		for (i = 0; i < nr_regs; i++)
			if (vals[i] != first[i])
				printf("linux: no longer so: %s %08x, was %08x\n", regs[i].name,
				       vals[i], first[i]);
		alive &= look(&c, AGAIN);
		if (c.msi != others + requests)
			printf("linux: no longer so: MSIs %lu, requests %lu\n", c.msi - others,
			       requests);
		printf("linux: %s alive\n", alive ? "still" : "no longer so: now not");
	}
}
