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

/* Device attributes of a GIC and its ITS, with their values */
struct state {
	struct attr {
		u32	group;
		u64	attr;
		u64	val;
	}	attrs[MAX_SAVED];
	int	nr;
};

/* The offset of an ICC register is its encoding, that of lines is an INTID. */
static const char * const group_names[] = {
	[KVM_DEV_ARM_VGIC_GRP_DIST_REGS]	= "GICD",
	[KVM_DEV_ARM_VGIC_GRP_CPU_REGS]		= "GICC",
	[KVM_DEV_ARM_VGIC_GRP_REDIST_REGS]	= "GICR",
	[KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS]	= "ICC",
	[KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO]	= "lines",
	[KVM_DEV_ARM_VGIC_GRP_ITS_REGS]		= "GITS",
};

/*
 * What has state, and how many bits an interrupt has of it. Targets go first:
 * what is restored as active before that stays with the vCPU it was routed to.
 */
static const struct {
	u32	offset;
	int	bits;
} kinds[] = {
	{ GICD_ITARGETSR, 8 }, { GICD_IGROUPR, 1 }, { GICD_ISENABLER, 1 }, { GICD_ISPENDR, 1 },
	{ GICD_ISACTIVER, 1 }, { GICD_IPRIORITYR, 8 }, { GICD_ICFGR, 2 },
};

static int attr_fd(struct vgic_vm *v, const struct attr *a)
{
	return a->group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS ? v->its_fd : v->gic_fd;
}

static bool is_gicd(const struct attr *a, u32 offset)
{
	return a->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS && (u32)a->attr == offset;
}

static bool is_igroupr(const struct attr *a)
{
	u32 offset = a->attr;

	if (a->group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS)
		return offset == SZ_64K + GICR_IGROUPR0;
	return a->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS &&
	       offset >= GICD_IGROUPR && offset < GICD_ISENABLER;
}

static bool is_gicr_ctlr(const struct attr *a)
{
	return a->group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS && (u32)a->attr == GICR_CTLR;
}

static void save_attrs(struct vgic_vm *v, struct state *s, u32 group, u64 attr,
		       int nr, int step)
{
	while (nr--) {
		struct attr *a = &s->attrs[s->nr++];

		TEST_ASSERT(s->nr <= MAX_SAVED, "MAX_SAVED is too small");
		*a = (struct attr){ group, attr };
		kvm_device_attr_get(attr_fd(v, a), group, attr, &a->val);
		/* SGIs of a GICv2 are pending by source, see GICD_SPENDSGIR. */
		if (!vgic_is_v3(v) && is_gicd(a, GICD_ISPENDR))
			a->val &= ~GENMASK(15, 0);
		attr += step;
	}
}

static void save_reg(struct vgic_vm *v, struct state *s, struct vgic_reg reg, int nr)
{
	save_attrs(v, s, reg.group, reg.attr, nr, 4);
}

static void save_vcpu(struct vgic_vm *v, struct state *s, u64 cpu)
{
	static const u32 v2_regs[] = { GICC_CTLR, GICC_PMR, GICC_BPR, GICC_ABPR, GICC_APR };
	static const u32 v3_regs[] = {
		SYS_ICC_PMR_EL1, SYS_ICC_BPR0_EL1, SYS_ICC_BPR1_EL1,
		SYS_ICC_AP0R0_EL1, SYS_ICC_AP1R0_EL1, SYS_ICC_CTLR_EL1,
		SYS_ICC_SRE_EL1, SYS_ICC_IGRPEN0_EL1, SYS_ICC_IGRPEN1_EL1,
	};
	int i;

	for (i = vgic_is_v3(v); i < ARRAY_SIZE(kinds); i++)
		save_reg(v, s, vgic_private(v, cpu, "", kinds[i].offset), kinds[i].bits);

	if (!vgic_is_v3(v)) {
		save_reg(v, s, vgic_gicd(v, cpu, "", GICD_SPENDSGIR), 4);
		for (i = 0; i < ARRAY_SIZE(v2_regs); i++)
			save_attrs(v, s, KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
				   cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | v2_regs[i], 1, 0);
		return;
	}

	save_reg(v, s, vgic_gicr(cpu, "", GICR_PROPBASER), 4);
	save_reg(v, s, vgic_gicr(cpu, "", GICR_CTLR), 1);
	for (i = 0; i < ARRAY_SIZE(v3_regs); i++)
		save_attrs(v, s, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			   vgic_icc_attr(cpu, v3_regs[i]), 1, 0);
}

