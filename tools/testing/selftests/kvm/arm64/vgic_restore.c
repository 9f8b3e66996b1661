// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic_restore - State that moves between VMs keeps its revision, or loses it
 *		  in the one way that is promised
 *
 * VMMs restore a GIC in more than one order, and none of them was made with
 * revisions in mind: GICD_IIDR may come first, as it should, in the order of
 * addresses, which is after the redistributors, last, or never. Groups that were
 * there before must not outlive a revision in which they could never have been
 * written, and everything else must not be touched by it. In the end it is the
 * guest that tells: no interrupt may be lost on the way, nor arrive twice.
 */
#include "processor.h"
#include "vgic_rev.h"

#define BOTH_GROUPS	(BIT(0) | BIT(1))

/* Of the SGI, PPI and SPIs of a vCPU some are in group 0 and some in group 1. */
#define GROUPS		0x5a5a5a5a
#define GROUP(intid)	(GROUPS >> ((intid) % 32) & 1)

#define MAX_SAVED	512

/* GICv2 CPU interface (IHI 0048): offsets */
#define V2_GICC_CTLR	0x00
#define V2_GICC_PMR	0x04
#define V2_GICC_BPR	0x08
#define V2_GICC_ABPR	0x1c
#define V2_GICC_APR	0xd0

enum order {
	REVISION_FIRST,		/* as the documentation wants it */
	ADDRESS_ORDER,		/* as crosvm does it: redistributors, distributor */
	REVISION_LAST,
	REVISION_NEVER,
};

/**
 * struct attr - one device attribute and its value
 * @group: of the attribute
 * @attr: the attribute
 * @offset: of the register in the distributor, or whatever else identifies it
 * @val: its value
 * @shared: a register of the distributor, and not of a vCPU
 */
struct attr {
	u32	group;
	u64	attr;
	u32	offset;
	u64	val;
	bool	shared;
};

struct state {
	struct attr	attrs[MAX_SAVED];
	int		nr;
};

/*
 * What has state, and how many bits an interrupt has of it. Targets go first:
 * what is restored as active before that stays with the vCPU it was routed to.
 */
static const struct {
	u32	offset;
	int	bits;
	bool	v2_only;
} kinds[] = {
	{ GICD_ITARGETSR,	8,	.v2_only = true },
	{ GICD_IGROUPR,		1 },
	{ GICD_ISENABLER,	1 },
	{ GICD_ISPENDR,		1 },
	{ GICD_ISACTIVER,	1 },
	{ GICD_IPRIORITYR,	8 },
	{ GICD_ICFGR,		2 },
};

static void save_attr(struct vgic_vm *v, struct state *s, u32 group, u64 attr,
		      u32 offset, bool shared)
{
	struct attr *a = &s->attrs[s->nr++];

	TEST_ASSERT(s->nr <= MAX_SAVED, "MAX_SAVED is too small");
	*a = (struct attr){ group, attr, offset, .shared = shared };
	kvm_device_attr_get(v->gic_fd, group, attr, &a->val);

	/* SGIs of a GICv2 are pending by source, see GICD_SPENDSGIR. */
	if (!vgic_is_v3(v) && offset == GICD_ISPENDR)
		a->val &= ~GENMASK(15, 0);
}

static void save_reg(struct vgic_vm *v, struct state *s, struct vgic_reg reg,
		     u32 offset, bool shared)
{
	save_attr(v, s, reg.group, reg.attr, offset, shared);
}

static void save_private(struct vgic_vm *v, struct state *s, int cpu)
{
	int i, word;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (vgic_is_v3(v) && kinds[i].v2_only)
			continue;

		for (word = 0; word < kinds[i].bits; word++) {
			u32 offset = kinds[i].offset + 4 * word;

			save_reg(v, s, vgic_private(v, cpu, "", offset), offset, false);
		}
	}

	for (word = 0; !vgic_is_v3(v) && word < 4; word++) {
		u32 offset = GICD_SPENDSGIR + 4 * word;

		save_reg(v, s, vgic_gicd(v, cpu, "", offset), offset, false);
	}
}

