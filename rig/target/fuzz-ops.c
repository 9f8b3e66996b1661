// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-ops.c - the operations: what userspace, guests and threads do at random
 *
 * Each is done to the kernel and to the model, and what the kernel answers has to be
 * what the model does. Of what threads do to each other, only which values are possible
 * is known.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz-model.h"

#define THREAD_ROUNDS	24

struct vm vm;
static bool racing;		/* other threads are at work */

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list ap;

	/* What threads do is told by their seed. */
	if (!verbose || racing)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	if (!__atomic_test_and_set(&shared->failed, __ATOMIC_SEQ_CST)) {
		va_start(ap, fmt);
		vsnprintf(shared->message, sizeof(shared->message), fmt, ap);
		va_end(ap);
		say("  WRONG: %s", shared->message);
	}
	if (!racing)
		_exit(1);
}

static void note_state(void)
{
	shared->states[model_state() % sizeof(shared->states)] = 1;
	shared->ops++;
}

/* Userspace's accesses */

static const u32 patterns[] = { 0x5a5a5a5a, 0xa5a5a5a5, 0x00ff00ff, 0xff00ff00 };

static bool is_allowed(u32 val)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		if (val == patterns[i])
			return true;
	return !val || val == ~0U;
}

/* Of what others are changing, only what can never be */
static void check_racing(bool redist, u32 offset, u32 val)
{
	if (is_iidr(redist, offset) && offset == GICD_IIDR &&
	    (val != IIDR(IIDR_REV(val)) || IIDR_REV(val) > LATEST_REV))
		fail("userspace reads %s as %#x, while others are at work",
		     reg_name(redist, offset), val);
	if (is_group(redist, offset) && !is_allowed(val))
		fail("userspace reads %s as %#x, which nobody has written",
		     reg_name(redist, offset), val);
}

enum pointer { GOOD, MISALIGNED, NULL_POINTER, UNMAPPED, KERNELS };

static int do_attr(unsigned long request, u32 group, u64 attr, u64 val, enum pointer pointer)
{
	static const char * const names[] = { "", " (misaligned)", " (NULL)",
					      " (unmapped)", " (a kernel address)" };
	static const char * const groups[] = {
		"ADDR", "DIST_REGS", "CPU_REGS", "NR_IRQS", "CTRL", "REDIST_REGS",
		"CPU_SYSREGS", "LEVEL_INFO", "ITS_REGS", "MAINT_IRQ",
	};
	bool regs = group == DIST_REGS || (group == REDIST_REGS && is_v3());
	bool write = request == KVM_SET_DEVICE_ATTR, redist = group == REDIST_REGS;
	bool ambiguous = redist && regs && is_ambiguous(attr >> 32);
	u32 read, offset = attr;
	int err, want = -1, cpu;
	u64 buf[2];
	char named[40] = "";
	void *p;

	if (write && ambiguous)
		return ENOENT;
	if (regs)
		snprintf(named, sizeof(named), " (%s)", reg_name(redist, offset));
	p = pointer == GOOD ? buf : pointer == MISALIGNED ? (char *)buf + 1 :
	    pointer == NULL_POINTER ? NULL : pointer == UNMAPPED ? (void *)0x1000 :
	    (void *)0xffff800080000000;
	memcpy((char *)buf + (pointer == MISALIGNED), &val, sizeof(val));

	err = vmm_attr(vm.dev, request, group, attr, p);
	memcpy(&read, (char *)buf + (pointer == MISALIGNED), sizeof(read));

	say("%s %s %#llx%s%s: %#llx, %s", write ? "set" :
	    request == KVM_GET_DEVICE_ATTR ? "get" : "has",
	    group < ARRAY_SIZE(groups) ? groups[group] : "?", (unsigned long long)attr,
	    named, names[pointer],
	    regs ? read : (unsigned long long)buf[0], strerrorname_np(err));

	if (racing) {
		if (regs && !err && request == KVM_GET_DEVICE_ATTR)
			check_racing(redist, offset, read);
		return err;
	}
	if (m.maybe_dead && err == EIO)
		return err;

	if (regs && request != KVM_HAS_DEVICE_ATTR && !ambiguous)
		want = model_attr(write, group, attr, val, pointer <= MISALIGNED, &cpu);
	else if (m.type == V2 && group == KVM_DEV_ARM_VGIC_GRP_CPU_REGS && err != EINVAL &&
		 !(write && err == EFAULT))
		m.init = true;
	else if (write && !err && group == KVM_DEV_ARM_VGIC_GRP_NR_IRQS)
		m.nr_irqs = val;
	else if (write && !err && group == KVM_DEV_ARM_VGIC_GRP_CTRL && !attr)
		m.init = true;

	if (want >= 0 && err != want)
		fail("%s of %s ends with %s, expected %s", write ? "write" : "read",
		     reg_name(redist, offset), strerrorname_np(err), strerrorname_np(want));
	if (want == 0 && !write && read != model_read(cpu, redist, offset, 4))
		fail("userspace reads %s as %#x, expected %#x (GICv%d, revision %u)",
		     reg_name(redist, offset), read, model_read(cpu, redist, offset, 4),
		     is_v3() ? 3 : 2, m.rev);
	return err;
}

