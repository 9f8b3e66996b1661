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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz-model.h"

const u32 patterns[] = { 0x5a5a5a5a, 0xa5a5a5a5, 0x00ff00ff, 0xff00ff00 };

struct vm vm;
bool racing;

void say(const char *fmt, ...)
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
	shared->states[model_state() % ARRAY_SIZE(shared->states)] = 1;
	shared->ops++;
}

/* Userspace's accesses */

int do_attr(unsigned long request, u32 group, u64 attr, u64 val, enum pointer pointer)
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
		want = model_attr(write, group, attr, val, pointer <= MISALIGNED, err, &cpu);
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
		fail("userspace reads %s of vCPU %u as %#x, expected %#x (GICv%d, revision %u)",
		     reg_name(redist, offset), m.vcpu[cpu].id, read,
		     (u32)model_read(cpu, redist, offset, 4), is_v3() ? 3 : 2, m.rev);
	return err;
}

int set(u32 group, u64 attr, u64 val)
{
	return do_attr(KVM_SET_DEVICE_ATTR, group, attr, val, GOOD);
}

/* Mostly as it should be, now and then hostile */
static enum pointer some_pointer(u64 r)
{
	return r % 16 ? GOOD : r / 16 % 5;
}

u64 select_val(u64 *rng)
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

	return r == 0 ? patterns[below(rng, NR_PATTERNS)] : r == 1 ? PICK(rng, some) : next(rng);
}

/* An existing vCPU as the high half of an attribute, or hardly ever another */
u64 some_cpu_attr(u64 *rng)
{
	static const u32 strange[] = { 4, 7, 8, 0xf, 0x10, 0xff, 0x100, 0x1000000, ~0 };
	u32 name = m.nr_vcpus ? cpu_name(below(rng, m.nr_vcpus)) : 0;

	return (u64)(below(rng, 16) ? name : PICK(rng, strange)) << 32;
}

/* The attribute of a word of groups, of all vCPUs */
u64 group_attr(u64 *rng, u32 *group)
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

/* An offset of what controls LPIs, or says where redistributors are */
static u32 some_lpi_offset(u64 *rng)
{
	static const u32 offsets[] = {
		GICR_CTLR, GICR_CTLR, GICR_CTLR, GICR_TYPER, GICR_TYPER + 4, GICR_PROPBASER,
		GICR_PROPBASER + 4, GICR_PENDBASER, GICR_PENDBASER + 4, GICR_INVLPIR,
		GICR_INVLPIR, GICR_INVLPIR + 4, GICR_INVALLR, GICR_INVALLR, GICR_INVALLR + 4,
		GICR_SYNCR,
	};

	return PICK(rng, offsets);
}

/* Mostly what is of use there */
static u64 lpi_val(u64 *rng, u32 offset)
{
	if (below(rng, 8) == 0)
		return next(rng);
	switch (offset) {
	case GICR_CTLR:
		return below(rng, 4) != 0;
	case GICR_PROPBASER:
		return CONFIG_GPA | 15;
	case GICR_PENDBASER:
		return TABLES_GPA;
	case GICR_INVLPIR:
		return FIRST_LPI + below(rng, NR_LPIS);
	default:
		return 0;
	}
}

/* Write a register of a redistributor, of 64 bits if need be. */
void set_lpi(int cpu, u32 offset, u64 val)
{
	u64 attr = (u64)cpu_name(cpu) << 32 | offset;

	set(REDIST_REGS, attr, (u32)val);
	if (offset == GICR_PROPBASER || offset == GICR_PENDBASER)
		set(REDIST_REGS, attr + 4, val >> 32);
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

void any_attr(u64 *rng, bool may_change)
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
		if (!may_change && is_known(group == REDIST_REGS, offset))
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
	*redist = is_v3() && where < 7;
	*target = *redist ? (int)below(rng, vm.nr_vcpus) : cpu;
	*offset = some_offset(rng, *redist) & (*redist ? 0x1ffff : is_v3() ? 0xffff : 0xfff);
	if (*redist && below(rng, 2)) {
		*offset = some_lpi_offset(rng);
		a->val = lpi_val(rng, *offset);
	}
	base = *redist ? redist_base(*target) : m.dist;

	if (where == 15) {
		/* With affinities or a range that may or may not exist */
		a->len = 0;
		a->val = next(rng) & (below(rng, 2) ? 0xf00000f : ~0ULL);
		return false;
	}
	if (where == 14 || !base) {
		/* a GICC, or nothing at all */
		a->addr = m.type == V2 && m.gicc ? m.gicc + (next(rng) & 0x1ffc) :
			  NOWHERE_GPA + *offset;
		a->len = 4;
		return false;
	}
	a->addr = base + *offset;
	return *offset % a->len == 0;
}

