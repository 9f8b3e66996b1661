/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ARM Generic Interrupt Controller (GIC) v2 specific defines (IHI 0048), apart
 * from the distributor, which gic_v3.h has.
 */

#ifndef SELFTEST_KVM_GIC_V2_H
#define SELFTEST_KVM_GIC_V2_H

#define GICC_CTLR			0x0000
#define GICC_PMR			0x0004
#define GICC_BPR			0x0008
#define GICC_IAR			0x000C
#define GICC_EOIR			0x0010
#define GICC_HPPIR			0x0018
#define GICC_ABPR			0x001C
#define GICC_APR			0x00D0
#define GICC_DIR			0x1000

#define GICC_CTLR_ENABLE_G0		BIT(0)
#define GICC_CTLR_ENABLE_G1		BIT(1)
#define GICC_CTLR_ACKCTL		BIT(2)
#define GICC_CTLR_FIQEN			BIT(3)
#define GICC_CTLR_EOIMODE		BIT(9)

/* The rest of GICC_IAR is the CPU that an SGI comes from. */
#define GICC_IAR_INTID(iar)		((iar) & 0x3ff)

/* What GICC_HPPIR reads as if the interrupt is in group 1, without ACKCTL */
#define GICC_HPPIR_GROUP1		1022

#endif /* SELFTEST_KVM_GIC_V2_H */