static int set(u32 group, u64 attr, u64 val)
{
	return do_attr(KVM_SET_DEVICE_ATTR, group, attr, val, GOOD);
}

/* Mostly as it should be, now and then hostile */
static enum pointer some_pointer(u64 r)
{
	return r % 16 ? GOOD : r / 16 % 5;
}

static u64 select_val(u64 *rng)
{
	u32 r = below(rng, 16);

	if (r < 13)
		return IIDR(r % 4);
	return r == 13 ? IIDR(below(rng, 16)) : r == 14 ? IIDR(below(rng, 4)) ^
	       1U << below(rng, 32) : next(rng);
}

static u32 group_val(u64 *rng)
{
	static const u32 some[] = { 0, ~0, 1, 1U << 31, 0xffff };
	u32 r = below(rng, 3);

	return r == 0 ? PICK(rng, patterns) : r == 1 ? PICK(rng, some) : next(rng);
}

/* An existing vCPU as the high half of an attribute, or hardly ever another */
static u64 some_cpu_attr(u64 *rng)
{
	static const u32 strange[] = { 4, 7, 8, 0xff, 0x100, 0x1000000, 0xffffffff };
	u32 id = vm.nr_vcpus ? m.id[below(rng, vm.nr_vcpus)] : 0;

	return (u64)(below(rng, 16) ? id : PICK(rng, strange)) << 32;
}

/* The attribute of a word of groups, of all vCPUs */
static u64 group_attr(u64 *rng, u32 *group)
{
	u64 cpu = some_cpu_attr(rng);

	*group = DIST_REGS;
	if (is_v3() && below(rng, 3) == 0) {
		*group = REDIST_REGS;
		return cpu | GICR_IGROUPR0;
	}
	if (below(rng, 4) == 0)
		return cpu | GICD_IGROUPR;
	return cpu | (GICD_IGROUPR + 4 * below(rng, below(rng, 2) ? 34 : nr_irqs() / 32));
}

/* An offset into a distributor or redistributor */
static u32 some_offset(u64 *rng, bool redist)
{
	static const u32 dist[] = {
		0, 4, 8, 0xc, 0x10, 0x7c, 0x80, 0x84, 0xfc, 0x100, 0x180, 0x200, 0x280,
		0x300, 0x380, 0x400, 0x800, 0xc00, 0xd00, 0xf00, 0xf10, 0xf20, 0xffc,
		0x1000, 0x6000, 0x6100, 0x7ffc, 0xffd0, 0xffe8, 0x10000, 0x10080, 0x7fffffff,
		0x80000000, 0xfffffffc, 0xffffffff,
	};
	static const u32 redist_offsets[] = {
		0, 4, 8, 0xc, 0x10, 0x14, 0x70, 0x78, 0xa0, 0xb0, 0xc0, 0xffe8,
		0x10000, 0x10080, 0x10100, 0x10180, 0x10200, 0x10280, 0x10300,
		0x10380, 0x10400, 0x1041c, 0x10c00, 0x10c04, 0x10d00, 0x10e00, 0x1fffc,
		0x20000, 0x20080, 0xfffffffc,
	};
	u32 offset;

	switch (below(rng, 4)) {
	case 0:
		offset = GICD_IGROUPR + 4 * below(rng, 34) - 4;
		return redist ? offset + SZ_64K : offset;
	case 1:
		return next(rng) & (redist ? 0x1fffc : 0xfffc);
	default:
		offset = redist ? PICK(rng, redist_offsets) : PICK(rng, dist);
		return below(rng, 8) ? offset : offset + below(rng, 8) - 4;
	}
}

