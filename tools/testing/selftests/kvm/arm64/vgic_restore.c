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
 * guest that decides: no interrupt may be lost on the way, nor arrive twice.
 */
#include <linux/sizes.h>

#include "gic_v2.h"
#include "ucall.h"
#include "vgic_rev_harness.h"

/* Of the SGI, PPI and SPIs of a vCPU some are in group 0 and some in group 1. */
#define PATTERN		0x5a5a5a5a
#define PATTERN_GROUP(intid)	(PATTERN >> ((intid) % 32) & 1)

#define MAX_SAVED	512

enum order {
	REVISION_FIRST,		/* as the documentation wants it */
	ADDRESS_ORDER,		/* as crosvm does it: redistributors, distributor */
	REVISION_LAST,
	REVISION_NEVER,
};

static const char * const order_names[] = {
	"restored with the revision first", "restored in the order of addresses",
	"restored with the revision last", "restored without the revision",
};

/**
 * struct attr - one device attribute and its value
 * @its: of the ITS, not of the GIC
 * @group: of the attribute
 * @attr: the attribute
 * @offset: of the register in the distributor, or whatever else identifies it
 * @shared: a register of the distributor, and not of a vCPU
 * @val: its value
 */
struct attr {
	bool	its;
	u32	group;
	u64	attr;
	u32	offset;
	bool	shared;
	u64	val;
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
	*a = (struct attr){ .group = group, .attr = attr, .offset = offset, .shared = shared };
	a->its = group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS;
	kvm_device_attr_get(a->its ? v->its_fd : v->gic_fd, group, attr, &a->val);

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
	static const u32 lpi_regs[] = {
		GICR_PROPBASER, GICR_PROPBASER + 4, GICR_PENDBASER, GICR_PENDBASER + 4,
		GICR_CTLR,
	};
	u32 offset;
	int i, word;

	for (i = 0; vgic_is_v3(v) && i < ARRAY_SIZE(lpi_regs); i++)
		save_reg(v, s, vgic_gicr(cpu, "", lpi_regs[i]), lpi_regs[i], false);

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (vgic_is_v3(v) && kinds[i].v2_only)
			continue;

		for (word = 0; word < kinds[i].bits; word++) {
			offset = kinds[i].offset + 4 * word;
			save_reg(v, s, vgic_private(v, cpu, "", offset), offset, false);
		}
	}

	for (word = 0; !vgic_is_v3(v) && word < 4; word++) {
		offset = GICD_SPENDSGIR + 4 * word;
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

	/* What a line is at, 32 in a word, as only GICv3 has it */
	for (i = MIN_SPI; vgic_is_v3(v) && i < v->nr_irqs; i += 32)
		save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, i, i, true);
}

static void save_cpuif(struct vgic_vm *v, struct state *s, u64 cpu)
{
	static const u32 v2_regs[] = {
		GICC_CTLR, GICC_PMR, GICC_BPR, GICC_ABPR, GICC_APR,
	};
	static const u32 v3_regs[] = {
		SYS_ICC_PMR_EL1, SYS_ICC_BPR0_EL1, SYS_ICC_BPR1_EL1,
		SYS_ICC_AP0R0_EL1, SYS_ICC_AP1R0_EL1, SYS_ICC_CTLR_EL1,
		SYS_ICC_SRE_EL1, SYS_ICC_IGRPEN0_EL1, SYS_ICC_IGRPEN1_EL1,
	};
	int i;

	for (i = 0; vgic_is_v3(v) && i < ARRAY_SIZE(v3_regs); i++)
		save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			  cpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT |
			  (KVM_ARM64_SYS_REG(v3_regs[i]) &
			   KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK),
			  v3_regs[i], false);

	for (i = 0; !vgic_is_v3(v) && i < ARRAY_SIZE(v2_regs); i++)
		save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
			  cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | v2_regs[i],
			  v2_regs[i], false);
}

