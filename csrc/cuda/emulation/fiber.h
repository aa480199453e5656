// SPDX-License-Identifier: Apache-2.0
// Fibers: functions with a stack of their own that an OS thread runs in turns. Turning to another
// one saves six registers and makes no system call, unlike swapcontext, which makes two.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define FASTNTK_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FASTNTK_ADDRESS_SANITIZER
#endif
#endif
#ifdef FASTNTK_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace fastntk::cuda::emulation {

#ifdef __clang__
#define FASTNTK_OPAQUE __attribute__((noinline))
#else
#define FASTNTK_OPAQUE __attribute__((noipa))
#endif

// Pushes what the calling convention keeps and the compiler cannot be told of, notes the stack in
// *from and goes on where `to` was noted; the other kept registers are named as overwritten.
#if defined(__x86_64__)
FASTNTK_OPAQUE inline void switch_stack(void** from, void* to) {
  asm volatile("leaq -128(%%rsp), %%rsp\n\t"  // the red zone
               "pushq %%rbp\n\t"
               "pushq %%rbx\n\t"
               "leaq 1f(%%rip), %%rax\n\t"
               "pushq %%rax\n\t"
               "movq %%rsp, (%%rdi)\n\t"
               "movq %%rsi, %%rsp\n\t"
               "popq %%rax\n\t"
               "jmpq *%%rax\n"
               "1:\n\t"
               "popq %%rbx\n\t"
               "popq %%rbp\n\t"
               "leaq 128(%%rsp), %%rsp"
               : "+D"(from), "+S"(to)
               :
               : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
                 "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                 "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
}
#elif defined(__aarch64__)
FASTNTK_OPAQUE inline void switch_stack(void** from, void* to) {
  register void** save asm("x0") = from;
  register void* load asm("x1") = to;
  asm volatile("adr x9, 1f\n\t"
               "stp x29, x9, [sp, #-16]!\n\t"
               "mov x10, sp\n\t"
               "str x10, [x0]\n\t"
               "mov sp, x1\n\t"
               "ldp x29, x9, [sp], #16\n\t"
               "ret x9\n"
               "1:"
               : "+r"(save), "+r"(load)
               :
               : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                 "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
                 "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",
                 "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22",
                 "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "memory", "cc");
}
#elif !defined(FASTNTK_EMULATION_THREADS)
#error "no fibers for this processor: define FASTNTK_EMULATION_THREADS, or write its switch_stack"
#endif

// Runs `body` again and again; every run ends in a return to resume(), as does every suspend().
class Fiber {
public:
  using Body = void (*)();

  explicit Fiber(Body body) : body_(body) {
    const std::size_t guard = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = guard + kStackBytes;
    memory_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED)
      throw std::bad_alloc();
    mprotect(memory_, guard, PROT_NONE);  // an overflow ends the program, not its neighbour
    bottom_ = static_cast<unsigned char*>(memory_) + guard;
    prepare();
  }
  ~Fiber() {
#ifdef FASTNTK_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(bottom_, kStackBytes);
#endif
    munmap(memory_, mapped_);
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void resume() {
    active = this;
    void* shadow = nullptr;
    before_switch(&shadow, bottom_, kStackBytes);
    switch_stack(&resumer_, stack_);
    after_switch(shadow, nullptr, nullptr);
  }

  // Of the fiber that runs.
  static void suspend() { active->leave(); }

private:
#ifdef FASTNTK_ADDRESS_SANITIZER
  static constexpr std::size_t kStackBytes = 512 << 10;  // variables lie apart, red zones between
  static void before_switch(void** shadow, const void* bottom, std::size_t bytes) {
    __sanitizer_start_switch_fiber(shadow, bottom, bytes);
  }
  static void after_switch(void* shadow, const void** bottom, std::size_t* bytes) {
    __sanitizer_finish_switch_fiber(shadow, bottom, bytes);
  }
#else
  static constexpr std::size_t kStackBytes = 128 << 10;
  static void before_switch(void**, const void*, std::size_t) {}
  static void after_switch(void*, const void**, std::size_t*) {}
#endif

  inline static thread_local Fiber* active = nullptr;

  void leave() {
    before_switch(&shadow_, resumer_bottom_, resumer_bytes_);
    switch_stack(&stack_, resumer_);
    after_switch(shadow_, &resumer_bottom_, &resumer_bytes_);
  }

  // The stack as switch_stack wants to find it: on top, where to go on.
  void prepare() {
    void** top = reinterpret_cast<void**>(bottom_ + kStackBytes);
    top[-1] = nullptr;  // the end of every backtrace
#if defined(__x86_64__)
    top[-2] = nullptr;
    top[-3] = nullptr;  // as if called: the return address, 8 bytes off a multiple of 16
    top[-4] = reinterpret_cast<void*>(&Fiber::enter);
    stack_ = top - 4;
#else
    top[-2] = nullptr;
    top[-3] = reinterpret_cast<void*>(&Fiber::enter);
    top[-4] = nullptr;  // the frame pointer
    stack_ = top - 4;
#endif
  }

  [[noreturn]] static void enter() {
    Fiber& self = *active;
    after_switch(nullptr, &self.resumer_bottom_, &self.resumer_bytes_);
    for (;;) {
      self.body_();
      self.leave();
    }
  }

  Body body_;
  void* memory_;
  std::size_t mapped_;
  unsigned char* bottom_;
  void* stack_ = nullptr;    // where this fiber goes on
  void* resumer_ = nullptr;  // where resume() was called
  void* shadow_ = nullptr;   // AddressSanitizer's own stack
  const void* resumer_bottom_ = nullptr;
  std::size_t resumer_bytes_ = 0;
};

}  // namespace fastntk::cuda::emulation