static void any_attr(u64 *rng, bool may_change_groups)
{
	static const unsigned long requests[] = {
		KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR,
	};
	unsigned long request = PICK(rng, requests);
	u32 group = below(rng, 12), offset;
	enum pointer pointer = some_pointer(next(rng));
	u64 val = below(rng, 3) ? next(rng) : group_val(rng);
	u64 attr = next(rng);

	switch (group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		/* Where they are is for do_addr() to say. */
		request = KVM_GET_DEVICE_ATTR;
		attr = below(rng, 8);
		break;
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_CPU_REGS:
		offset = group == KVM_DEV_ARM_VGIC_GRP_CPU_REGS ? next(rng) & 0x1fff :
			 some_offset(rng, group == REDIST_REGS);
		if (!may_change_groups && (offset == GICD_IIDR ||
					   is_group(group == REDIST_REGS, offset)))
			request = KVM_GET_DEVICE_ATTR;
		attr = some_cpu_attr(rng) | offset;
		break;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		val = below(rng, 2) ? below(rng, 33) * 32 : val;
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		attr = below(rng, 8) ? below(rng, 6) : attr;
		break;
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		/* op0 3, op1 0, crn 12 or 4, and any of crm and op2 */
		attr = some_cpu_attr(rng) | 3 << 14 | (below(rng, 4) ? 12 : 4) << 7 |
		       (attr & 0x7f);
		break;
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		attr = some_cpu_attr(rng) | (below(rng, 8) ? 0 : below(rng, 4) << 10) |
		       (below(rng, 4) ? below(rng, 33) * 32 : below(rng, 1024));
		break;
	}
	do_attr(request, group, attr, val, pointer);
}

/* The guest's accesses */

/*
 * Let the guest do one thing more.
 *
 * Return: whether the model knows what comes of it; @target is the vCPU that
 * the register belongs to.
 */
static bool add_access(struct access *a, u64 *rng, int cpu, int *target, bool *redist,
		       u32 *offset)
{
	static const u32 lens[] = { 4, 4, 4, 4, 4, 4, 1, 8 };
	u32 where = below(rng, 16);
	u64 base;

	*a = (struct access){ .len = PICK(rng, lens), .write = below(rng, 2),
			      .val = group_val(rng) };
	*redist = is_v3() && where < 5;
	*target = *redist ? (int)below(rng, vm.nr_vcpus) : cpu;
	*offset = some_offset(rng, *redist) & (*redist ? 0x1ffff : is_v3() ? 0xffff : 0xfff);
	base = *redist ? redist_base(*target) : m.dist;

	if (where == 15) {
		/* With affinities or a range that may or may not exist */
		a->len = 0;
		a->val = next(rng) & (below(rng, 2) ? 0xf00000f : ~0ULL);
		return false;
	}
	if (where == 14 || !base) {
		/* a GICC, or nothing at all */
		a->addr = m.type == V2 && m.other ? m.other + (next(rng) & 0x1ffc) :
			  NOWHERE_GPA + *offset;
		a->len = 4;
		return false;
	}
	a->addr = base + *offset;
	return *offset % a->len == 0;
}

/* A vCPU that has not run may be set up in any way, but has to be. */
static int init_vcpus(void)
{
	int i, err = 0;

	for (i = 0; i < vm.nr_vcpus; i++) {
		if (m.vcpu_init[i] || vm.vcpu[i] < 0)
			continue;
		err = vmm_init_vcpu(&vm, i);
		if (err)
			break;
		m.vcpu_init[i] = true;
	}
	return err;
}

static void ran(int cpu, int err)
{
	m.ran = true;
	say("vCPU %u runs: %s", m.id[cpu], strerrorname_np(err));
	if (err)
		m.maybe_dead = true;
	else if (m.type == V2)
		m.init = true;
}