/* To memory, or back from there; TEST_ASSERT() would take EACCES for a skip. */
static void move_tables(struct __test_metadata *_metadata, struct vgic_vm *v, int fd,
			u64 attr, const char *what)
{
	int ret = __kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_CTRL, attr, NULL);

	EXPECT_ERRNO(v, 0, ret ? errno : 0, "%s", what);
}

static void save_its(struct __test_metadata *_metadata, struct vgic_vm *v, struct state *s)
{
	u32 group = KVM_DEV_ARM_VGIC_GRP_ITS_REGS;

	move_tables(_metadata, v, v->gic_fd, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES,
		    "pending tables saved");
	move_tables(_metadata, v, v->its_fd, KVM_DEV_ARM_ITS_SAVE_TABLES, "ITS tables saved");
	save_attrs(v, s, group, GITS_IIDR, 1, 0);
	save_attrs(v, s, group, GITS_CBASER, 1, 0);
	save_attrs(v, s, group, GITS_CREADR, 1, 0);
	save_attrs(v, s, group, GITS_CWRITER, 1, 0);
	save_attrs(v, s, group, GITS_BASER, GITS_BASER_NR_REGS, 8);
	/* With which it is enabled, and the tables restored before */
	save_attrs(v, s, group, GITS_CTLR, 1, 0);
}

/*
 * Ordered as crosvm restores it: redistributors, then the distributor. Only
 * GICD_CTLR goes before all, for KVM doesn't signal a private interrupt that was
 * pending before the distributor was enabled. On GICv2, where the private words
 * are those of the distributor, the first address with state is GICD_IIDR.
 */
static void save(struct __test_metadata *_metadata, struct vgic_vm *v, struct state *s)
{
	int i, cpu;

	s->nr = 0;
	save_reg(v, s, vgic_gicd(v, 0, "", GICD_CTLR), 1);
	if (!vgic_is_v3(v))
		save_reg(v, s, vgic_iidr(v, 0), 1);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++)
		save_vcpu(v, s, cpu);

	for (i = MIN_SPI; vgic_is_v3(v) && i < v->nr_irqs; i++)
		save_reg(v, s, vgic_gicd(v, 0, "", GICD_IROUTER + 8 * i), 1);
	if (vgic_is_v3(v))
		save_reg(v, s, vgic_iidr(v, 0), 1);
	for (i = vgic_is_v3(v); i < ARRAY_SIZE(kinds); i++)
		save_reg(v, s, vgic_gicd(v, 0, "", kinds[i].offset + 4 * kinds[i].bits),
			 kinds[i].bits * (v->nr_irqs / 32 - 1));
	if (!vgic_is_v3(v))
		return;

	/* What lines are at, 32 at a time, which only GICv3 has */
	save_attrs(v, s, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, MIN_SPI, v->nr_irqs / 32 - 1, 32);
	save_its(_metadata, v, s);
}