static void save_shared(struct vgic_vm *v, struct state *s)
{
	u32 offset;
	int i;

	for (i = MIN_SPI; vgic_is_v3(v) && i < v->nr_irqs; i++) {
		offset = GICD_IROUTER + 8 * i;
		save_reg(v, s, vgic_gicd(v, 0, "", offset), offset, true);
	}

	if (vgic_is_v3(v))
		save_reg(v, s, vgic_iidr(v, 0), GICD_IIDR, true);

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (vgic_is_v3(v) && kinds[i].v2_only)
			continue;

		for (offset = kinds[i].offset + 4 * kinds[i].bits;
		     offset < kinds[i].offset + v->nr_irqs * kinds[i].bits / 8;
		     offset += 4)
			save_reg(v, s, vgic_gicd(v, 0, "", offset), offset, true);
	}
}

static void save_cpuif(struct vgic_vm *v, struct state *s, int cpu)
{
	static const u32 v2_regs[] = {
		V2_GICC_CTLR, V2_GICC_PMR, V2_GICC_BPR, V2_GICC_ABPR, V2_GICC_APR,
	};
	static const u32 v3_regs[] = {
		SYS_ICC_PMR_EL1, SYS_ICC_BPR0_EL1, SYS_ICC_BPR1_EL1,
		SYS_ICC_AP0R0_EL1, SYS_ICC_AP1R0_EL1, SYS_ICC_CTLR_EL1,
		SYS_ICC_SRE_EL1, SYS_ICC_IGRPEN0_EL1, SYS_ICC_IGRPEN1_EL1,
	};
	int i;

	for (i = 0; vgic_is_v3(v) && i < ARRAY_SIZE(v3_regs); i++)
		save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			  (u64)cpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT |
			  (KVM_ARM64_SYS_REG(v3_regs[i]) &
			   KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK),
			  v3_regs[i], false);

	for (i = 0; !vgic_is_v3(v) && i < ARRAY_SIZE(v2_regs); i++)
		save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
			  (u64)cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | v2_regs[i],
			  v2_regs[i], false);
}

/*
 * Ordered as crosvm restores it: redistributors, then the distributor. Only
 * GICD_CTLR goes before all, for KVM doesn't signal a private interrupt that was
 * pending before the distributor was enabled. On GICv2, where the private words
 * are those of the distributor, the first address with state is GICD_IIDR.
 */
static void save(struct vgic_vm *v, struct state *s)
{
	int cpu;

	s->nr = 0;
	save_reg(v, s, vgic_gicd(v, 0, "", GICD_CTLR), GICD_CTLR, true);
	if (!vgic_is_v3(v))
		save_reg(v, s, vgic_iidr(v, 0), GICD_IIDR, true);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		save_private(v, s, cpu);
		save_cpuif(v, s, cpu);
	}
	save_shared(v, s);
}

static bool is_iidr(const struct attr *a)
{
	return a->shared && a->offset == GICD_IIDR;
}

static bool is_igroupr(const struct attr *a)
{
	return (a->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS ||
		a->group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS) &&
	       a->offset >= GICD_IGROUPR && a->offset < GICD_ISENABLER;
}

/* The revision is that of @v's row, whatever was saved. */
static void restore(struct vgic_vm *v, const struct state *s, enum order order)
{
	int i;

	if (order == REVISION_FIRST)
		vgic_select(v, v->row->rev);

	for (i = 0; i < s->nr; i++) {
		const struct attr *a = &s->attrs[i];
		u64 val = a->val;

		if (!is_iidr(a))
			kvm_device_attr_set(v->gic_fd, a->group, a->attr, &val);
		else if (order == ADDRESS_ORDER)
			vgic_select(v, v->row->rev);
	}

	if (order == REVISION_LAST)
		vgic_select(v, v->row->rev);
}

/* Do groups that are restored in this order keep their value? */
static bool keeps_groups(struct vgic_vm *v, enum order order)
{
	/* GICv3 starts at the latest revision, GICv2 waits to be asked for it. */
	return v->row->user_groups && (vgic_is_v3(v) || order != REVISION_LAST);
}

static void expect_restored(struct vgic_vm *v, const struct state *s,
			    enum order order)
{
	struct state now;
	int i;