static void save_its(struct vgic_vm *v, struct state *s)
{
	int i;

	kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_ITS_SAVE_TABLES, NULL);
	save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_IIDR, GITS_IIDR, true);
	save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CBASER, GITS_CBASER, true);
	save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CREADR, GITS_CREADR, true);
	save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CWRITER, GITS_CWRITER, true);
	for (i = 0; i < GITS_BASER_NR_REGS; i++)
		save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_BASER + 8 * i,
			  GITS_BASER + 8 * i, true);
	/* With which it is enabled, and the tables restored before */
	save_attr(v, s, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CTLR, GITS_CTLR, true);
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
	if (vgic_is_v3(v)) {
		kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
				    KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
		save_its(v, s);
	}
}

static bool is_iidr(const struct attr *a)
{
	return !a->its && a->shared && a->offset == GICD_IIDR;
}

static bool is_igroupr(const struct attr *a)
{
	return (a->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS ||
		a->group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS) &&
	       a->offset >= GICD_IGROUPR && a->offset < GICD_ISENABLER;
}

static bool is_gicr_ctlr(const struct attr *a)
{
	return a->group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS && a->offset == GICR_CTLR;
}

/* The revision is that of @v's row, whatever was saved. */
static void restore(struct __test_metadata *_metadata, struct vgic_vm *v,
		    const struct state *s, enum order order)
{
	int i;

	v->step = order_names[order];
	if (order == REVISION_FIRST)
		ASSERT_SELECT(v, v->row->rev);

	for (i = 0; i < s->nr; i++) {
		const struct attr *a = &s->attrs[i];
		u64 val = a->val;

		if (a->its && a->offset == GITS_CTLR)
			kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
					    KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
		if (!is_iidr(a))
			kvm_device_attr_set(a->its ? v->its_fd : v->gic_fd,
					    a->group, a->attr, &val);
		else if (order == ADDRESS_ORDER)
			ASSERT_SELECT(v, v->row->rev);
	}

	if (order == REVISION_LAST)
		ASSERT_SELECT(v, v->row->rev);
}

/* Do groups that are restored in this order keep their value? */
static bool keeps_groups(struct vgic_vm *v, enum order order)
{
	/* GICv3 starts at the latest revision, GICv2 waits to be asked for it. */
	return v->row->user_groups && (vgic_is_v3(v) || order != REVISION_LAST);
}

static void expect_state(struct __test_metadata *_metadata, struct vgic_vm *v,
			 const struct state *s, bool keeps_groups)
{
	struct state now;
	int i;

	save(v, &now);
	ASSERT_EQ(now.nr, s->nr);
	for (i = 0; i < s->nr; i++) {
		const struct attr *a = &s->attrs[i];
		u64 expected = a->val;

		if (is_iidr(a))
			expected = VGIC_IIDR(v->row->rev);
		else if (is_igroupr(a) && !keeps_groups)
			expected = v->row->igroupr;
		else if (is_gicr_ctlr(a) && !v->row->rdist_lpi_ctrl)
			expected &= ~(u64)(GICR_CTLR_IR | GICR_CTLR_CES);

		EXPECT_VGIC(v, expected, now.attrs[i].val,
			    "register %#x, attribute %#lx of group %u", a->offset,
			    (unsigned long)a->attr, a->group);
	}
}

static void write_private(struct vgic_vm *v, int cpu, u32 offset, u32 val)
{
	struct vgic_reg reg = vgic_private(v, cpu, "", offset);

	vgic_user_write(v, &reg, val);
}

static void write_shared(struct vgic_vm *v, u32 offset, u32 val)
{
	struct vgic_reg reg = vgic_gicd(v, 0, "", offset);

	vgic_user_write(v, &reg, val);
}

static void write_lpi_reg(struct vgic_vm *v, int cpu, u32 offset, u64 val)
{
	struct vgic_reg reg = vgic_gicr(cpu, "", offset);

	vgic_user_write(v, &reg, val);
	if (offset == GICR_CTLR)
		return;
	reg = vgic_gicr(cpu, "", offset + 4);
	vgic_user_write(v, &reg, val >> 32);
}