/* A vCPU that has not run may be set up in any way, but has to be. */
int init_vcpus(void)
{
	int i, err = 0;

	for (i = 0; i < vm.nr_vcpus; i++) {
		if (m.vcpu[i].init || vm.vcpu[i] < 0)
			continue;
		err = vmm_init_vcpu(&vm, i);
		if (err)
			break;
		m.vcpu[i].init = true;
	}
	return err;
}

/* What fails may leave the vCPU in the middle of its program: have it start anew. */
int run_vcpu(int cpu)
{
	int err = vmm_run(&vm, cpu);

	if (err)
		vmm_init_vcpu(&vm, cpu);
	model_run(err);
	return err;
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
			    reg_name(what[nr].redist, what[nr].offset), m.vcpu[what[nr].target].id,
			    a->len, a->write ? ": 0x" : "",
			    a->write ? (unsigned long long)a->val : 0);
		nr++;
	}
	program->nr = nr;
	err = run_vcpu(cpu);
	say("vCPU %u runs: %s", m.vcpu[cpu].id, strerrorname_np(err));
	if (err)
		return;

	for (i = 0; i < nr; i++) {
		struct access *a = &program->access[i];
		bool redist = what[i].redist;
		u32 offset = what[i].offset;
		u64 want;
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
			fail("vCPU %u reads %s of vCPU %u as %#llx, expected %#llx (GICv%d, revision %u)",
			     m.vcpu[cpu].id, reg_name(redist, offset), m.vcpu[target].id,
			     (unsigned long long)a->val, (unsigned long long)want, is_v3() ? 3 : 2, m.rev);
	}
}

/* All other operations */

static void do_vm(void)
{
	int i;

	for (i = 0; i < vm.nr_vcpus; i++)
		close(vm.vcpu[i]);
	if (vm.its >= 0)
		close(vm.its);
	if (vm.dev >= 0)
		close(vm.dev);
	if (vm.fd >= 0)
		close(vm.fd);
	model_new_vm();
	say("VM: %s", strerrorname_np(vmm_create(&vm)));
}

static void do_vcpu(struct op *op)
{
	/* 16 and more have other affinities than 0.0.0.x, those from 512 on cannot be. */
	static const u32 strange[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 255, 256, 511, 512, 0x10000, ~0,
	};
	u32 id = op->a % 8 ? (u32)vm.nr_vcpus : strange[op->b % ARRAY_SIZE(strange)];
	int err = vmm_create_vcpu(&vm, id);

	if (!err)
		model_new_vcpu(id);
	say("vCPU %u: %s", id, strerrorname_np(err));
}

static void do_vcpu_init(struct op *op)
{
	int err, cpu = vm.nr_vcpus ? op->a % vm.nr_vcpus : 0;

	if (!vm.nr_vcpus || vm.vcpu[cpu] < 0 || !vm.run[cpu])
		return;
	err = vmm_init_vcpu(&vm, cpu);
	say("vCPU %u initialized: %s", m.vcpu[cpu].id, strerrorname_np(err));
	if (!err)
		m.vcpu[cpu].init = true;
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
	if (type == KVM_DEV_TYPE_ARM_VGIC_ITS)
		model_new_its();
	if (type != V2 && type != V3) {
		close(dev.fd);
		return;
	}
	vm.dev = dev.fd;
	model_new_device(type);
}

