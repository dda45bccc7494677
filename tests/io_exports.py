#!/usr/bin/env python3
"""Every function that the machine's glibc exports, and every system call of its headers, against tests/io_exports.txt.

usage: tests/io_exports.py BUILD [--write]     --write: the list of hooked names is made anew, from what is exported here and hooked
"""
import fnmatch
import glob
import os
import re
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = ('libc.so.6 libpthread.so.0 librt.so.1 libdl.so.2 libutil.so.1 libresolv.so.2 libanl.so.1 libnsl.so.1 libBrokenLocale.so.1 '
             'ld-linux-x86-64.so.2 libm.so.6 libmvec.so.1 libthread_db.so.1 libc_malloc_debug.so.0 libmemusage.so libpcprofile.so '
             'libnss_files.so.2 libnss_dns.so.2 libnss_compat.so.2 libnss_hesiod.so.2').split()
passed = failed = skipped = 0


def result(name, wrong, hint=''):
    global passed, failed
    if wrong:
        failed += 1
        print(f'not ok - {name}: {" ".join(sorted(wrong)[:40])}{" ..." if len(wrong) > 40 else ""}{" # " + hint if hint else ""}')
    else:
        passed += 1
        print(f'ok - {name}')


class Account:
    def __init__(self, path):
        self.classes = []  # [name, [patterns]]
        self.glibc, self.linux = (2, 36), (6, 1)
        for line in open(path):
            line = line.split('#')[0].rstrip()
            if line.startswith('checked:'):
                self.glibc = tuple(map(int, re.search(r'glibc (\d+)\.(\d+)', line).groups()))
                continue
            if line.startswith(' '):
                self.classes[-1][1].extend(line.split())
            elif line and (self.classes and not self.classes[-1][1]):
                self.classes[-1][0] += ' ' + line  # a reason of two lines
            elif line:
                self.classes.append([line, []])

    def names(self, begin):
        return [n for reason, names in self.classes if reason.startswith(begin) for n in names]

    def matcher(self, wanted):
        return re.compile('|'.join(fnmatch.translate(n) for reason, names in self.classes if wanted(reason) for n in names))


def exported(path):
    """name -> the oldest of its public versions, as a tuple"""
    found = {}
    out = subprocess.run(['nm', '-D', '--defined-only', path], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        words = line.split()
        if len(words) != 3 or words[1] not in 'TWi':
            continue
        name, _, version = words[2].partition('@')
        number = re.search(r'GLIBC_(\d+)\.(\d+)', version)
        if version and not number:  # GLIBC_PRIVATE: only glibc's own libraries ask for it
            continue
        version = tuple(map(int, number.groups())) if number else (0, 0)
        found[name] = min(found.get(name, version), version)
    return found


def folder_of_libc():
    for line in open('/proc/self/maps'):
        if re.search(r'/libc(\.so\.6|-2\.\d+\.so)$', line):
            return os.path.dirname(line.split()[-1])
    sys.exit('io_exports.py: no glibc in this process')


def check_functions(account, build):
    folder, exports = folder_of_libc(), {}
    whole = set(account.names('libraries'))
    for library in LIBRARIES:
        path = os.path.join(folder, library)
        if library not in whole and os.path.exists(path):
            for name, version in exported(path).items():
                exports[name] = min(exports.get(name, version), version)
    preload = exported(os.path.join(build, 'liblens-preload.so'))
    other = account.matcher(lambda r: not re.match('hooked|libraries|calls', r))
    literal = {n for reason, names in account.classes if not re.match('hooked|libraries|calls', reason) for n in names}
    unknown = {n for n in exports if n not in preload and not other.match(n)}
    newer = {n for n in unknown if exports[n] > account.glibc}
    hint = 'does it hand memory to the kernel? then it wants a row in preload/io_table.h, else a class in tests/io_exports.txt'
    result(f'each of {len(exports)} functions of glibc is accounted for', unknown - newer, hint)
    if newer:
        global skipped
        skipped += 1
        print(f'skip - newer than glibc {account.glibc[0]}.{account.glibc[1]}, and not looked at: {" ".join(sorted(newer))} # {hint}')
    hooked = set(account.names('hooked'))
    result('what is said to be hooked is', {n for n in hooked if n in exports and n not in preload})
    result('what is hooked is said to be', {n for n in preload if n in exports and n not in hooked}, 'tests/io_exports.py BUILD --write')
    result('nothing hooked is said to need no hook', {n for n in literal & set(preload) if n in exports})
    return {n for n in preload if n in exports}


def numbers():
    """name -> number, of the headers that the compiler finds"""
    text = subprocess.run([os.environ.get('CC', 'cc'), '-E', '-dM', '-include', 'asm/unistd_64.h', '-x', 'c', '/dev/null'],
                          capture_output=True, text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r'^#define __NR_(\w+) (\d+)$', text, re.M)}


def check_calls(account):
    global skipped
    top = os.path.dirname(here)
    table = open(os.path.join(top, 'preload/io_syscalls.h')).read()
    by_hand = open(os.path.join(top, 'preload/io_syscall.c')).read()
    handled = set(re.findall(r'\bS\((\w+)', table)) | set(re.findall(r'\bSYS_(\w+)', by_hand))
    others = set(n for reason, names in account.classes if reason.startswith('calls') for n in names)
    known = numbers()
    highest = 450  # set_mempolicy_home_node: Linux 5.17 to 6.5
    unknown = {n for n in known if n not in handled and n not in others}
    newer = {n for n in unknown if known[n] > highest}
    result(f'each of {len(known)} system calls is accounted for', unknown - newer,
           'does it take memory? then it wants a row in preload/io_syscalls.h, else a class in tests/io_exports.txt')
    if newer:
        skipped += 1
        print(f'skip - newer calls, of which a page around each argument is brought back: {" ".join(sorted(newer))}')
    result('no call that is handled is said to take no memory', {n for n in handled & others if n not in ('close', 'vfork')})


def write(path, names):
    text = open(path).read()
    lines, line = [], '   '
    for name in sorted(names):
        if len(line) + len(name) + 1 > 118:
            lines.append(line)
            line = '   '
        line += ' ' + name
    begin = text.index('\nhooked:')
    begin = text.index('\n', begin + 1) + 1
    end = text.index('\n\n', begin)
    open(path, 'w').write(text[:begin] + '\n'.join(lines + [line]) + text[end:])


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else 'build'
    path = os.path.join(here, 'io_exports.txt')
    account = Account(path)
    hooked = check_functions(account, build)
    check_calls(account)
    if '--write' in sys.argv:
        write(path, hooked)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return failed != 0


sys.exit(main())