static void do_guest(struct op *op)
{
	struct { int target; bool known, redist; u32 offset; } what[PROGRAM_LEN];
	struct program *program;
	u64 rng = op->b;
	int i, nr = 0, err, cpu;

	if (!vm.nr_vcpus || init_vcpus())
		return;
	cpu = op->a % vm.nr_vcpus;
	if (vm.vcpu[cpu] < 0 || !vm.run[cpu])
		return;

	program = vmm_program(&vm, cpu);
	for (i = 0; i < PROGRAM_LEN; i++) {
		u64 access_rng = next(&rng);
		struct access *a = &program->access[nr];

		if (!(op->keep & 1ULL << i))
			continue;
		what[nr].known = add_access(a, &access_rng, cpu, &what[nr].target,
					    &what[nr].redist, &what[nr].offset);
		if (!a->len)
			say("  guest sends an SGI: %#llx", (unsigned long long)a->val);
		else if (!what[nr].known)
			say("  guest %s %#llx, %u bytes", a->write ? "writes" : "reads",
			    (unsigned long long)a->addr, a->len);
		else
			say("  guest %s %s of vCPU %u, %u bytes%s%.0llx",
			    a->write ? "writes" : "reads",
			    reg_name(what[nr].redist, what[nr].offset), m.id[what[nr].target],
			    a->len, a->write ? ": 0x" : "",
			    a->write ? (unsigned long long)a->val : 0);
		nr++;
	}
	program->nr = nr;
	err = vmm_run(&vm, cpu);
	ran(cpu, err);
	if (err)
		return;

	for (i = 0; i < nr; i++) {
		struct access *a = &program->access[i];
		bool redist = what[i].redist;
		u32 want, offset = what[i].offset;
		int target = what[i].target;

		note_state();
		if (!what[i].known || !m.type)
			continue;
		if (a->write)
			model_write(target, redist, offset, a->len, a->val);
		if (a->write || !is_known(redist, offset))
			continue;
		want = model_read(target, redist, offset, a->len);
		if (a->val != want)
			fail("vCPU %u reads %s of vCPU %u as %#llx, expected %#x (GICv%d, revision %u)",
			     m.id[cpu], reg_name(redist, offset), m.id[target],
			     (unsigned long long)a->val, want, is_v3() ? 3 : 2, m.rev);
	}
}

/* Threads */

struct thread {
	pthread_t	thread;
	u64		rng;
	int		cpu;		/* to run, or -1 */
	bool		creates;	/* vCPUs; only one does */
};

/* Nobody else writes the groups that a vCPU writes while it is in KVM_RUN. */
static int race_program(struct program *program, u64 *rng, int cpu)
{
	struct access *a = program->access;
	int i, word;
	u64 addr;

	*a++ = (struct access){ m.dist + GICD_IIDR, 0, 4, 0 };
	for (i = 0; i < PROGRAM_LEN / 2; i++) {
		word = 1 + cpu + MAX_VCPUS * below(rng, 8);
		addr = m.dist + GICD_IGROUPR + 4 * (word < 32 ? word : cpu + 1);
		if (below(rng, 2))
			addr = redist_base(cpu) ? redist_base(cpu) + GICR_IGROUPR0 :
			       is_v3() ? addr : m.dist + GICD_IGROUPR;
		*a++ = (struct access){ addr, PICK(rng, patterns), 4, 1 };
		*a++ = (struct access){ addr, 0, 4, 0 };
	}
	*a++ = (struct access){ m.dist + GICD_IIDR, 0, 4, 0 };
	program->nr = a - program->access;
	return program->nr;
}