static void write_cpuif(struct vgic_vm *v, u64 cpu)
{
	u64 mpidr = cpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT, ap[] = { BIT(20), BIT(21) };
	static const u32 regs[] = { SYS_ICC_AP0R0_EL1, SYS_ICC_AP1R0_EL1 };
	u32 apr = BIT(20);
	int i;

	for (i = 0; vgic_is_v3(v) && i < 2; i++)
		kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, mpidr |
				    (KVM_ARM64_SYS_REG(regs[i]) &
				     KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK), &ap[i]);
	if (!vgic_is_v3(v))
		kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
				    cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | GICC_APR, &apr);
}

/*
 * Nothing that can be restored is as it was after reset: everything is in use, and
 * interrupts are pending, active, and both.
 */
static void make_state(struct vgic_vm *v)
{
	u32 ctlr = vgic_is_v3(v) ? GICD_CTLR_ENABLE_SS_G1 : GICD_CTLR_ENABLE_SS_G0;
	int i, cpu;

	vgic_user_enable_irqs(v);
	vgic_user_write_groups(v, PATTERN);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		for (i = 0; i < 8; i++)
			write_private(v, cpu, GICD_IPRIORITYR + 4 * i, 0xa0a0a0a0 - 0x08080808 * i);
		write_private(v, cpu, GICD_ISACTIVER, BIT(VGIC_REV_PPI) | BIT(VGIC_REV_PPI + 1));
		write_cpuif(v, cpu);
		if (!vgic_is_v3(v))
			continue;

		/* As it was saved in revision 3, but not from another revision */
		write_lpi_reg(v, cpu, GICR_PROPBASER, v->its.lpi_prop_table | 0xf);
		write_lpi_reg(v, cpu, GICR_PENDBASER, v->its.lpi_pend_tables + cpu * SZ_64K);
		write_lpi_reg(v, cpu, GICR_CTLR, GICR_CTLR_ENABLE_LPIS | GICR_CTLR_IR |
						 GICR_CTLR_CES);
	}
	for (i = 8; i < v->nr_irqs / 4; i++)
		write_shared(v, GICD_IPRIORITYR + 4 * i, 0xa0a0a0a0 - 0x08080808 * (i % 8));
	write_shared(v, GICD_ISACTIVER + 4, BIT(VGIC_REV_SPI(0) % 32) | BIT(30));
	write_shared(v, GICD_ICFGR + 8, 0xaaaa0000);
	kvm_arm_irq_line(v->vm, MIN_SPI + 1, 1);
	write_shared(v, GICD_CTLR, ctlr);
	vgic_pend_irqs(v);
}

static void create(struct vgic_vm *v)
{
	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	if (vgic_is_v3(v))
		vgic_vm_create_its(v);
}

static struct vgic_vm another(const struct vgic_vm *v)
{
	struct vgic_vm other = *v;

	create(&other);
	return other;
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

/* From a VM of the latest revision, which has the most state, in this order */
static void restore_another(struct __test_metadata *_metadata, struct vgic_vm *v,
			    enum order order)
{
	struct vgic_vm to = another(v);
	struct state s;

