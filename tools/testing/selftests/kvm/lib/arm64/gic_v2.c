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

/* For registers in which writing a zero has no effect */
static void gicv2_write_bit(u32 intid, u64 offset)
{
	gicd_writel(BIT(intid % 32), offset + intid / 32 * 4);
}

/* Groups stay what they are, which is group 0 after reset. */
static void gicv2_init_irqs(u32 first, u32 end)
{
	u32 intid;

	for (intid = first; intid < end; intid += 32) {
		gicd_writel(~0, GICD_ICACTIVER + intid / 32 * 4);
		gicd_writel(~0, GICD_ICENABLER + intid / 32 * 4);
	}

	for (intid = first; intid < end; intid += 4)
		gicd_writel(GICD_INT_DEF_PRI_X4, GICD_IPRIORITYR + intid);
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

static void gicv2_irq_set_pending(u32 intid)
{
	/* GICD_ISPENDR0 ignores SGIs, which are pending by source. */
	GUEST_ASSERT(!INTID_IS_SGI(intid));
	gicv2_write_bit(intid, GICD_ISPENDR);
}

/* What tests of GICv2 need. All that has a vCPU acknowledge an SGI takes its source, too. */
const struct gic_common_ops gicv2_ops = {
	.gic_init = gicv2_init,
	.gic_cpu_init = gicv2_cpu_init,
	.gic_irq_enable = gicv2_irq_enable,
	.gic_irq_disable = gicv2_irq_disable,
	.gic_irq_set_pending = gicv2_irq_set_pending,
};
