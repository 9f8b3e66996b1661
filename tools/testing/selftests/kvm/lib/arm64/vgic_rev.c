// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM whose GICv2 or GICv3 has a given GICD_IIDR.Revision, and the means to look
 * at it from both sides, the guest's and userspace's.
 */
#include <linux/sizes.h>

#include "arch_timer.h"
#include "gic_v2.h"
#include "gic_v3_its.h"
#include "processor.h"
#include "ucall.h"
#include "vgic_rev.h"

/* What is to arrive is pending already, so this is a lot. */
#define TAKE_SEC	5
#define START_SEC	30

/* Two to the power of this is how many LPIs a device can have. */
#define ITT_EVENTID_BITS	12

static struct vgic_cmd cmds[VGIC_REV_MAX_VCPUS];
static int guest_el;

/* Guest side: vCPUs do as they are told, so that tests read top to bottom. */

static struct vgic_cmd *guest_cmd(void)
{
	return &cmds[guest_get_vcpuid()];
}

static void guest_code(void)
{
	GUEST_ASSERT_EQ(get_current_el(), guest_el);
	while (true) {
		guest_cmd()->fn(guest_cmd());
		/* A ucall would be looked up in the VM that the guest was in before. */
		GUEST_UCALL_NONE();
	}
}

static u32 guest_ack(struct vgic_cmd *cmd, int group)
{
	u32 iar;

	/* With GICC_CTLR.AckCtl, of either group */
	if (!cmd->v3)
		iar = readl(GICC_BASE_GVA + GICC_IAR);
	else if (group)
		iar = read_sysreg_s(SYS_ICC_IAR1_EL1);
	else
		iar = read_sysreg_s(SYS_ICC_IAR0_EL1);
	isb();
	return iar;
}

static void guest_eoi(struct vgic_cmd *cmd, int group, u32 iar)
{
	if (!cmd->v3)
		writel(iar, GICC_BASE_GVA + GICC_EOIR);
	else if (group)
		write_sysreg_s(iar, SYS_ICC_EOIR1_EL1);
	else
		write_sysreg_s(iar, SYS_ICC_EOIR0_EL1);
	isb();
}

static void guest_handle(int group)
{
	struct vgic_cmd *cmd = guest_cmd();
	u32 iar = guest_ack(cmd, group);
	u32 intid = cmd->v3 ? iar : GICC_IAR_INTID(iar);

	if (!vgic_is_intid(intid))
		return;

	if (intid >= VGIC_REV_LPI) {
		cmd->lpi = intid;
		cmd->nr_lpis++;
	} else {
		GUEST_ASSERT(intid < ARRAY_SIZE(cmd->count));
		cmd->taken[group] |= BIT_ULL(intid);
		cmd->count[intid]++;
	}

	if (intid == cmd->timer)
		timer_set_ctl(VIRTUAL, CTL_IMASK);

	if (cmd->exit_in && intid == cmd->exit_in)
		GUEST_UCALL_NONE();

	guest_eoi(cmd, group, iar);
}

static void guest_irq_handler(struct ex_regs *regs)
{
	guest_handle(1);
}

static void guest_fiq_handler(struct ex_regs *regs)
{
	guest_handle(0);
}

/* On both GICs, group 0 arrives as FIQ and group 1 as IRQ. */
void vgic_guest_enable_groups(struct vgic_cmd *cmd)
{
	if (!cmd->v3) {
		writel(0xf0, GICC_BASE_GVA + GICC_PMR);
		writel(cmd->val | GICC_CTLR_ACKCTL | GICC_CTLR_FIQEN,
		       GICC_BASE_GVA + GICC_CTLR);
		return;
	}

	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL1) | ICC_SRE_EL1_SRE,
		       SYS_ICC_SRE_EL1);
	isb();
	write_sysreg_s(0xf0, SYS_ICC_PMR_EL1);
	/* The other way round makes QEMU 7.2 spin for good. */
	write_sysreg_s(!!(cmd->val & BIT(1)), SYS_ICC_IGRPEN1_EL1);
	isb();
	write_sysreg_s(!!(cmd->val & BIT(0)), SYS_ICC_IGRPEN0_EL1);
	isb();
}