	save(v, &now);
	TEST_ASSERT_EQ(now.nr, s->nr);
	for (i = 0; i < s->nr; i++) {
		const struct attr *a = &s->attrs[i];
		u64 expected = a->val;
		char name[80];

		if (is_iidr(a))
			expected = VGIC_IIDR(v->row->rev);
		else if (is_igroupr(a) && !keeps_groups(v, order))
			expected = v->row->igroupr;

		snprintf(name, sizeof(name), "register %#x, attribute %#lx of group %u",
			 a->offset, (unsigned long)a->attr, a->group);
		vgic_expect(v, name, "restored", expected, now.attrs[i].val);
	}
}

/* A GIC in which nothing is as it was after reset */
static void make_state(struct vgic_vm *v)
{
	struct vgic_reg reg;
	int i;

	vgic_enable_irqs(v, BOTH_GROUPS);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_guest_write(v, &reg, GROUPS + i);
	}
	for (i = 0; i < v->nr_irqs / 4; i++) {
		reg = vgic_gicd(v, 0, "", GICD_IPRIORITYR + 4 * i);
		if (i < 8)
			reg = vgic_private(v, 0, "", GICD_IPRIORITYR + 4 * i);
		vgic_user_write(v, &reg, 0xa0a0a0a0 - 0x08080808 * (i % 4));
	}
	reg = vgic_gicd(v, 0, "", GICD_ICFGR + 8);
	vgic_user_write(v, &reg, 0xaaaa0000);
	vgic_pend_irqs(v);

	/* One that is active, and one that is active and pending */
	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_guest_do(v, i, vgic_guest_peek);
		vgic_guest_cmd(v, i)->val = vgic_is_intid(vgic_guest_cmd(v, i)->pending[1]);
		vgic_guest_do(v, i, vgic_guest_ack);
	}
	reg = vgic_private(v, 0, "", GICD_ISACTIVER);
	vgic_user_write(v, &reg, BIT(VGIC_REV_PPI));
}

static struct vgic_vm another(const struct vgic_vm *v)
{
	struct vgic_vm other = *v;

	vgic_vm_create(&other);
	vgic_vm_init_gic(&other);
	return other;
}

static void copy_state(struct vgic_vm *v, enum order order)
{
	struct vgic_vm to = another(v);
	struct state s;

	save(v, &s);
	restore(&to, &s, order);
	expect_restored(&to, &s, order);
	kvm_vm_free(to.vm);
}

/* From a VM of the same revision */
static void check_state_first(struct vgic_vm *v)
{
	vgic_select(v, v->row->rev);
	make_state(v);
	copy_state(v, REVISION_FIRST);
}

static void check_state_last(struct vgic_vm *v)
{
	vgic_select(v, v->row->rev);
	make_state(v);
	copy_state(v, REVISION_LAST);
}

static void check_state_never(struct vgic_vm *v)
{
	make_state(v);
	copy_state(v, REVISION_NEVER);
}

/* From VMs of every revision that there is */
static void check_state_address(struct vgic_vm *v)
{
	u32 rev, revs = vgic_rev_offered(v->row->dev_type);

	for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
		struct vgic_vm from;

		if (!(revs & BIT(rev)))
			continue;

		from = another(v);
		vgic_select(&from, rev);
		make_state(&from);
		copy_state(&from, ADDRESS_ORDER);
		kvm_vm_free(from.vm);
	}
}

/* All of the guest but its GIC: memory and vCPUs */
static void move_guest(struct vgic_vm *to, struct vgic_vm *from)
{
	struct userspace_mem_region *region;
	struct kvm_reg_list *list;
	int bkt, cpu;
	u64 i;

	hash_for_each(from->vm->regions.slot_hash, bkt, region, slot_node)
		memcpy(addr_gpa2hva(to->vm, region->region.guest_phys_addr),
		       region->host_mem, region->region.memory_size);

	for (cpu = 0; cpu < from->nr_vcpus; cpu++) {
		list = vcpu_get_reg_list(from->vcpus[cpu]);
		for (i = 0; i < list->n; i++) {
			u8 val[KVM_REG_SIZE(KVM_REG_SIZE_U2048)] = {};
			struct kvm_one_reg reg = { list->reg[i], (u64)val };

			vcpu_ioctl(from->vcpus[cpu], KVM_GET_ONE_REG, &reg);
			vcpu_ioctl(to->vcpus[cpu], KVM_SET_ONE_REG, &reg);
		}
		free(list);
	}
}

