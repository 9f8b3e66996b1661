// SPDX-License-Identifier: GPL-2.0-only
/*
 * ARM Generic Interrupt Controller (GIC) v2 support
 */

#include <linux/sizes.h>

#include "kvm_util.h"
#include "processor.h"

#include "gic.h"
#include "gic_v2.h"
#include "gic_v3.h"
#include "gic_private.h"

#define GICV2_MAX_CPUS			8

#define GICD_INT_DEF_PRI		0xa0
#define GICD_INT_DEF_PRI_X4		(GICD_INT_DEF_PRI * 0x01010101U)
#define GICC_PMR_DEF_PRIO		0xf0

static u32 gicc_readl(u64 offset)
{
	return readl(GICC_BASE_GVA + offset);
}

static void gicc_writel(u32 val, u64 offset)
{
	writel(val, GICC_BASE_GVA + offset);
}

static u32 gicd_readl(u64 offset)
{
	return readl(GICD_BASE_GVA + offset);
}

static void gicd_writel(u32 val, u64 offset)
{
	writel(val, GICD_BASE_GVA + offset);
}

static u64 gicv2_reg(u32 intid, u64 offset, u32 bits_per_field)
{
	return offset + intid * bits_per_field / 32 * 4;
}

static u32 gicv2_read_field(u32 intid, u64 offset, u32 bits_per_field)
{
	u32 shift = intid * bits_per_field % 32;

	return gicd_readl(gicv2_reg(intid, offset, bits_per_field)) >> shift &
	       GENMASK(bits_per_field - 1, 0);
}

static void gicv2_write_field(u32 intid, u64 offset, u32 bits_per_field, u32 val)
{
	u64 reg = gicv2_reg(intid, offset, bits_per_field);
	u32 shift = intid * bits_per_field % 32;
	u32 mask = GENMASK(bits_per_field - 1, 0) << shift;

	gicd_writel((gicd_readl(reg) & ~mask) | val << shift, reg);
}

/* For registers in which writing a zero has no effect */
static void gicv2_write_bit(u32 intid, u64 offset)
{
	gicd_writel(BIT(intid % 32), gicv2_reg(intid, offset, 1));
}

/* Groups stay what they are, which is group 0 after reset. */
static void gicv2_init_irqs(u32 first, u32 end)
{
	u32 intid;

	for (intid = first; intid < end; intid += 32) {
		gicd_writel(~0, gicv2_reg(intid, GICD_ICACTIVER, 1));
		gicd_writel(~0, gicv2_reg(intid, GICD_ICENABLER, 1));
	}

	for (intid = first; intid < end; intid += 4)
		gicd_writel(GICD_INT_DEF_PRI_X4, gicv2_reg(intid, GICD_IPRIORITYR, 8));
}

static void gicv2_init(unsigned int nr_cpus)
{
	GUEST_ASSERT(nr_cpus <= GICV2_MAX_CPUS);

	gicd_writel(0, GICD_CTLR);
	gicv2_init_irqs(MIN_SPI, GICD_TYPER_SPIS(gicd_readl(GICD_TYPER)));
	gicd_writel(GICD_CTLR_ENABLE_SS_G0, GICD_CTLR);
}

static void gicv2_cpu_init(unsigned int cpu)
{
	gicv2_init_irqs(MIN_SGI, MIN_SPI);
	gicc_writel(GICC_PMR_DEF_PRIO, GICC_PMR);

	/* ACKCTL has GICC_IAR and GICC_EOIR handle interrupts of both groups. */
	gicc_writel(GICC_CTLR_ENABLE_G0 | GICC_CTLR_ENABLE_G1 | GICC_CTLR_ACKCTL,
		    GICC_CTLR);
}

static void gicv2_irq_enable(unsigned int intid)
{
	gicv2_write_bit(intid, GICD_ISENABLER);
}

static void gicv2_irq_disable(unsigned int intid)
{
	gicv2_write_bit(intid, GICD_ICENABLER);
}

static u64 gicv2_read_iar(void)
{
	return gicc_readl(GICC_IAR);
}

static void gicv2_write_eoir(u32 irq)
{
	gicc_writel(irq, GICC_EOIR);
}

static void gicv2_write_dir(u32 irq)
{
	gicc_writel(irq, GICC_DIR);
}

static void gicv2_set_eoi_split(bool split)
{
	u32 ctlr = gicc_readl(GICC_CTLR) & ~GICC_CTLR_EOIMODE;

	gicc_writel(split ? ctlr | GICC_CTLR_EOIMODE : ctlr, GICC_CTLR);
}

static void gicv2_set_priority_mask(u64 mask)
{
	gicc_writel(mask, GICC_PMR);
}

static void gicv2_set_priority(u32 intid, u32 prio)
{
	gicv2_write_field(intid, GICD_IPRIORITYR, 8, prio);
}

static void gicv2_irq_set_active(u32 intid)
{
	gicv2_write_bit(intid, GICD_ISACTIVER);
}

static void gicv2_irq_clear_active(u32 intid)
{
	gicv2_write_bit(intid, GICD_ICACTIVER);
}

static bool gicv2_irq_get_active(u32 intid)
{
	return gicv2_read_field(intid, GICD_ISACTIVER, 1);
}

static void gicv2_irq_set_pending(u32 intid)
{
	/* GICD_ISPENDR0 ignores SGIs, which are pending by source. */
	if (INTID_IS_SGI(intid))
		gicd_writel(BIT(intid % 4 * 8), gicv2_reg(intid, GICD_SPENDSGIR, 8));
	else
		gicv2_write_bit(intid, GICD_ISPENDR);
}

static void gicv2_irq_clear_pending(u32 intid)
{
	if (INTID_IS_SGI(intid))
		gicd_writel(0xffU << intid % 4 * 8, gicv2_reg(intid, GICD_CPENDSGIR, 8));
	else
		gicv2_write_bit(intid, GICD_ICPENDR);
}

static bool gicv2_irq_get_pending(u32 intid)
{
	return gicv2_read_field(intid, GICD_ISPENDR, 1);
}

static void gicv2_irq_set_config(u32 intid, bool is_edge)
{
	GUEST_ASSERT(INTID_IS_SPI(intid));
	gicv2_write_field(intid, GICD_ICFGR, 2, is_edge ? 2 : 0);
}

static void gicv2_irq_set_group(u32 intid, bool group)
{
	gicv2_write_field(intid, GICD_IGROUPR, 1, group);
}

const struct gic_common_ops gicv2_ops = {
	.gic_init = gicv2_init,
	.gic_cpu_init = gicv2_cpu_init,
	.gic_irq_enable = gicv2_irq_enable,
	.gic_irq_disable = gicv2_irq_disable,
	.gic_read_iar = gicv2_read_iar,
	.gic_write_eoir = gicv2_write_eoir,
	.gic_write_dir = gicv2_write_dir,
	.gic_set_eoi_split = gicv2_set_eoi_split,
	.gic_set_priority_mask = gicv2_set_priority_mask,
	.gic_set_priority = gicv2_set_priority,
	.gic_irq_set_active = gicv2_irq_set_active,
	.gic_irq_clear_active = gicv2_irq_clear_active,
	.gic_irq_get_active = gicv2_irq_get_active,
	.gic_irq_set_pending = gicv2_irq_set_pending,
	.gic_irq_clear_pending = gicv2_irq_clear_pending,
	.gic_irq_get_pending = gicv2_irq_get_pending,
	.gic_irq_set_config = gicv2_irq_set_config,
	.gic_irq_set_group = gicv2_irq_set_group,
};