static void guest_init(struct vgic_cmd *cmd)
{
	gic_init(cmd->v3 ? GIC_V3 : GIC_V2, cmd->nr_vcpus);
	gic_irq_enable(VGIC_REV_SGI);
	gic_irq_enable(VGIC_REV_PPI);
	gic_irq_enable(VGIC_REV_SPI(guest_get_vcpuid()));
	vgic_guest_enable_groups(cmd);
}

void vgic_guest_peek(struct vgic_cmd *cmd)
{
	u32 ctlr;

	if (cmd->v3) {
		cmd->pending[0] = read_sysreg_s(SYS_ICC_HPPIR0_EL1);
		cmd->pending[1] = read_sysreg_s(SYS_ICC_HPPIR1_EL1);
		return;
	}

	/* There is one that is pending, and only without AckCtl is its group told. */
	ctlr = readl(GICC_BASE_GVA + GICC_CTLR);
	cmd->pending[1] = GICC_IAR_INTID(readl(GICC_BASE_GVA + GICC_HPPIR));
	writel(ctlr & ~GICC_CTLR_ACKCTL, GICC_BASE_GVA + GICC_CTLR);
	cmd->pending[0] = GICC_IAR_INTID(readl(GICC_BASE_GVA + GICC_HPPIR));
	writel(ctlr, GICC_BASE_GVA + GICC_CTLR);
	if (cmd->pending[0] != GICC_HPPIR_GROUP1)
		cmd->pending[1] = IAR_SPURIOUS;
}

static bool guest_has_taken(struct vgic_cmd *cmd)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(cmd->count); i++)
		if (cmd->wait_for & BIT_ULL(i) &&
		    READ_ONCE(cmd->count[i]) < (cmd->wait_times ?: 1))
			return false;
	return READ_ONCE(cmd->nr_lpis) >= cmd->wait_lpis;
}

void vgic_guest_take(struct vgic_cmd *cmd)
{
	u64 deadline = timer_get_cntct(VIRTUAL) + TAKE_SEC * (u64)timer_get_cntfrq();
	int i;

	local_irq_enable();
	while (!guest_has_taken(cmd) && timer_get_cntct(VIRTUAL) < deadline)
		cpu_relax();

	/*
	 * Has anything arrived twice, or without being asked for?  KVM looks for
	 * what is pending each time that the guest has exited.
	 */
	for (i = 0; i < 4; i++)
		readl(GICD_BASE_GVA + GICD_TYPER);
	local_irq_disable();
}

void vgic_guest_ack(struct vgic_cmd *cmd)
{
	cmd->val = guest_ack(cmd, cmd->val);
}

void vgic_guest_eoi(struct vgic_cmd *cmd)
{
	guest_eoi(cmd, cmd->addr, cmd->val);
}

static void guest_map_lpis(struct vgic_cmd *cmd)
{
	u32 i, cpu = guest_get_vcpuid();
	void *cmdq = cmd->its.cmdq_base_va;

	gic_rdist_enable_lpis(cmd->its.lpi_prop_table, SZ_64K,
			      cmd->its.lpi_pend_tables + cpu * SZ_64K);
	if (!cpu) {
		its_init(cmd->its.collection_table, SZ_64K, cmd->its.device_table,
			 SZ_64K, cmd->its.cmdq_base, SZ_64K);
		its_send_mapd_cmd(cmdq, 0, cmd->its.itt_tables,
				  BIT(ITT_EVENTID_BITS + 1), true);
	}
	its_send_mapc_cmd(cmdq, cpu, cpu, true);
	for (i = cpu; i < cpu + cmd->val; i++)
		its_send_mapti_cmd(cmdq, 0, i, cpu, VGIC_REV_LPI + i);
}

