// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic_revision - What a guest finds in each revision of the GIC it started on
 *
 * A guest that has probed its GIC may act on what it found for as long as it
 * lives, on whichever kernel it is migrated to. GICD_IIDR.Revision is how a VMM
 * asks a kernel to keep behaving as the one the guest has started on. Select
 * each revision on each GIC, and look at every behaviour that depends on it from
 * both sides: the guest's (loads, stores and interrupts) and userspace's (the
 * device attributes that a VMM saves and restores).
 */
#include <linux/sizes.h>

#include "processor.h"
#include "gic_v3_its.h"
#include "vgic_rev.h"

/* Enough to keep KVM busy for a while, few enough for the command queue */
#define NR_LPIS		2000

#define LPI_DISABLED	(LPI_PROP_GROUP1)
#define LPI_ENABLED	(LPI_PROP_GROUP1 | LPI_PROP_ENABLED)

#define BOTH_GROUPS	(BIT(0) | BIT(1))

static u32 watched;

static struct its_mem {
	gpa_t	devices;
	gpa_t	collections;
	gpa_t	cmdq;
	gpa_t	itt;
	gpa_t	prop;
	gpa_t	pend;
} its_mem;

static void expect_igroupr_reset(struct vgic_vm *v)
{
	struct vgic_reg reg;
	int i, cpu;

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_expect_both(v, &reg, v->row->igroupr);
	}

	/* An interrupt that isn't there has no group, in no revision. */
	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		reg = vgic_gicd(v, cpu, "first unused IGROUPR",
				GICD_IGROUPR + v->nr_irqs / 8);
		vgic_guest_write(v, &reg, ~0);
		vgic_expect(v, reg.name, "guest", 0, vgic_guest_read(v, &reg));
	}
}

/**
 * struct writer - one that tries to write IGROUPR
 * @name: for messages, after the name of the register
 * @write: what it does
 * @allowed: whether this has an effect
 */
struct writer {
	const char	*name;
	void		(*write)(struct vgic_vm *v, const struct vgic_reg *reg, u32 val);
	bool		allowed;
};

/* On every word there is: reset value, then guest and userspace by turns */
static void check_igroupr(struct vgic_vm *v)
{
	const struct writer writers[] = {
		{ " set by guest", vgic_guest_write, v->row->guest_groups },
		{ " set by user", vgic_user_write, v->row->user_groups },
	};
	static const u32 patterns[] = { 0, ~0, 0x5a5a5a5a, 0xa5a5a5a5 };
	u32 expected[VGIC_REV_MAX_IGROUPR];
	struct vgic_reg reg;
	int i, p, w;

	expect_igroupr_reset(v);

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		expected[i] = v->row->igroupr;
		for (p = 0; p < ARRAY_SIZE(patterns) * ARRAY_SIZE(writers); p++) {
			/* Each writes what the other has not left there. */
			u32 val = patterns[p / 2] ^ (p & 1 ? ~0 : 0) ^ i;

			w = (p + i) & 1;
			reg = vgic_igroupr(v, i);
			writers[w].write(v, &reg, val);
			if (writers[w].allowed)
				expected[i] = val;
			strcat(reg.name, writers[w].name);
			vgic_expect_both(v, &reg, expected[i]);
		}
	}

	/* Words don't share anything: the others are still what they were. */
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_expect_both(v, &reg, expected[i]);
	}

	/* Nor may a write have had an effect behind what a revision reads as. */
	if (v->row->guest_groups)
		return;

	vgic_select(v, VGIC_REV_LATEST);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_expect_both(v, &reg, v->row->group ? ~0 : 0);
	}
}

