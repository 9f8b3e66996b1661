/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * start.S - from the boot protocol of an arm64 Image to main(), and the vectors
 *
 * The guests run at EL1 with the MMU off, on one vCPU.
 */
	.section .head, "ax"
	.globl	_start
_start:
	b	start
	.long	0
	.quad	0x80000			// text_offset, as in guest.lds
	.quad	_end - _start		// image_size
	.quad	0xa			// 4K pages, anywhere in memory
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

start:
	adrp	x0, stack_end
	add	x0, x0, :lo12:stack_end
	mov	sp, x0
	adrp	x0, vectors
	add	x0, x0, :lo12:vectors
	msr	vbar_el1, x0
	isb
	bl	main
	mov	x0, #0x84000000
	add	x0, x0, #8		// PSCI SYSTEM_OFF
	hvc	#0
	b	.

	// What a C function may change, stored or loaded
	.macro	frame insn
	\insn	x0, x1, [sp]
	\insn	x2, x3, [sp, #16]
	\insn	x4, x5, [sp, #32]
	\insn	x6, x7, [sp, #48]
	\insn	x8, x9, [sp, #64]
	\insn	x10, x11, [sp, #80]
	\insn	x12, x13, [sp, #96]
	\insn	x14, x15, [sp, #112]
	\insn	x16, x17, [sp, #128]
	\insn	x18, x30, [sp, #144]
	.endm

	.macro	interrupt handler
	.balign	128
	sub	sp, sp, #176
	frame	stp
	bl	\handler
	b	return
	.endm

	.text
	.balign	2048
vectors:
	.rept	4			// with SP_EL0, which is not used
	.balign	128
	b	exception
	.endr
	.balign	128
	b	exception
	interrupt irq
	interrupt fiq
	.balign	128
	b	exception
	.balign	2048

exception:
	mrs	x0, esr_el1
	mrs	x1, elr_el1
	b	on_exception

return:
	frame	ldp
	add	sp, sp, #176
	eret
