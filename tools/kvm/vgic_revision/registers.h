/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registers.h - the registers of a GIC, and how to probe them
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "vm.h"

enum method {
	PLAIN,		/* write ones, then zeros */
	BITS,		/* invert one bit at a time: fields do not have all values */
	IIDR,		/* as BITS: a write that changes nothing has an effect, too */
	CLEAR,		/* as PLAIN, once the register 0x80 below has set bits */
	CLEAR_SGI,	/* as PLAIN, once the register 0x10 above has set bits */
	ITS_CTLR,	/* as PLAIN, once there are tables */
	GROUP0,		/* as PLAIN, once group 1 is enabled */
	SGIR,		/* these have an effect on another register, */
	SGI,		/* see face.c, */
	SPI,
	END,		/* or none here */
};

enum { V2 = 1, V3 = 2 };

struct reg {
	const char *name;
	int gic;			/* V2, V3 or both */
	enum frame frame;
	__u32 offset;
	int size;			/* 4 or 8 bytes */
	int first, last;		/* of several registers in a row, or 0 */
	enum method how;
};

extern const struct reg registers[];
extern const int nr_registers;

#endif /* REGISTERS_H */
