# lens - GNU make, out of tree in $(BUILD), quiet unless V=1. User CFLAGS are kept.
BUILD    ?= build
FUZZ_SECONDS ?= 20
SEEDS    ?= 3
SECONDS  ?= 900
SOAK_SECONDS ?= 900
PREFIX   ?= /usr/local
DESTDIR  ?=
CC       ?= gcc
CXX      ?= g++
CFLAGS   ?= -O2 -g
CXXFLAGS ?= -O2 -g
WERROR   ?=
V        ?=

VERSION := $(shell sed -n 's/^.define LENS_VERSION "\(.*\)"/\1/p' liblens/lens.h)
Q := $(if $(V),,@)
comma := ,
say = $(if $(V),@:,@printf '  %-6s %s\n' '$(1)' '$(2)')

WARN := -Wall -Wextra -Wcast-qual -Wshadow -Wundef -Wpointer-arith -Wvla -Wformat=2 -Wwrite-strings $(WERROR)
CWARN := $(WARN) -Wmissing-prototypes -Wstrict-prototypes
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2
ifneq ($(filter -O0 -fsanitize=%,$(CFLAGS)),)
HARDEN := -fstack-protector-strong
endif
COMMON := -I. -D_GNU_SOURCE -DLENS_PREFIX='"$(PREFIX)"' -fPIC -fvisibility=hidden -pthread -MMD -MP
ALL_CFLAGS := -std=gnu17 $(CWARN) $(HARDEN) $(COMMON) $(CFLAGS)
ALL_CXXFLAGS := -std=c++17 $(WARN) -fno-exceptions -fno-rtti $(HARDEN) $(COMMON) $(CXXFLAGS)
SO_LDFLAGS := -shared -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--exclude-libs,ALL -static-libgcc

objects = $(patsubst %,$(BUILD)/obj/%.o,$(wildcard $(addprefix $(1)/,*.c *.cpp *.S */*.c */*.S)))
LIBLENS_OBJ := $(call objects,liblens) $(call objects,lenses)
PRELOAD_OBJ := $(call objects,preload)
LENS_OBJ    := $(call objects,analysis)
# The tools as a library of their own, so that tests reach their parts.
ANALYSIS    := $(BUILD)/obj/analysis.a
# zlib is linked statically: the preload library must not bring names into other people's programs.
ZLIB := -l:libz.a
LENS_LIBS := -ldw -lelf -ljson-c -l:libiberty.a -l:libdeflate.a