/* The revision is that of @v's row, whatever was saved. */
static void restore(struct __test_metadata *_metadata, struct vgic_vm *v,
		    const struct state *s, enum order order)
{
	int i, ret;

	v->step = order_names[order];
	if (order == REVISION_FIRST)
		ASSERT_SELECT(v, v->row->rev);

	for (i = 0; i < s->nr; i++) {
		const struct attr *a = &s->attrs[i];
		u64 val = a->val;

		if (a->group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS && a->attr == GITS_CTLR)
			move_tables(_metadata, v, v->its_fd, KVM_DEV_ARM_ITS_RESTORE_TABLES,
				    "ITS tables restored");
		if (is_gicd(a, GICD_IIDR)) {
			if (order == ADDRESS_ORDER)
				ASSERT_SELECT(v, v->row->rev);
			continue;
		}
		ret = __kvm_device_attr_set(attr_fd(v, a), a->group, a->attr, &val);
		EXPECT_ERRNO(v, 0, ret ? errno : 0, "%s+%#x of vCPU %u, written",
			     group_names[a->group], (u32)a->attr, (u32)(a->attr >> 32));
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

	save(_metadata, v, &now);
	ASSERT_EQ(now.nr, s->nr);
	for (i = 0; i < s->nr; i++) {
		const struct attr *a = &s->attrs[i];
		u64 expected = a->val;

		if (is_gicd(a, GICD_IIDR))
			expected = VGIC_IIDR(v->row->rev);
		else if (is_igroupr(a) && !keeps_groups)
			expected = v->row->igroupr;
		else if (is_gicr_ctlr(a) && !v->row->rdist_lpi_ctrl)
			expected &= ~(u64)(GICR_CTLR_IR | GICR_CTLR_CES);

		EXPECT_VGIC(v, expected, now.attrs[i].val, "%s+%#x of vCPU %u",
			    group_names[a->group], (u32)a->attr, (u32)(a->attr >> 32));
	}
}

static void write_lpi_regs(struct vgic_vm *v, int cpu)
{
	/* GICR_CTLR as it was saved in revision 3 */
	u64 prop = v->its.lpi_prop_table | 0xf, pend = v->its.lpi_pend_tables + cpu * SZ_64K;
	u32 vals[] = { prop, prop >> 32, pend, pend >> 32,
		       GICR_CTLR_ENABLE_LPIS | GICR_CTLR_IR | GICR_CTLR_CES };
	int i;

	for (i = 0; i < ARRAY_SIZE(vals); i++)
		vgic_user_write(v, vgic_gicr(cpu, "", i < 4 ? GICR_PROPBASER + 4 * i : GICR_CTLR),
				vals[i]);
}

/* Set bits in all of the CPU interface: EOIs in two steps, binary points, priorities */
static void write_cpu_interface(struct vgic_vm *v, u64 cpu)
{
	static const struct {
		u32	reg;
		u32	bits;
	} v2_bits[] = {
		{ GICC_CTLR, BIT(9) | BIT(1) | BIT(0) }, { GICC_PMR, 0x16 }, { GICC_BPR, 4 },
		{ GICC_ABPR, 4 }, { GICC_APR, BIT(20) },
	}, v3_bits[] = {
		{ SYS_ICC_CTLR_EL1, BIT(1) }, { SYS_ICC_PMR_EL1, 0xb0 }, { SYS_ICC_BPR0_EL1, 4 },
		{ SYS_ICC_BPR1_EL1, 4 }, { SYS_ICC_AP0R0_EL1, BIT(20) },
		{ SYS_ICC_AP1R0_EL1, BIT(21) }, { SYS_ICC_IGRPEN0_EL1, 1 },
		{ SYS_ICC_IGRPEN1_EL1, 1 },
	};
	int i;

	for (i = 0; i < (vgic_is_v3(v) ? ARRAY_SIZE(v3_bits) : ARRAY_SIZE(v2_bits)); i++) {
		u32 group = vgic_is_v3(v) ? KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS :
					    KVM_DEV_ARM_VGIC_GRP_CPU_REGS;
		u64 val = 0, attr = vgic_is_v3(v) ? vgic_icc_attr(cpu, v3_bits[i].reg) :
				    cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | v2_bits[i].reg;

		kvm_device_attr_get(v->gic_fd, group, attr, &val);
		val |= vgic_is_v3(v) ? v3_bits[i].bits : v2_bits[i].bits;
		kvm_device_attr_set(v->gic_fd, group, attr, &val);
	}
}

/*
 * State of every kind, other than after reset: in both groups there are interrupts
 * that are pending, active, and both, edge- and level-triggered, with all priorities.
 */
static void make_state(struct vgic_vm *v)
{
	int i, cpu;

	vgic_user_enable_irqs(v);
	vgic_user_write_groups(v, PATTERN);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		for (i = 0; i < 8; i++)
			vgic_write_private(v, cpu, GICD_IPRIORITYR + 4 * i,
					   0xa0a0a0a0 - 0x08080808 * i);
		/* One that is pending as well, and one that is not */
		vgic_write_private(v, cpu, GICD_ISACTIVER,
				   BIT(VGIC_REV_PPI) | BIT(VGIC_REV_PPI + 1));
		vgic_write_private(v, cpu, GICD_ICFGR + 4, 0x800);
		write_cpu_interface(v, cpu);
		if (vgic_is_v3(v))
			write_lpi_regs(v, cpu);
	}
	for (i = 8; i < v->nr_irqs / 4; i++)
		vgic_write_shared(v, GICD_IPRIORITYR + 4 * i, 0xa0a0a0a0 - 0x08080808 * (i % 8));
	vgic_write_shared(v, GICD_ISACTIVER + 4, BIT(VGIC_REV_SPI(0) % 32) | BIT(30));
	vgic_write_shared(v, GICD_ICFGR + 8, 0xaaaa0000);
	kvm_arm_irq_line(v->vm, MIN_SPI + 1, 1);
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

	save(_metadata, v, &s);
	move_guest(&to, v);
	restore(_metadata, &to, &s, order);
	expect_state(_metadata, &to, &s, keeps_groups(&to, order));
	v->nr_differences = to.nr_differences;
	vgic_vm_free(&to);
}