	save(v, &s);
	move_guest(&to, v);
	restore(_metadata, &to, &s, order);
	expect_state(_metadata, &to, &s, keeps_groups(&to, order));
	v->nr_differences = to.nr_differences;
	kvm_vm_free(to.vm);
}

VGIC_SELECT_TEST(state)
{
	create(v);
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	if (vgic_is_v3(v)) {
		vgic_map_lpis(v, VGIC_LPI_ENABLED, 1);
		vgic_signal_lpi(v, 0);
	}
	make_state(v);
	restore_another(_metadata, v, REVISION_FIRST);
	restore_another(_metadata, v, ADDRESS_ORDER);
	restore_another(_metadata, v, REVISION_LAST);
}

VGIC_DEFAULT_TEST(state_never)
{
	create(v);
	if (vgic_is_v3(v)) {
		vgic_map_lpis(v, VGIC_LPI_ENABLED, 1);
		vgic_signal_lpi(v, 0);
	}
	make_state(v);
	restore_another(_metadata, v, REVISION_NEVER);
}

/* The SGI, PPI and SPI of every vCPU, and the LPI of the first, arrived so often. */
static void expect_counts(struct __test_metadata *_metadata, struct vgic_vm *v,
			  u32 times, bool groups)
{
	int cpu, intid;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		u64 irqs = VGIC_REV_IRQS(cpu), in_group[2] = {};
		struct vgic_cmd *cmd = vgic_guest_cmd(v, cpu);

		for (intid = 0; intid < ARRAY_SIZE(cmd->count); intid++) {
			if (!(irqs & BIT_ULL(intid)))
				continue;
			EXPECT_VGIC(v, times, cmd->count[intid],
				    "times that vCPU %d took INTID %d", cpu, intid);
			in_group[groups ? PATTERN_GROUP(intid) : v->row->group] |=
				BIT_ULL(intid);
		}
		EXPECT_VGIC(v, in_group[0], cmd->taken[0],
			    "interrupts taken by vCPU %d in group 0", cpu);
		EXPECT_VGIC(v, in_group[1], cmd->taken[1],
			    "interrupts taken by vCPU %d in group 1", cpu);
		EXPECT_VGIC(v, vgic_is_v3(v) && !cpu ? times : 0, cmd->nr_lpis,
			    "times that vCPU %d took an LPI", cpu);
	}
}

/*
 * A guest that goes from VM to VM. Each time it is in the middle of handling an
 * interrupt, and that one and others are pending.
 */
static void move_on(struct __test_metadata *_metadata, struct vgic_vm *v,
		    const enum order *orders, int moves)
{
	bool groups = v->row->guest_groups && keeps_groups(v, orders[0]);
	struct vgic_vm from = *v, to;
	struct state s;
	int i, cpu;

	create(&from);
	if (orders[0] != REVISION_NEVER)
		ASSERT_SELECT(&from, v->row->rev);
	vgic_enable_irqs(&from, VGIC_BOTH_GROUPS);
	/* The SPIs come last, so that each vCPU has left the others behind by then. */
	write_shared(&from, GICD_IPRIORITYR + VGIC_REV_SPI(0), 0xb0b0b0b0);
	if (groups)
		vgic_guest_write_groups(&from, PATTERN);
	if (vgic_is_v3(v))
		vgic_map_lpis(&from, VGIC_LPI_ENABLED, 1);

	for (i = 0; i < moves; i++) {
		for (cpu = 0; cpu < from.nr_vcpus; cpu++)
			vgic_guest_forget(&from, cpu);
		vgic_signal_irqs(&from);
		if (vgic_is_v3(v))
			vgic_signal_lpi(&from, 0);
		for (cpu = 0; cpu < from.nr_vcpus; cpu++) {
			struct vgic_cmd *cmd = vgic_guest_cmd(&from, cpu);

			cmd->exit_in = VGIC_REV_SPI(cpu);
			cmd->wait_for = VGIC_REV_IRQS(cpu);
			cmd->wait_times = 2;
			cmd->wait_lpis = vgic_is_v3(v) && !cpu ? 2 : 0;
			vgic_guest_do(&from, cpu, vgic_guest_take);
			cmd->exit_in = 0;
		}
		from.step = "before it moves";
		expect_counts(_metadata, &from, 1, groups);
		vgic_pend_irqs(&from);
		if (vgic_is_v3(v))
			vgic_signal_lpi(&from, 0);

		to = another(&from);
		save(&from, &s);
		move_guest(&to, &from);
		restore(_metadata, &to, &s, orders[i]);
		kvm_vm_free(from.vm);
		from = to;

		for (cpu = 0; cpu < from.nr_vcpus; cpu++)
			vgic_guest_continue(from.vcpus[cpu]);
		expect_counts(_metadata, &from, 2, groups);
	}
	v->nr_differences = from.nr_differences;
}

