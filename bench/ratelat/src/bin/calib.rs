//! How fast is this CPU right now? Virtual machines share caches and clocks with neighbours that no counter shows; put
//! these three figures next to every measurement. `alu`: dependent multiply-adds; `l2`, `l3`: dependent loads over
//! 512 KiB and 16 MiB. Nanoseconds per step of this thread's CPU time.

use std::hint::black_box;

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

const ALU_STEPS: u32 = 100_000_000;
const CACHE_LINE_WORDS: u32 = 16;

fn main() {
    let start = cpu_ns();
    let mut value = 1u64;
    for _ in 0..ALU_STEPS {
        value = black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    }
    let alu = (cpu_ns() - start) as f64 / f64::from(ALU_STEPS);
    let l2 = load_ns(512 << 10, 10_000_000);
    let l3 = load_ns(16 << 20, 4_000_000);
    println!("{{\"alu_ns\":{alu:.3},\"l2_ns\":{l2:.2},\"l3_ns\":{l3:.2}}}");
}

/// Follows a random cycle through `bytes` of memory, one cache line per step.
fn load_ns(bytes: u32, steps: u32) -> f64 {
    let next = random_cycle(bytes / 64);
    let mut at = 0u32;
    for _ in 0..bytes / 64 {
        at = next[at as usize];
    }
    let start = cpu_ns();
    for _ in 0..steps {
        at = next[at as usize];
    }
    let spent = cpu_ns() - start;
    black_box(at);
    spent as f64 / f64::from(steps)
}

fn random_cycle(lines: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..lines).collect();
    let mut seed = 88_172_645_463_325_252u64;
    for i in (1..order.len()).rev() {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        order.swap(i, (seed % (i as u64 + 1)) as usize);
    }
    let mut next = vec![0u32; (lines * CACHE_LINE_WORDS) as usize];
    for (i, line) in order.iter().enumerate() {
        next[(line * CACHE_LINE_WORDS) as usize] = order[(i + 1) % order.len()] * CACHE_LINE_WORDS;
    }
    next
}

fn cpu_ns() -> i64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0, |time| time.num_nanoseconds())
}