static void make_lpi(struct vgic_vm *v)
{
	if (!vgic_is_v3(v))
		return;
	vgic_map_lpis(v, 0, VGIC_LPI_ENABLED, 1);
	vgic_signal_lpi(v, 0);
}

VGIC_SELECT_TEST(state)
{
	create(v);
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	make_lpi(v);
	make_state(v);
	restore_another(_metadata, v, REVISION_FIRST);
	restore_another(_metadata, v, ADDRESS_ORDER);
	restore_another(_metadata, v, REVISION_LAST);
}

VGIC_DEFAULT_TEST(state_never)
{
	create(v);
	make_lpi(v);
	make_state(v);
	restore_another(_metadata, v, REVISION_NEVER);
}

static void expect_groups_reset(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	int i;

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		struct vgic_reg reg = vgic_igroupr(v, i);

		EXPECT_USER(v, reg, v->row->group ? ~0 : 0);
	}
}

/* In whatever order a VMM goes about it, what it has in the end is the same. */
VGIC_SELECT_TEST(created)
{
	struct vgic_vm other = *v;
	bool before_init;
	struct state s;
	int i;

	create(v);
	ASSERT_SELECT(v, v->row->rev);
	save(_metadata, v, &s);

	for (i = 0; i < 2; i++) {
		other.vcpus_first = i;
		other.step = i ? "with vCPUs created before the GIC" : "selected before init";
		vgic_vm_create(&other);
		before_init = !i && vgic_has_early_access(v);
		if (before_init)
			EXPECT_ERRNO(&other, 0, vgic_select(&other, v->row->rev),
				     "revision %u selected", v->row->rev);
		vgic_vm_init_gic(&other);
		if (vgic_is_v3(v))
			vgic_vm_create_its(&other);
		if (!before_init)
			ASSERT_SELECT(&other, v->row->rev);
		expect_state(_metadata, &other, &s, true);
		/* The groups themselves, whatever the revision makes of them */
		ASSERT_SELECT(&other, VGIC_REV_LATEST);
		expect_groups_reset(_metadata, &other);
	}
	v->nr_differences += other.nr_differences;
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
	vgic_write_shared(&from, GICD_IPRIORITYR + VGIC_REV_SPI(0), 0xb0b0b0b0);
	if (groups)
		vgic_guest_write_groups(&from, PATTERN);
	if (vgic_is_v3(v))
		vgic_map_lpis(&from, 0, VGIC_LPI_ENABLED, 1);

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

		save(_metadata, &from, &s);
		/* It may have to go on if the move fails. */
		if (orders[0] != REVISION_NEVER)
			EXPECT_USER(&from, vgic_iidr(&from, 0), VGIC_IIDR(v->row->rev));
		to = another(&from);
		move_guest(&to, &from);
		restore(_metadata, &to, &s, orders[i]);
		vgic_vm_free(&from);
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
	/* Twice, for what the first selection might leave out of the second save */
	static const enum order orders[] = { REVISION_LAST, REVISION_LAST };

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
	vgic_user_write(v, reg, ~0);
	EXPECT_USER(v, reg, 0);
	v->step = "in revision 3";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	EXPECT_USER(v, reg, 0);
	vgic_user_write(v, reg, ~0);
	EXPECT_USER(v, reg, ~0);

	v->step = "after that";
	ASSERT_SELECT(v, v->row->rev);
	vgic_user_write(v, reg, PATTERN);
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
			vgic_user_write(v, reg, ~group ^ BIT((i + from) % 32));
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
	save(_metadata, v, &s);
	v->step = "from revision 3";
	ASSERT_SELECT(v, v->row->rev);
	expect_state(_metadata, v, &s, v->row->user_groups);

	v->step = "from revision 2";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	vgic_user_write_groups(v, ~PATTERN);
	save(_metadata, v, &s);
	ASSERT_SELECT(v, 2);
	ASSERT_SELECT(v, v->row->rev);
	expect_state(_metadata, v, &s, v->row->user_groups);
}