static void guest_send_sgi(struct vgic_cmd *cmd)
{
	if (!cmd->v3)
		writel(cmd->val, GICD_BASE_GVA + GICD_SGIR);
	else if (cmd->addr == SYS_ICC_SGI1R_EL1)
		write_sysreg_s(cmd->val, SYS_ICC_SGI1R_EL1);
	else if (cmd->addr == SYS_ICC_SGI0R_EL1)
		write_sysreg_s(cmd->val, SYS_ICC_SGI0R_EL1);
	else
		write_sysreg_s(cmd->val, SYS_ICC_ASGI1R_EL1);
	isb();
}

static void guest_pend_ppi(struct vgic_cmd *cmd)
{
	gic_irq_set_pending(VGIC_REV_PPI);
}

static void guest_read(struct vgic_cmd *cmd)
{
	void *reg = (void *)cmd->addr;

	cmd->val = cmd->size == 1 ? READ_ONCE(*(u8 *)reg) :
		   cmd->size == 2 ? READ_ONCE(*(u16 *)reg) :
		   cmd->size == 4 ? readl(reg) : readq(reg);
}

static void guest_write(struct vgic_cmd *cmd)
{
	void *reg = (void *)cmd->addr;

	switch (cmd->size) {
	case 1:
		WRITE_ONCE(*(u8 *)reg, cmd->val);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)reg, cmd->val);
		break;
	case 4:
		writel(cmd->val, reg);
		break;
	default:
		writeq(cmd->val, reg);
	}
}

/* Host side: running the guest */

struct vgic_cmd *vgic_guest_cmd(struct vgic_vm *v, int vcpu)
{
	return addr_gva2hva(v->vm, (gva_t)&cmds[vcpu]);
}

void vgic_guest_continue(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct ucall uc;

	vcpu_run(vcpu);
	switch (get_ucall(vcpu, &uc)) {
	case UCALL_NONE:
		TEST_ASSERT(run->exit_reason == KVM_EXIT_MMIO &&
			    run->mmio.phys_addr == vcpu->vm->ucall_mmio_addr,
			    "Unexpected exit of vCPU %u: %s", vcpu->id,
			    exit_reason_str(run->exit_reason));
		/* The vCPU is not yet past the store, for whoever saves it. */
		vcpu_run_complete_io(vcpu);
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		TEST_FAIL("Unexpected ucall of vCPU %u: %lu", vcpu->id, uc.cmd);
	}
}

static struct vgic_cmd *set_command(struct vgic_vm *v, int vcpu,
				    void (*fn)(struct vgic_cmd *cmd))
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, vcpu);

	cmd->fn = fn;
	cmd->v3 = vgic_is_v3(v);
	cmd->nr_vcpus = v->nr_vcpus;
	cmd->its = v->its;
	cmd->running = false;
	cmd->stop = false;
	return cmd;
}

struct vgic_cmd *vgic_guest_do(struct vgic_vm *v, int vcpu,
			       void (*fn)(struct vgic_cmd *cmd))
{
	struct vgic_cmd *cmd = set_command(v, vcpu, fn);

	vgic_guest_continue(v->vcpus[vcpu]);
	return cmd;
}

void vgic_guest_forget(struct vgic_vm *v, int vcpu)
{
	memset(vgic_guest_cmd(v, vcpu), 0, sizeof(struct vgic_cmd));
}

static u64 guest_access(struct vgic_vm *v, struct vgic_reg reg,
			void (*fn)(struct vgic_cmd *cmd), int size, u64 val)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, reg.vcpu);

	cmd->addr = reg.gpa;
	cmd->size = size;
	cmd->val = val;
	return vgic_guest_do(v, reg.vcpu, fn)->val;
}

