/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gic.h - the GICv3 of QEMU's virt machine (IHI 0069)
 */
#ifndef RIG_GIC_H
#define RIG_GIC_H

#include "guest.h"

#define GICD			0x08000000UL
#define GICD_CTLR		(GICD + 0x0)
#define GICD_CTLR_GROUP0	(1U << 0)
#define GICD_CTLR_GROUP1	(1U << 1)
#define GICD_CTLR_ARE		(1U << 4)
#define GICD_CTLR_RWP		(1U << 31)
#define GICD_TYPER		(GICD + 0x4)
#define GICD_IIDR		(GICD + 0x8)
#define GICD_IGROUPR		(GICD + 0x80)
#define GICD_ISENABLER		(GICD + 0x100)
#define GICD_ICENABLER		(GICD + 0x180)
#define GICD_ISPENDR		(GICD + 0x200)
#define GICD_ICPENDR		(GICD + 0x280)
#define GICD_IPRIORITYR		(GICD + 0x400)
#define GICD_IROUTER		(GICD + 0x6000)

#define GICR			0x080a0000UL
#define GICR_CTLR		(GICR + 0x0)
#define GICR_CTLR_RWP		(1U << 3)
#define GICR_WAKER		(GICR + 0x14)
#define GICR_WAKER_SLEEP	(1U << 1)
#define GICR_WAKER_ASLEEP	(1U << 2)
#define GICR_SGI		(GICR + 0x10000)
#define GICR_IGROUPR0		(GICR_SGI + 0x80)
#define GICR_ISENABLER0		(GICR_SGI + 0x100)
#define GICR_ICENABLER0		(GICR_SGI + 0x180)
#define GICR_ISPENDR0		(GICR_SGI + 0x200)
#define GICR_ICPENDR0		(GICR_SGI + 0x280)
#define GICR_IPRIORITYR		(GICR_SGI + 0x400)

#define ICC_PMR			"s3_0_c4_c6_0"
#define ICC_IAR0		"s3_0_c12_c8_0"
#define ICC_EOIR0		"s3_0_c12_c8_1"
#define ICC_SGI1R		"s3_0_c12_c11_5"
#define ICC_SGI0R		"s3_0_c12_c11_7"
#define ICC_IAR1		"s3_0_c12_c12_0"
#define ICC_EOIR1		"s3_0_c12_c12_1"
#define ICC_CTLR		"s3_0_c12_c12_4"
#define ICC_SRE			"s3_0_c12_c12_5"
#define ICC_IGRPEN0		"s3_0_c12_c12_6"
#define ICC_IGRPEN1		"s3_0_c12_c12_7"

#define VTIMER_PPI		27

#define REVISION(iidr)		((iidr) >> 12 & 0xf)

/* The vCPU itself, as affinity 0.0.0.0 */
#define SGI_TO_SELF(n)		((u64)(n) << 24 | 1)

/*
 * As seL4 14.0.0 has it: nothing of IGROUPR, both groups enabled in the
 * distributor, and group 1 alone in the CPU interface.
 */
void gic_init(void);
void gic_enable(u32 intid);
bool gic_is_pending(u32 intid);

#endif /* RIG_GIC_H */
