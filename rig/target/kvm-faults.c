// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-faults.c - what a VMM leaves behind that was refused memory, or killed
 *
 * Runs on an emulated host. Sets up a VM step by step, and has the 1st, 2nd, ...
 * allocation of each step fail, until there is none left to fail. A step that
 * failed is done again and has to work then, and so does the VM. After that,
 * VMMs are killed at random moments, from $SEED. In the end nothing may be
 * leaked, no slab cache have grown by an object for every other of these VMMs,
 * and a VM has to be as good as the first.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"

#define NR_VCPUS	2
#define NR_IRQS		128
#define KILLS		200
#define MAX_LIFE_MS	600
#define MAX_CACHES	512
#define MAX_ALLOCATIONS	2000
#define CHILD_SEC	30
#define FIRST_WORD	0x12345678U

static u32 type;
static int kvm;
static bool failed;

static int get_word(struct vm *vm, int cpu, u32 word, u32 *val)
{
	bool redist = !word && type == V3;

	return vmm_get(vm->dev, redist ? REDIST_REGS : DIST_REGS,
		       (u64)cpu << 32 | (redist ? GICR_IGROUPR0 : GICD_IGROUPR + 4 * word), val);
}

static int set_word(struct vm *vm, int cpu, u32 word, u32 val)
{
	bool redist = !word && type == V3;

	return vmm_set(vm->dev, redist ? REDIST_REGS : DIST_REGS,
		       (u64)cpu << 32 | (redist ? GICR_IGROUPR0 : GICD_IGROUPR + 4 * word), val);
}

/* The steps: each can be done again where it has failed. */

static int create_vm(struct vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	return vmm_create(vm);
}

static int create_vcpus(struct vm *vm)
{
	int cpu, err = 0;

	for (cpu = 0; cpu < NR_VCPUS && !err; cpu++) {
		if (cpu == vm->nr_vcpus)
			err = vmm_create_vcpu(vm, cpu);
		if (!err)
			err = vmm_init_vcpu(vm, cpu);
	}
	return err;
}

static int create_device(struct vm *vm)
{
	return vmm_create_device(vm, type);
}

static int set_up(struct vm *vm, u32 group, u64 attr, u64 val)
{
	int err = vmm_set(vm->dev, group, attr, val);

	return err == EEXIST || err == EBUSY ? 0 : err;
}

static int configure(struct vm *vm)
{
	int err = set_up(vm, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, NR_IRQS);

	if (!err)
		err = set_up(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, type == V3 ?
			     KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, GICD_GPA);
	if (!err)
		err = set_up(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, type == V3 ?
			     KVM_VGIC_V3_ADDR_TYPE_REDIST : KVM_VGIC_V2_ADDR_TYPE_CPU,
			     type == V3 ? GICR_GPA : GICC_GPA);
	return err;
}