u64 vgic_guest_read_sized(struct vgic_vm *v, struct vgic_reg reg, int size)
{
	return guest_access(v, reg, guest_read, size, 0);
}

void vgic_guest_write_sized(struct vgic_vm *v, struct vgic_reg reg, int size, u64 val)
{
	guest_access(v, reg, guest_write, size, val);
}

u32 vgic_guest_read(struct vgic_vm *v, struct vgic_reg reg)
{
	return vgic_guest_read_sized(v, reg, 4);
}

void vgic_guest_write(struct vgic_vm *v, struct vgic_reg reg, u32 val)
{
	vgic_guest_write_sized(v, reg, 4, val);
}

static void *run_vcpu(void *vcpu)
{
	vgic_guest_continue(vcpu);
	return NULL;
}

pthread_t vgic_guest_start(struct vgic_vm *v, int vcpu,
			   void (*fn)(struct vgic_cmd *cmd))
{
	struct vgic_cmd *cmd = set_command(v, vcpu, fn);
	pthread_t thread;
	int i;

	kvm_pthread_create(&thread, NULL, run_vcpu, v->vcpus[vcpu]);
	for (i = 0; !READ_ONCE(cmd->running); i++) {
		TEST_ASSERT(i < 1000 * START_SEC, "vCPU %d does not start %s", vcpu, v->step);
		usleep(1000);
	}
	return thread;
}

void vgic_guest_stop(struct vgic_vm *v, int vcpu, pthread_t thread)
{
	WRITE_ONCE(vgic_guest_cmd(v, vcpu)->stop, true);
	kvm_pthread_join(thread, NULL);
}

/* Host side: registers */

u32 vgic_user_read(struct vgic_vm *v, struct vgic_reg reg)
{
	int ret;
	u32 val;

	ret = __kvm_device_attr_get(v->gic_fd, reg.group, reg.attr, &val);
	TEST_ASSERT(!ret, "%s, read by userspace %s: %s", reg.name, v->step,
		    strerrorname_np(errno));
	return val;
}

int __vgic_user_write(struct vgic_vm *v, struct vgic_reg reg, u32 val)
{
	return __kvm_device_attr_set(v->gic_fd, reg.group, reg.attr, &val) ?
	       errno : 0;
}

void vgic_user_write(struct vgic_vm *v, struct vgic_reg reg, u32 val)
{
	int err = __vgic_user_write(v, reg, val);

	TEST_ASSERT(!err, "%s, written by userspace %s: %s", reg.name, v->step,
		    strerrorname_np(err));
}

struct vgic_reg vgic_gicd(struct vgic_vm *v, int vcpu, const char *name, u32 offset)
{
	struct vgic_reg reg = {
		.group	= KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
		.attr	= (u64)vcpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | offset,
		.gpa	= GICD_BASE_GPA + offset,
		.vcpu	= vcpu,
	};

	snprintf(reg.name, sizeof(reg.name), *name ? "%s" : "GICD%s+%#x", name, offset);
	return reg;
}

/* The MPIDR of these few vCPUs is their index. */
struct vgic_reg vgic_gicr(int vcpu, const char *name, u32 offset)
{
	struct vgic_reg reg = {
		.group	= KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
		.attr	= (u64)vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | offset,
		.gpa	= GICR_BASE_GPA + vcpu * KVM_VGIC_V3_REDIST_SIZE + offset,
		.vcpu	= vcpu,
	};

	if (*name)
		snprintf(reg.name, sizeof(reg.name), "%s of vCPU %d", name, vcpu);
	else
		snprintf(reg.name, sizeof(reg.name), "GICR+%#x of vCPU %d", offset, vcpu);
	return reg;
}

struct vgic_reg vgic_private(struct vgic_vm *v, int vcpu, const char *name, u32 offset)
{
	return vgic_is_v3(v) ? vgic_gicr(vcpu, name, SZ_64K + offset) :
			       vgic_gicd(v, vcpu, name, offset);
}