VGIC_SELECT_TEST(guest)
{
	static const enum order orders[] = { REVISION_FIRST, ADDRESS_ORDER };

	move_on(_metadata, v, orders, ARRAY_SIZE(orders));
}

VGIC_SELECT_TEST(guest_last)
{
	static const enum order orders[] = { REVISION_LAST };

	move_on(_metadata, v, orders, ARRAY_SIZE(orders));
}

VGIC_DEFAULT_TEST(guest_never)
{
	static const enum order orders[] = { REVISION_NEVER };

	move_on(_metadata, v, orders, ARRAY_SIZE(orders));
}

/*
 * Writes by userspace to the groups of a GICv2 are for a VMM that has asked for
 * revision 2 or 3, and for as long as it does.
 */
VGIC_V2_SELECT_TEST(opt_in)
{
	struct vgic_reg reg;
	u32 groups = v->row->user_groups ? PATTERN : 0;

	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	reg = vgic_igroupr(v, 0);
	vgic_user_write(v, &reg, ~0);
	EXPECT_USER(v, reg, 0);
	v->step = "in revision 3";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	vgic_user_write(v, &reg, ~0);
	EXPECT_USER(v, reg, ~0);

	v->step = "after that";
	ASSERT_SELECT(v, v->row->rev);
	vgic_user_write(v, &reg, PATTERN);
	EXPECT_USER(v, reg, v->row->user_groups ? PATTERN : v->row->igroupr);

	v->step = "in revision 3 again";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	EXPECT_BOTH(v, reg, groups);
}

/*
 * The revision of a GIC whose groups have been restored. Where groups are constant,
 * what was written to them before must be gone, and where they are not, it must stay.
 */
VGIC_SELECT_TEST(reset)
{
	u32 group = v->row->group ? ~0 : 0, expected;
	struct vgic_reg reg;
	int i, from;

	v->nr_vcpus = VGIC_REV_MAX_VCPUS;
	v->nr_irqs = VGIC_REV_MAX_IRQS;
	vgic_vm_create(v);
	vgic_vm_init_gic(v);

	for (from = VGIC_REV_LATEST; from >= 2; from--) {
		v->step = from == 2 ? "from revision 2" : "from revision 3";
		ASSERT_SELECT(v, from);
		for (i = 0; i < vgic_nr_igroupr(v); i++) {
			reg = vgic_igroupr(v, i);
			vgic_user_write(v, &reg, ~group ^ BIT((i + from) % 32));
			EXPECT_USER(v, reg, ~group ^ BIT((i + from) % 32));
		}

		ASSERT_SELECT(v, v->row->rev);
		for (i = 0; i < vgic_nr_igroupr(v); i++) {
			reg = vgic_igroupr(v, i);
			expected = v->row->guest_groups ? ~group ^ BIT((i + from) % 32) :
							  v->row->igroupr;
			EXPECT_USER(v, reg, expected);
		}
	}

	v->step = "as the guest sees it";
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		EXPECT_GUEST(v, reg, v->row->guest_groups ? ~group ^ BIT((i + 2) % 32) :
							    v->row->igroupr);
	}

	/* The groups themselves, whatever the revision makes of them */
	v->step = "in revision 3 after that";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		EXPECT_BOTH(v, reg, v->row->guest_groups ? ~group ^ BIT((i + 2) % 32) : group);
	}
}

/* Nothing but the revision and the groups changes. */
VGIC_SELECT_TEST(reset_only)
{
	struct state s;

	create(v);
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	make_state(v);
	save(v, &s);
	v->step = "from revision 3";
	ASSERT_SELECT(v, v->row->rev);
	expect_state(_metadata, v, &s, v->row->user_groups);

	v->step = "from revision 2";
	ASSERT_SELECT(v, 2);
	vgic_user_write_groups(v, PATTERN);
	ASSERT_SELECT(v, v->row->rev);
	expect_state(_metadata, v, &s, v->row->user_groups);
}

