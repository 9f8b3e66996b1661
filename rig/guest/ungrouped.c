// SPDX-License-Identifier: GPL-2.0-only
/*
 * ungrouped.c - a guest that leaves IGROUPR alone and enables group 1 only
 *
 * It takes the virtual timer, an SGI to itself and an SPI, and says how many of
 * each it got. Timers can be very late: that there are no interrupts it says
 * only when all of them have been pending for a while.
 */
#include "gic.h"
#include "guest.h"

#define SGI	5
#define SPI	40
#define ENOUGH	50

enum { TIMER, SGIS, SPIS, NR };

static volatile u32 got[NR];

static void arm_timer(void)
{
	write_sysreg("cntv_tval_el0", seconds(1) / 1000);
}

void irq(void)
{
	u32 intid = read_sysreg(ICC_IAR1);

	switch (intid) {
	case VTIMER_PPI:
		got[TIMER]++;
		arm_timer();
		break;
	case SGI:
		got[SGIS]++;
		break;
	case SPI:
		got[SPIS]++;
		break;
	}
	if (intid < 1020)
		write_sysreg(ICC_EOIR1, intid);
}

void fiq(void)
{
	print("ungrouped: FIQ, and group 0 is not enabled\n");
}

static bool is_alive(void)
{
	return got[TIMER] >= ENOUGH && got[SGIS] >= ENOUGH && got[SPIS] >= ENOUGH;
}

static bool is_dead(void)
{
	return !got[TIMER] && !got[SGIS] && !got[SPIS] && gic_is_pending(VTIMER_PPI) &&
		gic_is_pending(SGI) && gic_is_pending(SPI);
}

int main(void)
{
	u32 rev = REVISION(readl(GICD_IIDR)), sgis = 0, spis = 0;
	u64 end, dead_since = 0;
	bool dead = false;

	print("ungrouped: GICD_IIDR %x, GICR_IGROUPR0 %x, GICD_IGROUPR1 %x\n",
	      readl(GICD_IIDR), readl(GICR_IGROUPR0), readl(GICD_IGROUPR + 4));
	gic_init();
	writeq(GICD_IROUTER + 8 * SPI, 0);
	gic_enable(VTIMER_PPI);
	gic_enable(SGI);
	gic_enable(SPI);
	arm_timer();
	write_sysreg("cntv_ctl_el0", 1);
	asm volatile("msr daifclr, #3" ::: "memory");

	for (end = now() + seconds(30); now() < end && !is_alive();) {
		if (got[SGIS] == sgis) {
			sgis++;
			write_sysreg(ICC_SGI1R, SGI_TO_SELF(SGI));
		}
		if (got[SPIS] == spis) {
			spis++;
			writel(GICD_ISPENDR + SPI / 32 * 4, 1U << SPI % 32);
		}
		if (!is_dead()) {
			dead_since = 0;
		} else if (!dead_since) {
			dead_since = now();
		} else if (now() - dead_since > seconds(1)) {
			dead = is_dead();
			break;
		}
	}
	asm volatile("msr daifset, #3" ::: "memory");
	print("ungrouped: revision %u, %s: timer %u, SGI %u, SPI %u\n", rev,
	      is_alive() ? "alive" : dead ? "without interrupts" : "not all interrupts",
	      got[TIMER], got[SGIS], got[SPIS]);
	return 0;
}
