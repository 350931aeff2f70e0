// SPDX-License-Identifier: Apache-2.0
// An allocator of the program's own, in Rust: it asks dearth by the exported function (dearth(3)).
// Both blocks are checked; the second one's failure is answered with another status. The third is not,
// and lies where nothing may fail.
//
// expect: *should_fail* once=reported sticky=reported
use std::os::raw::{c_char, c_int, c_void};

extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

fn should_fail(size: usize) -> bool {
    let name = b"dearth_should_fail\0";
    unsafe {
        let function = dlsym(std::ptr::null_mut(), name.as_ptr().cast());
        !function.is_null() && {
            let function: extern "C" fn(usize) -> c_int = std::mem::transmute(function);
            function(size) != 0
        }
    }
}

fn mark(name: &[u8]) {
    unsafe {
        let function = dlsym(std::ptr::null_mut(), name.as_ptr().cast());
        if !function.is_null() {
            let function: extern "C" fn() = std::mem::transmute(function);
            function();
        }
    }
}

struct Pool {
    left: usize,
}

impl Pool {
    #[inline(never)]
    fn take(&mut self, size: usize) -> Option<usize> {
        if should_fail(size) || self.left < size {
            return None;
        }
        self.left -= size;
        Some(self.left)
    }
}

#[inline(never)]
fn new_first(pool: &mut Pool) -> Option<usize> {
    let block = pool.take(64);
    unsafe { std::ptr::read_volatile(&block) }
}

#[inline(never)]
fn new_second(pool: &mut Pool) -> Option<usize> {
    let block = pool.take(128);
    unsafe { std::ptr::read_volatile(&block) }
}

fn main() {
    let mut pool = Pool { left: 4096 };
    if new_first(&mut pool).is_none() {
        std::process::exit(1);
    }
    if new_second(&mut pool).is_none() {
        std::process::exit(2);
    }
    mark(b"dearth_never_begin\0");
    if pool.take(32).is_none() {
        std::process::abort();
    }
    mark(b"dearth_never_end\0");
}
