#!/usr/bin/env python3
#
# Functional test of the revision of the GIC that KVM emulates: it is selected
# or refused, and the stream has it. No guest runs.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import struct
import time

from qemu.machine.machine import VMLaunchFailure
from qemu_test import QemuSystemTest


class Aarch64VirtVgic(QemuSystemTest):

    def start(self, machine, *args, accel='kvm'):
        self.set_machine(machine.split(',')[0])
        self.require_accelerator(accel)
        vm = self.get_vm(name=f'vm{len(self._vms)}')
        vm.add_args('-machine', machine, '-accel', accel, '-nodefaults',
                    '-cpu', 'host' if accel == 'kvm' else 'cortex-a57',
                    '-S', *args)
        vm.launch()
        return vm

    def start_or_skip(self, machine, *args):
        try:
            return self.start(machine, *args)
        except VMLaunchFailure as failed:
            self.skipTest(failed.output)

    def fails(self, text, machine, *args, **kwargs):
        with self.assertRaises(VMLaunchFailure) as failed:
            self.start(machine, *args, **kwargs)
        self.assertIn(text, failed.exception.output)

    def wait_for(self, condition):
        for _ in range(600):
            if condition():
                return
            time.sleep(0.1)
        self.fail('this takes more than a minute')

    def migration_ends(self, vm):
        self.wait_for(lambda: vm.cmd('query-migrate').get('status') in
                      ('completed', 'failed'))
        return vm.cmd('query-migrate')['status']

    def save(self, vm):
        path = self.scratch_file('stream')
        vm.cmd('migrate', uri=f'file:{path}')
        self.assertEqual(self.migration_ends(vm), 'completed')
        vm.shutdown()
        with open(path, 'rb') as stream:
            return path, stream.read()

    def incoming(self, machine, path, *args):
        vm = self.start_or_skip(machine, '-incoming', 'defer', *args)
        vm.cmd('migrate-incoming', uri=f'file:{path}',
               exit_on_error=False)
        status = self.migration_ends(vm)
        vm.shutdown()
        return status, vm.get_log()

    def hmp(self, vm, command):
        return vm.cmd('human-monitor-command', command_line=command)

    def start_with_disk(self, machine):
        path = self.scratch_file('disk')
        if not os.path.exists(path):
            # An empty qcow2: header, refcount table, refcounts, L1 table
            image = bytearray(4 << 16)
            struct.pack_into('>4sIQIIQIIQQIIQ', image, 0, b'QFI\xfb', 2, 0, 0,
                             16, 1 << 20, 0, 1, 3 << 16, 1 << 16, 1, 0, 0)
            struct.pack_into('>Q', image, 1 << 16, 2 << 16)
            struct.pack_into('>4H', image, 2 << 16, 1, 1, 1, 1)
            with open(path, 'wb') as file:
                file.write(image)
        return self.start_or_skip(machine, '-drive',
                                  f'if=none,format=qcow2,file={path}')

    def start_with_snapshot_of(self, revision):
        vm = self.start_with_disk(f'virt-10.0,vgic-revision={revision}')
        self.assertEqual(self.hmp(vm, 'savevm selected'), '')
        vm.shutdown()
        return self.start_with_disk('virt-10.0')

    def test_refused(self):
        self.fails('revision 15 of the in-kernel GIC', 'virt,vgic-revision=15')
        self.fails('vgic-revision can be 0 to 15', 'virt,vgic-revision=16')

    def test_sent(self):
        path, stream = self.save(self.start('virt-10.1'))
        self.assertIn(b'/iidr', stream)
        self.assertEqual(self.incoming('virt-10.1', path)[0], 'completed')

    def test_not_sent(self):
        path, stream = self.save(self.start('virt-10.0'))
        self.assertNotIn(b'/iidr', stream)
        self.assertEqual(self.incoming('virt-10.0', path)[0], 'completed')

    def test_load_refused(self):
        path, stream = self.save(self.start('virt-10.1'))
        # Behind the name is the version of the subsection, then GICD_IIDR.
        version = stream.index(b'/iidr') + len(b'/iidr')
        iidr = version + 4
        self.assertEqual(stream[iidr + 3], 0x3b)
        damaged = {
            'revision 9 of the in-kernel GIC':
                stream[:iidr + 2] + b'\x94' + stream[iidr + 3:],
            'revision 0 of the in-kernel GIC (GICD_IIDR 0x0':
                stream[:iidr] + bytes(4) + stream[iidr + 4:],
            'incoming version_id 2 is too new':
                stream[:version + 3] + b'\x02' + stream[iidr:],
            '/iidr:': stream[:iidr + 2],
        }
        for text, data in damaged.items():
            with open(path, 'wb') as file:
                file.write(data)
            status, log = self.incoming('virt-10.1', path)
            self.assertEqual(status, 'failed', text)
            self.assertIn(text, log)

    def test_default(self):
        # What a machine type has as its default keeps no other one out.
        path, _ = self.save(self.start('virt-10.1'))
        default = 'x-default-vgic-revision=2'
        self.assertEqual(self.incoming('virt-10.1', path,
                                       '-global', f'kvm-arm-gic.{default}',
                                       '-global', f'kvm-arm-gicv3.{default}'
                                       )[0], 'completed')

    def test_loadvm(self):
        # A stream without GICD_IIDR does not keep that of an earlier one.
        vm = self.start_with_snapshot_of(2)
        for command in 'savevm default', 'loadvm selected', 'loadvm default':
            self.assertEqual(self.hmp(vm, command), '')
        self.assertNotIn(b'/iidr', self.save(vm)[1])

    def test_loadvm_too_late(self):
        vm = self.start_with_snapshot_of(0)
        registers = self.hmp(vm, 'info registers')
        vm.cmd('cont')
        self.wait_for(lambda: self.hmp(vm, 'info registers') != registers)
        self.assertIn('refuses revision 0 of the in-kernel GIC',
                      self.hmp(vm, 'loadvm selected'))
        self.assertEqual(vm.cmd('query-status')['running'], False)

    def test_not_kvm(self):
        self.fails('vgic-revision is for the GIC that KVM emulates',
                   'virt,vgic-revision=3', accel='tcg')


if __name__ == '__main__':
    QemuSystemTest.main()