/* Interrupts that were pending in another group arrive in the one of the revision. */
VGIC_SELECT_TEST(reset_pending)
{
	int cpu, other = !v->row->group;
	int kept = v->row->guest_groups ? other : v->row->group;

	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	vgic_user_enable_irqs(v);
	vgic_user_write_groups(v, other ? ~0 : 0);
	vgic_pend_irqs(v);
	ASSERT_SELECT(v, v->row->rev);

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		vgic_guest_cmd(v, cpu)->val = VGIC_BOTH_GROUPS;
		vgic_guest_do(v, cpu, vgic_guest_enable_groups);
	}
	vgic_expect_pending(_metadata, v, kept);

	v->step = "in revision 3 after that";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	vgic_expect_pending(_metadata, v, kept);
	vgic_guest_write_groups(v, other ? ~0 : 0);
	vgic_expect_pending(_metadata, v, other);
	vgic_expect_taken(_metadata, v, other);
}

static void expect_lines(struct __test_metadata *_metadata, struct vgic_vm *v, u32 expected)
{
	u32 lines;

	/* GICv2 has no such attribute. */
	if (!vgic_is_v3(v))
		return;
	kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, MIN_SPI, &lines);
	EXPECT_VGIC(v, expected, lines, "lines of SPIs 32 to 63");
}

/* A device that holds its line doesn't notice: one interrupt for as long as it does. */
VGIC_SELECT_TEST(level)
{
	u32 lines = BIT(VGIC_REV_SPI(0) % 32) | BIT(VGIC_REV_SPI(1) % 32);
	struct vgic_cmd *cmd;
	int cpu, round;

	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	vgic_user_enable_irqs(v);
	write_shared(v, GICD_ICFGR + 8, 0);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++)
		kvm_arm_irq_line(v->vm, VGIC_REV_SPI(cpu), 1);
	expect_lines(_metadata, v, lines);
	v->step = "before the first run";
	ASSERT_SELECT(v, 2);
	ASSERT_SELECT(v, v->row->rev);
	expect_lines(_metadata, v, lines);

	for (round = 0; round < 2; round++) {
		v->step = round ? "when it is raised again" : "while it is being handled";
		for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
			kvm_arm_irq_line(v->vm, VGIC_REV_SPI(cpu), 1);
			vgic_guest_forget(v, cpu);
			cmd = vgic_guest_cmd(v, cpu);
			cmd->val = VGIC_BOTH_GROUPS;
			vgic_guest_do(v, cpu, vgic_guest_enable_groups);
			cmd->wait_for = BIT_ULL(VGIC_REV_SPI(cpu));
			cmd->exit_in = VGIC_REV_SPI(cpu);
			vgic_guest_do(v, cpu, vgic_guest_take);
			EXPECT_VGIC(v, cmd->wait_for, cmd->taken[v->row->group],
				    "taken by vCPU %d in group %d", cpu, v->row->group);
		}

		if (v->row->rev >= 2) {
			ASSERT_SELECT(v, 5 - v->row->rev);
			expect_lines(_metadata, v, lines);
		}
		ASSERT_SELECT(v, v->row->rev);
		expect_lines(_metadata, v, lines);

		for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
			kvm_arm_irq_line(v->vm, VGIC_REV_SPI(cpu), 0);
			vgic_guest_continue(v->vcpus[cpu]);
			EXPECT_VGIC(v, 1, vgic_guest_cmd(v, cpu)->count[VGIC_REV_SPI(cpu)],
				    "times that vCPU %d took its SPI", cpu);
		}
		expect_lines(_metadata, v, 0);
	}
}

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_supports_vgic_v2() || kvm_supports_vgic_v3());
	return vgic_run(argc, argv);
}
