// SPDX-License-Identifier: Apache-2.0
// multimap.rs corrected: room is made with try_reserve before the map's entry and the vector's push,
// at the same two locations, and the caller gets an error. The vector keeps the work going without
// its reserve where one value more still fits; the map's failure ends the program.
//
// expect: *insert_value* once=reported sticky=reported
// expect: *push_value* once=reported sticky=reported
use std::collections::{HashMap, TryReserveError};

pub struct MultiMap {
    map: HashMap<String, Vec<u64>>,
}

impl MultiMap {
    pub fn new() -> MultiMap {
        MultiMap { map: HashMap::new() }
    }

    #[inline(never)]
    fn insert_value(&mut self, key: String) -> Result<&mut Vec<u64>, TryReserveError> {
        self.map.try_reserve(1)?;
        Ok(self.map.entry(key).or_default())
    }

    #[inline(never)]
    fn push_value(values: &mut Vec<u64>, value: u64) -> Result<(), TryReserveError> {
        values.try_reserve(1)?;
        values.push(value);
        Ok(())
    }

    pub fn add(&mut self, key: String, value: u64) -> Result<(), TryReserveError> {
        Self::push_value(self.insert_value(key)?, value)
    }

    pub fn total(&self) -> u64 {
        self.map.values().flatten().sum()
    }
}

fn main() {
    let mut multimap = MultiMap::new();
    for i in 0..40u64 {
        let mut key = String::new();
        if key.try_reserve(8).is_err() {
            std::process::exit(2);
        }
        key.push((b'a' + (i % 8) as u8) as char);
        if multimap.add(key, i).is_err() {
            eprintln!("multimap: out of memory");
            std::process::exit(1);
        }
    }
    println!("{}", multimap.total());
}