struct vgic_reg vgic_iidr(struct vgic_vm *v, int vcpu)
{
	return vgic_gicd(v, vcpu, "GICD_IIDR", GICD_IIDR);
}

struct vgic_reg vgic_igroupr(struct vgic_vm *v, int i)
{
	int word = i - v->nr_vcpus + 1;
	char name[32];

	if (i < v->nr_vcpus)
		return vgic_private(v, i, "IGROUPR0", GICD_IGROUPR);

	snprintf(name, sizeof(name), "GICD_IGROUPR%d", word);
	return vgic_gicd(v, i % v->nr_vcpus, name, GICD_IGROUPR + 4 * word);
}

int vgic_nr_igroupr(struct vgic_vm *v)
{
	return v->nr_vcpus + v->nr_irqs / 32 - 1;
}

void vgic_user_write_groups(struct vgic_vm *v, u32 val)
{
	int i;

	for (i = 0; i < vgic_nr_igroupr(v); i++)
		vgic_user_write(v, vgic_igroupr(v, i), val);
}

void vgic_guest_write_groups(struct vgic_vm *v, u32 val)
{
	int i;

	for (i = 0; i < vgic_nr_igroupr(v); i++)
		vgic_guest_write(v, vgic_igroupr(v, i), val);
}

int vgic_select(struct vgic_vm *v, u32 rev)
{
	/* It isn't banked, so any vCPU will do. */
	return __vgic_user_write(v, vgic_iidr(v, rev % v->nr_vcpus), VGIC_IIDR(rev));
}

/* Host side: setting up a VM */

static void add_vcpus(struct vgic_vm *v)
{
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		v->vcpus[i] = vm_vcpu_add(v->vm, i, guest_code);
		vcpu_init_descriptor_tables(v->vcpus[i]);
	}
}

void vgic_vm_create(struct vgic_vm *v)
{
	const char *nv = getenv("NV");

	v->vm = vm_create(v->nr_vcpus);
	vm_init_descriptor_tables(v->vm);
	if (v->vcpus_first)
		add_vcpus(v);
	if (v->irqchip) {
		vm_ioctl(v->vm, KVM_CREATE_IRQCHIP, NULL);
		virt_map(v->vm, GICD_BASE_GPA, GICD_BASE_GPA,
			 vm_calc_num_guest_pages(v->vm->mode, KVM_VGIC_V2_DIST_SIZE));
		v->gic_fd = -1;
	} else {
		v->gic_fd = vgic_is_v3(v) ?
			    __vgic_v3_setup(v->vm, v->nr_vcpus, v->nr_irqs) :
			    __vgic_v2_setup(v->vm, v->nr_irqs);
		TEST_ASSERT(v->gic_fd >= 0, "Failed to create a %s", v->row->gic);
	}
	/* Has the guest run at EL2 where it can, see vm_supports_el2(). */
	v->vm->arch.gic_fd = v->gic_fd;
	v->vm->arch.has_gic = vgic_is_v3(v);

	if (!v->vcpus_first)
		add_vcpus(v);
	vm_install_exception_handler(v->vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
	vm_install_exception_handler(v->vm, VECTOR_FIQ_CURRENT, guest_fiq_handler);

	/* That it is there, and not EL1 without a word */
	guest_el = vgic_is_v3(v) && !v->vcpus_first && kvm_check_cap(KVM_CAP_ARM_EL2) &&
		   !(nv && *nv == '0') ? 2 : 1;
	sync_global_to_guest(v->vm, guest_el);
}

void vgic_vm_init_gic(struct vgic_vm *v)
{
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

void vgic_vm_create_its(struct vgic_vm *v)
{
	vgic_its_alloc_mem(v->vm, &v->its, 1, v->nr_vcpus, 1);
	v->its_fd = vgic_its_setup(v->vm);
}

/* Devices keep the VM that they belong to. */
void vgic_vm_free(struct vgic_vm *v)
{
	if (v->its_fd)
		close(v->its_fd);
	/* kvm_vm_free() does so for a GICv3. */
	if (!vgic_is_v3(v))
		close(v->gic_fd);
	kvm_vm_free(v->vm);
}

/* Host side: interrupts */

static void route_spis(struct vgic_vm *v)
{
	u32 targets = 0;
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		targets |= BIT(i) << (8 * i);
		if (vgic_is_v3(v))
			vgic_write_shared(v, GICD_IROUTER + 8 * VGIC_REV_SPI(i), i);
	}
	if (!vgic_is_v3(v))
		vgic_write_shared(v, GICD_ITARGETSR + VGIC_REV_SPI(0), targets);
}

void vgic_enable_irqs(struct vgic_vm *v, u32 groups)
{
	int i;

	route_spis(v);
	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_guest_cmd(v, i)->val = groups;
		vgic_guest_do(v, i, guest_init);
	}
}