static void expect_arrived(struct vgic_vm *v, u32 times, bool groups)
{
	u32 intids[] = { VGIC_REV_SGI, VGIC_REV_PPI, 0 };
	int cpu, i;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		struct vgic_cmd *cmd = vgic_guest_cmd(v, cpu);
		u64 arrived[2] = {};

		intids[2] = VGIC_REV_SPI(cpu);
		for (i = 0; i < ARRAY_SIZE(intids); i++) {
			char name[64];

			snprintf(name, sizeof(name), "times that INTID %u arrived",
				 intids[i]);
			vgic_expect(v, name, "guest", times, cmd->count[intids[i]]);
			arrived[groups ? GROUP(intids[i]) : v->row->group] |=
				BIT_ULL(intids[i]);
		}
		vgic_expect(v, "FIQs", "guest", arrived[0], cmd->taken[0]);
		vgic_expect(v, "FIQs (SPI)", "guest", arrived[0] >> 32, cmd->taken[0] >> 32);
		vgic_expect(v, "IRQs", "guest", arrived[1], cmd->taken[1]);
		vgic_expect(v, "IRQs (SPI)", "guest", arrived[1] >> 32, cmd->taken[1] >> 32);
	}
}

/*
 * A guest that goes from VM to VM. Each time it is in the middle of handling an
 * interrupt, and that one and others are pending.
 */
static void move_on(struct vgic_vm *v, const enum order *orders, int moves)
{
	bool groups = v->row->guest_groups && keeps_groups(v, orders[0]);
	struct vgic_vm from = *v, to;
	struct vgic_reg reg;
	struct state s;
	int i, cpu;

	if (orders[0] != REVISION_NEVER)
		vgic_select(&from, v->row->rev);
	vgic_enable_irqs(&from, BOTH_GROUPS);
	for (i = 0; groups && i < vgic_nr_igroupr(&from); i++) {
		reg = vgic_igroupr(&from, i);
		vgic_guest_write(&from, &reg, GROUPS);
	}

	for (i = 0; i < moves; i++) {
		for (cpu = 0; cpu < from.nr_vcpus; cpu++)
			vgic_guest_cmd(&from, cpu)->exit_in = VGIC_REV_SPI(cpu);
		vgic_signal_irqs(&from);
		for (cpu = 0; cpu < from.nr_vcpus; cpu++) {
			struct vgic_cmd *cmd = vgic_guest_do(&from, cpu, vgic_guest_take);

			vgic_expect(&from, "SPI being handled", "guest", i * 2 + 1,
				    cmd->count[VGIC_REV_SPI(cpu)]);
			cmd->exit_in = 0;
		}
		vgic_pend_irqs(&from);

		to = another(&from);
		save(&from, &s);
		move_guest(&to, &from);
		restore(&to, &s, orders[i]);
		kvm_vm_free(from.vm);
		from = to;

		for (cpu = 0; cpu < from.nr_vcpus; cpu++) {
			vgic_guest_continue(&from, cpu);
			vgic_guest_do(&from, cpu, vgic_guest_take);
		}
	}

	expect_arrived(&from, 2 * moves, groups);
}

static void check_guest(struct vgic_vm *v)
{
	static const enum order orders[] = { REVISION_FIRST, ADDRESS_ORDER };

	move_on(v, orders, ARRAY_SIZE(orders));
}

static void check_guest_last(struct vgic_vm *v)
{
	static const enum order orders[] = { REVISION_LAST };

	move_on(v, orders, ARRAY_SIZE(orders));
}

static void check_guest_never(struct vgic_vm *v)
{
	static const enum order orders[] = { REVISION_NEVER };

	move_on(v, orders, ARRAY_SIZE(orders));
}

/*
 * Writes by userspace to the groups of a GICv2 are for a VMM that has asked for
 * revision 2 or 3, and for as long as it does.
 */
