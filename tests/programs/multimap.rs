// SPDX-License-Identifier: Apache-2.0
// A map of vectors as a library would offer it: many values under one key.
//
// Flaw (Rust's policy, not a bug): neither the map's entry nor the vector's push can say that there
// is no memory; both abort through handle_alloc_error.
//
// expect: *insert_value* once=aborted sticky=aborted
// expect: *push_value* once=aborted sticky=aborted
use std::collections::HashMap;

pub struct MultiMap {
    map: HashMap<String, Vec<u64>>,
}

impl MultiMap {
    pub fn new() -> MultiMap {
        MultiMap { map: HashMap::new() }
    }

    #[inline(never)]
    fn insert_value(&mut self, key: String) -> &mut Vec<u64> {
        self.map.entry(key).or_default()
    }

    #[inline(never)]
    fn push_value(values: &mut Vec<u64>, value: u64) {
        values.push(value);
    }

    pub fn add(&mut self, key: String, value: u64) {
        Self::push_value(self.insert_value(key), value);
    }

    pub fn total(&self) -> u64 {
        self.map.values().flatten().sum()
    }
}

fn main() {
    let mut multimap = MultiMap::new();
    for i in 0..40u64 {
        // Short keys whose allocation may fail too: given back to the caller as an error.
        let mut key = String::new();
        if key.try_reserve(8).is_err() {
            std::process::exit(2);
        }
        key.push((b'a' + (i % 8) as u8) as char);
        multimap.add(key, i);
    }
    println!("{}", multimap.total());
}
