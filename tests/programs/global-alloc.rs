// An allocator of the program's own, of the usual kind: one that counts, and asks the system's. It is never the place
// that a failure is put down to. Wrapped in a module, it is called by another name.
//
// expect: global_alloc::grow once=aborted sticky=aborted
// expect: global_alloc::try_ once=reported sticky=reported
mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicUsize, Ordering};
    pub struct Counting;
    pub static CALLS: AtomicUsize = AtomicUsize::new(0);
    mod implementation {
        use super::*;
        unsafe impl GlobalAlloc for Counting {
            unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                CALLS.fetch_add(1, Ordering::Relaxed);
                System.alloc(layout)
            }
            unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
                System.dealloc(block, layout)
            }
        }
    }
}

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

#[inline(never)]
fn grow(values: &mut Vec<u64>) {
    values.push(1);
    values.resize(100, 2);
}

#[inline(never)]
fn try_(values: &mut Vec<u64>) -> bool {
    values.try_reserve(77).is_ok()
}

fn main() {
    let mut values = Vec::new();
    if !try_(&mut Vec::new()) {
        std::process::exit(2);
    }
    grow(&mut values);
    // What looks at the environment shows what is in it.
    match std::env::var_os("RUST_BACKTRACE") {
        Some(_) => println!("{} with", values.len()),
        None => println!("{} without", values.len()),
    }
}
