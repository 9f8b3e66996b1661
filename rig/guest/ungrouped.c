// SPDX-License-Identifier: GPL-2.0-only
/*
 * ungrouped.c - a guest that leaves IGROUPR alone and enables group 1 only
 *
 * It takes the virtual timer, an SGI to itself and an SPI, and says how many of
 * each it got. Timers can be very late: that there are no interrupts it says
 * only when all of them have been pending for a while. Then it starts again, and says
 * whether what it has found at first is still so.
 */
#include "gic.h"
#include "guest.h"

#define SGI	5
#define SPI	40
#define ENOUGH	50

enum { TIMER, SGIS, SPIS, NR };

struct finding {
	u32	iidr;
	u32	groups[2];	/* GICR_IGROUPR0, GICD_IGROUPR1 */
	bool	alive;
	bool	dead;
};

static volatile u32 got[NR];
static u32 sent[NR], before[NR];	/* before: that had arrived when it last started */

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
	int i;

	for (i = 0; i < NR; i++)
		if (got[i] - before[i] < ENOUGH)
			return false;
	return true;
}

static bool is_dead(void)
{
	int i;

	for (i = 0; i < NR; i++)
		if (got[i] != before[i])
			return false;
	return gic_is_pending(VTIMER_PPI) && gic_is_pending(SGI) && gic_is_pending(SPI);
}

/* Say it if time has gone back since the last look. */
static u64 look_at_time(void)
{
	static u64 last;
	u64 is = now();

	if (is < last)
		print("ungrouped: no longer so: time\n");
	last = is;
	return is;
}

/* Each SGI and SPI is sent when the one before it has arrived: none is lost, or doubled. */
static struct finding look(void)
{
	u64 end = now() + seconds(30), dead_since = 0;
	struct finding f = {};
	int i;

	for (i = 0; i < NR; i++)
		before[i] = got[i];
	while (look_at_time() < end && !is_alive()) {
		if (got[SGIS] == sent[SGIS]) {
			sent[SGIS]++;
			write_sysreg(ICC_SGI1R, SGI_TO_SELF(SGI));
		}
		if (got[SPIS] == sent[SPIS]) {
			sent[SPIS]++;
			writel(GICD_ISPENDR + SPI / 32 * 4, 1U << SPI % 32);
		}
		if (got[SGIS] > sent[SGIS] || got[SPIS] > sent[SPIS])
			print("ungrouped: no longer so: one-interrupt-each\n");
		if (!is_dead()) {
			dead_since = 0;
		} else if (!dead_since) {
			dead_since = now();
		} else if (now() - dead_since > seconds(1)) {
			f.dead = is_dead();
			break;
		}
	}
	f.alive = is_alive();
	f.iidr = readl(GICD_IIDR);
	f.groups[0] = readl(GICR_IGROUPR0);
	f.groups[1] = readl(GICD_IGROUPR + 4);
	return f;
}

static const char *state(const struct finding *f)
{
	return f->alive ? "alive" : f->dead ? "without interrupts" : "not all interrupts";
}

int main(void)
{
	struct finding first, f;

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

	first = look();
	print("ungrouped: revision %u, %s: timer %u, SGI %u, SPI %u\n",
	      REVISION(first.iidr), state(&first), got[TIMER], got[SGIS], got[SPIS]);
	for (;;) {
		u64 end = now() + seconds(1) / 5;

		while (look_at_time() < end)
			;
		f = look();
		differs("ungrouped", "GICD_IIDR", first.iidr, f.iidr);
		differs("ungrouped", "GICR_IGROUPR0", first.groups[0], f.groups[0]);
		differs("ungrouped", "GICD_IGROUPR1", first.groups[1], f.groups[1]);
		if (f.alive && !first.alive)
			print("ungrouped: no longer so: interrupts\n");
		print("ungrouped: %s %s\n", f.alive || (f.dead && first.dead) ?
		      "still" : "no longer so: now", state(&f));
	}
}