static void do_addr(struct op *op)
{
	static const u64 strange[] = {
		0, 1, 0x1000, GICD_GPA, GICR_GPA, 0x08090000, 0x080b0000, 0xfffff000,
		0xffff0000, 1ULL << 39, (1ULL << 40) - 0x10000, 1ULL << 40, ~0ULL, ~0xffffULL,
	};
	struct model_region *last = m.nr_regions ? &m.region[m.nr_regions - 1] : NULL;
	bool dist = op->kind == OP_ADDR_DIST, is_region = false;
	u64 rng = op->b, addr, type;

	addr = dist ? GICD_GPA : is_v3() ? GICR_GPA : GICC_GPA;
	/* The next region follows the last or leaves a gap. */
	if (!dist && last)
		addr = last->base + (last->count + below(&rng, 2)) * GICR_SIZE;
	if (op->a % 8 == 0)
		addr = PICK(&rng, strange);
	type = is_v3() ? dist ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V3_ADDR_TYPE_REDIST :
	       dist ? KVM_VGIC_V2_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_CPU;
	if (is_v3() && !dist && (last ? last->count != 0 : op->a / 8 % 2)) {
		/* A region of so many, most of the time with the index that it has to have */
		is_region = true;
		type = KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION;
		addr |= (below(&rng, 8) ? 1 + below(&rng, 5) : (u64)below(&rng, 4096)) << 52;
		addr |= below(&rng, 8) ? (u32)m.nr_regions : below(&rng, 16);
	}
	if (m.nr_regions == MAX_REGIONS || set(KVM_DEV_ARM_VGIC_GRP_ADDR, type, addr))
		return;
	if (dist)
		m.dist = addr;
	else if (!is_v3())
		m.gicc = addr;
	else if (is_region)
		model_new_region(addr & ~(0xfffULL << 52) & ~0xffffULL, addr >> 52);
	else
		model_new_region(addr, 0);
}

/* An ITS, if there is none, and LPIs of as many vCPUs as there can be */
static void do_its(struct op *op)
{
	u64 rng = op->b;
	u32 ids[NR_LPIS], cpus[NR_LPIS];
	int i, err;

	if (!is_v3() || !m.init || !m.nr_vcpus || vm.fd < 0 || vm.its >= 0 || m.maybe_dead ||
	    init_vcpus())
		return;
	err = vmm_create_its(&vm);
	say("ITS: %s", strerrorname_np(err));
	if (err)
		fail("an ITS cannot be created: %s", strerrorname_np(err));
	model_new_its();
	for (i = 0; i < m.nr_vcpus; i++) {
		set_lpi(i, GICR_PROPBASER, CONFIG_GPA | 15);
		set_lpi(i, GICR_PENDBASER, TABLES_GPA);
	}
	for (i = 0; i < NR_LPIS; i++) {
		cpus[i] = below(&rng, m.nr_vcpus);
		ids[i] = m.vcpu[cpus[i]].id;
		say("LPI %d is for vCPU %u", FIRST_LPI + i, ids[i]);
	}
	err = vmm_map_lpis(&vm, ids, NR_LPIS);
	if (err)
		fail("LPIs cannot be mapped: %s", strerrorname_np(err));
	for (i = 0; i < NR_LPIS; i++)
		model_map_lpi(i, cpus[i]);
	for (i = 0; i < m.nr_vcpus; i++)
		set_lpi(i, GICR_CTLR, below(&rng, 4) != 0);
}

/* What is in memory is not what KVM knows, until it is invalidated. */
static void do_config_lpi(struct op *op)
{
	int lpi = op->a % NR_LPIS;

	m.config[lpi] = op->b;
	memcpy(vmm_memory(&vm, CONFIG_GPA), m.config, sizeof(m.config));
	say("configuration of LPI %d in memory: %#x", FIRST_LPI + lpi, m.config[lpi]);
}