static int init(struct vm *vm)
{
	return vmm_set(vm->dev, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
}

/* Select each revision from this one on: does it read as it has to? */
static int select_from(struct vm *vm, u32 rev)
{
	u32 word, val, want;
	int cpu, err;

	for (; rev <= LATEST_REV; rev++) {
		err = vmm_set(vm->dev, DIST_REGS, GICD_IIDR, IIDR(rev));
		for (cpu = 0; cpu < NR_VCPUS && !err; cpu++)
			err = set_word(vm, cpu, 0, FIRST_WORD);
		for (word = 1; word < NR_IRQS / 32 && !err; word++)
			err = set_word(vm, 0, word, FIRST_WORD + word);
		if (!err)
			err = vmm_get(vm->dev, DIST_REGS, GICD_IIDR, &val);
		if (err)
			return err;
		if (val != IIDR(rev))
			return EILSEQ;
		for (word = 0; word < NR_IRQS / 32; word++) {
			want = rev >= 2 ? FIRST_WORD + word : rev == 0 || type == V3 ? ~0U : 0;
			for (cpu = 0; cpu < NR_VCPUS; cpu++)
				if (get_word(vm, cpu, word, &val) || val != want)
					return EILSEQ;
		}
	}
	return 0;
}

static int select_all(struct vm *vm)
{
	return select_from(vm, 0);
}

/* After all that, 0 and 1 are too late. */
static int check(struct vm *vm)
{
	u32 rev;

	for (rev = 0; rev < 2; rev++)
		if (vmm_set(vm->dev, DIST_REGS, GICD_IIDR, IIDR(rev)) != EBUSY)
			return EILSEQ;
	return select_from(vm, 2);
}

static int restore(struct vm *vm)
{
	int cpu, err = vmm_set(vm->dev, DIST_REGS, GICD_IIDR, IIDR(2));
	u32 word;

	for (cpu = 0; cpu < NR_VCPUS && !err; cpu++)
		err = set_word(vm, cpu, 0, FIRST_WORD);
	for (word = 1; word < NR_IRQS / 32 && !err; word++)
		err = set_word(vm, 0, word, FIRST_WORD + word);
	return err;
}

/* The guest reads what was restored. */
static int run(struct vm *vm)
{
	struct program *p;
	int cpu, err = 0;
	u32 word;

	for (cpu = 0; cpu < NR_VCPUS && !err; cpu++) {
		p = vmm_program(vm, cpu);
		p->nr = 0;
		p->access[p->nr++] = (struct access){ GICD_GPA + GICD_IIDR, 0, 4, 0 };
		for (word = 1; word < NR_IRQS / 32; word++)
			p->access[p->nr++] = (struct access){
				GICD_GPA + GICD_IGROUPR + 4 * word, 0, 4, 0 };
		err = vmm_run(vm, cpu);
		for (word = 1; word < NR_IRQS / 32 && !err; word++)
			if (p->access[word].val != FIRST_WORD + word)
				err = EILSEQ;
		if (!err && p->access[0].val != IIDR(2))
			err = EILSEQ;
	}
	return err;
}

struct step {
	const char	*name;
	int		(*fn)(struct vm *vm);
};

#define NR_STEPS	9

static const struct step orders[][NR_STEPS] = {
	{
		{ "create VM", create_vm }, { "create vCPUs", create_vcpus },
		{ "create GIC", create_device }, { "configure", configure },
		{ "init", init }, { "select", select_all }, { "restore", restore },
		{ "first run", run }, { "check", check },
	}, {
		{ "create VM", create_vm }, { "create GIC, no vCPU", create_device },
		{ "configure, no vCPU", configure }, { "create vCPUs of GIC", create_vcpus },
		{ "init", init }, { "select", select_all }, { "restore", restore },
		{ "first run", run }, { "check", check },
	},
};

static int do_steps(struct vm *vm, const struct step *steps, int nr)
{
	int i, err = 0;

	for (i = 0; i < nr && !err; i++)
		err = steps[i].fn(vm);
	return err;
}

static void write_number(int fd, int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	if (pwrite(fd, text, len, 0) != len)
		_exit(100);
}

/* What came of a step whose nth allocation was to fail; the others are errnos */
enum { SURVIVED = 200, REFUSED, NONE_LEFT, SETUP, DEAD };

/* In a process of its own. Return: one of the above, or the errno of the 2nd try */
static int fail_nth(const struct step *steps, int step, int n)
{
	struct vm vm = { .kvm = kvm, .fd = -1, .dev = -1 };
	int fd = open("/proc/self/fail-nth", O_RDWR), err, again;
	char left[16] = "";

	if (fd < 0 || do_steps(&vm, steps, step))
		return SETUP;

	write_number(fd, n);
	err = steps[step].fn(&vm);
	if (pread(fd, left, sizeof(left) - 1, 0) < 0)
		return SETUP;
	write_number(fd, 0);
	if (atoi(left))
		return err ?: NONE_LEFT;

	again = err ? steps[step].fn(&vm) : 0;
	/*
	 * A VM that could not be put in place for its first run is dead by design,
	 * and one that lacks but the file of its GIC can never have another.
	 */
	if ((steps[step].fn == run && again == EIO) ||
	    (steps[step].fn == create_device && again == EEXIST))
		return DEAD;
	if (!again)
		again = do_steps(&vm, steps + step + 1, NR_STEPS - step - 1);
	return again ?: err ? REFUSED : SURVIVED;
}

static void complain(const char *what, const char *why)
{
	printf("kvm-faults: %s: %s\n", what, why);
	failed = true;
}

static void note_complaint(const char *what)
{
	const char *said = kernel_complaint();

	if (said)
		complain(what, said);
}

/* Return: how many allocations there are to fail in a step */
static int fail_step(const struct step *steps, int step, int *refused)
{
	int n, status, survived = 0, dead = 0, ret;
	char what[80], why[80];
	bool ended;
	pid_t pid;

	*refused = 0;
	for (n = 1; n < MAX_ALLOCATIONS && !failed; n++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			alarm(CHILD_SEC);
			_exit(fail_nth(steps, step, n));
		}
		ended = has_ended(pid, &status, 2 * CHILD_SEC);
		snprintf(what, sizeof(what), "%s, allocation %d fails", steps[step].name, n);
		note_complaint(what);
		if (!ended) {
			complain(what, "no end, and not even SIGALRM brings it about");
			break;
		}
		ret = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (ret == NONE_LEFT)
			break;
		if (ret == REFUSED) {
			(*refused)++;
		} else if (ret == DEAD) {
			dead++;
		} else if (ret == SURVIVED) {
			survived++;
		} else {
			if (ret < 0)
				snprintf(why, sizeof(why), "killed by %s",
					 strsignal(WTERMSIG(status)));
			else
				snprintf(why, sizeof(why), "%s",
					 ret == SETUP ? "the steps before it do not work" :
					 ret == EILSEQ ? "registers read wrong when it is done again" :
					 strerror(ret));
			complain(what, why);
		}
	}
	printf("%-20s %4d allocations: %d refused, %d made up for, %d left the VM dead\n",
	       steps[step].name, n - 1, *refused, survived, dead);
	*refused += dead;
	return n - 1;
}