static void check_race_program(struct program *program, int cpu)
{
	u32 iidr = program->access[0].val, rev = IIDR_REV(iidr), i, want;
	struct access *a = program->access;

	if (iidr != IIDR(rev) || rev > LATEST_REV || a[program->nr - 1].val != iidr)
		fail("vCPU %u reads GICD_IIDR as %#x and %#x in a single run", m.id[cpu],
		     iidr, (u32)a[program->nr - 1].val);
	for (i = 2; i < program->nr - 1; i += 2) {
		u32 word = (a[i].addr - m.dist - GICD_IGROUPR) / 4;

		want = rev >= 2 ? a[i - 1].val : rev ? reset_groups() : ~0U;
		if (word < 32 && word >= nr_irqs() / 32)
			want = 0;
		if (a[i].val != want)
			fail("vCPU %u writes %#x to %#llx and reads %#x, expected %#x (GICv%d, revision %u)",
			     m.id[cpu], (u32)a[i - 1].val, (unsigned long long)a[i].addr,
			     (u32)a[i].val, want, is_v3() ? 3 : 2, rev);
	}
}

static void race_userspace(struct thread *t)
{
	u32 group, id;
	u64 attr;

	switch (below(&t->rng, 8)) {
	case 0:
	case 1:
		set(DIST_REGS, GICD_IIDR | some_cpu_attr(&t->rng), select_val(&t->rng));
		break;
	case 2:
		do_attr(KVM_GET_DEVICE_ATTR, DIST_REGS, GICD_IIDR | some_cpu_attr(&t->rng),
			0, GOOD);
		break;
	case 3:
		attr = group_attr(&t->rng, &group);
		set(group, attr, PICK(&t->rng, patterns));
		break;
	case 4:
		attr = group_attr(&t->rng, &group);
		do_attr(KVM_GET_DEVICE_ATTR, group, attr, 0, GOOD);
		break;
	case 5:
		id = below(&t->rng, 6);
		if (t->creates && vm.nr_vcpus < MAX_VCPUS) {
			m.id[vm.nr_vcpus] = id;
			vmm_create_vcpu(&vm, id);
			m.nr_vcpus = vm.nr_vcpus;
		} else {
			set(KVM_DEV_ARM_VGIC_GRP_CTRL, 0, 0);
		}
		break;
	case 6:
		any_attr(&t->rng, false);
		break;
	case 7:
		ioctl(vm.fd, KVM_IRQ_LINE, &(struct kvm_irq_level){
			.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT |
			       (32 + below(&t->rng, 64)),
			.level = below(&t->rng, 2) });
		break;
	}
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;
	struct program *program = t->cpu < 0 ? NULL : vmm_program(&vm, t->cpu);
	int i;

	for (i = 0; i < THREAD_ROUNDS && !shared->failed; i++) {
		__atomic_add_fetch(&shared->ops, 1, __ATOMIC_RELAXED);
		if (!program) {
			race_userspace(t);
			continue;
		}
		race_program(program, &t->rng, t->cpu);
		if (vmm_run(&vm, t->cpu)) {
			m.maybe_dead = true;
			break;
		}
		/* With the whole of it at work in the kernel, or with none of it */
		if (m.type && m.dist)
			check_race_program(program, t->cpu);
	}
	return NULL;
}

/* Have the model know again what it cannot know after a race. */
static void settle(void)
{
	u32 val;

	if (vm.dev < 0)
		return;
	if (!vmm_get(vm.dev, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &val) && val > 32)
		m.nr_irqs = val;
	set(KVM_DEV_ARM_VGIC_GRP_CTRL, 0, 0);
	set(DIST_REGS, GICD_IIDR | (vm.nr_vcpus ? (u64)m.id[0] << 32 : 0), IIDR(1));
	set(DIST_REGS, GICD_IIDR | (vm.nr_vcpus ? (u64)m.id[0] << 32 : 0), IIDR(LATEST_REV));
}

static void do_threads(struct op *op)
{
	struct thread threads[MAX_VCPUS + 2];
	u64 rng = op->a;
	bool setup = !m.init && op->b % 2;
	int i, nr = 0, vcpus = setup ? 0 : vm.nr_vcpus;

	if (vm.dev < 0 || vm.fd < 0 || m.maybe_dead || init_vcpus())
		return;
	for (i = 0; i < vcpus; i++)
		if (vm.vcpu[i] < 0 || !vm.run[i])
			return;
	/* Patterns, zeroes and ones are all that there is while threads are at work. */
	if (!setup)
		settle();

	say("threads: %d vCPUs and 2 of userspace, seed %#llx", vcpus,
	    (unsigned long long)op->a);
	racing = true;
	for (i = 0; i < vcpus + 2; i++) {
		threads[i] = (struct thread){ .rng = next(&rng), .creates = i == vcpus,
					      .cpu = i < vcpus ? i : -1 };
		if (!pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]))
			nr++;
		else
			break;
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].thread, NULL);
	racing = false;
	if (shared->failed)
		_exit(1);
	settle();
}