/* Interrupts arrive as what their groups are, and not as what they read as. */
static void check_delivery(struct vgic_vm *v)
{
	int group;

	vgic_enable_irqs(v, BOTH_GROUPS);
	vgic_pend_irqs(v);
	vgic_expect_pending(v, v->row->group);
	vgic_expect_taken(v, v->row->group);

	for (group = 0; group < 2; group++) {
		int arrives = v->row->guest_groups ? group : v->row->group;

		vgic_write_all_groups(v, group);
		vgic_pend_irqs(v);
		vgic_expect_pending(v, arrives);
		vgic_expect_taken(v, arrives);
		vgic_signal_irqs(v);
		vgic_expect_pending(v, arrives);
		vgic_expect_taken(v, arrives);
	}
}

/* ICC_SGI0R_EL1 generates an SGI only where that is in group 0. */
static void check_group0_sgi(struct vgic_vm *v)
{
	struct vgic_cmd *cmd;
	int group;

	vgic_enable_irqs(v, BOTH_GROUPS);
	for (group = 0; group < 2; group++) {
		int arrives = v->row->guest_groups ? group : v->row->group;

		vgic_write_all_groups(v, group);
		vgic_send_sgi(v, 0, 1, 0);
		vgic_guest_forget(v, 1);
		cmd = vgic_guest_do(v, 1, vgic_guest_take);
		vgic_expect(v, "FIQs, after ICC_SGI0R_EL1", "guest",
			    arrives ? 0 : BIT(VGIC_REV_SGI), cmd->taken[0]);
		vgic_expect(v, "IRQs, after ICC_SGI0R_EL1", "guest", 0, cmd->taken[1]);
	}
}

/*
 * QEMU writes zeros to all of IGROUPR at reset. There are guests that never
 * touch it and enable group 1 only on GICv3 (seL4), or group 0 only on GICv2:
 * on a kernel of revision 0 or 1 they get their interrupts nevertheless.
 */
static void check_zeros(struct vgic_vm *v)
{
	u32 wanted = v->row->group ? VGIC_REV_PRIVATE : 0;
	struct vgic_cmd *cmd;
	struct vgic_reg reg;
	int i;

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_user_write(v, &reg, 0);
	}

	vgic_enable_irqs(v, BIT(v->row->group));
	vgic_pend_irqs(v);
	if (!v->row->group || !v->row->user_groups) {
		vgic_expect_taken(v, v->row->group);
		return;
	}

	/* Where zeros mean group 0, these are not for group 1 to see. */
	for (i = 0; i < v->nr_vcpus; i++) {
		cmd = vgic_guest_do(v, i, vgic_guest_take);
		vgic_expect(v, "IRQs", "guest", 0, cmd->taken[1]);
		cmd->val = BOTH_GROUPS;
		vgic_guest_do(v, i, vgic_guest_enable_groups);
		cmd = vgic_guest_do(v, i, vgic_guest_take);
		vgic_expect(v, "FIQs", "guest", wanted, cmd->taken[0] & wanted);
	}
}

static void check_gicr_ctlr(struct vgic_vm *v)
{
	struct vgic_reg reg;
	int cpu;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		reg = vgic_gicr(cpu, "GICR_CTLR", GICR_CTLR);
		vgic_expect_both(v, &reg, v->row->rdist_lpi_ctrl ? VGIC_RDIST_LPI_CTRL : 0);
	}
}

static void guest_map_lpis(struct vgic_cmd *cmd)
{
	u32 i;

	gic_rdist_enable_lpis(its_mem.prop, SZ_64K, its_mem.pend);
	its_init(its_mem.collections, SZ_64K, its_mem.devices, SZ_64K,
		 its_mem.cmdq, SZ_64K);
	its_send_mapc_cmd((void *)its_mem.cmdq, 0, 0, true);
	its_send_mapd_cmd((void *)its_mem.cmdq, 0, its_mem.itt, SZ_64K, true);
	for (i = 0; i < cmd->val; i++)
		its_send_mapti_cmd((void *)its_mem.cmdq, 0, i, 0, VGIC_REV_LPI + i);
}

static void guest_its_inv(struct vgic_cmd *cmd)
{
	its_send_inv_cmd((void *)its_mem.cmdq, 0, 0);
}