/* A VMM that does all it can until it is killed */

static struct vm victim;

static void *run_for_ever(void *arg)
{
	while (!vmm_run(&victim, (long)arg))
		;
	return NULL;
}

static void be_killed(int order)
{
	pthread_t thread;
	long cpu;
	int i;

	victim = (struct vm){ .kvm = kvm, .fd = -1, .dev = -1 };
	if (do_steps(&victim, orders[order], NR_STEPS))
		_exit(1);
	for (cpu = 0; cpu < NR_VCPUS; cpu++)
		pthread_create(&thread, NULL, run_for_ever, (void *)cpu);
	/* EBUSY most of the time, as the vCPUs run */
	for (i = 0; i < 50; i++) {
		select_all(&victim);
		restore(&victim);
	}
	/* A VM whose files are closed goes on, until its vCPUs stop. */
	close(victim.dev);
	close(victim.fd);
	for (;;)
		pause();
}

/* Return: how many were killed */
static int kill_at_random(u64 *rng, int kills)
{
	int i, status;
	char what[64];
	pid_t pid;

	for (i = 0; i < kills && !failed; i++) {
		fflush(stdout);
		pid = fork();
		if (!pid)
			be_killed(i % 2);
		usleep(below(rng, MAX_LIFE_MS) * 1000);
		kill(pid, SIGKILL);
		snprintf(what, sizeof(what), "VMM %d is killed", i + 1);
		if (!has_ended(pid, &status, 2 * CHILD_SEC))
			complain(what, "it does not end");
		else if (WIFEXITED(status))
			complain(what, "it had ended before");
		note_complaint(what);
	}
	return i;
}

/* What /proc/slabinfo says is in use of each slab cache */
struct slabs {
	int	nr;
	struct {
		char	name[32];
		long	objects;
	} cache[MAX_CACHES];
};