/* What a VM starts with can be written at once, and then nothing changes at all. */
VGIC_DEFAULT_TEST(same_revision)
{
	struct state s;

	create(v);
	make_lpi(v);
	make_state(v);
	save(_metadata, v, &s);
	v->step = "from the default";
	ASSERT_SELECT(v, v->row->rev);
	expect_state(_metadata, v, &s, true);
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
	EXPECT_PENDING(v, kept);

	v->step = "in revision 3 after that";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	EXPECT_PENDING(v, kept);
	vgic_guest_write_groups(v, other ? ~0 : 0);
	EXPECT_PENDING(v, other);
	EXPECT_TAKEN(v, other);
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

/* A device that holds its line doesn't notice: its interrupt comes again after each EOI. */
VGIC_SELECT_TEST(level)
{
	u32 lines = BIT(VGIC_REV_SPI(0) % 32) | BIT(VGIC_REV_SPI(1) % 32);
	struct vgic_cmd *cmd;
	int cpu, round;

	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	vgic_user_enable_irqs(v);
	vgic_write_shared(v, GICD_ICFGR + 8, 0);
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
			ASSERT_SELECT(v, v->row->rev == 2 ? 3 : 2);
			expect_lines(_metadata, v, lines);
		}
		ASSERT_SELECT(v, v->row->rev);
		expect_lines(_metadata, v, lines);

		for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
			cmd = vgic_guest_cmd(v, cpu);
			vgic_guest_continue(v->vcpus[cpu]);
			EXPECT_VGIC(v, 2, cmd->count[VGIC_REV_SPI(cpu)],
				    "times that vCPU %d took its SPI while the line is high", cpu);
			kvm_arm_irq_line(v->vm, VGIC_REV_SPI(cpu), 0);
			vgic_guest_continue(v->vcpus[cpu]);
			EXPECT_VGIC(v, 2, cmd->count[VGIC_REV_SPI(cpu)],
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