static void guest_its_invall(struct vgic_cmd *cmd)
{
	its_send_invall_cmd((void *)its_mem.cmdq, 0);
}

static void create_its(struct vgic_vm *v)
{
	gpa_t *chunk = (gpa_t *)&its_mem, gpa;
	int i, nr = sizeof(its_mem) / sizeof(gpa_t);
	size_t pages = vm_calc_num_guest_pages(v->vm->mode, SZ_64K);

	gpa = (vm_compute_max_gfn(v->vm) + 1) * v->vm->page_size - nr * SZ_64K;
	vm_userspace_mem_region_add(v->vm, VM_MEM_SRC_ANONYMOUS, gpa, 1, nr * pages, 0);
	for (i = 0; i < nr; i++)
		chunk[i] = vm_phy_pages_alloc(v->vm, pages, gpa, 1);
	virt_map(v->vm, its_mem.cmdq, its_mem.cmdq, pages);
	sync_global_to_guest(v->vm, its_mem);

	vgic_its_setup(v->vm);
}

static void configure_lpis(struct vgic_vm *v, u8 prop, u32 nr)
{
	memset(addr_gpa2hva(v->vm, its_mem.prop), prop, nr);
}

static void map_lpis(struct vgic_vm *v, u32 nr)
{
	vgic_guest_cmd(v, 0)->val = nr;
	vgic_guest_do(v, 0, guest_map_lpis);
}

static void signal_lpi(struct vgic_vm *v, u32 event)
{
	struct kvm_msi msi = {
		.address_lo	= GITS_BASE_GPA + GITS_TRANSLATER,
		.data		= event,
		.flags		= KVM_MSI_VALID_DEVID,
	};

	__vm_ioctl(v->vm, KVM_SIGNAL_MSI, &msi);
}

static void expect_lpi(struct vgic_vm *v, const char *what, bool pending)
{
	struct vgic_cmd *cmd = vgic_guest_do(v, 0, vgic_guest_peek);

	vgic_expect(v, what, "guest", pending, cmd->pending[1] == VGIC_REV_LPI);
}

/* Without the capability, only GICR_CTLR.{IR,CES} depend on the revision. */
static void require_lpi_ctrl_by_revision(struct vgic_vm *v)
{
	if (v->row->rev < 3 && !kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS))
		vgic_skip("LPI control does not depend on the revision on this kernel");
}

/*
 * An LPI's configuration is cached until it is invalidated. Only the ITS can do
 * so without GICR_CTLR.IR, and an LPI is in group 1 come what may.
 */