UNIT_SRC  := $(wildcard tests/unit/*.c)
UNIT_BIN  := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
# Small programs for the preloaded side, and examples: ordinary programs, built without liblens.
PLAIN_SRC := $(wildcard tests/catalogue/*.c tests/malloc/*.c tests/profile/*.c tests/stress/*.c tests/soak/*.c tests/model/*.c tests/use/*.c tests/support/*.c examples/*.c tests/gen/*.c)
PLAIN_BIN := $(patsubst %.c,$(BUILD)/%,$(PLAIN_SRC))
PLAINXX_SRC := $(wildcard tests/catalogue/*.cpp tests/malloc/*.cpp)
PLAINXX_BIN := $(patsubst %.cpp,$(BUILD)/%,$(PLAINXX_SRC))
# Modules that they load: bound call by call, and all at once. Their run path is their own folder.
MODULES := $(BUILD)/tests/modules/deep.so $(BUILD)/tests/modules/deep_now.so
# Programs for tests that link the library and the tools' parts.
TOOL_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c))
# A file system of our own that fails; only where libfuse is.
FUSE_BIN := $(if $(shell pkg-config --exists fuse3 2>/dev/null && echo yes),$(BUILD)/tests/fuse/fault_fs)
# Benchmarks that link the library.
BENCH_SRC := $(wildcard bench/bench_*.c)
BENCH_BIN := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
BENCH_PEER := $(patsubst %,$(BUILD)/obj/%.o,$(wildcard bench/*.cpp))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: compile_commands.json test afl nightly differential inject all check chaos soak check-deps units demo deps bench benches install uninstall fuzz clean plain lint
.SECONDARY:

all: $(BUILD)/lens $(BUILD)/liblens.so $(BUILD)/liblens.a $(BUILD)/liblens-preload.so

$(BUILD)/obj/%.c.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/obj/%.cpp.o: %.cpp
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CXXFLAGS) -c -o $@ $<

$(BUILD)/obj/%.S.o: %.S
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) -c -o $@ $<

$(BUILD)/liblens.a: $(LIBLENS_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/liblens.so: $(LIBLENS_OBJ) liblens/liblens.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SO_LDFLAGS) -Wl,-soname,liblens.so.0 -Wl,--version-script,liblens/liblens.map \
		-o $@ $(LIBLENS_OBJ) $(LDFLAGS) $(ZLIB) -pthread -lm
	$(Q)ln -sf liblens.so $(BUILD)/liblens.so.0

# What our functions call of ours is ours, also where the program has a function of that name itself (Erlang: sigaction).
$(BUILD)/liblens-preload.so: $(PRELOAD_OBJ) $(LIBLENS_OBJ) preload/preload.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SO_LDFLAGS) -Wl,-z,nodelete -Wl,-z,initfirst -Wl,-Bsymbolic-functions -Wl,--version-script,preload/preload.map \
		-o $@ $(PRELOAD_OBJ) $(LIBLENS_OBJ) $(LDFLAGS) $(ZLIB) -pthread -ldl

# The page of lens report is embedded.
$(BUILD)/obj/analysis/report/page.S.o: $(wildcard analysis/report/page/*)

$(ANALYSIS): $(filter-out %/main.c.o,$(LENS_OBJ))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lens: $(LENS_OBJ) $(BUILD)/liblens.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie -Wl,-z,relro -Wl,-z,now -o $@ $(LENS_OBJ) $(BUILD)/liblens.a $(LDFLAGS) $(LENS_LIBS) $(ZLIB) -pthread -lm

units: $(UNIT_BIN)
$(BUILD)/tests/unit/%: tests/unit/%.c $(ANALYSIS) $(BUILD)/liblens.a
	$(call say,TEST,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fvisibility=hidden,$(ALL_CFLAGS)) -Wno-missing-prototypes -o $@ $< $(ANALYSIS) $(BUILD)/liblens.a $(LDFLAGS) \
		-lcriterion -Wl,--as-needed $(LENS_LIBS) -Wl,--no-as-needed $(ZLIB) -pthread -lm

plain: $(PLAIN_BIN) $(PLAINXX_BIN) $(MODULES) $(FUSE_BIN) $(TOOL_BIN)
$(BUILD)/tests/modules/deep.so: HOW := -Wl,-z,lazy
$(BUILD)/tests/modules/deep_now.so: HOW := -Wl,-z,relro -Wl,-z,now
$(MODULES): tests/modules/deep.c
	$(call say,MODULE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 -g -fPIC -shared $(HOW) -Wl,-rpath,'$$ORIGIN' -o $@ $<
$(TOOL_BIN): $(BUILD)/%: %.c $(ANALYSIS) $(BUILD)/liblens.a
	$(call say,TOOL,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(ANALYSIS) $(BUILD)/liblens.a $(LDFLAGS) $(LENS_LIBS) $(ZLIB) -pthread -lm
$(BUILD)/tests/fuse/%: tests/fuse/%.c
	$(call say,PROG,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 -g -o $@ $< $$(pkg-config --cflags --libs fuse3)
$(PLAIN_BIN): $(BUILD)/%: %.c
	$(call say,PROG,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 -g -pthread -MMD -MP -MF $@.d -MT $@ -o $@ $< -ldl -lm
$(PLAINXX_BIN): $(BUILD)/%: %.cpp
	$(call say,PROG,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -Wall -Wextra -O1 -g -pthread -MMD -MP -MF $@.d -MT $@ -o $@ $<

$(BUILD)/bench/%: bench/%.c $(BENCH_PEER) $(BUILD)/liblens.a
	$(call say,BENCH,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(BENCH_PEER) $(BUILD)/liblens.a $(LDFLAGS) $(ZLIB) -pthread -lm

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- what people run

PACKAGES := gcc g++ make pkg-config zlib1g-dev libdw-dev libelf-dev libjson-c-dev libfast-float-dev libxxhash-dev libiberty-dev libdeflate-dev uthash-dev
TEST_PACKAGES := libcriterion-dev binutils util-linux procps time heaptrack python3-minimal python3-numpy python3-pandas liblinear-tools metis bwa \
                 coreutils netpbm nifti-bin gzip jq libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 libcap2-bin attr strace chromium protobuf-compiler libfuse3-dev fuse3 xfsprogs rsync git gdb \
                 libpython3.11-testsuite valgrind redis-server redis-tools sqlite3 perl php-cli ruby openssl xz-utils zstd bzip2 diffutils gawk
LINT_PACKAGES := clang clang-tidy cppcheck libclang-rt-14-dev

deps:
	$(Q)tests/install.sh $(PACKAGES)

check-deps: deps
	$(Q)tests/install.sh $(TEST_PACKAGES)

# Dependencies first, then everything else in a make of its own: what is installed may change what can be built.
demo: deps
	$(Q)tests/install.sh liblinear-tools
	$(Q)$(MAKE) --no-print-directory all plain
	$(Q)tests/demo.sh $(BUILD)

# What needs no root and installs nothing; what the machine lacks is skipped, and said.
HAS_CRITERION := $(shell printf '\043include <criterion/criterion.h>\n' | $(CC) -E - >/dev/null 2>&1 && echo yes)
test:
	$(Q)$(MAKE) --no-print-directory all plain $(if $(HAS_CRITERION),units)
	$(Q)$(if $(HAS_CRITERION),,echo "skip: units: libcriterion-dev is not installed")
	$(Q)tests/run.sh $(BUILD) rules $(if $(HAS_CRITERION),units) cli report io malloc catalogue seccomp model

# BUSY=1: beside processes that take the processors away.
check: check-deps
	$(Q)$(MAKE) --no-print-directory all units plain
	$(Q)tests/run.sh $(if $(BUSY),--busy) $(BUILD)

# Real packages with every allocation virtualised and dropped at random moments; a small part of it is in the check.
chaos: check-deps
	$(Q)$(MAKE) --no-print-directory all plain
	$(Q)tests/chaos.sh $(BUILD) full --seeds $(SEEDS)

# A server for SOAK_SECONDS with its data replaced, its workers forked and its memory pressed; a short form of it is in the check.
soak: check-deps
	$(Q)$(MAKE) --no-print-directory all plain
	$(Q)tests/soak.py --seconds $(SOAK_SECONDS) $(BUILD)

# All of these one after the other, at full size, and one table: NIGHTLY="--minutes 60", say.
nightly: check-deps
	$(Q)$(MAKE) --no-print-directory all plain benches $(FUZZ_BIN)
	$(Q)tests/nightly.py $(NIGHTLY) $(BUILD)

bench: check-deps
	$(Q)$(MAKE) --no-print-directory all plain benches
	$(Q)bench/run $(BUILD)

benches: $(BENCH_BIN)

# Every kernel call and every allocation of ours fails in turn (docs/inject.md); a part of it is in check.
inject: check-deps
	$(Q)$(MAKE) --no-print-directory all plain
	$(Q)tests/inject.py --all $(BUILD)

# Every lens against a slow one of its own, on random files and arguments; a part of it is in check.
differential: check-deps
	$(Q)$(MAKE) --no-print-directory all plain
	$(Q)tests/differential.sh $(BUILD) --seconds $(SECONDS)

fuzz: $(FUZZ_BIN)
	$(Q)tests/fuzz.sh $(BUILD) $(FUZZ_SECONDS)
# The same targets under AFL++, which finds its way by other means; the sanitizers are with make fuzz.
afl:
	$(Q)tests/install.sh afl++
	$(Q)AFL_QUIET=1 $(MAKE) --no-print-directory $(FUZZ_BIN:$(BUILD)/fuzz/%=$(BUILD)/afl/%)
	$(Q)tests/afl.sh $(BUILD) $(FUZZ_SECONDS)
# fuzz target: folder, compiler, flags of the library and of the target's own
define fuzz_rule
$$(BUILD)/$(1)/%: tests/fuzz/%.c $$(LIBLENS_OBJ:$$(BUILD)/obj/%.o=%)
	$$(call say,FUZZ,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(MAKE) --no-print-directory BUILD=$$(BUILD)/$(1)-lib CC=$(2) CXX=$(2)++ WERROR= CFLAGS='$(3) -Wno-unknown-warning-option' CXXFLAGS='$(3)' $$(BUILD)/$(1)-lib/liblens.a
	$$(Q)$(2) -std=gnu17 $$(COMMON) $(4) -o $$@ $$< $$(BUILD)/$(1)-lib/liblens.a -l:libdeflate.a $$(ZLIB) -pthread -lm
endef
$(eval $(call fuzz_rule,fuzz,clang,-O1 -g -fsanitize=fuzzer-no-link$(comma)address$(comma)undefined,-O1 -g -fsanitize=fuzzer$(comma)address$(comma)undefined))
$(eval $(call fuzz_rule,afl,afl-clang-fast,-O2 -g,-O2 -g -fsanitize=fuzzer))

lint:
	$(Q)tests/install.sh $(LINT_PACKAGES)
	$(Q)tests/lint.sh

# For editors and clang's tools.
compile_commands.json:
	$(Q)tests/compile_commands.py $(BUILD) > $@

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/lens $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/lens \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/lens/plans \
		$(DESTDIR)$(PREFIX)/share/doc/lens/lenses $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(BUILD)/lens $(DESTDIR)$(PREFIX)/bin/lens
	install -m 755 $(BUILD)/liblens-preload.so $(DESTDIR)$(PREFIX)/lib/lens/liblens-preload.so
	install -m 755 $(BUILD)/liblens.so $(DESTDIR)$(PREFIX)/lib/liblens.so.0
	ln -sf liblens.so.0 $(DESTDIR)$(PREFIX)/lib/liblens.so
	install -m 644 $(BUILD)/liblens.a $(DESTDIR)$(PREFIX)/lib/liblens.a
	install -m 644 liblens/lens.h $(DESTDIR)$(PREFIX)/include/lens/lens.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' lens.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/lens.pc
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 examples/plans/*.plan $(DESTDIR)$(PREFIX)/share/lens/plans
	install -m 644 README.md LICENSE docs/*.md $(DESTDIR)$(PREFIX)/share/doc/lens
	install -m 644 docs/lenses/*.md $(DESTDIR)$(PREFIX)/share/doc/lens/lenses
	install -m 644 completion/lens.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lens

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/lens $(DESTDIR)$(PREFIX)/lib/liblens.so.0 $(DESTDIR)$(PREFIX)/lib/liblens.so $(DESTDIR)$(PREFIX)/lib/liblens.a \
		$(DESTDIR)$(PREFIX)/lib/pkgconfig/lens.pc $(DESTDIR)$(PREFIX)/share/man/man1/lens*.1 $(DESTDIR)$(PREFIX)/share/man/man5/lens*.5 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/lens
	rm -rf $(DESTDIR)$(PREFIX)/lib/lens $(DESTDIR)$(PREFIX)/include/lens $(DESTDIR)$(PREFIX)/share/lens $(DESTDIR)$(PREFIX)/share/doc/lens

clean:
	$(Q)rm -rf $(BUILD)