void vgic_user_enable_irqs(struct vgic_vm *v)
{
	int i;

	route_spis(v);
	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_write_private(v, i, GICD_ISENABLER, VGIC_REV_PRIVATE);
		vgic_write_shared(v, GICD_ISENABLER + 4, BIT(VGIC_REV_SPI(i) % 32));
	}
	vgic_write_shared(v, GICD_CTLR, vgic_is_v3(v) ? GICD_CTLR_ENABLE_SS_G1 :
							GICD_CTLR_ENABLE_SS_G0);
}

void vgic_pend_irqs(struct vgic_vm *v)
{
	u32 spis = 0;
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_write_private(v, i, GICD_ISPENDR, VGIC_REV_PRIVATE);
		spis |= BIT(VGIC_REV_SPI(i) % 32);
	}
	/* At once, for what userspace does not set is cleared. */
	vgic_write_shared(v, GICD_ISPENDR + 4, spis);
}

void vgic_send_sgi(struct vgic_vm *v, int from, int to, u32 reg)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, from);

	cmd->addr = reg;
	cmd->val = vgic_is_v3(v) ? VGIC_REV_SGI << 24 | BIT(to) :
				   BIT(16 + to) | VGIC_REV_SGI;
	vgic_guest_do(v, from, guest_send_sgi);
}

void vgic_pulse_spi(struct vgic_vm *v, int vcpu)
{
	kvm_arm_irq_line(v->vm, VGIC_REV_SPI(vcpu), 1);
	kvm_arm_irq_line(v->vm, VGIC_REV_SPI(vcpu), 0);
}

void vgic_signal_irqs(struct vgic_vm *v)
{
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_send_sgi(v, v->nr_vcpus - 1 - i, i, SYS_ICC_SGI1R_EL1);
		vgic_guest_do(v, i, guest_pend_ppi);
		vgic_pulse_spi(v, i);
	}
}

void vgic_map_lpis(struct vgic_vm *v, int vcpu, u8 prop, u32 nr)
{
	vgic_configure_lpis(v, prop, nr);
	vgic_guest_cmd(v, vcpu)->val = nr;
	vgic_guest_do(v, vcpu, guest_map_lpis);
}

void vgic_signal_lpi(struct vgic_vm *v, u32 event)
{
	struct kvm_msi msi = {
		.address_lo	= GITS_BASE_GPA + GITS_TRANSLATER,
		.data		= event,
		.flags		= KVM_MSI_VALID_DEVID,
	};

	TEST_ASSERT(__vm_ioctl(v->vm, KVM_SIGNAL_MSI, &msi) == 1,
		    "LPI %u not signaled %s", VGIC_REV_LPI + event, v->step);
}

void vgic_configure_lpis(struct vgic_vm *v, u8 prop, u32 nr)
{
	memset(addr_gpa2hva(v->vm, v->its.lpi_prop_table), prop, nr);
}