static void check_opt_in(struct vgic_vm *v)
{
	struct vgic_reg reg = vgic_igroupr(v, 0);

	vgic_user_write(v, &reg, ~0);
	vgic_expect(v, reg.name, "user", 0, vgic_user_read(v, &reg));
	vgic_select(v, VGIC_REV_LATEST);
	vgic_user_write(v, &reg, ~0);
	vgic_expect(v, reg.name, "user", ~0, vgic_user_read(v, &reg));

	vgic_select(v, v->row->rev);
	vgic_user_write(v, &reg, GROUPS);
	vgic_expect_both(v, &reg, v->row->user_groups ? GROUPS : v->row->igroupr);

	/* The group itself, whatever the revision makes of it */
	vgic_select(v, VGIC_REV_LATEST);
	vgic_expect_both(v, &reg, v->row->user_groups ? GROUPS : 0);
}

/*
 * The revision of a GIC that has been restored. Where groups are constant, what
 * was written to them before must be gone, and where they are not, it must stay.
 */
static void check_late(struct vgic_vm *v)
{
	u32 group = v->row->group ? ~0 : 0;
	struct vgic_reg reg;
	int i;

	vgic_select(v, VGIC_REV_LATEST);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_user_write(v, &reg, ~group ^ BIT(i % 32));
		vgic_expect(v, reg.name, "user", ~group ^ BIT(i % 32),
			    vgic_user_read(v, &reg));
	}

	vgic_select(v, v->row->rev);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_expect_both(v, &reg, v->row->guest_groups ? ~group ^ BIT(i % 32) :
								 v->row->igroupr);
	}

	/* The groups themselves, whatever the revision makes of them */
	vgic_select(v, VGIC_REV_LATEST);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_expect_both(v, &reg, v->row->guest_groups ? ~group ^ BIT(i % 32) : group);
		vgic_guest_write(v, &reg, ~group);
		vgic_expect_both(v, &reg, ~group);
	}
}

/*
 * The revision of a guest that has run. It is too late for revisions 0 and 1, and
 * neither a refusal nor a change to 2 or 3 touches anything else.
 */
static void check_late_state(struct vgic_vm *v)
{
	struct vgic_reg iidr = vgic_iidr(v, 0);
	struct vgic_rev row = *v->row;
	struct state s;

	vgic_select(v, VGIC_REV_LATEST);
	make_state(v);
	save(v, &s);
	vgic_expect(v, "write of GICD_IIDR after a run", "errno",
		    row.guest_groups ? 0 : EBUSY,
		    __vgic_user_write(v, &iidr, VGIC_IIDR(row.rev)));

	if (!row.guest_groups) {
		row.rev = VGIC_REV_LATEST;
		row.user_groups = true;
		v->row = &row;
	}
	expect_restored(v, &s, ADDRESS_ORDER);
}

/* Interrupts that were restored as pending arrive in the group of the revision. */
static void check_late_pending(struct vgic_vm *v)
{
	int other = !v->row->group;
	struct vgic_reg reg;
	int i;

	vgic_select(v, VGIC_REV_LATEST);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_user_write(v, &reg, other ? ~0 : 0);
	}
	vgic_route_irqs(v);
	vgic_pend_irqs(v);

	vgic_select(v, v->row->rev);
	vgic_enable_irqs(v, BOTH_GROUPS);
	vgic_expect_pending(v, v->row->guest_groups ? other : v->row->group);
	vgic_expect_taken(v, v->row->guest_groups ? other : v->row->group);
}

static const struct vgic_check checks[] = {
	{ "state-first",	check_state_first,	.selects = true },
	{ "state-address",	check_state_address,	.selects = true },
	{ "state-last",		check_state_last,	.selects = true },
	{ "state-never",	check_state_never,	.untouched = true },
	{ "guest",		check_guest,		.selects = true },
	{ "guest-last",		check_guest_last,	.selects = true },
	{ "guest-never",	check_guest_never,	.untouched = true },
	{ "opt-in",		check_opt_in,		.v2_only = true, .selects = true },
	{ "late",		check_late,		.selects = true, .shapes = true },
	{ "late-state",		check_late_state,	.selects = true },
	{ "late-pending",	check_late_pending,	.selects = true },
};

int main(void)
{
	vgic_rev_main(checks, ARRAY_SIZE(checks));
}
