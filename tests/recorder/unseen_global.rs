// SPDX-License-Identifier: Apache-2.0
// A program with a #[global_allocator]: on a static area, or (--cfg passes_on) one that counts and asks System.
use std::alloc::{GlobalAlloc, Layout};
#[cfg(passes_on)]
use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static USED: AtomicUsize = AtomicUsize::new(0);
struct Counting;
#[cfg(not(passes_on))]
static mut AREA: [u128; 65536] = [0; 65536];

#[cfg(not(passes_on))]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let at = USED.fetch_add((layout.size() + 15) & !15, Relaxed);
        unsafe { (&raw mut AREA as *mut u8).add(at) }
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
#[cfg(passes_on)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        unsafe { System.dealloc(p, layout) }
    }
}
#[global_allocator]
static GLOBAL: Counting = Counting;

fn main() {
    let words: Vec<String> = (0..10).map(|i| format!("word {}", i)).collect();
    println!("{}", words.join(" ").len());
}