/* All other operations */

static void do_vm(void)
{
	int i;

	for (i = 0; i < vm.nr_vcpus; i++)
		close(vm.vcpu[i]);
	if (vm.dev >= 0)
		close(vm.dev);
	if (vm.fd >= 0)
		close(vm.fd);
	model_new_vm();
	say("VM: %s", strerrorname_np(vmm_create(&vm)));
}

static void do_vcpu(struct op *op)
{
	/* The next one, any one, or one that cannot be */
	u32 id = op->a % 8 ? (u32)vm.nr_vcpus : op->b % 8 ? op->b % 6 : op->c;
	int err, nr = vm.nr_vcpus;

	err = vmm_create_vcpu(&vm, id);
	if (vm.nr_vcpus > nr)
		m.id[nr] = id;
	m.nr_vcpus = vm.nr_vcpus;
	say("vCPU %u: %s", id, strerrorname_np(err));
}

static void do_vcpu_init(struct op *op)
{
	int err, cpu = vm.nr_vcpus ? op->a % vm.nr_vcpus : 0;

	if (!vm.nr_vcpus || vm.vcpu[cpu] < 0 || !vm.run[cpu])
		return;
	err = vmm_init_vcpu(&vm, cpu);
	say("vCPU %u initialized: %s", m.id[cpu], strerrorname_np(err));
	if (!err)
		m.vcpu_init[cpu] = true;
}

static void do_device(struct op *op)
{
	u32 type = op->a % 16 == 0 ? op->b % 12 : supports_v3 && (!supports_v2 || op->b % 4) ?
		   V3 : V2;
	struct kvm_create_device dev = {
		.type = type, .flags = op->a % 16 == 1 ? KVM_CREATE_DEVICE_TEST : 0,
	};
	int err = err_of(ioctl(vm.fd, KVM_CREATE_DEVICE, &dev));

	say("device type %u%s%s: %s", type, type == V2 ? " (GICv2)" : type == V3 ? " (GICv3)" : "",
	    dev.flags ? ", only a test" : "", strerrorname_np(err));
	if (err || dev.flags)
		return;
	if (type != V2 && type != V3) {
		close(dev.fd);
		return;
	}
	vm.dev = dev.fd;
	model_has_device(type);
}

static void do_addr(struct op *op)
{
	static const u64 strange[] = {
		0, 1, 0x1000, GICD_GPA, GICR_GPA, 0x08090000, 0x080b0000, 0xfffff000,
		0xffff0000, 1ULL << 39, (1ULL << 40) - 0x10000, 1ULL << 40, ~0ULL, ~0xffffULL,
	};
	bool dist = op->kind == OP_ADDR_DIST;
	u64 rng = op->b, addr, type, count = 0;

	addr = dist ? GICD_GPA : is_v3() ? GICR_GPA : GICC_GPA;
	if (op->a % 8 == 0)
		addr = PICK(&rng, strange);
	type = is_v3() ? dist ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V3_ADDR_TYPE_REDIST :
	       dist ? KVM_VGIC_V2_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_CPU;
	if (is_v3() && !dist && op->a / 8 % 4 == 0) {
		/* A region of so many, the first or another */
		type = KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION;
		count = below(&rng, 8) ? 1 + below(&rng, 5) : below(&rng, 4096);
		addr |= count << 52 | (below(&rng, 4) ? 0 : below(&rng, 16));
	}
	if (set(KVM_DEV_ARM_VGIC_GRP_ADDR, type, addr))
		return;
	if (dist) {
		m.dist = addr;
	} else if (!m.other) {
		m.other = addr & ~0xfffULL & ~(0xfffULL << 52);
		m.redists = count;
	}
}