static void check_lpi(struct vgic_vm *v)
{
	struct vgic_reg invlpir = vgic_gicr(0, "GICR_INVLPIR", GICR_INVLPIR);
	struct vgic_reg invallr = vgic_gicr(0, "GICR_INVALLR", GICR_INVALLR);
	struct vgic_reg syncr = vgic_gicr(0, "GICR_SYNCR", GICR_SYNCR);
	struct vgic_reg ctlr = vgic_gicr(0, "GICR_CTLR", GICR_CTLR);
	bool direct = v->row->rdist_lpi_ctrl;

	require_lpi_ctrl_by_revision(v);
	create_its(v);
	vgic_enable_irqs(v, BOTH_GROUPS);
	configure_lpis(v, LPI_DISABLED, 1);
	map_lpis(v, 1);
	vgic_expect_both(v, &ctlr, GICR_CTLR_ENABLE_LPIS |
				   (direct ? VGIC_RDIST_LPI_CTRL : 0));
	vgic_expect_both(v, &syncr, 0);

	signal_lpi(v, 0);
	expect_lpi(v, "LPI pending, while disabled", false);

	configure_lpis(v, LPI_ENABLED, 1);
	vgic_guest_write(v, &invlpir, VGIC_REV_LPI);
	expect_lpi(v, "LPI pending, after GICR_INVLPIR", direct);
	vgic_expect_both(v, &syncr, 0);

	configure_lpis(v, direct ? LPI_DISABLED : LPI_ENABLED, 1);
	vgic_guest_write(v, &invallr, 0);
	expect_lpi(v, "LPI pending, after GICR_INVALLR", false);
	vgic_expect_both(v, &syncr, 0);

	configure_lpis(v, LPI_ENABLED, 1);
	vgic_guest_do(v, 0, guest_its_invall);
	expect_lpi(v, "LPI pending, after INVALL", true);

	configure_lpis(v, LPI_DISABLED, 1);
	vgic_guest_do(v, 0, guest_its_inv);
	expect_lpi(v, "LPI pending, after INV of a disabled LPI", false);
	configure_lpis(v, LPI_ENABLED, 1);
	vgic_guest_do(v, 0, guest_its_inv);
	expect_lpi(v, "LPI pending, after INV", true);

	if (!v->row->untouched)
		vgic_select(v, v->row->rev);
	expect_lpi(v, "LPI pending, after the revision was selected", true);
	vgic_guest_do(v, 0, vgic_guest_take);
	vgic_expect(v, "LPI as IRQ", "guest", VGIC_REV_LPI, vgic_guest_cmd(v, 0)->lpi);

	signal_lpi(v, 0);
	expect_lpi(v, "LPI pending, once more", true);
	vgic_guest_write(v, &ctlr, 0);
	vgic_expect_both(v, &ctlr, direct ? VGIC_RDIST_LPI_CTRL : 0);
	expect_lpi(v, "LPI pending, while GICR_CTLR.EnableLPIs is clear", false);
}

static void guest_watch(struct vgic_cmd *cmd)
{
	WRITE_ONCE(watched, 0);
	WRITE_ONCE(cmd->running, true);
	while (!READ_ONCE(cmd->stop))
		WRITE_ONCE(watched, watched | readl((void *)cmd->addr));
}

/*
 * GICR_CTLR.RWP is set for as long as it takes to drop the pending LPIs, and
 * writes to EnableLPIs are lost in the meantime: the guest has to see it in every
 * revision. Another vCPU sees it after up to four rounds under emulation.
 */
static void check_rwp(struct vgic_vm *v)
{
	struct vgic_reg ctlr = vgic_gicr(0, "GICR_CTLR", GICR_CTLR);
	u32 *seen = addr_gva2hva(v->vm, (gva_t)&watched);
	pthread_t thread;
	int i, round;

	create_its(v);
	configure_lpis(v, LPI_ENABLED, NR_LPIS);
	map_lpis(v, NR_LPIS);

	thread = vgic_guest_start(v, 1, guest_watch, ctlr.gpa);
	for (round = 0; round < 50; round++) {
		if (READ_ONCE(*seen) & GICR_CTLR_RWP)
			break;

		vgic_guest_write(v, &ctlr, GICR_CTLR_ENABLE_LPIS);
		for (i = 0; i < NR_LPIS; i++)
			signal_lpi(v, i);
		vgic_guest_write(v, &ctlr, 0);
	}
	vgic_guest_stop(v, 1, thread);

	vgic_expect(v, "GICR_CTLR.RWP", "guest", GICR_CTLR_RWP,
		    READ_ONCE(*seen) & GICR_CTLR_RWP);
}

static const struct vgic_check checks[] = {
	{ "igroupr",		check_igroupr,		.shapes = true },
	{ "delivery",		check_delivery,		.shapes = true },
	{ "group0-sgi",		check_group0_sgi,	.v3_only = true },
	{ "zeros",		check_zeros },
	{ "gicr-ctlr",		check_gicr_ctlr,	.v3_only = true },
	{ "lpi",		check_lpi,		.v3_only = true },
	{ "rwp",		check_rwp,		.v3_only = true },
};

int main(void)
{
	vgic_rev_main(checks, ARRAY_SIZE(checks));
}