static void count_slabs(struct slabs *slabs)
{
	static const char dir[] = "/sys/kernel/slab";
	char line[512], path[512];
	struct dirent *e;
	FILE *f;
	DIR *d;

	/* Freed objects are in use for as long as KASAN keeps them. */
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s/shrink", dir, e->d_name);
		put_file(path, "1");
	}
	if (d)
		closedir(d);

	slabs->nr = 0;
	f = fopen("/proc/slabinfo", "r");
	while (f && slabs->nr < MAX_CACHES && fgets(line, sizeof(line), f))
		slabs->nr += sscanf(line, "%31s %ld", slabs->cache[slabs->nr].name,
				    &slabs->cache[slabs->nr].objects) == 2;
	if (f)
		fclose(f);
	if (!slabs->nr)
		complain("/proc/slabinfo", "has no slab cache");
}

/* Freed by vmalloc when it has collected many; what kmemleak knows of the others */
static const char * const no_leak[] = {
	"vmap_area", "kmemleak_object", "kmemleak_scan_area",
};

static bool may_grow(const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(no_leak); i++)
		if (!strcmp(name, no_leak[i]))
			return true;
	return false;
}

/* Return: by how much the cache has grown that has grown most */
static long compare_slabs(const struct slabs *old, const struct slabs *new)
{
	long growth, most = 0;
	int i, j;

	for (i = 0; i < new->nr; i++) {
		const char *name = new->cache[i].name;

		for (j = 0; j < old->nr; j++)
			if (!strcmp(old->cache[j].name, name))
				break;
		growth = new->cache[i].objects - (j < old->nr ? old->cache[j].objects : 0);
		if (growth >= KILLS / 4)
			printf("slab cache %s has grown by %ld objects\n", name, growth);
		if (may_grow(name))
			continue;
		if (growth >= KILLS / 2)
			complain(name, "this slab cache has grown with the VMMs that were killed");
		if (growth > most)
			most = growth;
	}
	return most;
}

int main(void)
{
	u64 seed = number_from("SEED", 1), rng = seed;
	static const char * const settings[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	};
	struct kvm_create_device dev = { V3, 0, KVM_CREATE_DEVICE_TEST };
	int order, step, refused, total = 0, total_refused = 0, kills = 0, leaks;
	static struct slabs before, after;
	long growth;
	struct vm vm;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	type = ioctl(ioctl(kvm, KVM_CREATE_VM, 0), KVM_CREATE_DEVICE, &dev) ? V2 : V3;

	/* By default only allocations fail that must not sleep, and every one is told. */
	for (step = 0; step < (int)ARRAY_SIZE(settings); step++) {
		if (put_file(settings[step][0], settings[step][1])) {
			fprintf(stderr, "%s: %s\n", settings[step][0], strerror(errno));
			return 2;
		}
	}
	kernel_complaint();

	for (order = 0; order < 2; order++) {
		/* The second is not news from the start, nor once it has come to the same. */
		for (step = order; step < (order ? 4 : NR_STEPS) && !failed; step++) {
			total += fail_step(orders[order], step, &refused);
			total_refused += refused;
		}
	}
	count_slabs(&before);
	if (!failed)
		kills = kill_at_random(&rng, KILLS);
	count_slabs(&after);
	growth = compare_slabs(&before, &after);

	/* Where something has gone wrong, this might never end. */
	vm = (struct vm){ .kvm = kvm, .fd = -1, .dev = -1 };
	if (!failed && do_steps(&vm, orders[0], NR_STEPS))
		complain("a VM after all that", "does not work");
	leaks = scan_for_leaks(stdout);
	note_complaint("in the end");
	if (leaks)
		complain("kmemleak", leaks < 0 ? strerror(-leaks) : "see above");
	printf("kvm-faults: GICv%d, seed %llu: %d allocations failed, %d of them seen by the VMM; %d VMMs killed; %d leaks, slab caches +%ld at most, %s\n",
	       type == V3 ? 3 : 2, (unsigned long long)seed, total, total_refused, kills,
	       leaks, growth, failed ? "one failure" : "no failure");
	return failed;
}