static void do_line(struct op *op)
{
	struct kvm_irq_level line = {
		.irq = op->a % 4 ? (op->a / 4 % 3) << KVM_ARM_IRQ_TYPE_SHIFT |
				   (op->b % 5) << KVM_ARM_IRQ_VCPU_SHIFT | op->c % 1024 : op->b,
		.level = op->b >> 32 & 1,
	};
	int err = err_of(ioctl(vm.fd, KVM_IRQ_LINE, &line));

	say("KVM_IRQ_LINE %#x level %u: %s", line.irq, line.level, strerrorname_np(err));
	if (!err && m.type == V2)
		m.init = true;
}

/* A VM is of no use to another process, but to be put by the last that has it. */
static void do_fork(struct op *op)
{
	pid_t pid = fork();
	int status;
	u32 val;

	if (!pid) {
		if (op->a % 2) {
			usleep(op->b % 20000);
			_exit(0);
		}
		if (vm.dev >= 0 && vmm_get(vm.dev, DIST_REGS, GICD_IIDR, &val) != EIO)
			_exit(1);
		if (vm.fd >= 0 && err_of(ioctl(vm.fd, KVM_CREATE_VCPU, 0)) != EIO)
			_exit(2);
		if (vm.nr_vcpus && vm.vcpu[0] >= 0 &&
		    err_of(ioctl(vm.vcpu[0], KVM_RUN, 0)) != EIO)
			_exit(3);
		_exit(0);
	}
	say("fork, and the child %s", op->a % 2 ? "stays for a while" : "tries to use the VM");
	if (pid > 0 && op->a % 2 == 0 && waitpid(pid, &status, 0) == pid && status)
		fail("a forked child can use the VM: status %#x", status);
}

static void do_close(struct op *op)
{
	int *fd = op->a % 3 == 0 ? &vm.fd : op->a % 3 == 1 ? &vm.dev :
		  vm.nr_vcpus ? &vm.vcpu[op->b % vm.nr_vcpus] : &vm.fd;

	say("close the %s", fd == &vm.fd ? "VM" : fd == &vm.dev ? "device" : "vCPU");
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void do_op(struct op *op)
{
	u64 rng = op->b, attr;
	u32 group;

	note_state();
	if (op->kind <= OP_DEVICE || op->kind == OP_LINE) {
		if (op->kind != OP_VM && vm.fd < 0)
			return;
	} else if (op->kind <= OP_ANY_ATTR && vm.dev < 0) {
		return;
	}

	switch (op->kind) {
	case OP_VM:
		return do_vm();
	case OP_VCPU:
		return do_vcpu(op);
	case OP_VCPU_INIT:
		return do_vcpu_init(op);
	case OP_DEVICE:
		return do_device(op);
	case OP_NR_IRQS:
		set(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0,
		    op->a % 4 ? 64 + 32 * below(&rng, 30) : op->a % 8 ? MAX_IRQS : 64);
		return;
	case OP_ADDR_DIST:
	case OP_ADDR_OTHER:
		return do_addr(op);
	case OP_INIT:
		set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
		return;
	case OP_SELECT:
		do_attr(KVM_SET_DEVICE_ATTR, DIST_REGS, GICD_IIDR | some_cpu_attr(&rng),
			select_val(&rng), some_pointer(op->c));
		return;
	case OP_READ_IIDR:
		do_attr(KVM_GET_DEVICE_ATTR, DIST_REGS, GICD_IIDR | some_cpu_attr(&rng), 0,
			some_pointer(op->c));
		return;
	case OP_WRITE_GROUP:
		attr = group_attr(&rng, &group);
		do_attr(KVM_SET_DEVICE_ATTR, group, attr, group_val(&rng),
			some_pointer(op->c));
		return;
	case OP_READ_GROUP:
		attr = group_attr(&rng, &group);
		do_attr(KVM_GET_DEVICE_ATTR, group, attr, 0, some_pointer(op->c));
		return;
	case OP_ANY_ATTR:
		return any_attr(&rng, true);
	case OP_GUEST:
		return do_guest(op);
	case OP_THREADS:
		return do_threads(op);
	case OP_LINE:
		return do_line(op);
	case OP_FORK:
		return do_fork(op);
	case OP_CLOSE:
		return do_close(op);
	}
}
