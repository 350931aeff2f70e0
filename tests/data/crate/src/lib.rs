//! Every way in which a crate asks for memory, for tests/common/lint.sh; the lines and columns are in there.
use std::collections::{HashMap, TryReserveError};

#[derive(Clone)]
pub struct Entry {
    pub name: String,
}

#[derive(Default)]
pub struct MultiMap {
    map: HashMap<String, Vec<u32>>,
}

impl MultiMap {
    pub fn add(&mut self, key: &str, value: u32) {
        self.map.entry(key.to_string()).or_default().push(value);
    }
    pub fn try_add(values: &mut Vec<u32>, value: u32) -> Result<(), TryReserveError> {
        values.try_reserve(1)?;
        values.push(value);
        Ok(())
    }
    pub fn entries(&self) -> Vec<Entry> {
        self.map.keys().map(|k| Entry { name: k.clone() }).collect()
    }
}

pub fn shout(s: &str) -> String {
    format!("{}!", s)
}

pub fn itself(n: usize) -> bool {
    let layout = std::alloc::Layout::array::<u8>(n).unwrap();
    unsafe {
        let p = std::alloc::alloc(layout);
        if p.is_null() {
            return false;
        }
        std::alloc::dealloc(p, layout);
    }
    true
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "an entry that is called {}", self.name)
    }
}

pub fn label(entry: &Entry) -> String {
    entry.to_string()
}

pub fn pick(values: &[u32], at: usize) -> u32 {
    values[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        let mut map = MultiMap::default();
        for i in 0..10 {
            map.add("a", i);
        }
        assert_eq!(map.entries().clone()[0].name, "a");
    }

    #[test]
    fn tries() {
        let mut values = Vec::new();
        assert!(MultiMap::try_add(&mut values, 1).is_ok());
        assert!(itself(100));
        assert_eq!(shout("a"), "a!");
    }

    #[test]
    fn prints() {
        let entry = Entry { name: "x".to_string() };
        assert_eq!(format!("{}", entry), label(&entry));
    }

    #[test]
    #[should_panic]
    fn panics() {
        pick(&[1], 9);
    }
}