/* What KVM knows is in debugfs, a line for each interrupt. */
static void check_lpis(void)
{
	char path[80], line[160];
	u32 intid, priority, seen = 0;
	char enabled;
	FILE *f;
	int i;

	m.invalidated = false;
	if (vm.its < 0 || vm.fd < 0)
		return;
	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/vgic-state", getpid(), vm.fd);
	f = fopen(path, "re");
	if (!f)
		fail("%s: %s", path, strerrorname_np(errno));
	while (fgets(line, sizeof(line), f)) {
		/* pending, line, active, enabled, ..., and the priority */
		if (sscanf(line, " LPI %u %*d %*3c%c%*s %*d %*x %*x %u", &intid, &enabled,
			   &priority) != 3 || intid - FIRST_LPI >= NR_LPIS)
			continue;
		i = intid - FIRST_LPI;
		seen |= 1 << i;
		if (m.lpi[i].known && (enabled != '0' + (m.lpi[i].config & 1) ||
				       priority != (m.lpi[i].config & 0xfc)))
			fail("LPI %u is known to KVM with priority %#x, enabled %c, expected configuration %#x (revision %u)",
			     intid, priority, enabled, m.lpi[i].config, m.rev);
	}
	fclose(f);
	for (i = 0; i < NR_LPIS; i++)
		if (m.lpi[i].known && !(seen & 1 << i))
			fail("LPI %d is not known to KVM", FIRST_LPI + i);
	say("LPIs are as expected");
}

/* All groups, as when a VM is restored */
static void do_write_groups(struct op *op)
{
	u64 rng = op->b, cpu;
	u32 word;
	int i;

	for (i = 0; i < m.nr_vcpus; i++) {
		cpu = (u64)cpu_name(i) << 32;
		if (is_v3())
			set(REDIST_REGS, cpu | GICR_IGROUPR0, group_val(&rng));
		else
			set(DIST_REGS, cpu | GICD_IGROUPR, group_val(&rng));
	}
	for (word = 1; word < nr_irqs() / 32; word++)
		set(DIST_REGS, (m.nr_vcpus ? (u64)cpu_name(0) << 32 : 0) |
			       (GICD_IGROUPR + 4 * word), group_val(&rng));
}

/* All that the model knows, as userspace sees it */
static void do_read_all(void)
{
	static const u32 offsets[] = {
		GICR_CTLR, GICR_TYPER, GICR_TYPER + 4, GICR_PROPBASER, GICR_PROPBASER + 4,
		GICR_PENDBASER, GICR_PENDBASER + 4, GICR_INVLPIR, GICR_INVALLR, GICR_SYNCR,
		GICR_IGROUPR0,
	};
	u64 cpu;
	u32 j;
	int i;

	for (i = 0; i < m.nr_vcpus; i++) {
		cpu = (u64)cpu_name(i) << 32;
		for (j = 0; i == 0 && j < 32; j++)
			do_attr(KVM_GET_DEVICE_ATTR, DIST_REGS, cpu | (GICD_IGROUPR + 4 * j),
				0, GOOD);
		do_attr(KVM_GET_DEVICE_ATTR, DIST_REGS, cpu | GICD_IIDR, 0, GOOD);
		do_attr(KVM_GET_DEVICE_ATTR, DIST_REGS, cpu | GICD_IGROUPR, 0, GOOD);
		for (j = 0; is_v3() && j < ARRAY_SIZE(offsets); j++)
			do_attr(KVM_GET_DEVICE_ATTR, REDIST_REGS, cpu | offsets[j], 0, GOOD);
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

static void do_kind(struct op *op)
{
	u64 rng = op->b, attr;
	u32 group;

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
	case OP_WRITE_GROUPS:
		return do_write_groups(op);
	case OP_WRITE_LPI:
	case OP_READ_LPI:
		if (!is_v3())
			return;
		attr = some_lpi_offset(&rng);
		do_attr(op->kind == OP_WRITE_LPI ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR,
			REDIST_REGS, some_cpu_attr(&rng) | attr, lpi_val(&rng, attr),
			some_pointer(op->c));
		return;
	case OP_ITS:
		return do_its(op);
	case OP_CONFIG_LPI:
		return do_config_lpi(op);
	case OP_CHECK_LPIS:
		return check_lpis();
	case OP_READ_ALL:
		return do_read_all();
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

void do_op(struct op *op)
{
	note_state();
	do_kind(op);
	if (m.invalidated)
		check_lpis();
}
